package gpusim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/pool"
	"gpusim/workloads"
)

// runNetwork simulates each distinct layer of a network once and adds up.
// Layers follow each other on the device without a gap, as in the replay of a
// captured graph: what a framework's host adds is a matter of the measurement
// method. Each layer finds the caches as a launch of its own before would leave
// them, but without its parameters if the network moves more than they hold.
func runNetwork(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	n := w.Net
	fail := func(format string, a ...any) (Result, error) {
		return Result{}, &InputError{fmt.Errorf(format, a...)}
	}
	if o.Kernel != "" || o.Splits != 0 {
		return fail("a kernel cannot be forced on a whole network")
	}
	err := fits(m, n)
	if err != nil {
		return fail("%w", err)
	}
	if m.SoC != nil && !o.inner {
		return runSoC(ctx, m, w, o)
	}
	if fixed(m) {
		return runHosted(ctx, m, w, o)
	}
	layers := n.Layers
	if m.GPU != nil {
		o.compiled = n.Compiled()
		if o.compiled {
			layers = pooledFirst(m, layers)
		}
		if layers, err = apartWhole(m, layers); err != nil {
			return fail("%w", err)
		}
	}
	distinct := distinctOf(layers)
	if m.GPU != nil { // what no library call exists for is said before anything runs
		for _, l := range distinct {
			if _, err := callOf(m, l.Work, Options{Fidelity: Analytic}); err != nil {
				return fail("layer %q on %s: %w", l.Name, m.Name, err)
			}
		}
	}
	o.fresh = crowded(m, n)
	results, err := runDistinct(ctx, m, distinct, o)
	if err != nil {
		return Result{}, err
	}
	return sumPlaced(m, w, o.Fidelity, placedAlone(layers, results))
}

// placedAlone are layers of which each ran on the machine itself.
func placedAlone(layers []workloads.NetLayer, results map[string]*Result) []placedLayer {
	out := make([]placedLayer, len(layers))
	for i, l := range layers {
		out[i] = placedLayer{l.Name, l.Work.Text, l.Count, results[l.Work.Text]}
	}
	return out
}

// fits is an error if the network needs more memory than the device has.
func fits(m *configs.Machine, n *workloads.Network) error {
	if m.GPU == nil {
		return nil
	}
	need, have := n.Memory.Total(), int64(m.GPU.DRAM.Size)
	if need <= have {
		return nil
	}
	return fmt.Errorf("it needs %.1f GiB (weights %.1f, activations %.1f, gradients %.1f, optimizer %.1f), %s has %.1f GiB; a smaller batch needs less",
		gib(need), gib(n.Memory.Weights), gib(n.Memory.Activations), gib(n.Memory.Gradients), gib(n.Memory.Optimizer), m.Name, gib(have))
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

// Fits says whether a network's weights, activations and what training keeps
// fit the device's memory.
func Fits(m *configs.Machine, n *workloads.Network) bool {
	if m.System != nil {
		var err error
		if m, err = partOf(m); err != nil {
			return true // Run says so
		}
	}
	return fits(m, n) == nil
}

// distinctLayers gives the first layer of each workload.
func distinctLayers(n *workloads.Network) []workloads.NetLayer { return distinctOf(n.Layers) }

func distinctOf(layers []workloads.NetLayer) []workloads.NetLayer {
	seen := map[string]bool{}
	var out []workloads.NetLayer
	for _, l := range layers {
		if !seen[l.Work.Text] {
			seen[l.Work.Text] = true
			out = append(out, l)
		}
	}
	return out
}

// crowded says whether a network moves more between two uses of a layer's parameters
// than L2 holds.
func crowded(m *configs.Machine, n *workloads.Network) bool {
	if m.GPU == nil {
		return false
	}
	bytes := 0.0
	for _, l := range n.Layers {
		bytes += l.Work.Shape().Bytes()
	}
	return bytes > float64(m.GPU.L2.Size)
}

// layerBudget is how many warp instructions of a kernel are simulated where it is
// one of many: what sampling errs by then averages out.
const layerBudget = 1 << 20

// leafOptions are those of a layer of a network.
func leafOptions(o Options) Options {
	leaf := Options{Fidelity: o.Fidelity, MaxCycles: o.MaxCycles, Budget: o.Budget, Values: o.Values, setting: setting{clients: o.clients, compiled: o.compiled, fresh: o.fresh}}
	if leaf.Budget == 0 {
		leaf.Budget = layerBudget
	}
	return leaf
}

// runDistinct simulates layers, o.Workers at a time, and gives them by
// workload. The error is that of the earliest layer that fails.
func runDistinct(ctx context.Context, m *configs.Machine, layers []workloads.NetLayer, o Options) (map[string]*Result, error) {
	cache, leaf := o.cacheOn(m), leafOptions(o)
	results := make([]*Result, len(layers))
	po := pool.Options{Workers: max(1, o.Workers)}
	if o.Progress != nil {
		po.Progress = func(finished int) { o.Progress(float64(finished) / float64(len(layers))) }
	}
	err := pool.Each(ctx, len(layers), po, func(ctx context.Context, i int) (err error) {
		leaf := leaf
		leaf.fresh = leaf.fresh && layers[i].Count == 1 // steps find them where the last one has left them
		if results[i], err = cache.Run(ctx, layers[i].Work, leaf); err == nil {
			return nil
		}
		named := fmt.Errorf("layer %q (%s) on %s: %w", layers[i].Name, layers[i].Work.Short(), m.Name, err)
		if IsInput(err) {
			return &InputError{named}
		}
		return named
	})
	if err != nil {
		return nil, err
	}
	out := make(map[string]*Result, len(layers))
	for i, l := range layers {
		out[l.Work.Text] = results[i]
	}
	return out, nil
}

// sumPlaced adds the layers up: a row for each, however often it runs.
func sumPlaced(m *configs.Machine, w workloads.Workload, f Fidelity, layers []placedLayer) (Result, error) {
	r := newResult(m, w, f)
	r.DRAMBytes, r.WarpInsts = 0, 0
	var peak, clocks, hits, simulated float64
	limits := map[string]float64{}
	counts := map[string]int{}
	merged, leaves := map[string]Layer{}, map[string]*Result{}
	r.Layers = make([]Layer, len(layers))
	for i, l := range layers {
		leaf := l.Leaf
		one, ok := merged[l.Key]
		if !ok {
			var err error
			if one, err = merge(leaf); err != nil {
				return Result{}, err
			}
			merged[l.Key], leaves[l.Key] = one, leaf
		}
		counts[l.Key] += l.Count
		row := one.times(l.Count)
		row.Name = l.Name
		r.Layers[i] = row
		r.TimeUS += row.TimeUS
		r.TimeLoUS += float64(l.Count) * leaf.TimeLoUS
		r.TimeHiUS += float64(l.Count) * leaf.TimeHiUS
		r.DRAMBytes += row.DRAMBytes
		r.WarpInsts += row.WarpInsts
		r.written += float64(l.Count) * leaf.written
		r.clientReads += float64(l.Count) * leaf.clientReads
		r.clientWait += float64(l.Count) * leaf.clientWait
		clocks += leaf.ClockMHz * row.TimeUS
		r.PowerCapped = r.PowerCapped || leaf.PowerCapped
		limits[row.Bound] += row.TimeUS
		peak = max(peak, leaf.PeakTOPS)
		simulated += leaf.SimulatedPct * row.WarpInsts
		if !math.IsNaN(row.L2HitPct) {
			hits += row.L2HitPct * row.WarpInsts
		}
	}
	r.ClockMHz = clocks / r.TimeUS
	r.PeakTOPS = peak
	if m.GPU != nil {
		r.PeakTOPS = PeakTOPS(m.GPU, r.DType)
	}
	r.SimulatedPct, r.L2HitPct = simulated/r.WarpInsts, hits/r.WarpInsts
	r.Bound = longest(limits)
	r.ImagesPerS = float64(r.Batch) / r.TimeUS * 1e6
	texts := make([]string, 0, len(counts))
	for t := range counts {
		texts = append(texts, t)
	}
	slices.Sort(texts) // sums of floats depend on the order
	ledgers := make([]energy.Ledger, len(texts))
	for i, t := range texts {
		ledgers[i] = leaves[t].Energy.Times(counts[t])
	}
	var err error
	r.Energy, err = energy.Sum(ledgers...)
	return r, err
}

// longest names what most of the time goes to; of equals the first by name.
func longest(limits map[string]float64) string {
	best := ""
	for name, us := range limits {
		if best == "" || us > limits[best] || us == limits[best] && name < best {
			best = name
		}
	}
	return best
}

// merge makes one layer of the kernels of a call, called after the longest.
func merge(r *Result) (Layer, error) {
	out := Layer{ClockMHz: r.ClockMHz, Ops: r.Ops, Kernels: len(r.Layers), Count: 1, Bound: r.Bound, L2HitPct: r.L2HitPct, Energy: r.Energy, DRAMBytes: r.DRAMBytes, WarpInsts: r.WarpInsts, SimulatedPct: r.SimulatedPct}
	main := -1
	slots := map[string]uint64{}
	var order []string
	for i := range r.Layers {
		l := &r.Layers[i]
		out.TimeUS += l.TimeUS
		out.SpreadUS += l.SpreadUS
		for _, s := range l.Stalls {
			if _, ok := slots[s.Reason]; !ok {
				order = append(order, s.Reason)
			}
			slots[s.Reason] += s.Slots
		}
		if main < 0 || l.TimeUS > r.Layers[main].TimeUS {
			main = i
		}
	}
	if main < 0 {
		return out, errors.New("a layer without kernels")
	}
	for _, reason := range order {
		out.Stalls = append(out.Stalls, Stall{reason, slots[reason]})
	}
	l := &r.Layers[main]
	out.Kernel, out.Grid, out.CTATile, out.Waves, out.Occupancy = l.Kernel, l.Grid, l.CTATile, l.Waves, l.Occupancy
	return out, nil
}

// times is the layer run n times. What does not scale is shared.
func (l Layer) times(n int) Layer {
	if n == 1 {
		return l
	}
	f := float64(n)
	l.Count *= n
	l.Kernels *= n
	l.TimeUS *= f
	l.SpreadUS *= f
	l.Ops *= f
	l.WarpInsts *= f
	l.DRAMBytes *= f
	l.Energy = l.Energy.Times(n)
	stalls := make([]Stall, len(l.Stalls))
	for i, s := range l.Stalls {
		stalls[i] = Stall{s.Reason, s.Slots * uint64(n)}
	}
	l.Stalls = stalls
	return l
}
