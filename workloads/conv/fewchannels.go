package conv

import (
	"fmt"

	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// ImageChannels are the channels of a point as kernels for the first layer of a
// network take them: three colours and one that is zero. Such kernels walk filter
// taps and channels as one, so that a k-tile of 32 holds eight taps and not one
// (CUTLASS calls their way through an image "fixed channels"); every vector that
// they load is a tap of its own.
const ImageChannels = 4

// LowerImage is Lower for these kernels: a forward pass of one group. Images are
// NHWC, or of int8 one block of four channels whose results come in blocks of 32.
func LowerImage(c *workloads.Conv) (gemm.Problem, error) {
	l := lowering{Conv: c, c: c.C, k: c.K, p: c.P(), q: c.Q(), block: slab, whole: 1}
	p := gemm.Problem{Batch: 1, DType: c.DType, Acc: c.Acc, Alpha: 1, Lowered: &gemm.Lowered{}}
	blocks := c.Layout == workloads.LayoutVectC
	if c.DType == "int8" {
		p.OutType = "int8"
	}
	if c.Pass != workloads.PassForward || c.Groups > 1 || c.C != ImageChannels || c.Layout == workloads.LayoutNCHW || blocks && c.K%slab > 0 {
		return p, fmt.Errorf("kernels for images take forward passes in one group, %d channels in layouts %s and %s, of the latter whole blocks of %d results", ImageChannels, workloads.LayoutNHWC, workloads.LayoutVectC, slab)
	}
	side := l
	side.block = c.C // one block is all channels
	in, out := side.image(c.C, c.H, c.W), l.image(c.K, l.p, l.q)
	w := p.Lowered
	p.M, p.N, p.K, p.TransA = c.K, c.N*l.p*l.q, c.R*c.S*c.C, true
	// Filters of int8 are put in order by the caller anyway, and begin at vectors.
	pitch, vec := p.K, vector(p.K)
	if blocks {
		vec = 16
		pitch = (p.K + vec - 1) / vec * vec
	}
	one := []tile.Digit{{Stride: 1}}
	row := one
	if blocks {
		row = l.blocks(l.p * l.q)
	}
	w.A = gemm.Seen{Bytes: l.bytes(c.K, pitch), Parameter: true, Vec: vec, Views: []tile.View{{Row: l.filterRows(w, int64(pitch)), Col: one}}}
	w.B = gemm.Seen{Bytes: l.bytes(c.N, c.C, c.H, c.W), Vec: c.C, Views: []tile.View{within(tile.View{
		Row: append([]tile.Digit{{Size: int32(c.C), Stride: 1}}, taps(in, c.R, c.S, c.DilH, c.DilW)...),
		Col: points(in, l.p, l.q, c.StrideH, c.StrideW),
	}, in, c.H, c.W, -c.PadH, -c.PadW)}}
	w.C = gemm.Seen{Bytes: l.bytes(c.N, c.K, l.p, l.q), Vec: vector(c.K), Dense: !blocks, Views: []tile.View{{
		Row: row, Col: flat(points(out, l.p, l.q, 1, 1)),
	}}}
	w.GatherB, w.Apart = true, true
	return p, p.Check()
}
