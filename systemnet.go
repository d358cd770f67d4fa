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
	"gpusim/nvlink"
	"gpusim/sim"
	"gpusim/workloads"
)

// Step is where the time of a network on several GPUs goes.
type Step struct {
	Classes  []nvlink.ClassUse // GPUs that do the same, in seconds
	Spans    []nvlink.Span
	ClosedUS float64 // what the closed form says
}

// runSystemNetwork simulates a network on the GPUs of a system: its kernels on
// one of them, each that differs once, and then the step that they make together.
func runSystemNetwork(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	n := w.Net
	fail := func(format string, a ...any) (Result, error) {
		return Result{}, &InputError{fmt.Errorf(format, a...)}
	}
	switch {
	case !n.Parallel.On():
		return fail("%s is a system of several devices: say on how many the network runs (gpus=%d)", m.Name, nvlink.PerNode(m.System))
	case o.Kernel != "" || o.Splits != 0:
		return fail("a kernel cannot be forced on a whole network")
	}
	dev, err := partOf(m)
	if err != nil {
		return fail("%w", err)
	}
	if err := fits(dev, n); err != nil {
		return fail("%w", err)
	}
	per := nvlink.PerNode(m.System)
	if most := per * m.System.Nodes; n.Parallel.GPUs > most {
		return fail("gpus=%d, but the system has %d", n.Parallel.GPUs, most)
	}
	if _, err := buildStep(n, nil, per, o.apart); err != nil {
		return fail("%w", err)
	}
	if o.Cache == nil {
		o.Cache = NewCache()
	}
	o.compiled = n.Compiled()
	results, err := stepKernels(ctx, dev, n, o)
	if err != nil {
		return Result{}, err
	}
	kernels := stepCosts(ctx, dev, m.System.Library.Channels, results, o)
	step, err := buildStep(n, kernels, per, o.apart)
	if err != nil {
		return fail("%w", err)
	}
	step.Memory = memoryRate(dev, kernels)
	closed, err := nvlink.ClosedStep(m.System, step)
	if err != nil {
		return Result{}, own(err)
	}
	took := closed
	if o.Fidelity != Analytic {
		no := nvlink.Options{MaxCycles: o.MaxCycles}
		if o.Monitor != "" {
			page, err := sim.StartMonitor(o.Monitor)
			if err != nil {
				return fail("%w", err)
			}
			defer page.Close()
			no.Watch = func(e *sim.Engine) { page.Watch(w.Text, e) }
			slog.Warn("live page", "address", "http://"+page.Addr())
		}
		if took, err = nvlink.RunStep(ctx, m.System, step, no); err != nil {
			return Result{}, own(err)
		}
	}
	return sumStep(m, dev, w, o, results, &took, closed.Seconds)
}

// own marks what the fabric says of the user's mistakes.
func own(err error) error {
	var e *nvlink.InputError
	if errors.As(err, &e) {
		return &InputError{e.Err}
	}
	return err
}

// partOf is the machine of a system's GPUs.
func partOf(m *configs.Machine) (*configs.Machine, error) {
	name := ""
	for i := range m.System.Parts {
		p := &m.System.Parts[i]
		switch {
		case p.Kind != configs.PartGPU:
		case p.Machine == "":
			return nil, fmt.Errorf("%s: part %s names no machine file, which networks need", m.Name, p.Name)
		case name != "" && name != p.Machine:
			return nil, fmt.Errorf("%s: its devices differ (%s, %s): networks run on equal ones", m.Name, name, p.Machine)
		default:
			name = p.Machine
		}
	}
	d, err := shipped(name)
	if err != nil {
		return nil, fmt.Errorf("%s: part's machine: %w", m.Name, err)
	}
	if d.System != nil {
		return nil, fmt.Errorf("%s: %s is a system, not one device", m.Name, name)
	}
	return d, nil
}

// stepKernels simulates each layer that differs on one device.
func stepKernels(ctx context.Context, dev *configs.Machine, n *workloads.Network, o Options) (map[string]*Result, error) {
	var distinct []workloads.NetLayer
	for _, l := range distinctLayers(n) {
		if l.Work.Collective == nil {
			distinct = append(distinct, l)
		}
	}
	if dev.GPU != nil {
		for _, l := range distinct {
			if _, err := callOf(dev, l.Work, Options{Fidelity: Analytic}); err != nil {
				return nil, &InputError{fmt.Errorf("layer %q on %s: %w", l.Name, dev.Name, err)}
			}
		}
	}
	o.fresh = crowded(dev, n)
	return runDistinct(ctx, dev, distinct, o)
}

// stepCosts turns layers into kernels of a step. Each can be simulated again
// with fewer SMs when collectives turn out to have taken some: once, with as many
// gone as a collective has channels at most; between that and none, and beyond, the
// loss follows the SMs.
func stepCosts(ctx context.Context, dev *configs.Machine, channels int, results map[string]*Result, o Options) map[string]*nvlink.Kernel {
	out := map[string]*nvlink.Kernel{}
	var fewer *configs.Machine
	if dev.GPU != nil && o.Fidelity != Analytic {
		channels = min(channels, dev.GPU.SM.Count-1)
		d, g := *dev, *dev.GPU
		g.SM.Count -= channels
		d.GPU = &g
		fewer = &d
	}
	var narrow *OneMachine
	if fewer != nil {
		narrow = o.cacheOn(fewer)
	}
	for text, r := range results {
		k := &nvlink.Kernel{Seconds: r.TimeUS * 1e-6, DRAM: r.DRAMBytes}
		if math.IsNaN(k.DRAM) {
			k.DRAM = 0
		}
		if fewer != nil {
			ctas := mostCTAs(r)
			k.Slowed = func(sms int) (float64, error) {
				if ctas <= dev.GPU.SM.Count-sms { // each has an SM for itself either way
					return k.Seconds, nil
				}
				w, err := workloads.Parse(text)
				if err != nil {
					return 0, err
				}
				slow, err := narrow.Run(ctx, w, leafOptions(o))
				if err != nil {
					return 0, err
				}
				return k.Seconds + math.Max(0, slow.TimeUS*1e-6-k.Seconds)*float64(sms)/float64(channels), nil
			}
		}
		out[text] = k
	}
	return out
}

// mostCTAs is the largest grid of a call's kernels.
func mostCTAs(r *Result) (most int) {
	for i := range r.Layers {
		var x, y, z int
		if _, err := fmt.Sscanf(r.Layers[i].Grid, "%dx%dx%d", &x, &y, &z); err != nil {
			return math.MaxInt
		}
		most = max(most, x*y*z)
	}
	return most
}

// memoryShare is the part of its peak that the memory of a GPU sustains at the
// least: what streams reach on all of ours.
const memoryShare = 0.85

// memoryRate is what the memory of a device sustains in bytes per second: what the
// fastest of the step's kernels gets of it, which none of them exceeds alone.
func memoryRate(dev *configs.Machine, kernels map[string]*nvlink.Kernel) float64 {
	if dev.GPU == nil {
		return 0
	}
	rate := memoryShare * dev.GPU.DRAM.PeakBandwidth()
	for _, k := range kernels {
		rate = math.Max(rate, k.DRAM/k.Seconds)
	}
	return rate
}

// sumStep is the result of a step.
func sumStep(m, dev *configs.Machine, w workloads.Workload, o Options, results map[string]*Result, took *nvlink.StepResult, closed float64) (Result, error) {
	n := w.Net
	one := w
	one.Net = withoutSums(n)
	r, err := sumPlaced(dev, one, o.Fidelity, placedAlone(one.Net.Layers, results))
	if err != nil {
		return Result{}, err
	}
	spread := r.TimeHiUS - r.TimeUS
	stages := float64(max(1, n.Parallel.Pipeline))
	copies := n.Parallel.Data * n.Parallel.Tensor
	alone := r.TimeUS
	r.Machine, r.Workload, r.GPUs = m.Name, w.Text, n.Parallel.GPUs
	r.TimeUS = took.Seconds * 1e6
	r.TimeLoUS, r.TimeHiUS = r.TimeUS-spread/stages, r.TimeUS+spread/stages
	r.ImagesPerS = float64(n.Batch*n.Parallel.Data) / took.Seconds
	r.Ops = float64(n.Ops())
	r.PeakTOPS *= float64(n.Parallel.GPUs)
	r.DRAMBytes *= float64(copies)
	r.WarpInsts *= float64(copies)
	r.Links, r.Bound = took.Links, stepBound(took, r.Bound)
	r.Step = &Step{Classes: took.Classes, Spans: took.Spans, ClosedUS: closed * 1e6}
	ledgers := []energy.Ledger{r.Energy.Times(copies)}
	// GPUs draw power while they wait, too.
	if idle := took.Seconds*stages - alone*1e-6; idle > 0 {
		l, err := energy.Build(&dev.Energy, nil, idle)
		if err != nil {
			return Result{}, err
		}
		ledgers = append(ledgers, l.Times(copies))
	}
	r.Energy, err = energy.Sum(append(ledgers, linkLedger(m, took, r.Energy.Scope))...)
	return r, err
}

// withoutSums is a network without its collectives, whose time is the step's.
func withoutSums(n *workloads.Network) *workloads.Network {
	c := *n
	c.Layers = slices.DeleteFunc(slices.Clone(n.Layers), func(l workloads.NetLayer) bool { return l.Work.Collective != nil })
	return &c
}

// stepBound is what limits a step: its kernels, sums or stages that wait.
func stepBound(took *nvlink.StepResult, kernels string) string {
	var exposed, bubble float64
	for i := range took.Classes {
		exposed = math.Max(exposed, took.Classes[i].Exposed)
		bubble = math.Max(bubble, took.Classes[i].Bubble)
	}
	switch {
	case exposed > took.Seconds/2:
		return "link"
	case bubble > took.Seconds/2:
		return "bubble"
	}
	return kernels
}
