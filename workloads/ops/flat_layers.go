package ops

import (
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
	maskIn   bool     // a mask follows them, see maskTensor
	maskOut  bool     // and one comes last of the results
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
	if p.maskIn || p.maskOut {
		mask := f.maskTensor(p.maskOut)
		f.c.address(10)
		v := f.read(false, in...)
		for _, s := range vectors {
			v = append(v, f.readChannels(s, false))
		}
		if p.maskIn {
			v = append(v, f.readMask(mask))
		}
		r := p.formula(f.c, v)
		if p.maskOut {
			f.writeMask(mask, r[len(r)-1])
			r = r[:len(r)-1]
		}
		for i := range r {
			f.write(false, out[i], r[i])
		}
		return f.k, f.c.finish(d.Latencies)
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
