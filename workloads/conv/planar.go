package conv

import (
	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// planar lowers a convolution of NCHW images for kernels that move elements one
// by one.
func (l *lowering) planar(p *gemm.Problem) {
	w := p.Lowered
	in, out, fil := l.image(l.C, l.H, l.W), l.image(l.K, l.p, l.q), l.filters()
	x := gemm.Seen{Bytes: l.bytes(l.N, l.C, l.H, l.W), Batch: int64(l.c) * in.c, Vec: 1}
	y := gemm.Seen{Bytes: l.bytes(l.N, l.K, l.p, l.q), Batch: int64(l.k) * out.c, Vec: 1}
	f := gemm.Seen{Bytes: l.bytes(l.K, l.c, l.R, l.S), Parameter: l.Pass != workloads.PassWeight, Batch: int64(l.k) * fil.n, Vec: 1}
	channel := func(s strides) tile.Digit { return tile.Digit{Stride: s.c} }
	switch l.Pass {
	case workloads.PassForward:
		p.M, p.N, p.K = l.N*l.p*l.q, l.k, l.c*l.R*l.S
		x.Views = []tile.View{within(tile.View{
			Row: points(in, l.p, l.q, l.StrideH, l.StrideW),
			Col: append(taps(in, l.R, l.S, l.DilH, l.DilW), channel(in)),
		}, in, l.H, l.W, -l.PadH, -l.PadW)}
		f.Views = []tile.View{{Row: []tile.Digit{{Stride: 1}}, Col: []tile.Digit{{Stride: fil.n}}}}
		y.Views = []tile.View{{Row: flat(points(out, l.p, l.q, 1, 1)), Col: []tile.Digit{channel(out)}}}
		y.Vec = vector(l.p * l.q)
		w.A, w.B, w.C = x, f, y
	case workloads.PassData:
		p.N = l.c
		for _, h := range l.phases() {
			size := gemm.Phase{M: l.N * h.h * h.w, N: l.c, K: l.k * h.rs * h.ss}
			w.Phases = append(w.Phases, size)
			p.M, p.K = max(p.M, size.M), max(p.K, size.K)
			dy, df, dx := l.gradient(h, channel(out), channel(fil))
			y.Views, f.Views, x.Views = append(y.Views, dy), append(f.Views, df), append(x.Views, dx)
		}
		if l.StrideW == 1 && l.StrideH == 1 { // else neighbours are of different phases
			x.Vec = vector(l.H * l.W)
		}
		w.A, w.B, w.C = y, f, x
	default:
		p.M, p.N, p.K, p.TransA = l.c*l.R*l.S, l.k, l.N*(l.p+l.fill)*l.q, true
		x.Views = []tile.View{within(tile.View{
			Row: append(taps(in, l.R, l.S, l.DilH, l.DilW), channel(in)),
			Col: points(in, l.p+l.fill, l.q, l.StrideH, l.StrideW),
		}, in, l.H, l.W, -l.PadH, -l.PadW)}
		y.Views = []tile.View{{Row: flat(points(out, l.p, l.q, 1, 1)), Col: []tile.Digit{channel(out)}}}
		if l.fill > 0 {
			y.Views[0] = within(tile.View{Row: points(out, l.p+l.fill, l.q, 1, 1), Col: y.Views[0].Col}, out, l.p, l.q, 0, 0)
		}
		f.Views = []tile.View{{Row: []tile.Digit{{Stride: 1}}, Col: []tile.Digit{{Stride: fil.n}}}}
		f.Dense = true
		w.A, w.B, w.C = x, y, f
	}
}

// gradient gives the views of a phase of the gradient of the input: the output's
// gradient as points x taps, filters as taps x channels of the input, the
// input's gradient as points x channels. Digits of channels of the output and
// of filters complete the taps.
func (l *lowering) gradient(h phase, outChannel, filterChannel tile.Digit) (dy, f, dx tile.View) {
	in, out, fil := l.image(l.C, l.H, l.W), l.image(l.K, l.p, l.q), l.filters()
	// With strides taps are as many output points apart as they are steps of the
	// filter; without, dilation may spread them.
	tap := h.least(taps(out, h.rs, h.ss, -l.DilH, -l.DilW))
	back := h.least(flat(taps(fil, h.rs, h.ss, l.StrideH, l.StrideW)))
	if l.StrideH == 1 {
		back[1].Stride = fil.h
	}
	if l.StrideW == 1 {
		back[0].Stride = fil.w
	}
	filter := tile.Digit{Stride: fil.n} // by output channel
	if l.Layout == workloads.LayoutNHWC {
		filter.Size, filter.Least = outChannel.Size, outChannel.Least
		tap, back = l.across(outChannel, tap), l.across(filter, back)
	} else {
		tap, back = append(tap, outChannel), append(back, filter)
	}
	dy = within(tile.View{Row: points(out, h.h, h.w, 1, 1), Col: tap}, out, l.p, l.q, h.p0, h.q0)
	f = tile.View{Row: back, Col: []tile.Digit{filterChannel}, At: int64(h.r0)*fil.h + int64(h.s0)*fil.w}
	dx = tile.View{Row: flat(points(in, h.h, h.w, l.StrideH, l.StrideW)), Col: []tile.Digit{{Stride: in.c}}, At: int64(h.a)*in.h + int64(h.b)*in.w}
	if l.scatters() {
		dx = within(tile.View{Row: points(in, h.h, h.w, l.StrideH, l.StrideW), Col: dx.Col}, in, l.H, l.W, h.a, h.b)
	}
	return dy, f, dx
}

// least makes zeros of the taps that a phase walks beyond its own.
func (h *phase) least(taps []tile.Digit) []tile.Digit {
	if h.s < h.ss {
		taps[0].Least = int32(h.s)
	}
	if h.r < h.rs {
		taps[1].Least = int32(h.r)
	}
	return taps
}
