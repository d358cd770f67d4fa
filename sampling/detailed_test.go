// Package sampling_test holds sampled runs to detailed ones, from outside. It has minutes of
// its own: go test gives each package ten.
package sampling_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gpusim"
	"gpusim/configs"
)

var shapes = flag.Int("shapes", 3, "random GEMMs that TestSampledAgainstDetailed compares under round robin; a third of them under others")

// randomGEMM draws sizes between 64 and 8192, of one order as likely as of
// another.
func randomGEMM(r *rand.Rand) string {
	size := func() int { return int(64 * math.Exp2(7*r.Float64())) }
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	m, n, k := size(), size(), size()
	dtype := pick("fp16", "fp32")
	if dtype == "fp16" && r.IntN(4) > 0 { // whole vectors, as most callers have them
		m, n, k = m/8*8, n/8*8, k/8*8
	}
	return fmt.Sprintf("gemm:m=%d,n=%d,k=%d,dtype=%s,ta=%s,tb=%s", m, n, k, dtype, pick("n", "t"), pick("n", "t"))
}

// TestSampledAgainstDetailed: what sampling leaves out changes times by 2 % on
// average of many and 6 % at most, and where the time went by 5 points at most;
// the time is inside the interval that is given, but for one GEMM in ten. The
// detailed time itself moves by up to 4 % when a latency changes by a cycle.
func TestSampledAgainstDetailed(t *testing.T) {
	other := (*shapes + 2) / 3
	for i, c := range []struct {
		machine, scheduler string
		shapes             int
	}{
		{"volta", "lrr", *shapes},
		{"volta", "gto", other}, {"volta", "gty", other}, {"ampere", "gto", other},
	} {
		t.Run(c.machine+"/"+c.scheduler, func(t *testing.T) {
			t.Parallel()
			m := machine(t, c.machine, "gpu.sm.scheduler="+c.scheduler)
			sampledAgainstDetailed(t, m, c.shapes, rand.New(rand.NewPCG(20, uint64(26+i))))
		})
	}
}

func sampledAgainstDetailed(t *testing.T, m *configs.Machine, shapes int, r *rand.Rand) {
	t.Helper()
	sum, outside := 0.0, 0
	for n := 0; n < shapes; {
		w := parsed(t, randomGEMM(r))
		perInst := map[string]float64{"fp16": 1300, "fp32": 60}[w.GEMM.DType] // operations, roughly
		if w.GEMM.DType == "fp16" && m.Name != "volta" {
			continue // no kernel uses their Tensor Cores yet
		}
		if n := float64(w.GEMM.Ops()) / perInst; n < 1e7 || n > 2.5e7 { // nothing left out, or many seconds in detail
			continue
		}
		some := run(t, m, w, gpusim.Sampled, 0)
		if some.SimulatedPct > 75 {
			continue
		}
		n++
		all := run(t, m, w, gpusim.Detailed, 0)
		e := off(some.TimeUS, all.TimeUS)
		t.Logf("%s: %.1f us detailed, %+.2f %% sampled (%.0f %% simulated), interval +-%.2f %%",
			w.Text, all.TimeUS, e, some.SimulatedPct, off(some.TimeHiUS, some.TimeUS))
		sum += math.Abs(e)
		if math.Abs(e) > 6 {
			t.Errorf("%s: %+.2f %%", w.Text, e)
		}
		if all.TimeUS < some.TimeLoUS || all.TimeUS > some.TimeHiUS {
			outside++
		}
		want := shares(&all)
		for reason, got := range shares(&some) {
			if d := got - want[reason]; math.Abs(d) > 5 {
				t.Errorf("%s: %s takes %.1f %% of the slots, %.1f %% in detail", w.Text, reason, got, want[reason])
			}
		}
	}
	t.Logf("%d GEMMs: %.2f %% on average, %d outside their intervals", shapes, sum/float64(shapes), outside)
	if bar := map[bool]float64{true: 2, false: 4}[shapes >= 20]; sum > bar*float64(shapes) {
		t.Errorf("%.2f %% on average", sum/float64(shapes))
	}
	if outside > max(1, shapes/10) {
		t.Errorf("%d of %d outside their intervals", outside, shapes)
	}
}

// TestSampledReadsOfC: what a product reads of C, where beta is not 0, grows with its
// CTAs and not with their iterations, most of which are left out.
func TestSampledReadsOfC(t *testing.T) {
	m := machine(t, "volta")
	const work = "gemm:2048x2048x2048:fp16,ta=t"
	some, all := bothWays(t, m, work, 0)
	someC, allC := bothWays(t, m, work+",beta=1", 0)
	for _, r := range []*gpusim.Result{&some, &someC} {
		if r.SimulatedPct > 75 {
			t.Fatalf("%.0f %% simulated: it shows nothing", r.SimulatedPct)
		}
	}
	const c = 2048 * 2048 * 2
	for _, v := range []struct {
		fidelity      gpusim.Fidelity
		without, with float64
	}{{gpusim.Detailed, all.DRAMBytes, allC.DRAMBytes}, {gpusim.Sampled, some.DRAMBytes, someC.DRAMBytes}} {
		more := v.with - v.without
		t.Logf("%s: %.1f MB of DRAM, %.1f with C", v.fidelity, v.without/1e6, v.with/1e6)
		if more < 0.9*c || more > 1.4*c {
			t.Errorf("%s: reading C moves %.3g bytes more, it has %d", v.fidelity, more, c)
		}
	}
}

// shares are the parts of the issue slots by reason, in percent.
func shares(r *gpusim.Result) map[string]float64 {
	out, total := map[string]float64{}, 0.0
	for _, l := range r.Layers {
		for _, s := range l.Stalls {
			out[s.Reason] += float64(s.Slots)
			total += float64(s.Slots)
		}
	}
	for k := range out {
		out[k] *= 100 / total
	}
	return out
}
