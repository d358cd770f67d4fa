package conv

import (
	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// interleaved lowers a convolution of NHWC images for kernels that move vectors
// of channels: the product is that of planar, transposed.
func (l *lowering) interleaved(p *gemm.Problem) {
	w := p.Lowered
	in, out, fil := l.image(l.C, l.H, l.W), l.image(l.K, l.p, l.q), l.filters()
	x := gemm.Seen{Bytes: l.bytes(l.N, l.C, l.H, l.W), Batch: int64(l.c), Vec: vector(l.c, l.C)}
	y := gemm.Seen{Bytes: l.bytes(l.N, l.K, l.p, l.q), Batch: int64(l.k), Vec: vector(l.k, l.K)}
	f := gemm.Seen{Bytes: l.bytes(l.K, l.c, l.R, l.S), Parameter: l.Pass != workloads.PassWeight, Batch: int64(l.k) * fil.n, Vec: vector(l.c, l.c)}
	cs, ks := padded(l.c, slab), padded(l.k, slab)
	one := []tile.Digit{{Stride: 1}}
	switch l.Pass {
	case workloads.PassForward:
		p.M, p.N, p.K, p.TransA = l.k, l.N*l.p*l.q, l.R*l.S*int(cs.Size), true
		if l.Layout == workloads.LayoutVectC {
			p.K = l.R * l.S * l.c
			one = l.blocks(l.p * l.q)
		}
		f.Views = []tile.View{{Row: l.filterRows(w, fil.n), Col: l.around(cs, flat(taps(fil, l.R, l.S, 1, 1)), l.R*l.S)}}
		x.Views = []tile.View{within(tile.View{
			Row: l.around(cs, taps(in, l.R, l.S, l.DilH, l.DilW), l.H*l.W),
			Col: points(in, l.p, l.q, l.StrideH, l.StrideW),
		}, in, l.H, l.W, -l.PadH, -l.PadW)}
		y.Views, y.Dense = []tile.View{{Row: one, Col: flat(points(out, l.p, l.q, 1, 1))}}, l.Groups == 1
		w.A, w.B, w.C, w.GatherB = f, x, y, true
	case workloads.PassData:
		p.M = l.c
		for _, h := range l.phases() {
			size := gemm.Phase{M: l.c, N: l.N * h.h * h.w, K: h.rs * h.ss * int(ks.Size)}
			w.Phases = append(w.Phases, size)
			p.N, p.K = max(p.N, size.N), max(p.K, size.K)
			dy, df, dx := l.gradient(h, ks, tile.Digit{Stride: 1})
			y.Views, f.Views, x.Views = append(y.Views, turn(dy)), append(f.Views, turn(df)), append(x.Views, turn(dx))
		}
		x.Dense = len(w.Phases) == 1 && l.Groups == 1
		w.A, w.B, w.C, w.GatherB = f, y, x, true
	default:
		rows := padded(l.c, l.whole)
		p.M, p.N, p.K, p.TransB = l.R*l.S*int(rows.Size), l.k, l.N*l.p*l.q, true
		x.Views = []tile.View{within(tile.View{
			Row: append([]tile.Digit{rows}, taps(in, l.R, l.S, l.DilH, l.DilW)...),
			Col: points(in, l.p, l.q, l.StrideH, l.StrideW),
		}, in, l.H, l.W, -l.PadH, -l.PadW)}
		y.Views = []tile.View{{Row: flat(points(out, l.p, l.q, 1, 1)), Col: one}}
		if f.Dense = true; rows.Least > 0 {
			one = append([]tile.Digit{rows}, flat(taps(fil, l.R, l.S, 1, 1))...)
		}
		f.Views = []tile.View{{Row: one, Col: []tile.Digit{{Stride: fil.n}}}}
		w.A, w.B, w.C = x, y, f
	}
}

// filterRows are the digits of filters that lie stride elements apart: of blocked layouts
// in the order in which cuDNN or an inference compiler has put them before.
func (l *lowering) filterRows(w *gemm.Lowered, stride int64) []tile.Digit {
	if w.Reordered = l.Layout == workloads.LayoutVectC; w.Reordered {
		return gemm.Reorder(stride)
	}
	return []tile.Digit{{Stride: stride}}
}

// around puts the digits of channels around those of taps: whole slabs of them
// before, or a block before and the blocks, each of so many points, behind.
func (l *lowering) around(channels tile.Digit, taps []tile.Digit, points int) []tile.Digit {
	if l.Layout == workloads.LayoutVectC {
		b := l.blocks(points)
		return append(append(b[:1:1], taps...), b[1])
	}
	return l.across(channels, taps)
}

// across puts the channels before the digits of taps, or a slab of them before and
// the slabs behind, if there are whole ones.
func (l *lowering) across(channels tile.Digit, taps []tile.Digit) []tile.Digit {
	if !l.near || channels.Least > 0 || int(channels.Size) <= slab {
		return append([]tile.Digit{channels}, taps...)
	}
	inner := tile.Digit{Size: slab, Stride: channels.Stride}
	return append(append([]tile.Digit{inner}, taps...), tile.Digit{Stride: slab * channels.Stride})
}

// blocks are the digits of channels in blocks that hold so many points.
func (l *lowering) blocks(points int) []tile.Digit {
	return []tile.Digit{{Size: int32(l.block), Stride: 1}, {Stride: int64(l.block * points)}}
}

// padded is the digit of some channels, filled up to whole slabs.
func padded(channels, slab int) tile.Digit {
	d := tile.Digit{Size: int32((channels + slab - 1) / slab * slab), Stride: 1}
	if int(d.Size) > channels {
		d.Least = int32(channels)
	}
	return d
}

// turn exchanges rows and columns.
func turn(v tile.View) tile.View {
	v.Row, v.Col = v.Col, v.Row
	return v
}

// vector is the channels that lie side by side from a multiple of as many on.
func vector(sizes ...int) int {
	v := 16
	for _, n := range sizes {
		for n%v != 0 {
			v /= 2
		}
	}
	return v
}
