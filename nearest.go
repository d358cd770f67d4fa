package gpusim

import (
	"math"
	"slices"

	"gpusim/configs"
	"gpusim/cpu"
	"gpusim/workloads"
)

// nearTypes lists for each type what stands in for it, the nearest first: types
// that hold its values, then those that come closest.
var nearTypes = map[string][]string{
	"fp64":  {"fp32"},
	"fp32":  {"tf32", "fp64", "bf16", "fp16", "int16", "int8"},
	"tf32":  {"fp32", "bf16", "fp16", "int16", "int8"},
	"bf16":  {"fp32", "fp16", "int16", "int8"},
	"fp16":  {"fp32", "bf16", "int16", "int8"},
	"fp8":   {"fp16", "bf16", "fp32", "int8"},
	"int16": {"fp32", "fp64", "tf32", "fp16", "bf16", "int8"},
	"int8":  {"int16", "fp16", "bf16", "fp32"},
	"int4":  {"int8", "int16", "fp16", "fp32"},
	"int1":  {"int4", "int8", "int16", "fp16", "fp32"},
}

// Nearest gives a workload in the type that a machine computes it in: its own, or
// the nearest that the machine has. A workload that it cannot run in any type stays.
func Nearest(m *configs.Machine, w workloads.Workload) workloads.Workload {
	s := w.Shape()
	if w.Collective != nil || takes(m, w) {
		return w
	}
	if w.Net != nil { // one kernel for attention is not for every machine
		if n, ok := w.Net.Naive(); ok && takes(m, n) {
			return n
		}
	}
	for _, t := range nearTypes[s.Type()] {
		if c, ok := retyped(w, t); ok && takes(m, c) {
			return c
		}
	}
	return w
}

// takes says whether a machine has a workload's type: for a network that of its
// products.
func takes(m *configs.Machine, w workloads.Workload) bool {
	dtype := w.Shape().Type()
	switch {
	case fixed(m):
		if w.GEMM == nil && w.Conv == nil && w.Net == nil {
			return true
		}
		return slices.Contains(multiplies(m), dtype)
	case m.CPU != nil: // single layers of most other types it computes in fp32 itself
		t, err := cpu.BaselineType(dtype)
		return err == nil && (w.Net == nil || dtype == t)
	case m.GPU != nil:
		if w.Net == nil {
			return Lacks(m, w, "") == ""
		}
		if math.IsNaN(PeakTOPS(m.GPU, dtype)) {
			return false
		}
		for _, l := range distinctLayers(w.Net) {
			if Lacks(m, l.Work, "") != "" {
				return false
			}
		}
		return true
	}
	return true
}

// retyped is a workload in another type, with the layout that libraries have for it.
func retyped(w workloads.Workload, dtype string) (workloads.Workload, bool) {
	var out workloads.Workload
	var err error
	switch {
	case w.GEMM != nil:
		g := *w.GEMM
		g.DType, g.Acc, g.Kernel = dtype, "", ""
		out, err = workloads.OfGEMM(g)
	case w.Conv != nil:
		c := *w.Conv
		c.DType, c.Acc, c.Algo = dtype, "", ""
		switch dtype {
		case "fp16", "bf16":
			c.Layout = workloads.LayoutNHWC
		case "int8":
			c.Layout = workloads.LayoutVectC
		default:
			c.Layout = workloads.LayoutNCHW
		}
		out, err = workloads.OfConv(c)
	case w.Layer != nil:
		l := *w.Layer
		l.DType = dtype
		if dtype == l.To { // a cast to the type that it has
			l.To, l.Op = "", "copy"
		}
		out, err = workloads.OfLayer(l)
	case w.Net != nil:
		n := *w.Net
		n.DType, n.Layout = dtype, ""
		out, err = workloads.OfNetwork(n)
	case w.Custom != nil:
		out, err = workloads.Parse(w.Custom.Sized(dtype))
	}
	return out, err == nil && out.Text != ""
}
