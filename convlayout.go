package gpusim

import (
	"fmt"
	"slices"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// turnedCall is the call of a convolution by kernels that take the other layout:
// both operands change theirs before, the result does behind, but for tensors of one
// point where the library leaves those. cuDNN does so for
// callers who keep NCHW on Tensor Cores, and for NHWC where it leaves them.
func turnedCall(m *configs.Machine, w *workloads.Conv, layout string, o Options) (call, error) {
	side := *w
	side.Layout = layout
	c, err := convCall(m, &side, o)
	if err != nil || o.Fidelity == Analytic {
		return c, err
	}
	x := image{w.N, w.C, w.H, w.W}
	y := image{w.N, w.K, w.P(), w.Q()}
	f := image{w.K, w.C / w.Groups, w.R, w.S}
	a, b, out := x, f, y // of the product's matrices
	switch w.Pass {
	case workloads.PassData:
		a, out = y, x
	case workloads.PassWeight:
		b, out = y, f
	}
	if layout == workloads.LayoutNHWC && w.Pass != workloads.PassWeight {
		a, b = b, a
	}
	i := slices.IndexFunc(c.kernels, func(k *tile.Kernel) bool { return len(k.Tensors) > 2 && k.Tensors[2].Name == "C" })
	if i < 0 {
		return call{}, fmt.Errorf("no kernel of %s has a product's tensors", c.name)
	}
	product := c.kernels[i].Tensors
	next := product[0].Base
	for _, k := range c.kernels {
		for _, t := range k.Tensors {
			next = max(next, t.Base+uint64(t.Bytes))
		}
	}
	var before, after []*tile.Kernel
	for n, of := range []image{a, b, out} {
		if of.h*of.w == 1 && !library.TurnsPoints(m.GPU) {
			continue
		}
		from, to := w.Layout, layout
		if n == 2 {
			from, to = to, from
		}
		k, err := changeLayout(m, of, from, to, w.DType)
		if err != nil {
			return call{}, err
		}
		// One of its tensors is the product's, the other lies behind all that do.
		next = (next + 2<<20 - 1) &^ (2<<20 - 1)
		if n == 2 {
			k.Tensors[0].Base, k.Tensors[1].Base = product[n].Base, next
			after = append(after, k)
		} else {
			k.Tensors[0].Base, k.Tensors[1].Base = next, product[n].Base
			before = append(before, k)
		}
		next += uint64(k.Tensors[0].Bytes)
	}
	c.kernels = slices.Concat(before, c.kernels, after)
	return c, nil
}

// reordered puts the kernel before a convolution of blocked int8 images that
// brings the filters into the order in which Tensor Cores want them: cuDNN does so
// in every call, unless the caller has done it and says so
// (cudnnSetConvolutionReorderType), which DeepBench does not and inference compilers
// do, who know the filters beforehand.
func reordered(m *configs.Machine, w *workloads.Conv, ks []*tile.Kernel) ([]*tile.Kernel, error) {
	words := (w.K + 31) / 32 * 32 * w.R * w.S * ((w.C/w.Groups + 31) / 32) * 8 // of four channels
	c, err := parsedCall(m, fmt.Sprintf("elementwise:op=copy,size=%d,dtype=fp32", words))
	if err != nil {
		return nil, err
	}
	k := c.kernels[0]
	k.Name = "reorderFilterKernel"
	next := uint64(0)
	for _, o := range ks {
		for _, t := range o.Tensors {
			next = max(next, t.Base+uint64(t.Bytes))
		}
	}
	k.Tensors[0].Base = (next + 2<<20 - 1) &^ (2<<20 - 1)
	k.Tensors[1].Base = ks[len(ks)-1].Tensors[0].Base
	return append([]*tile.Kernel{k}, ks...), nil
}

// image is the extents of a tensor of images or filters.
type image struct{ n, c, h, w int }

// changeLayout is the kernel that brings a tensor from one layout to another.
func changeLayout(m *configs.Machine, i image, from, to, dtype string) (*tile.Kernel, error) {
	if dtype == "tf32" {
		dtype = "fp32"
	}
	c, err := parsedCall(m, fmt.Sprintf("layout:n=%d,c=%d,h=%d,w=%d,from=%s,to=%s,dtype=%s", i.n, i.c, i.h, i.w, from, to, dtype))
	if err != nil {
		return nil, err
	}
	return c.kernels[0], nil
}

// parsedCall is the call of a layer that is given as text.
func parsedCall(m *configs.Machine, text string) (call, error) {
	w, err := workloads.Parse(text)
	if err != nil {
		return call{}, err
	}
	return layerCall(m, w.Layer, Options{})
}
