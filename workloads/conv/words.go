package conv

import (
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// words lowers a forward pass of int8 images in blocks of four channels: as
// planar, with a word for an element. Addresses are counted on, not looked up.
func (l *lowering) words(p *gemm.Problem) {
	in, out, fil := l.image(l.C, l.H, l.W), l.image(l.K, l.p, l.q), l.filters()
	p.M, p.N, p.K = l.N*l.p*l.q, l.k, l.R*l.S*l.c
	x := gemm.Seen{Bytes: l.bytes(l.N, l.C, l.H, l.W), Vec: l.block, Views: []tile.View{within(tile.View{
		Row: points(in, l.p, l.q, l.StrideH, l.StrideW),
		Col: l.around(tile.Digit{}, taps(in, l.R, l.S, l.DilH, l.DilW), l.H*l.W),
	}, in, l.H, l.W, -l.PadH, -l.PadW)}}
	f := gemm.Seen{Bytes: l.bytes(l.K, l.c, l.R, l.S), Parameter: true, Vec: l.block, Views: []tile.View{{
		Row: l.around(tile.Digit{}, flat(taps(fil, l.R, l.S, 1, 1)), l.R*l.S),
		Col: []tile.Digit{{Stride: fil.n}},
	}}}
	y := gemm.Seen{Bytes: l.bytes(l.N, l.K, l.p, l.q), Vec: 1, Views: []tile.View{{
		Row: flat(points(out, l.p, l.q, 1, 1)), Col: l.blocks(l.p * l.q),
	}}}
	w := p.Lowered
	w.A, w.B, w.C, w.Words = x, f, y, true
}
