package ops

import (
	"fmt"
	"math"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// batchNorm is one pass at inference; training reads the statistics first.
// Backward reads input and gradient for their sums, and again for the gradient.
// ReLU behind it, and a sum before that, take no pass of their own: where ReLU lets
// points pass is kept for the gradient, as cuDNN's fused batch norms do it.
func batchNorm(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	n, inner := l.N*l.C*l.H*l.W, l.H*l.W
	if l.Layout == workloads.LayoutNHWC {
		inner = 1
	}
	count := 1 / float64(l.N*l.H*l.W)
	p := pointwise{name: "bn_fw_inf", dtype: l.DType, n: n, channels: [2]int{l.C, inner}, in: []string{"x"}, out: []string{"out"}}
	invOf := func(c *code, variance val) val { return c.special(tile.MUFURsq, c.add(variance, num(normEpsilon))) }
	var ks []*tile.Kernel
	var err error
	relu, sum := l.Op != "", l.Op == "add+relu"
	switch {
	case l.Pass == workloads.PassBackward:
		p.name, p.in, p.vectors = "bn_bw_dx", []string{"dy", "x"}, []string{"mean", "rstd", "weight", "dbias", "dweight"}
		p.formula = func(c *code, v []val) []val {
			hat := c.mul(c.sub(v[1], v[2]), v[3])
			g := c.sub(c.sub(v[0], c.mul(v[5], num(count))), c.mul(hat, c.mul(v[6], num(count))))
			return []val{c.mul(g, c.mul(v[4], v[3]))}
		}
		if relu {
			p.behindReLU(sum)
		}
		ks, err = channelSums("bn_bw_sums", l, d, []string{"dy", "x"}, []string{"mean", "rstd"}, []string{"dbias", "dweight"}, 0, func(c *code, v []val) []val {
			dy := v[0]
			if relu {
				dy = c.choose(v[4], dy, num(0))
			}
			return []val{dy, c.mul(dy, c.mul(c.sub(v[1], v[2]), v[3]))}
		})
	case l.Phase == "train":
		p.name, p.vectors = "bn_fw_tr", []string{"mean", "square", "weight", "bias"}
		p.formula = func(c *code, v []val) []val {
			inv := c.mul(invOf(c, c.fma(c.neg(v[1]), v[1], v[2])), v[3])
			return []val{c.fma(c.sub(v[0], v[1]), inv, v[4])}
		}
		if relu {
			p.thenReLU(sum)
			p.maskOut = true
		}
		ks, err = channelSums("bn_fw_sums", l, d, []string{"x"}, nil, []string{"mean", "square"}, count, func(c *code, v []val) []val {
			return []val{v[0], c.mul(v[0], v[0])}
		})
	default:
		p.vectors = []string{"mean", "variance", "weight", "bias"}
		p.formula = func(c *code, v []val) []val {
			return []val{c.fma(c.sub(v[0], v[1]), c.mul(invOf(c, v[2]), v[3]), v[4])}
		}
		if relu {
			p.thenReLU(sum)
		}
	}
	if err != nil {
		return nil, err
	}
	k, err := p.build(d)
	ks = append(ks, k)
	allocate(ks)
	return ks, err
}

// thenReLU adds a tensor to the result, if sum says so, and takes ReLU of it.
func (p *pointwise) thenReLU(sum bool) {
	norm := p.formula
	p.name += "_relu"
	if sum {
		p.name, p.in = p.name+"_add", append(p.in, "z")
	}
	n := len(p.in)
	p.formula = func(c *code, v []val) []val {
		y := norm(c, append([]val{v[0]}, v[n:]...))[0]
		if sum {
			y = c.add(y, v[1])
		}
		out := []val{c.max(y, num(0))}
		if p.maskOut {
			out = append(out, c.compare(tile.CmpGT, y, num(0)))
		}
		return out
	}
}

// behindReLU takes the gradient that ReLU lets pass, which is also that of the tensor
// that was added.
func (p *pointwise) behindReLU(sum bool) {
	norm := p.formula
	p.name, p.maskIn = p.name+"_relu", true
	if sum {
		p.name, p.out = p.name+"_add", append(p.out, "dz")
	}
	p.formula = func(c *code, v []val) []val {
		last := len(v) - 1
		dy := c.choose(v[last], v[0], num(0))
		out := norm(c, append([]val{dy}, v[1:last]...))
		if sum {
			out = append(out, dy)
		}
		return out
	}
}

// maskTensor adds a tensor with a byte for the four elements of a thread, a bit for
// each.
func (f *flat) maskTensor(output bool) int {
	f.k.Tensors = append(f.k.Tensors, tile.Tensor{
		Name: "mask", Elem: 1, Rows: f.k.Grid[0], Cols: f.per, Bytes: int64(f.n / maskBits), Output: output,
		Views: []tile.View{{Row: []tile.Digit{{Size: math.MaxInt32, Stride: int64(f.per / maskBits)}}, Col: maskColumns}},
	})
	return len(f.k.Tensors) - 1
}

// maskBits are the elements of a byte of a mask.
const maskBits = elementVector

var maskColumns = []tile.Digit{{Size: maskBits}, {Size: math.MaxInt32, Stride: 1}}

func (f *flat) maskByte(mask int) int16 {
	return addAccess(f.k, tile.Access{Tensor: mask, Bytes: 1, RowVar: tile.VarM, ColVar: tile.VarN,
		Row: make([]int32, f.k.Threads), Col: perThread(f.k, func(t int) int { return t * f.vec }), BatchFree: true})
}

// readMask gives a number that is not 0 for each element that is set.
func (f *flat) readMask(mask int) (out val) {
	r := f.c.regs(1)
	f.c.memory(tile.OpLDG, f.maskByte(mask), r)
	for i := range f.vec {
		out = append(out, f.c.and(val{{reg: r[0]}}, word(1<<i))[0])
	}
	return out
}

// writeMask stores ones and zeros as bits.
func (f *flat) writeMask(mask int, v val) {
	bits := val{v.at(0)}
	for i := 1; i < f.vec; i++ {
		bits = f.c.or(bits, f.c.shift(tile.ShiftLeft, val{v.at(i)}, i))
	}
	f.c.memory(tile.OpSTG, f.maskByte(mask), []reg{f.c.inReg(bits[0])})
}

// channelSums reduces images to a few sums by channel: by columns of the matrix of
// points and channels in NHWC; in NCHW each plane is a row, whose sums are then
// those of a matrix of images and channels. Entries of vectors by channel go to
// the terms behind the tensors.
func channelSums(name string, l *workloads.Layer, d Device, in, vectors, out []string, scale float64, term func(c *code, v []val) []val) ([]*tile.Kernel, error) {
	r := columnReduction{out: out, outType: "fp32", scale: scale, term: term}
	for _, n := range in {
		r.in = append(r.in, namedSource{name: n, dtype: l.DType})
	}
	if l.Layout == workloads.LayoutNHWC {
		for _, n := range vectors {
			r.in = append(r.in, namedSource{name: n, dtype: "fp32", perCol: true})
		}
		if l.Op != "" && l.Pass == workloads.PassBackward {
			r.in = append(r.in, namedSource{name: "mask", bits: true})
		}
		return columnSums(name, l.N*l.H*l.W, l.C, d, r)
	}
	inner := l.H * l.W
	if inner >= 1<<24 {
		return nil, fmt.Errorf("ops: planes of %d points (allowed up to 2^24)", inner)
	}
	rk := newRows(name, l.N*l.C, inner, min(512, max(32, ceilDiv(inner, 128)*32)), 4)
	c := rk.c
	var from, stats, to []source
	elem := workloads.ElemBytes(l.DType)
	for _, n := range in {
		from = append(from, source{rk.matrix(n, elem, false), l.DType})
	}
	for _, n := range vectors {
		rk.k.Tensors = append(rk.k.Tensors, tile.Tensor{Name: n, Elem: 4, Rows: l.C, Cols: 1, RowStride: 1, Bytes: int64(4 * l.C)})
		stats = append(stats, source{len(rk.k.Tensors) - 1, "fp32"})
	}
	for _, n := range out {
		to = append(to, source{rk.perRow(n+"_planes", 4, true), "fp32"})
	}
	place, channels := rk.k.Place, l.C
	rk.k.Place = func(index int, cta *tile.CTA) {
		place(index, cta)
		cta.Origin[tile.VarSplit], cta.Limit[tile.VarSplit] = int32(index%channels), int32(channels)
	}
	var vs []val
	for _, s := range stats {
		reg := c.regs(1)
		c.memory(tile.OpLDG, addAccess(rk.k, tile.Access{Tensor: s.tensor, Bytes: 4, RowVar: tile.VarSplit, ColVar: tile.VarZero,
			Row: make([]int32, rk.k.Threads), Col: make([]int32, rk.k.Threads), BatchFree: true}), reg)
		vs = append(vs, val{{reg: reg[0]}})
	}
	acc := make([]val, len(out))
	for i := range acc {
		acc[i] = c.fresh(rk.vec)
		c.set(acc[i], num(0))
	}
	rk.walk(func() {
		v := append(rk.load(from...), vs...)
		for i, t := range term(c, v) { // beyond the row gradient and square are 0
			c.set(acc[i], c.add(acc[i], t))
		}
	})
	var parts []val
	for i := range acc {
		parts = append(parts, c.one(acc[i], (*code).add))
	}
	for i, v := range rk.together(parts, sums) {
		c.memory(tile.OpSTG, addAccess(rk.k, tile.Access{Tensor: to[i].tensor, Bytes: 4, RowVar: tile.VarM, ColVar: tile.VarZero,
			Row: make([]int32, rk.k.Threads), Col: perThread(rk.k, func(t int) int { return t }), BatchFree: true}), []reg{c.inReg(v[0])})
	}
	if err := rk.finish(d.Latencies); err != nil {
		return nil, err
	}
	r.in = nil
	for _, n := range out {
		r.in = append(r.in, namedSource{name: n + "_planes", dtype: "fp32"})
	}
	r.term = func(c *code, v []val) []val { return v }
	ks, err := columnSums(name+"_images", l.N, l.C, d, r)
	return append([]*tile.Kernel{rk.k}, ks...), err
}
