package ops

import (
	"fmt"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// pointwise is a layer that reads some tensors of one size and writes some.
type pointwise struct {
	name     string
	in, out  []string // those of both are changed in place
	dtype    string
	n        int
	formula  func(c *code, v []val) []val
	channels [2]int   // channels and inner, where there are vectors by channel
	vectors  []string // fp32; they follow in to the formula
}

// build makes its kernel; tensors get no addresses yet.
func (p *pointwise) build(d Device) (*tile.Kernel, error) {
	f := newFlat(p.name, p.n, elementThreads, elementVector)
	elem := workloads.ElemBytes(p.dtype)
	if p.channels[0] > 0 {
		f.byChannel(p.channels[0], p.channels[1])
	}
	at := map[string]source{}
	var in, out, vectors []source
	writes := map[string]bool{}
	for _, n := range p.out {
		writes[n] = true
	}
	for _, n := range p.in {
		at[n] = source{f.tensor(n, elem, writes[n]), p.dtype}
		in = append(in, at[n])
	}
	for _, n := range p.out {
		if _, ok := at[n]; !ok {
			at[n] = source{f.tensor(n, elem, true), p.dtype}
		}
		out = append(out, at[n])
	}
	for _, n := range p.vectors {
		vectors = append(vectors, f.channelVector(n, "fp32"))
	}
	f.c.address(10)
	for _, single := range []bool{false, true} {
		if single && f.tail == 0 {
			break
		}
		v := f.read(single, in...)
		for _, s := range vectors {
			v = append(v, f.readChannels(s, single))
		}
		for i, r := range p.formula(f.c, v) {
			f.write(single, out[i], r)
		}
	}
	return f.k, f.c.finish(d.Latencies)
}

// only makes the one kernel of a layer.
func (p *pointwise) only(d Device) ([]*tile.Kernel, error) {
	k, err := p.build(d)
	allocate([]*tile.Kernel{k})
	return []*tile.Kernel{k}, err
}

// Constants of the optimizers.
const (
	learningRate = 0.01
	momentumRate = 0.9
	adamBeta1    = 0.9
	adamBeta2    = 0.999
	adamEpsilon  = 1e-8
)

// optimizer is one update of all parameters, in place, as multi-tensor kernels
// do it. Adam's bias corrections are those of a late step.
func optimizer(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	p := pointwise{name: "multi_tensor_apply_kernel<" + l.Op + ">", dtype: l.DType, n: l.Size}
	switch l.Op {
	case "sgd":
		p.in, p.out = []string{"w", "g"}, []string{"w"}
		p.formula = func(c *code, v []val) []val { return []val{c.fma(v[1], num(-learningRate), v[0])} }
	case "momentum":
		p.in, p.out = []string{"w", "g", "v"}, []string{"w", "v"}
		p.formula = func(c *code, v []val) []val {
			m := c.fma(v[2], num(momentumRate), v[1])
			return []val{c.fma(m, num(-learningRate), v[0]), m}
		}
	case "adam":
		p.in, p.out = []string{"w", "g", "m", "v"}, []string{"w", "m", "v"}
		p.formula = func(c *code, v []val) []val {
			m := c.fma(v[1], num(1-adamBeta1), c.mul(v[2], num(adamBeta1)))
			s := c.fma(c.mul(v[1], v[1]), num(1-adamBeta2), c.mul(v[3], num(adamBeta2)))
			step := c.div(m, c.add(c.sqrt(s), num(adamEpsilon)))
			return []val{c.fma(step, num(-learningRate), v[0]), m, s}
		}
	}
	return p.only(d)
}

// cell is the element-wise part of a recurrent step. The gates of the batch lie
// in matrices of their own, as products of one gate each leave them.
func cell(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	p := pointwise{name: "_" + l.Kind + "_fused", dtype: l.DType, n: l.Batch * l.Hidden}
	switch l.Kind {
	case workloads.KindLSTMCell:
		p.in, p.out = []string{"i", "f", "g", "o", "c"}, []string{"c", "h"}
		p.formula = func(c *code, v []val) []val {
			state := c.fma(c.sigmoid(v[1]), v[4], c.mul(c.sigmoid(v[0]), c.tanh(v[2])))
			return []val{state, c.mul(c.sigmoid(v[3]), c.tanh(state))}
		}
	case workloads.KindGRUCell: // the hidden state's part of n is scaled before it is added
		p.in, p.out = []string{"xr", "hr", "xz", "hz", "xn", "hn", "h"}, []string{"out"}
		p.formula = func(c *code, v []val) []val {
			r, z := c.sigmoid(c.add(v[0], v[1])), c.sigmoid(c.add(v[2], v[3]))
			n := c.tanh(c.fma(r, v[5], v[4]))
			return []val{c.fma(z, c.sub(v[6], n), n)}
		}
	case workloads.KindRNNCell:
		p.in, p.out = []string{"x", "h"}, []string{"out"}
		p.formula = func(c *code, v []val) []val { return []val{c.tanh(c.add(v[0], v[1]))} }
	}
	return p.only(d)
}

// batchNorm is one pass at inference; training reads the statistics first.
// Backward reads input and gradient for their sums, and again for the gradient.
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
	switch {
	case l.Pass == workloads.PassBackward:
		p.name, p.in, p.vectors = "bn_bw_dx", []string{"dy", "x"}, []string{"mean", "rstd", "weight", "dbias", "dweight"}
		p.formula = func(c *code, v []val) []val {
			hat := c.mul(c.sub(v[1], v[2]), v[3])
			g := c.sub(c.sub(v[0], c.mul(v[5], num(count))), c.mul(hat, c.mul(v[6], num(count))))
			return []val{c.mul(g, c.mul(v[4], v[3]))}
		}
		ks, err = channelSums("bn_bw_sums", l, d, []string{"dy", "x"}, []string{"mean", "rstd"}, []string{"dbias", "dweight"}, 0, func(c *code, v []val) []val {
			return []val{v[0], c.mul(v[0], c.mul(c.sub(v[1], v[2]), v[3]))}
		})
	case l.Phase == "train":
		p.name, p.vectors = "bn_fw_tr", []string{"mean", "square", "weight", "bias"}
		p.formula = func(c *code, v []val) []val {
			inv := c.mul(invOf(c, c.fma(c.neg(v[1]), v[1], v[2])), v[3])
			return []val{c.fma(c.sub(v[0], v[1]), inv, v[4])}
		}
		ks, err = channelSums("bn_fw_sums", l, d, []string{"x"}, nil, []string{"mean", "square"}, count, func(c *code, v []val) []val {
			return []val{v[0], c.mul(v[0], v[0])}
		})
	default:
		p.vectors = []string{"mean", "variance", "weight", "bias"}
		p.formula = func(c *code, v []val) []val {
			return []val{c.fma(c.sub(v[0], v[1]), c.mul(invOf(c, v[2]), v[3]), v[4])}
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
