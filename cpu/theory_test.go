package cpu

import (
	"fmt"
	"math"
	"testing"

	"gpusim/configs"
	"gpusim/energy"
)

var shapes = []Problem{
	{M: 4096, N: 4096, K: 4096, DType: "fp32"},
	{M: 2048, N: 2048, K: 2048, DType: "fp64", TransA: true},
	{M: 1760, N: 16, K: 1760, DType: "fp32"},
	{M: 5124, N: 700, K: 2048, DType: "fp16", TransB: true},
	{M: 35, N: 8457, K: 2560, DType: "fp32"},
	{M: 7680, N: 1, K: 2560, DType: "fp32"},
	{M: 1, N: 4096, K: 4096, DType: "int8"},
	{M: 64, N: 64, K: 64, DType: "fp32", Batch: 100},
	{M: 17, N: 13, K: 5, DType: "fp64", Beta: 1},
	{M: 1, N: 1, K: 1, DType: "fp32"},
	{M: 512, N: 8, K: 50000, DType: "fp32", Cold: true},
}

func machines(t testing.TB) []*configs.Machine {
	two := skylake(t)
	two.CPU.Sockets, two.Name = 2, "two sockets"
	return []*configs.Machine{skylake(t), haswell(t), two}
}

func name(m *configs.Machine, w Problem) string {
	return fmt.Sprintf("%s/%dx%dx%dx%d:%s", m.Name, w.M, w.N, w.K, max(1, w.Batch), w.DType)
}

// No run beats the peak of the arithmetic, memory, or any level it uses; its
// reasons and its energy add up; it is the same every time.
func TestBoundsAndConservation(t *testing.T) {
	for _, m := range machines(t) {
		for _, w := range shapes {
			r := mustRun(t, m, w)
			id := name(m, w)
			if got := r.Ops / r.Seconds; !(got <= r.PeakOps) {
				t.Errorf("%s: %.3g op/s above the peak of %.3g", id, got, r.PeakOps)
			}
			mem := &m.CPU.Memory
			dram := float64(r.Traffic[len(r.Traffic)-1].Bytes)
			if bw := dram / r.Seconds; bw > 1.0001*float64(mem.Bandwidth)*mem.Efficiency*float64(m.CPU.Sockets) {
				t.Errorf("%s: %.3g B/s from memory", id, bw)
			}
			for i := 1; i < len(m.CPU.Caches); i++ {
				perCore := float64(r.Traffic[i-1].Bytes) / float64(r.Threads) / r.Cycles
				if perCore > 1.0001*m.CPU.Caches[i].BytesPerClk {
					t.Errorf("%s: %.1f B/clk and core from %s", id, perCore, m.CPU.Caches[i].Name)
				}
			}
			if ipc := float64(r.Instructions.Total) / float64(r.Threads) / r.Cycles; ipc > float64(m.CPU.Issue.Width)+0.01 {
				t.Errorf("%s: %.2f instructions per cycle", id, ipc)
			}
			macs := r.Ops / 2
			if lanes := float64(r.Instructions.FMA) * float64(r.Instructions.LaneWidth); lanes < macs {
				t.Errorf("%s: %g multiply-add lanes for %g multiply-adds", id, lanes, macs)
			}
			var seconds, share, rows float64
			for _, x := range r.Reasons {
				seconds, share = seconds+x.Seconds, share+x.SharePct
				if x.Seconds < 0 {
					t.Errorf("%s: reason %s takes %g s", id, x.Name, x.Seconds)
				}
			}
			if math.Abs(share-100) > 1e-6 || math.Abs(seconds/r.Seconds-1) > 1e-6 {
				t.Errorf("%s: reasons sum to %g %% and %g of %g s", id, share, seconds, r.Seconds)
			}
			for _, x := range r.Energy.Rows {
				rows += x.EnergyUJ
			}
			if rows != r.Energy.TotalUJ || !(rows > 0) {
				t.Errorf("%s: rows sum to %g uJ, total %g", id, rows, r.Energy.TotalUJ)
			}
			if r.Threads < 1 || r.Threads > m.CPU.Cores*m.CPU.Sockets || r.Bound == "" {
				t.Errorf("%s: %d threads, bound %q", id, r.Threads, r.Bound)
			}
			if again := mustRun(t, m, w); fmt.Sprint(again) != fmt.Sprint(r) {
				t.Errorf("%s: two runs differ", id)
			}
		}
	}
}

// Large products reach the fraction of peak that libraries reach.
func TestLargeGEMMEfficiency(t *testing.T) {
	for _, c := range []struct {
		m        *configs.Machine
		dtype    string
		low, top float64
	}{
		// 3.5 to 3.8 TFLOP/s of 4.12 and 1.7 to 1.9 of 2.06 (recalled): the model is
		// 4 to 10 % faster than that.
		{skylake(t), "fp32", 0.84, 0.97}, {skylake(t), "fp64", 0.80, 0.97},
		// 85 to 90 % of the AVX-clock peak (recalled): the model is 3 to 8 % faster.
		{haswell(t), "fp32", 0.82, 0.95}, {haswell(t), "fp64", 0.80, 0.95},
	} {
		r := mustRun(t, c.m, Problem{M: 8192, N: 8192, K: 8192, DType: c.dtype})
		f := r.Ops / r.Seconds / r.PeakOps
		t.Logf("%s %s: %.2f TFLOP/s, %.1f %% of peak, %.0f W, payload %.2f %%, %.2f nJ per instruction", c.m.Name, c.dtype, r.Ops/r.Seconds/1e12, 100*f,
			r.Energy.PowerW(r.Seconds), r.Energy.PayloadPct(), r.Energy.TotalUJ*1e3/float64(r.Instructions.Total))
		if f < c.low || f > c.top {
			t.Errorf("%s %s: %.1f %% of peak", c.m.Name, c.dtype, 100*f)
		}
	}
}

// Twice the bandwidth of a level, the cores' cache or half the latency never
// slow a run.
func TestBetterMachinesAreNotSlower(t *testing.T) {
	changes := []struct {
		name  string
		apply func(c *configs.CPU)
	}{
		{"memory bandwidth", func(c *configs.CPU) { c.Memory.Bandwidth *= 2 }},
		{"memory latency", func(c *configs.CPU) { c.Memory.Latency /= 2 }},
		{"L2 bandwidth", func(c *configs.CPU) { c.Caches[1].BytesPerClk *= 2 }},
		{"L3 bandwidth", func(c *configs.CPU) { c.Caches[2].BytesPerClk *= 2 }},
		{"L3 latency", func(c *configs.CPU) { c.Caches[2].Latency /= 2 }},
		{"load ports", func(c *configs.CPU) { c.Issue.LoadsPerCycle *= 2 }},
	}
	for i := 0; i < len(shapes); i += 2 {
		w := shapes[i]
		base := mustRun(t, skylake(t), w)
		var p *plan
		before := 0.0
		if min(w.M, w.N) > 1 {
			p = planOf(t, skylake(t), w)
			before = replan(t, skylake(t), w, p)
		}
		for _, ch := range changes {
			m := skylake(t)
			ch.apply(m.CPU)
			// The library's closed form picks which plans are tried on the machine, and
			// another machine's may be worse; a faster one may also draw more power, which
			// the cap takes back.
			if r := mustRun(t, m, w); r.Seconds > 1.2*base.Seconds {
				t.Errorf("%s, better %s: %.4g s instead of %.4g s", name(m, w), ch.name, r.Seconds, base.Seconds)
			}
			if p == nil {
				continue
			}
			// The same plan is never slower, but for the order in which ports are claimed.
			if after := replan(t, m, w, p); after > 1.01*before {
				t.Errorf("%s, better %s: the same plan takes %.5g cycles instead of %.5g", name(m, w), ch.name, after, before)
			}
		}
	}
}

// planOf is the plan that a problem runs by.
func planOf(t *testing.T, m *configs.Machine, w Problem) *plan {
	t.Helper()
	mod, err := newModel(m, w.DType)
	if err != nil {
		t.Fatal(err)
	}
	mod.w, mod.batch = &w, max(1, w.Batch)
	e, err := mod.search()
	if err != nil {
		t.Fatal(err)
	}
	return &e.plan
}

// replan is the cycles of a problem by a plan.
func replan(t *testing.T, m *configs.Machine, w Problem, p *plan) float64 {
	t.Helper()
	mod, err := newModel(m, w.DType)
	if err != nil {
		t.Fatal(err)
	}
	mod.w, mod.batch = &w, max(1, w.Batch)
	e, _ := mod.price(*p, 0)
	if err := mod.simulate(&e); err != nil {
		t.Fatal(err)
	}
	return e.cycles
}

func TestTimeGrowsWithK(t *testing.T) {
	for _, m := range machines(t)[:2] {
		for _, s := range []Problem{{M: 1024, N: 1024, DType: "fp32"}, {M: 1760, N: 16, DType: "fp32"}, {M: 4096, N: 1, DType: "fp32"}, {M: 300, N: 200, DType: "fp64"}} {
			last := 0.0
			for k := 8; k <= 16384; k = k*2 + 1 {
				s.K = k
				r := mustRun(t, m, s)
				if r.Seconds <= last {
					t.Errorf("%s: %.4g s, less than at smaller k (%.4g s)", name(m, s), r.Seconds, last)
				}
				last = r.Seconds
			}
		}
	}
}

// A matrix times a vector streams the matrix: from memory when it is larger
// than the caches, from the shared cache when a preceding call left it there.
func TestGEMVIsBoundByWhereTheMatrixLives(t *testing.T) {
	m := skylake(t)
	big := mustRun(t, m, Problem{M: 8192, N: 1, K: 8192, DType: "fp32"})
	bw := 8192 * 8192 * 4 / big.Seconds
	if limit := 128e9 * 0.82; big.Bound != "dram" || bw > limit || bw < 0.9*limit {
		t.Errorf("256 MiB matrix: bound %s at %.3g B/s of %.3g", big.Bound, bw, limit)
	}
	small := Problem{M: 2000, N: 1, K: 2000, DType: "fp32"}
	warm := mustRun(t, m, small)
	small.Cold = true
	cold := mustRun(t, m, small)
	if warm.Traffic[2].FillLines != 0 || cold.Traffic[2].FillLines < 2000*2000*4/64 {
		t.Errorf("16 MB matrix: %d lines from memory warm, %d cold", warm.Traffic[2].FillLines, cold.Traffic[2].FillLines)
	}
	if cold.Seconds < 2*warm.Seconds {
		t.Errorf("16 MB matrix: %.3g s cold, %.3g s warm", cold.Seconds, warm.Seconds)
	}
}

// Code that does one multiply-add per instruction: payload is what the
// coefficients give, and an instruction costs 1 to 2 nJ all in.
func TestScalarCodePayload(t *testing.T) {
	m := skylake(t)
	m.CPU.Issue.VectorBits, m.CPU.Issue.VectorUnits = 32, 1
	r := mustRun(t, m, Problem{M: 1024, N: 1024, K: 1024, DType: "fp32"})
	v := mustRun(t, skylake(t), Problem{M: 1024, N: 1024, K: 1024, DType: "fp32"})
	nj := r.Energy.TotalUJ * 1e3 / float64(r.Instructions.Total)
	t.Logf("scalar: payload %.3f %%, %.2f nJ per instruction; AVX-512: payload %.2f %%", r.Energy.PayloadPct(), nj, v.Energy.PayloadPct())
	if nj < 0.5 || nj > 2 {
		t.Errorf("%.2f nJ per instruction", nj)
	}
	if r.Energy.PayloadPct() >= v.Energy.PayloadPct() {
		t.Errorf("scalar code (%.2f %%) has no smaller payload than AVX-512 (%.2f %%)", r.Energy.PayloadPct(), v.Energy.PayloadPct())
	}
}

// A package never draws more than its TDP; a lower limit lowers the clock.
func TestPowerCap(t *testing.T) {
	w := Problem{M: 4096, N: 4096, K: 4096, DType: "fp64"}
	free := mustRun(t, skylake(t), w)
	m := skylake(t)
	m.TDP = 120
	capped := mustRun(t, m, w)
	if !(capped.Seconds > free.Seconds && capped.ClockHz < free.ClockHz) {
		t.Errorf("120 W: %.4g s at %.3g Hz; 205 W: %.4g s at %.3g Hz", capped.Seconds, capped.ClockHz, free.Seconds, free.ClockHz)
	}
	package_ := capped.Energy.TotalUJ
	for _, c := range capped.Energy.ByColumn() {
		if c.Column == energy.DRAM {
			package_ -= c.EnergyUJ
		}
	}
	if p := package_ * 1e-6 / capped.Seconds; p > 120.001 {
		t.Errorf("%.1f W at a TDP of 120 W", p)
	}
	m.TDP = 50
	if _, err := Run(m, w); err == nil {
		t.Error("a TDP below the idle power was accepted")
	}
}

func TestRunRefuses(t *testing.T) {
	ok := Problem{M: 8, N: 8, K: 8, DType: "fp32"}
	bad := func(change func(*configs.Machine)) *configs.Machine {
		m := skylake(t)
		change(m)
		return m
	}
	for i, c := range []struct {
		m *configs.Machine
		w Problem
	}{
		{nil, ok},
		{bad(func(m *configs.Machine) { m.CPU = nil }), ok},
		{bad(func(m *configs.Machine) { m.CPU.Caches = nil }), ok},
		{bad(func(m *configs.Machine) { m.CPU.Clock.Vector = 0 }), ok},
		{bad(func(m *configs.Machine) { m.CPU.Issue.VectorBits = 32 }), Problem{M: 8, N: 8, K: 8, DType: "fp64"}},
		{bad(func(m *configs.Machine) { delete(m.Energy.Events, energy.CPUInstruction) }), ok},
		{skylake(t), Problem{M: 0, N: 8, K: 8, DType: "fp32"}},
		{skylake(t), Problem{M: 8, N: 8, K: 8, DType: "fp31"}},
		{skylake(t), Problem{M: 8, N: 8, K: 8, Batch: -1, DType: "fp32"}},
	} {
		if _, err := Run(c.m, c.w); err == nil {
			t.Errorf("case %d was accepted", i)
		}
	}
}
