package ops

import (
	"math"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// pool builds the kernel of either pass of a pooling layer.
func pool(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	if l.DType == "int8" {
		return poolBytes(l, d)
	}
	if l.R == l.H && l.S == l.W && l.Pad == 0 {
		return poolAll(l, d)
	}
	if l.Pass == workloads.PassBackward {
		return poolBack(l, d)
	}
	p, q, st := l.P(), l.Q(), l.Stride
	w, err := newWindow(l.Op+"_pool_forward", l.N*l.C*p*q)
	if err != nil {
		return nil, err
	}
	in := planeOf(l, l.H, l.W)
	x := w.seen("x", l.DType, l.N*l.C*l.H*l.W, false, tile.View{
		Row: digitsOf(l, []tile.Digit{{Size: int32(p), Stride: in.h * int64(st), H: int32(st)}}, []tile.Digit{{Size: int32(q), Stride: in.w * int64(st), W: int32(st)}},
			in.c, int64(l.C*l.H*l.W)),
		Col: []tile.Digit{{Size: int32(l.S), Stride: in.w, W: 1}, {Size: int32(l.R), Stride: in.h, H: 1}},
		At:  -int64(l.Pad) * (in.h + in.w), H0: int32(-l.Pad), W0: int32(-l.Pad), H: int32(l.H), W: int32(l.W),
	}, l.R*l.S)
	out := w.flat("out", l.DType, true)
	allocate([]*tile.Kernel{w.k})
	side := 1
	if l.Layout == workloads.LayoutNHWC {
		side = l.C
	}
	w.store(out, w.pooled(l, w.load(x, l.R*l.S), side))
	return []*tile.Kernel{w.k}, w.c.finish(d.Latencies)
}

// pooled is the result of a window whose points are taps; side is the threads next to
// each other that have the same point.
func (w *window) pooled(l *workloads.Layer, taps []val, side int) val {
	c, p, q, st := w.c, l.P(), l.Q(), l.Stride
	if l.Op == "avg" { // padding counts, as frameworks have it unless told otherwise
		return c.mul(c.across(taps, (*code).add), num(1/float64(l.R*l.S)))
	}
	if l.Pad > 0 { // what lies in the padding came as 0 and must not win
		rest, _ := c.divide(w.thread, side)
		rest, col := c.divide(rest, q)
		_, row := c.divide(rest, p)
		inside := func(at val, n, size int) []val {
			f := c.fma(c.number(at), num(float64(st)), num(float64(-l.Pad)))
			out := make([]val, n)
			for i := range out {
				out[i] = c.inside(f, i, size)
			}
			return out
		}
		rows, cols := inside(row, l.R, l.H), inside(col, l.S, l.W)
		for i := range taps {
			taps[i] = c.choose(c.and(rows[i/l.S], cols[i%l.S]), taps[i], num(math.Inf(-1)))
		}
	}
	return c.across(taps, (*code).max)
}

// inside says, with 1 or 0, whether a number plus some is a place of a line of a size.
func (c *code) inside(at val, plus, size int) val {
	return c.choose(c.compare(tile.CmpGE, at, num(float64(-plus))), c.compare(tile.CmpLT, at, num(float64(size-plus))), num(0))
}

// poolAll builds the kernels of a pooling layer with one window, the whole image:
// reductions of rows or columns, however large the image is.
func poolAll(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	if l.Pass == workloads.PassBackward { // a point lies in one window, whatever the stride
		one := *l
		one.Stride = max(l.R, l.S)
		return poolBack(&one, d)
	}
	points, scale := l.H*l.W, 0.0
	if l.Op == "avg" {
		scale = 1 / float64(points)
	}
	name := l.Op + "_pool_forward"
	if l.Layout != workloads.LayoutNHWC {
		ks, err := rowReduction(name, "x", "out", l.DType, l.DType, l.N*l.C, points, l.Op == "max", scale, d)
		allocate(ks)
		return ks, err
	}
	r := columnReduction{
		in: []namedSource{{name: "x", dtype: l.DType}}, out: []string{"out"}, outType: l.DType, max: l.Op == "max", scale: scale,
		term: func(_ *code, v []val) []val { return v },
	}
	if r.max {
		r.start = math.Inf(-1)
	}
	k, err := columnKernel(name, l.N*points, l.C, l.N, r, d) // each image is a split
	ks := []*tile.Kernel{k}
	allocate(ks)
	return ks, err
}

// poolBack gathers, for each point of the input, the gradients of the windows
// that it lies in: all of them for averages, for maxima those whose maximum was
// there, which the forward pass has noted as a point of the plane. A thread's
// number counts the padding before the image, in steps of the stride, so that
// the windows follow from its digits.
func poolBack(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	p, q, st := l.P(), l.Q(), l.Stride
	height, width := ceilDiv(l.H+l.Pad, st), ceilDiv(l.W+l.Pad, st)
	w, err := newWindow(l.Op+"_pool_backward", l.N*l.C*height*st*width*st)
	if err != nil {
		return nil, err
	}
	nr, ns := ceilDiv(l.R, st), ceilDiv(l.S, st) // windows that a point may lie in
	res, img := planeOf(l, p, q), planeOf(l, l.H, l.W)
	s32 := int32(st)
	window := tile.View{
		Row: digitsOf(l, []tile.Digit{{Size: s32}, {Size: int32(height), Stride: res.h, H: 1}}, []tile.Digit{{Size: s32}, {Size: int32(width), Stride: res.w, W: 1}},
			res.c, int64(l.C*p*q)),
		Col: []tile.Digit{{Size: int32(ns), Stride: -res.w, W: -1}, {Size: int32(nr), Stride: -res.h, H: -1}},
		H:   int32(p), W: int32(q),
	}
	dy := w.seen("dy", l.DType, l.N*l.C*p*q, false, window, nr*ns)
	var arg source
	if l.Op == "max" {
		arg = w.seen("argmax", "i32", l.N*l.C*p*q, false, window, nr*ns)
	}
	out := w.seen("out", l.DType, l.N*l.C*l.H*l.W, true, tile.View{
		Row: digitsOf(l, []tile.Digit{{Size: s32, Stride: img.h, H: 1}, {Size: int32(height), Stride: img.h * int64(st), H: s32}},
			[]tile.Digit{{Size: s32, Stride: img.w, W: 1}, {Size: int32(width), Stride: img.w * int64(st), W: s32}}, img.c, int64(l.C*l.H*l.W)),
		Col: []tile.Digit{{Size: 1}}, At: -int64(l.Pad) * (img.h + img.w), H0: int32(-l.Pad), W0: int32(-l.Pad), H: int32(l.H), W: int32(l.W),
	}, 1)
	allocate([]*tile.Kernel{w.k})
	c := w.c
	rest := w.thread
	if l.Layout == workloads.LayoutNHWC {
		rest, _ = c.divide(rest, l.C)
	}
	rest, x := c.divide(rest, width*st)
	_, y := c.divide(rest, height*st)
	grad := w.load(dy, nr*ns)
	if l.Op == "max" {
		at := w.load(arg, nr*ns)
		own := c.fma(c.add(c.number(y), num(float64(-l.Pad))), num(float64(l.W)), c.add(c.number(x), num(float64(-l.Pad))))
		for i := range grad {
			grad[i] = c.choose(c.compare(tile.CmpEQ, at[i], own), grad[i], num(0))
		}
		w.store(out, c.across(grad, (*code).add))
		return []*tile.Kernel{w.k}, c.finish(d.Latencies)
	}
	// A window reaches R points from its first: of those gathered the farthest may not.
	near := func(at val, n, size int) []val {
		_, in := c.divide(at, st)
		f := c.number(in)
		out := make([]val, n)
		for i := range out {
			out[i] = c.compare(tile.CmpLT, f, num(float64(size-i*st)))
		}
		return out
	}
	rows, cols := near(y, nr, l.R), near(x, ns, l.S)
	for i := range grad {
		grad[i] = c.choose(c.and(rows[i/ns], cols[i%ns]), grad[i], num(0))
	}
	w.store(out, c.mul(c.across(grad, (*code).add), num(1/float64(l.R*l.S))))
	return []*tile.Kernel{w.k}, c.finish(d.Latencies)
}
