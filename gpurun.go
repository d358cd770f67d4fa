package gpusim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/sim"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// call is what a library launches for a workload.
type call struct {
	name    string // of the library's function, such as gemm_tn
	kernels []*tile.Kernel
}

// fitting is the call of a workload, if the device has memory for each of its kernels;
// else, as for what the library does not have, an *InputError.
func fitting(m *configs.Machine, w workloads.Workload, o Options) (call, error) {
	c, err := callOf(m, w, o)
	if err != nil {
		return c, &InputError{err}
	}
	for _, k := range c.kernels {
		if need, have := int64(k.Bytes()), int64(m.GPU.DRAM.Size); need > have {
			return c, &InputError{fmt.Errorf("its tensors take %.1f GiB, %s has %.1f GiB", gib(need), m.Name, gib(have))}
		}
	}
	return c, nil
}

// callOf is what the library of a machine launches for a workload. Its errors
// are the user's.
func callOf(m *configs.Machine, w workloads.Workload, o Options) (call, error) {
	if err := library.Check(m.GPU); err != nil {
		return call{}, err
	}
	switch {
	case w.GEMM != nil:
		return gemmCall(m, w.GEMM, o)
	case w.Conv != nil:
		return convCall(m, w.Conv, o)
	case w.Layer != nil:
		return layerCall(m, w.Layer, o)
	case w.Custom != nil:
		return customCall(m, w.Custom, o)
	case w.Collective != nil:
		return call{}, fmt.Errorf("%s is one GPU; collectives and copies run on systems (see 'gpusim config list')", m.Name)
	}
	return call{}, fmt.Errorf("workload %q: %s is not simulated on GPUs yet", w.Short(), w.Kind)
}

// gemmCall is the call of a matrix product.
func gemmCall(m *configs.Machine, w *workloads.GEMM, o Options) (call, error) {
	p, err := Problem(w)
	if err != nil {
		return call{}, err
	}
	g := m.GPU
	p = library.Kept(g, p)
	c, err := library.Choose(g, p, library.Force{Kernel: firstOf(o.Kernel, w.Kernel), Splits: o.Splits, Consent: o.compiled})
	if err != nil {
		return call{}, err
	}
	out := call{name: c.Name}
	fused := gemm.TakesSteps(p, c.Config)
	if fused {
		p.Steps = gemm.StepsOf(w.Epilogue)
	}
	if o.Fidelity == Analytic {
		return out, nil
	}
	if out.kernels, err = gemm.Build(p, c.Config, library.Latencies(g)); err != nil || fused || w.Epilogue == "" {
		return out, err
	}
	after, err := epilogueKernels(m, w.Epilogue, sumType(w.DType), w.M*w.N*w.Batch, w.M, 1)
	out.kernels = append(out.kernels, after...)
	return out, err
}

// sumType is the type that a kernel of its own reads the results of a product in:
// sums of integers are words.
func sumType(dtype string) string {
	switch dtype {
	case "int8", "int4", "int1":
		return "fp32"
	}
	return dtype
}

// convCall is the call of a convolution.
func convCall(m *configs.Machine, w *workloads.Conv, o Options) (call, error) {
	g := m.GPU
	if library.PlainHalves(g, w) {
		return turnedCall(m, w, workloads.LayoutNCHW, o)
	}
	c, err := library.ChooseConv(library.Of(g, o.compiled), w, firstOf(o.Kernel, w.Algo))
	if errors.Is(err, library.ErrLayout) {
		if w.DType != "int8" {
			return turnedCall(m, w, workloads.LayoutNHWC, o)
		}
		kept := *w // its callers keep blocks of channels together
		kept.Layout = workloads.LayoutVectC
		return convCall(m, &kept, o)
	}
	if err != nil || o.Fidelity == Analytic {
		return call{name: c.Name}, err
	}
	build := c.Build
	if o.compiled && w.DType == "int8" {
		build = c.Prepared
	}
	ks, err := build(library.Latencies(g))
	if err == nil && w.Layout == workloads.LayoutVectC && g.Tensor.Rate("int8") > 0 && !o.compiled && c.Algo != library.AlgoImage {
		ks, err = reordered(m, w, ks)
	}
	if err != nil || c.Fused || w.Epilogue == "" || w.DType == "int8" { // of int8 an epilogue is not counted
		return call{name: c.Name, kernels: ks}, err
	}
	inner := 1
	if w.Layout == workloads.LayoutNCHW {
		inner = w.P() * w.Q()
	}
	after, err := epilogueKernels(m, w.Epilogue, w.DType, w.N*w.K*w.P()*w.Q(), w.K, inner)
	return call{name: c.Name, kernels: append(ks, after...)}, err
}

// runGPU simulates a workload on a GPU.
func runGPU(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	r := newResult(m, w, o.Fidelity)
	r.ClockMHz = float64(m.GPU.Clock.Sustained) / 1e6
	r.PeakTOPS = PeakTOPS(m.GPU, w.Shape().Type())
	if w.GEMM != nil && w.GEMM.Sparse { // zeros that are left out count, here and in the product's operations
		r.PeakTOPS *= 2
	}
	if o.Fidelity == Analytic {
		return closedGPU(m, w, r, o)
	}
	c, err := fitting(m, w, o)
	if err != nil {
		return Result{}, err
	}
	v := governor{m: m, period: o.Period}
	v.simulate = func(clock configs.Freq) (Result, error) {
		return simulate(ctx, m, clock, c, r, o)
	}
	return v.run()
}

// simulate runs the kernels of a call at one clock; r holds what is known before.
func simulate(ctx context.Context, m *configs.Machine, clock configs.Freq, c call, r Result, o Options) (Result, error) {
	g, kernels := m.GPU, c.kernels
	r.ClockMHz = float64(clock) / 1e6
	var reports []gpu.Report
	parts := o.partsOf(g, kernels)
	for from, to := 0, 0; from < len(kernels); from = to {
		for to = from + 1; to < len(kernels) && parts[to].of == parts[from].of; to++ {
		}
		some, err := simulateOn(ctx, m, parts, clock, kernels, from, to, &r, &o)
		if err != nil {
			return Result{}, err
		}
		reports = append(reports, some...)
	}
	for i := range reports {
		l, err := layer(m, parts[i], clock, &reports[i], c.name, o.Values, r.DType)
		if err != nil {
			return Result{}, err
		}
		r.Layers = append(r.Layers, l)
	}
	return r.sum(reports), nil
}

// simulateOn runs kernels [from, to) of a call, whose parts of the GPU are equally large,
// one after another; those before have left in its caches what they leave.
func simulateOn(ctx context.Context, m *configs.Machine, parts []part, clock configs.Freq, kernels []*tile.Kernel, from, to int, r *Result, o *Options) ([]gpu.Report, error) {
	p, stream := parts[from], make([]*gpu.Launch, to-from)
	for i := range stream {
		var err error
		if stream[i], err = plan(kernels[from+i], parts[from+i], o); err != nil {
			return nil, err
		}
	}
	clusters := slices.ContainsFunc(kernels[from:to], func(k *tile.Kernel) bool { return k.Cluster > 1 })
	dev, err := gpu.New(ctx, p.GPU, clock, gpu.Options{MaxCycles: o.MaxCycles, Fresh: o.fresh, Progress: o.progressOf(from, to, len(kernels)), Clusters: clusters, Clients: o.clients})
	if err != nil {
		return nil, err
	}
	if o.Monitor != "" {
		page, err := sim.StartMonitor(o.Monitor)
		if err != nil {
			return nil, &InputError{err}
		}
		defer page.Close()
		page.Watch(r.Workload, dev.Engine)
		slog.Warn("live page", "address", "http://"+page.Addr())
	}
	for i := range kernels {
		i = (from + i) % len(kernels) // so that the kernel before these comes last
		begun := parts[i].begun
		if parts[i].of != p.of {
			begun = p.walked(kernels[i])
		}
		dev.WarmPart(kernels[i], p.of, begun...)
	}
	reports, err := dev.Run(stream)
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", r.Workload, m.Name, err)
	}
	for _, u := range dev.Memory.System.Clients() {
		r.clientReads += float64(u.Reads)
		r.clientWait += float64(u.Latency) / float64(clock)
	}
	return reports, nil
}

// progressOf is what is told of the kernels [from, to) of n, each of which counts alike.
// Under a power cap a call is simulated several times, each from the beginning.
func (o *Options) progressOf(from, to, n int) func(float64) {
	if o.Progress == nil {
		return nil
	}
	return func(share float64) { o.Progress((float64(from) + share*float64(to-from)) / float64(n)) }
}

// Problem is a matrix product as the kernel generators take it, C being column-major.
func Problem(g *workloads.GEMM) (gemm.Problem, error) {
	p := gemm.Problem{
		M: g.M, N: g.N, K: g.K, Batch: g.Batch, TransA: g.TransA, TransB: g.TransB,
		DType: g.DType, Acc: g.Acc, Alpha: 1, Beta: g.Beta, Sparse: g.Sparse,
	}
	if p.DType == "fp8" {
		// Its kernels take operands along k only: callers keep them so.
		p.TransA, p.TransB = true, false
	}
	return p, p.Check()
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// PeakTOPS is the nominal peak at the boost clock, in 1e12 operations per
// second, of the fastest unit that takes the type; NaN if none does.
func PeakTOPS(g *configs.GPU, dtype string) float64 {
	perClk := 0.0
	switch dtype {
	case "fp64":
		perClk = g.SM.Pipes.FP64.Lanes
	case "fp32":
		perClk = g.SM.FP32Lanes() / float64(g.SM.SubCores)
	case "int8":
		perClk = 4 * g.SM.Pipes.DP4A.Lanes
	case "fp16":
		perClk = max(2*g.SM.Pipes.FP16.Lanes, g.SM.Pipes.FP32.Lanes) // as pairs, or widened
	}
	perClk = max(perClk, g.Tensor.Rate(dtype))
	if perClk == 0 {
		return math.NaN()
	}
	return 2 * perClk * float64(g.SM.SubCores*g.SM.Count) * float64(g.Clock.Boost) / 1e12
}

// layer turns a kernel's report into a layer: counts left out by sampling are
// filled in from the program, which is exact, and by the share of main-loop
// iterations for memory traffic. Its events are priced at this clock, for operands of
// such values and type; p is what was simulated of the machine.
func layer(m *configs.Machine, p part, clock configs.Freq, r *gpu.Report, name string, values energy.Values, dtype string) (Layer, error) {
	g, k := m.GPU, r.Launch.Kernel
	cycles := r.Launch.Cycles()
	seconds := float64(cycles) / float64(clock)
	work := gpu.Account(k, uint8(g.Tensor.StepsFP32))
	l := Layer{
		Name: name, Kernel: k.Name, ClockMHz: float64(clock) / 1e6,
		Grid:      fmt.Sprintf("%dx%dx%d", k.Grid[0], k.Grid[1], k.Grid[2]),
		CTATile:   fmt.Sprintf("%dx%dx%d", k.TileM, k.TileN, k.TileK),
		Waves:     float64(max(k.CTAs(), k.Tiles)) / float64(g.SM.Count*r.Launch.CTAsPerSM),
		Occupancy: float64(r.Launch.CTAsPerSM*k.Warps()) / float64(g.SM.MaxWarps),
		TimeUS:    seconds * 1e6,
		SpreadUS:  spread(r.Launch, p) / float64(clock) * 1e6,
		WarpInsts: float64(work.WarpInsts),
	}
	mem := extrapolate(r, &work)
	l.DRAMBytes = float64(32 * (mem.DRAMReadSectors + mem.DRAMWriteSectors))
	if n := mem.L2Hits + mem.L2Misses; n > 0 {
		l.L2HitPct = 100 * float64(mem.L2Hits) / float64(n)
	} else {
		l.L2HitPct = math.NaN()
	}
	slots := slots(p, r)
	for i, n := range slots {
		if n > 0 {
			l.Stalls = append(l.Stalls, Stall{Reason: sm.Reason(i).String(), Slots: n})
		}
	}
	l.Bound = bound(g, clock, r, &mem, &slots, seconds)
	var err error
	l.Energy, err = energy.Build(prices(m, clock, values, dtype, work.Padding), counts(smCycles(g, r), r, &work, &mem), seconds)
	return l, err
}
