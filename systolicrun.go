package gpusim

import (
	"context"
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/nvdla/systolic"
	"gpusim/workloads"
)

// arrayWork is a workload as products for an array: Count equal products (of
// groups, of a batch of matrices) of Rows vectors with K x N weights. The weights
// are the matrix A of a product, and the filters of a convolution.
type arrayWork struct {
	count      int
	rows, n, k int
	conv       *workloads.Conv // nil: a matrix product
	dtype      string
	inBytes    float64 // of inputs and of outputs, all together
	outBytes   float64
	weights    float64
}

// workOf is a workload for a machine with a fixed array. Its errors say what
// the machine lacks.
func workOf(w workloads.Workload) (arrayWork, error) {
	switch {
	case w.GEMM != nil:
		g := w.GEMM
		a := arrayWork{count: max(1, g.Batch), rows: g.N, n: g.M, k: g.K, dtype: g.DType}
		b := float64(a.count)
		a.inBytes, a.outBytes, a.weights = b*float64(g.N)*float64(g.K), b*float64(g.N)*float64(g.M), b*float64(g.M)*float64(g.K)
		return a, nil
	case w.Conv != nil:
		c := w.Conv
		if c.Pass != workloads.PassForward {
			return arrayWork{}, fmt.Errorf("it runs no training passes (pass=%s)", c.Pass)
		}
		a := arrayWork{count: c.Groups, rows: c.N * c.P() * c.Q(), n: c.K / c.Groups, k: c.C / c.Groups * c.R * c.S, conv: c, dtype: c.DType}
		a.inBytes = float64(c.N) * float64(c.C) * float64(c.H) * float64(c.W)
		a.outBytes = float64(c.N) * float64(c.K) * float64(c.P()) * float64(c.Q())
		a.weights = float64(c.K) * float64(c.C/c.Groups) * float64(c.R*c.S)
		return a, nil
	}
	return arrayWork{}, fmt.Errorf("it has no unit for %s", w.Kind)
}

// boundHost is the link to the host.
const boundHost = "host"

// arrayRun is what a machine with a fixed array did.
type arrayRun struct {
	kernel    string
	cycles    float64
	bound     string
	dramBytes float64
	written   float64 // of them, where a model tells
	counts    []energy.Count
}

// runSystolic simulates a workload on a machine around a systolic array.
func runSystolic(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	fail := func(err error) (Result, error) {
		return Result{}, &InputError{fmt.Errorf("workload %q: %s: %w", w.Short(), m.Name, err)}
	}
	s := m.Systolic
	if w.Layer != nil {
		return tpuLayer(m, w, o)
	}
	a, err := workOf(w)
	if err != nil {
		return fail(err)
	}
	if err := systolic.Takes(s, a.dtype); err != nil {
		return fail(err)
	}
	var run arrayRun
	switch s.Model {
	case "tpu":
		run, err = runTPU(s, &a, o.Fidelity == Analytic)
	case "decoupled":
		run = runDecoupled(s, &a)
	case "row_stationary":
		run, err = runRowStationary(s, &a)
	default:
		run, err = runFolds(ctx, s, &a, o.Fidelity == Analytic)
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	if err != nil {
		return fail(err)
	}
	return run.result(m, w, o, float64(s.Clock), arrayPeak(m, a.dtype))
}

// result fills in a Result of one layer.
func (run *arrayRun) result(m *configs.Machine, w workloads.Workload, o Options, hz, peak float64) (Result, error) {
	r := newResult(m, w, o.Fidelity)
	seconds := run.cycles / hz
	r.TimeUS = seconds * 1e6
	r.TimeLoUS, r.TimeHiUS = r.TimeUS, r.TimeUS
	r.PeakTOPS = peak / 1e12
	r.Bound, r.ClockMHz, r.DRAMBytes, r.written = run.bound, hz/1e6, run.dramBytes, run.written
	if o.Fidelity == Analytic {
		r.SimulatedPct = 0
	}
	var err error
	run.counts = append(run.counts, energy.Count{Component: energy.MACCycle, Events: events(run.cycles * multipliers(m))})
	if r.Energy, err = energy.Build(energy.AtValues(&m.Energy, o.Values, r.DType, 0), run.counts, seconds); err != nil {
		return Result{}, err
	}
	r.Layers = []Layer{{
		Name: w.Kind, Kernel: run.kernel, TimeUS: r.TimeUS, Ops: r.Ops, Bound: r.Bound, DRAMBytes: r.DRAMBytes, Energy: r.Energy,
		Waves: math.NaN(), Occupancy: math.NaN(), WarpInsts: math.NaN(), L2HitPct: math.NaN(),
	}}
	return r, nil
}

// multipliers is how many multipliers of the smallest type have a clock.
func multipliers(m *configs.Machine) float64 {
	if n := m.NVDLA; n != nil {
		return float64(n.AtomicC * n.AtomicK)
	}
	s := m.Systolic
	cores := 1
	if s.TPU != nil {
		cores = s.TPU.Cores
	}
	return float64(s.Rows * s.Cols * cores)
}

// payload is the component of a multiply-add of a type.
func payload(dtype string) string {
	switch dtype {
	case "int16":
		return energy.MACInt16
	case "fp16":
		return energy.FMAFP16
	case "bf16":
		return energy.MMABF16
	}
	return energy.MACINT8
}

func events(v float64) uint64 { return uint64(math.Round(v)) }

// arrayCounts are the energy events of an array: for each product the operands
// that move on and a sum of 32 bits are latched, what stays is not; in an
// output-stationary array both operands move, and sums are not read again.
// Sums of other arrays pass the accumulators once for each fold of rows. Elements
// with scratchpads read both operands and a sum, and write the sum.
func arrayCounts(a *arrayWork, s *configs.Systolic, bufferBytes, dramBytes float64) []energy.Count {
	macs := float64(a.count) * float64(a.rows) * float64(a.n) * float64(a.k)
	sums := float64(a.count) * float64(a.rows) * float64(a.n) * float64(ceilDiv(a.k, s.Rows))
	latched, scratch := typeBytes(a.dtype)+4, 0.0
	switch s.Dataflow {
	case "os":
		latched, sums = 2*typeBytes(a.dtype)+4, 0
	case "rs":
		latched, scratch, sums = 0, 4, 0
	}
	c := []energy.Count{
		{Component: payload(a.dtype), Events: events(macs)}, {Component: energy.ArrayByte, Events: events(latched * macs)},
		{Component: energy.AccWord, Events: events(sums)}, {Component: energy.BufferByte, Events: events(bufferBytes)},
		{Component: energy.DRAMByte, Events: events(dramBytes)}, {Component: energy.LayerCommand, Events: uint64(a.count)},
	}
	if scratch > 0 {
		c = append(c, energy.Count{Component: energy.ScratchWord, Events: events(scratch * macs)})
	}
	return c
}

func typeBytes(dtype string) float64 {
	switch dtype {
	case "int8":
		return 1
	case "fp32":
		return 4
	}
	return 2
}

// runTPU runs a workload whose activations lie in the unified buffer. If they do
// not all fit, the batch is cut, and each part comes from the host and goes back.
func runTPU(s *configs.Systolic, a *arrayWork, closed bool) (arrayRun, error) {
	t := systolic.TPUOf(s, a.dtype)
	e := typeBytes(a.dtype)
	room := float64(s.TPU.UnifiedBuffer) * float64(s.TPU.Cores)
	act := e * (a.inBytes + a.outBytes)
	parts := int(math.Ceil(act / room))
	if parts > a.rows {
		return arrayRun{}, fmt.Errorf("its unified buffer of %v holds no vector of this layer with its results", s.TPU.UnifiedBuffer)
	}
	var total systolic.TPURun
	host := 0.0
	for i := range parts {
		rows := a.rows*(i+1)/parts - a.rows*i/parts
		j := systolic.TPUJob{}
		for range a.count {
			j.Layers = append(j.Layers, systolic.TPULayer{Rows: rows, K: a.k, N: a.n, Passes: systolic.Passes(s, a.dtype)})
		}
		r := t.Run(j)
		if closed {
			r.Cycles = t.Closed(j)
		}
		total.Cycles += r.Cycles
		total.Active += r.Active
		total.Stall += r.Stall
		total.Shift += r.Shift
		total.Bytes += r.Bytes
		total.UBBytes += r.UBBytes
	}
	run := arrayRun{kernel: fmt.Sprintf("matmul_%s", a.dtype), cycles: total.Cycles, dramBytes: total.Bytes}
	if parts > 1 { // parts come and go while others are computed
		moved, rate, by := act, t.HostRate, boundHost
		if s.TPU.Spill == "memory" {
			run.dramBytes += act
			moved, rate, by = run.dramBytes, t.MemoryRate, boundDRAM
		} else {
			host = act
		}
		if c := moved / rate * t.Hz; c > run.cycles {
			run.cycles, run.bound = c, by
		}
	}
	if a.conv != nil && workloads.HasStep(a.conv.Epilogue, workloads.EpilogueAdd) { // a second tensor comes from the unified buffer
		run.cycles += e * a.outBytes / float64(s.Cols*s.TPU.Cores)
		total.UBBytes += e * a.outBytes
	}
	if run.bound == "" {
		run.bound = boundLatency
		best := 0.5 * run.cycles
		for _, b := range []struct {
			name string
			v    float64
		}{{boundCompute, total.Active}, {boundDRAM, total.Stall}, {boundIssue, total.Shift}} {
			if b.v > best {
				run.bound, best = b.name, b.v
			}
		}
	}
	run.counts = arrayCounts(a, s, total.UBBytes+total.Bytes, run.dramBytes)
	run.counts = append(run.counts, energy.Count{Component: energy.HostByte, Events: events(host)}, energy.Count{Component: energy.SinglePoint, Events: events(a.outBytes)})
	return run, nil
}

func runDecoupled(s *configs.Systolic, a *arrayWork) arrayRun {
	r := systolic.DecoupledOf(s, a.dtype).Run(systolic.Product{M: a.rows, N: a.n, K: a.k})
	n := float64(a.count)
	run := arrayRun{kernel: "tiled_matmul", cycles: n * r.Cycles, bound: boundCompute, dramBytes: n * r.Bytes}
	if r.Memory > r.Compute {
		run.bound = boundDRAM
	}
	run.counts = arrayCounts(a, s, 2*run.dramBytes, run.dramBytes)
	return run
}

// runFolds runs the folds of an array with double-buffered SRAMs.
func runFolds(ctx context.Context, s *configs.Systolic, a *arrayWork, closed bool) (arrayRun, error) {
	arr := systolic.ArrayOf(s)
	layer, times := systolic.GEMM(a.rows, a.n, a.k), a.count
	if c := a.conv; c != nil && c.Groups == 1 && c.DilH == 1 && c.DilW == 1 && c.StrideH == c.StrideW {
		l := systolic.Conv(c.H+2*c.PadH, c.W+2*c.PadW, c.R, c.S, c.C, c.K, c.StrideH)
		if l.M == c.P()*c.Q() {
			layer, times = l, c.N
		}
	}
	var r systolic.Run
	var err error
	if mem := systolic.MemoryOf(s, a.dtype); closed {
		r = arr.Closed(layer, mem)
	} else if r, err = arr.Simulate(ctx, layer, mem); err != nil {
		return arrayRun{}, err
	}
	run := arrayRun{kernel: "folds_" + s.Dataflow, bound: boundCompute}
	if r.Stall > r.Compute {
		run.bound = boundDRAM
	}
	n := float64(times)
	run.cycles = n * float64(r.Cycles())
	words := func(c systolic.Accesses) float64 { return n * float64(c.Inputs+c.Weights+c.Outputs) }
	e := typeBytes(a.dtype)
	run.dramBytes = e * words(r.Fetched)
	run.counts = arrayCounts(a, s, e*words(r.Accesses())+run.dramBytes, run.dramBytes)
	return run, nil
}

// runRowStationary runs a convolution; a product is one of 1 x 1 filters. A cut
// like rs_m64_n1_e27_p16_q2_r1_t1 can be forced by algo=. Memory works beside the array.
func runRowStationary(s *configs.Systolic, a *arrayWork) (arrayRun, error) {
	arr := systolic.RowStationaryOf(s)
	c := systolic.RSConv{N: a.count, C: a.k, H: a.rows, W: 1, K: a.n, R: 1, S: 1, Stride: 1, Groups: 1}
	force := ""
	if w := a.conv; w != nil {
		if w.StrideH != w.StrideW || w.DilH != 1 || w.DilW != 1 {
			return arrayRun{}, fmt.Errorf("it has one stride for both directions and no dilation")
		}
		c = systolic.RSConv{N: w.N, C: w.C, H: w.H + 2*w.PadH, W: w.W + 2*w.PadW, K: w.K, R: w.R, S: w.S, Stride: w.StrideH, Groups: w.Groups}
		force = w.Algo
	}
	var r systolic.RSRun
	var err error
	if force != "" {
		var p systolic.Pass
		if p, err = systolic.ParsePass(force); err == nil {
			r, err = arr.Forced(&c, p)
		}
	} else {
		r, err = arr.Map(&c)
	}
	if err != nil {
		return arrayRun{}, err
	}
	run := arrayRun{kernel: r.Pass.String(), cycles: float64(r.Cycles), bound: boundCompute,
		dramBytes: float64(r.DRAMBytes)}
	if c := run.dramBytes / float64(s.Memory) * float64(s.Clock); c > run.cycles {
		run.cycles, run.bound = c, boundDRAM
	}
	run.counts = arrayCounts(a, s, float64(s.RowStat.WordBytes)*float64(r.BufferWords), run.dramBytes)
	return run, nil
}
