package report

import (
	"fmt"
	"sort"
	"strings"

	"gpusim"
	"gpusim/workloads"
)

// maxLayers is the layers of a network that are printed, those that take longest.
const maxLayers = 8

func (e *Entry) isNetwork() bool { return e.Err == nil && e.Result.ImagesPerS > 0 }

// networkLines tell of a network what fusion gains and where its time goes.
func networkLines(e *Entry) string {
	r := &e.Result
	var b strings.Builder
	kernels := 0
	for i := range r.Layers {
		kernels += r.Layers[i].Kernels
	}
	fmt.Fprintf(&b, "  %s samples a second; %d layers, %d kernels\n", human(r.ImagesPerS), len(r.Layers), kernels)
	if n := e.Naive; n != nil {
		more := 0
		for i := range n.Layers {
			more += n.Layers[i].Kernels
		}
		fmt.Fprintf(&b, "  layer by layer (fused=false): %s us, %d kernels; fusion makes it %s as fast and moves %s of the bytes to and from DRAM\n",
			human(n.TimeUS), more, ratio(n.TimeUS/r.TimeUS), percent(100*r.DRAMBytes/n.DRAMBytes)+" %")
	}
	layers := make([]*gpusim.Layer, len(r.Layers))
	for i := range r.Layers {
		layers[i] = &r.Layers[i]
	}
	sort.SliceStable(layers, func(i, j int) bool { return layers[i].TimeUS > layers[j].TimeUS })
	for i, l := range layers {
		if i == maxLayers {
			rest := 0.0
			for _, l := range layers[i:] {
				rest += l.TimeUS
			}
			fmt.Fprintf(&b, "  ... and %d more layers, %s us\n", len(layers)-i, human(rest))
			break
		}
		times := ""
		if l.Count > 1 {
			times = fmt.Sprintf(" x%d", l.Count)
		}
		fmt.Fprintf(&b, "  %5.1f %%  %s%s: %s\n", 100*l.TimeUS/r.TimeUS, l.Name, times, kernelLine(l))
	}
	return b.String()
}

// Network gives what a person reads about a network before it runs: its size,
// its memory and its layers, those that follow each other and are equal once.
func Network(n *workloads.Network) string {
	var b strings.Builder
	mib := func(v int64) string { return fmt.Sprintf("%.1f MiB", float64(v)/(1<<20)) }
	fmt.Fprintf(&b, "%s\n\n", n.String())
	fmt.Fprintf(&b, "multiply-adds of a forward pass  %d\n", n.MACs)
	fmt.Fprintf(&b, "parameters                       %d\n", n.Parameters)
	fmt.Fprintf(&b, "memory                           %s: weights %s, activations %s, gradients %s, optimizer %s\n",
		mib(n.Memory.Total()), mib(n.Memory.Weights), mib(n.Memory.Activations), mib(n.Memory.Gradients), mib(n.Memory.Optimizer))
	if len(n.Skipped) > 0 {
		fmt.Fprintf(&b, "left out                         %s\n", strings.Join(n.Skipped, ", "))
	}
	distinct := map[string]bool{}
	t := Table{Header: [][]string{{"layer", "times", "workload", "operations", "bytes"}}, Left: map[int]bool{2: true}}
	for _, l := range n.Layers {
		distinct[l.Work.Text] = true
		s := l.Work.Shape()
		t.Rows = append(t.Rows, []string{l.Name, fmt.Sprint(l.Count), s.Short(), fmt.Sprint(s.Ops()), fmt.Sprintf("%.0f", s.Bytes())})
	}
	fmt.Fprintf(&b, "layers                           %d, of which %d differ\n\n%s", len(n.Layers), len(distinct), t.String())
	return b.String()
}
