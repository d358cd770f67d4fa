package ops

import (
	"fmt"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// Layer norm as PyTorch's vectorized_layer_norm_kernel: a CTA of 128 threads for
// each row, Welford's running mean and variance in one pass over the row, the
// result in a second.
const (
	normThreads = 128
	normEpsilon = 1e-5
)

func layerNorm(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	if l.Cols >= 1<<24 {
		return nil, fmt.Errorf("ops: layer norm of rows of %d elements (allowed up to 2^24)", l.Cols)
	}
	if l.Pass == workloads.PassBackward {
		return layerNormBack(l, d)
	}
	elem := workloads.ElemBytes(l.DType)
	r := newRows("vectorized_layer_norm_kernel", l.Rows, l.Cols, normThreads, 4)
	x := source{r.matrix("x", elem, false), l.DType}
	weight, bias := source{r.vector("weight", elem), l.DType}, source{r.vector("bias", elem), l.DType}
	out := source{r.matrix("out", elem, true), l.DType}
	mean, rstd := r.perRow("mean", 4, true), r.perRow("rstd", 4, true)
	allocate([]*tile.Kernel{r.k})
	c := r.c
	state := []val{c.fresh(1), c.fresh(1), c.fresh(1)} // mean, sum of squares, count
	for _, v := range state {
		c.set(v, num(0))
	}
	r.walk(func() {
		v := r.load(x)[0]
		inside := num(1)
		if r.cols%(normThreads*r.vec) != 0 {
			inside = c.choose(c.compare(tile.CmpLT, r.col, num(float64(r.cols))), num(1), num(0))
		}
		for i := range v {
			c.welford(state, val{v[i]}, inside)
		}
	})
	all := r.together(state, welfordPair)
	inv := c.special(tile.MUFURsq, c.fma(all[1], num(1/float64(l.Cols)), num(normEpsilon)))
	shift := c.mul(c.neg(all[0]), inv)
	r.walk(func() {
		v := r.load(x, weight, bias)
		r.store(out, c.fma(c.fma(v[0], inv, shift), v[1], v[2]))
	})
	one := func(t int) int16 { // one thread writes
		return addAccess(r.k, tile.Access{Tensor: t, Bytes: 4, RowVar: tile.VarM, ColVar: tile.VarZero,
			Row: make([]int32, r.k.Threads), Col: perThread(r.k, func(t int) int { return t }), BatchFree: true})
	}
	c.memory(tile.OpSTG, one(mean), []reg{c.inReg(all[0][0])})
	c.memory(tile.OpSTG, one(rstd), []reg{c.inReg(inv[0])})
	return []*tile.Kernel{r.k}, r.finish(d.Latencies)
}

// welford adds an element to a running mean and sum of squares. An element that
// is not inside weighs nothing.
func (c *code) welford(state []val, x, inside val) {
	mean, squares, count := state[0], state[1], state[2]
	delta := c.sub(x, mean)
	n := c.add(count, inside)
	coefficient := c.special(tile.MUFURcp, n)
	if !inside[0].konst {
		delta = c.mul(delta, inside)
		x = c.choose(inside, x, mean)
		coefficient = c.special(tile.MUFURcp, c.max(n, num(1)))
	}
	m := c.fma(delta, coefficient, mean)
	after := c.sub(x, m)
	s := c.fma(delta, after, squares)
	c.set(mean, m)
	c.set(squares, s)
	c.set(count, n)
}

// welfordPair joins two such states.
func welfordPair(c *code, a, b []val) []val {
	delta := c.sub(b[0], a[0])
	n := c.add(a[2], b[2])
	inv := c.special(tile.MUFURcp, c.max(n, num(1)))
	nb := c.mul(b[2], inv)
	mean := c.fma(delta, nb, a[0])
	s := c.fma(c.mul(c.mul(delta, delta), a[2]), nb, c.add(a[1], b[1]))
	return []val{mean, s, n}
}

// layerNormBack is two kernels: the gradient of the input by rows, in two
// passes, and those of weight and bias by columns.
func layerNormBack(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	elem := workloads.ElemBytes(l.DType)
	r := newRows("layer_norm_grad_input_kernel_vectorized", l.Rows, l.Cols, normThreads, 4)
	in := []source{{r.matrix("dy", elem, false), l.DType}, {r.matrix("x", elem, false), l.DType}, {r.vector("weight", elem), l.DType}}
	out := source{r.matrix("out", elem, true), l.DType}
	stats := []int{r.perRow("mean", 4, false), r.perRow("rstd", 4, false)}
	c := r.c
	var s []val
	for _, t := range stats {
		reg := c.regs(1)
		c.memory(tile.OpLDG, addAccess(r.k, tile.Access{Tensor: t, Bytes: 4, RowVar: tile.VarM, ColVar: tile.VarZero,
			Row: make([]int32, r.k.Threads), Col: make([]int32, r.k.Threads), BatchFree: true}), reg)
		s = append(s, val{{reg: reg[0]}})
	}
	mean, inv := s[0], s[1]
	sum1, sum2 := c.fresh(r.vec), c.fresh(r.vec)
	c.set(sum1, num(0))
	c.set(sum2, num(0))
	r.walk(func() {
		v := r.load(in...)
		g := c.mul(v[0], v[2])
		c.into(sum1, c.add(sum1, g))
		c.into(sum2, c.fma(g, c.mul(c.sub(v[1], mean), inv), sum2))
	})
	all := r.together([]val{c.one(sum1, (*code).add), c.one(sum2, (*code).add)}, sums)
	n := 1 / float64(l.Cols)
	a, b := c.mul(all[0], num(n)), c.mul(all[1], num(n))
	r.walk(func() {
		v := r.load(in...)
		hat := c.mul(c.sub(v[1], mean), inv)
		r.store(out, c.mul(c.sub(c.fma(v[0], v[2], c.neg(a)), c.mul(hat, b)), inv))
	})
	ks := []*tile.Kernel{r.k}
	if err := r.finish(d.Latencies); err != nil {
		return nil, err
	}
	w, err := columnSums("GammaBetaBackwardCUDAKernel", l.Rows, l.Cols, d, columnReduction{
		in:      []namedSource{{name: "dy", dtype: l.DType}, {name: "x", dtype: l.DType}, {name: "mean", dtype: "fp32", perRow: true}, {name: "rstd", dtype: "fp32", perRow: true}},
		out:     []string{"dweight", "dbias"},
		outType: "fp32",
		term: func(c *code, v []val) []val {
			return []val{c.mul(v[0], c.mul(c.sub(v[1], v[2]), v[3])), v[0]}
		},
	})
	if err != nil {
		return nil, err
	}
	ks = append(ks, w...)
	allocate(ks)
	return ks, nil
}
