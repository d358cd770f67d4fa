package gpusim

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"gpusim/configs"
	"gpusim/nvdla/systolic"
	"gpusim/workloads"
)

// runHosted runs a network on a machine that executes a list of operators. What it
// lacks, a host does. Layers around the products of a quantised network are computed
// in its type, as its tensors are. A tensor crosses when a layer on the other side
// reads it, and once; the network's inputs are where they are read first, and its
// outputs stay where they are computed, as for every machine.
func runHosted(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	n := w.Net
	fail := func(format string, a ...any) (Result, error) {
		return Result{}, &InputError{fmt.Errorf(format, a...)}
	}
	if !takes(m, w) {
		return fail("workload %q: %s: its array does not multiply %s (allowed: %s)", w.Short(), m.Name, n.DType, strings.Join(multiplies(m), ", "))
	}
	if n.Phase == workloads.PhaseTrain {
		return fail("workload %q: %s: %w", w.Short(), m.Name, errTraining)
	}
	as := ""
	if strings.HasPrefix(n.DType, "int") {
		as = n.DType
	}
	layers, err := splitSteps(m, n.Layers)
	if err != nil {
		return Result{}, err
	}
	why, results, err := runOwn(ctx, m, layers, as, o)
	if err != nil {
		return Result{}, err
	}
	var f *offload
	for i := range layers {
		if why[i] != "" && f == nil {
			if f, err = newOffload(ctx, m, n.DType, o); err != nil {
				return fail("workload %q: layer %q on %s: %s, and %w", w.Short(), layers[i].Name, m.Name, why[i], err)
			}
		}
	}
	placed, err := place(f, layers, why, results)
	if err != nil {
		return Result{}, err
	}
	r, err := sumPlaced(m, w, o.Fidelity, placed)
	r.PeakTOPS = arrayPeak(m, n.DType) / 1e12
	r.Fallback = &Fallback{}
	if f != nil {
		r.Fallback = f.done()
	}
	if math.IsNaN(r.ClockMHz) {
		r.ClockMHz = clockOf(m)
	}
	return r, err
}

// runOwn simulates the layers that the machine executes, and says for the others
// what it lacks: by its list, or because a layer does not fit its buffers.
func runOwn(ctx context.Context, m *configs.Machine, layers []workloads.NetLayer, as string, o Options) ([]string, []*Result, error) {
	why, results := make([]string, len(layers)), make([]*Result, len(layers))
	cache := o.cacheOn(m)
	for i, l := range layers {
		leaf := Options{Fidelity: o.Fidelity, MaxCycles: o.MaxCycles, setting: setting{as: as, alone: true}}
		if l.Work.GEMM != nil || l.Work.Conv != nil { // which have a type of their own
			leaf.as = ""
		}
		if why[i] = lacks(m, l.Work, leaf.as); why[i] != "" {
			continue
		}
		r, err := cache.Run(ctx, l.Work, leaf)
		switch {
		case IsInput(err):
			why[i] = reasonOf(err)
		case err != nil:
			return nil, nil, fmt.Errorf("layer %q (%s) on %s: %w", l.Name, l.Work.Short(), m.Name, err)
		default:
			results[i] = r
		}
		if o.Progress != nil {
			o.Progress(float64(i+1) / float64(len(layers)))
		}
	}
	return why, results, nil
}

// place lists what runs where, with what crosses between.
func place(f *offload, layers []workloads.NetLayer, why []string, results []*Result) ([]placedLayer, error) {
	var out []placedLayer
	type side struct {
		tensor int
		host   bool
	}
	there := map[side]bool{}
	for i, l := range layers {
		onHost := why[i] != ""
		if f != nil {
			cs := map[int]*crossing{}
			var times []int
			for _, r := range l.Reads {
				if r.From < 0 || (why[r.From] != "") == onHost || there[side{r.Tensor, onHost}] {
					continue
				}
				there[side{r.Tensor, onHost}] = true
				if cs[r.Times] == nil {
					cs[r.Times] = &crossing{toHost: onHost, times: r.Times}
					times = append(times, r.Times)
				}
				cs[r.Times].elements = append(cs[r.Times].elements, float64(r.Elements))
			}
			for _, t := range times {
				rows, err := f.cross(l.Name, *cs[t])
				if err != nil {
					return nil, err
				}
				out = append(out, rows...)
			}
		}
		if !onHost {
			out = append(out, placedLayer{l.Name, l.Work.Text, l.Count, results[i]})
			continue
		}
		p, err := f.execute(l, why[i])
		if err != nil {
			if IsInput(err) {
				err = &InputError{err}
			}
			return nil, err
		}
		out = append(out, p...)
	}
	return out, nil
}

// splitSteps cuts what a product cannot do to its results off it, as a layer of its
// own behind it.
func splitSteps(m *configs.Machine, layers []workloads.NetLayer) ([]workloads.NetLayer, error) {
	out := make([]workloads.NetLayer, 0, len(layers))
	giver := make([]int, len(layers)) // place of what gives a layer's results
	for i, l := range layers {
		reads := slices.Clone(l.Reads)
		for k := range reads {
			if reads[k].From >= 0 && reads[k].From < i {
				reads[k].From = giver[reads[k].From]
			}
		}
		kept, rest, err := divided(m, l.Work)
		if err != nil {
			return nil, err
		}
		l.Work, l.Reads = kept, reads
		if rest.Text != "" {
			after := workloads.NetLayer{Name: l.Name + "/steps", Work: rest, Count: l.Count}
			after.Reads = []workloads.Flow{{From: len(out), Tensor: 1<<21 + i, Elements: workloads.Outputs(kept), Times: l.Count}}
			if strings.Contains(rest.Layer.Op, "add") && len(reads) > 1 { // the tensor to add is read last
				after.Reads = append(after.Reads, reads[len(reads)-1])
				l.Reads = reads[:len(reads)-1]
			}
			out = append(out, l)
			l = after
		}
		giver[i] = len(out)
		out = append(out, l)
	}
	for i := range out { // recurrences read what comes behind them
		for k := range out[i].Reads {
			if r := &out[i].Reads[k]; r.From > i {
				r.From = giver[r.From]
			}
		}
	}
	return out, nil
}

// divided gives the part of a product that a machine executes and the steps behind
// it that it does not; an empty rest if there are none, or if the product itself is
// what it lacks.
func divided(m *configs.Machine, w workloads.Workload) (kept, rest workloads.Workload, err error) {
	var epilogue string
	var channels int
	switch {
	case w.GEMM != nil:
		epilogue, channels = w.GEMM.Epilogue, w.GEMM.M
	case w.Conv != nil:
		epilogue, channels = w.Conv.Epilogue, w.Conv.K
	}
	if epilogue == "" || lacks(m, w, "") == "" {
		return w, rest, nil
	}
	steps := strings.Split(epilogue, "+")
	with := func(n int) (workloads.Workload, error) {
		if w.GEMM != nil {
			g := *w.GEMM
			g.Epilogue = strings.Join(steps[:n], "+")
			return workloads.OfGEMM(g)
		}
		c := *w.Conv
		c.Epilogue = strings.Join(steps[:n], "+")
		return workloads.OfConv(c)
	}
	for n := len(steps) - 1; n >= 0; n-- {
		if kept, err = with(n); err != nil {
			return w, rest, err
		}
		if lacks(m, kept, "") != "" {
			continue
		}
		l := workloads.Layer{Kind: workloads.KindElementwise, Op: strings.Join(steps[n:], "+"), Size: int(workloads.Outputs(w)), DType: plainType(w.Shape().Type())}
		if workloads.HasStep(l.Op, workloads.EpilogueBias) {
			l.Channels, l.Inner = channels, 1
		}
		rest, err = workloads.OfLayer(l)
		return kept, rest, err
	}
	return w, rest, nil
}

// plainType is the type of element-wise layers around products of a type.
func plainType(dtype string) string {
	if strings.HasPrefix(dtype, "int") {
		return "fp16"
	}
	return dtype
}

func clockOf(m *configs.Machine) float64 {
	if m.NVDLA != nil {
		return float64(m.NVDLA.Clock) / 1e6
	}
	return float64(m.Systolic.Clock) / 1e6
}

// arrayPeak is the nominal peak of a machine with a fixed array, in operations a
// second.
func arrayPeak(m *configs.Machine, dtype string) float64 {
	if n := m.NVDLA; n != nil {
		peak := 2 * float64(n.AtomicC*n.AtomicK) * float64(n.Clock)
		if typeBytes(dtype) == 2 {
			peak /= 2
		}
		return peak
	}
	s := m.Systolic
	peak := 2 * float64(s.Rows*s.Cols) * float64(s.Clock)
	if s.Model == "tpu" {
		peak *= float64(s.TPU.Cores) / float64(systolic.Passes(s, dtype))
	}
	return peak
}
