package ops

import (
	"math"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// Bytes lie in blocks of so many channels, as Tensor Cores take them (of layout
// nchw_vect_c, workloads/conv has the same), of which a thread takes a word.
const (
	blockChannels = 32
	wordChannels  = 4
)

// poolBytes pools images of bytes: between quantised layers nothing is widened in
// memory. A thread computes a word of four channels of a point. Bytes are widened to
// fp32 as they come and rounded to bytes as they go, which of maxima changes nothing.
func poolBytes(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	const words = blockChannels / wordChannels
	blocks, p, q, st := ceilDiv(l.C, blockChannels), l.P(), l.Q(), l.Stride
	w, err := newWindow(l.Op+"_pool_int8_forward", l.N*blocks*p*q*words)
	if err != nil {
		return nil, err
	}
	line, plane := int64(blockChannels*l.W), int64(blockChannels*l.W*l.H)
	in := w.seen("x", l.DType, l.N*blocks*l.H*l.W*blockChannels, false, tile.View{
		Row: []tile.Digit{
			{Size: words, Stride: wordChannels},
			{Size: int32(q), Stride: int64(blockChannels * st), W: int32(st)}, {Size: int32(p), Stride: line * int64(st), H: int32(st)},
			{Size: math.MaxInt32, Stride: plane},
		},
		Col: []tile.Digit{{Size: int32(l.S), Stride: blockChannels, W: 1}, {Size: int32(l.R), Stride: line, H: 1}},
		At:  -int64(l.Pad) * (line + blockChannels), H0: int32(-l.Pad), W0: int32(-l.Pad), H: int32(l.H), W: int32(l.W),
	}, l.R*l.S)
	out := w.flat("out", l.DType, true)
	result := &w.k.Tensors[out.tensor]
	result.RowStride, result.Bytes = wordChannels, int64(w.n*wordChannels)
	allocate([]*tile.Kernel{w.k})
	w.store(out, w.pooled(l, w.load(in, l.R*l.S), words))
	return []*tile.Kernel{w.k}, w.c.finish(d.Latencies)
}

// bytesOf widens the four signed bytes of a word.
func (c *code) bytesOf(r reg) val {
	var out val
	for i := range wordChannels {
		out = append(out, c.unary(tile.OpI2F, 0, uint8(tile.I2FSigned+i), val{{reg: r}})...)
	}
	return out
}

// inBytes rounds four numbers to the signed bytes of a word.
func (c *code) inBytes(v val) reg {
	half := c.add(v, num(0.5)) // conversions round down
	return c.word4(c.unary(tile.OpI2I, 0, 0, c.unary(tile.OpF2I, 0, 0, half)))
}

// word4 is the lowest bytes of four registers.
func (c *code) word4(v val) reg {
	permuted := func(imm uint8, a, b operand) operand {
		in := vinst{Inst: tile.Inst{Op: tile.OpPRMT, Imm: imm}, dst: c.reg(), a: a.reg, b: b.reg, c: noReg}
		c.emit(in)
		return operand{reg: in.dst}
	}
	return permuted(tile.PRMTLow, permuted(tile.PRMTZipLow, v[0], v[1]), permuted(tile.PRMTZipLow, v[2], v[3])).reg
}
