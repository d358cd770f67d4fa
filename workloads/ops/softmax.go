package ops

import (
	"fmt"
	"math"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// softmaxThreads is the CTA of a long row: PyTorch keeps half of a row's
// vectors for each thread, up to 512 threads.
func softmaxThreads(cols, vec int) int {
	most, n := min(cols/vec, 1024)/2, 32
	for n < most {
		n *= 2
	}
	return n
}

// softmax builds the kernel of either pass.
func softmax(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	if l.Cols >= 1<<24 {
		return nil, fmt.Errorf("ops: softmax of rows of %d elements (allowed up to 2^24)", l.Cols)
	}
	var r *rowKernel
	name := map[string]string{"fwd": "Forward", "bwd": "Backward"}[l.Pass]
	elem := workloads.ElemBytes(l.DType)
	if l.Cols <= longestHeld {
		r = newHeld("softmax_warp_"+l.Pass, l.Rows, l.Cols)
	} else {
		vec := 16 / elem
		r = newILPRows("cunn_SoftMax"+name, l.Rows, l.Cols, softmaxThreads(l.Cols, vec), vec)
	}
	backward := l.Pass == workloads.PassBackward
	var in []source
	for _, n := range map[bool][]string{false: {"x"}, true: {"dy", "y"}}[backward] {
		in = append(in, source{r.matrix(n, elem, false), l.DType})
	}
	out := source{r.matrix("out", elem, true), l.DType}
	allocate([]*tile.Kernel{r.k})
	switch {
	case r.perWarp > 0:
		for j := range r.perWarp {
			r.softmaxHeld(j, in, out, backward)
		}
	case backward:
		r.softmaxBack(in, out)
	default:
		r.softmaxLong(in[0], out)
	}
	return []*tile.Kernel{r.k}, r.finish(d.Latencies)
}

// softmaxHeld is that of row j that a warp holds.
func (r *rowKernel) softmaxHeld(j int, in []source, out source, backward bool) {
	c := r.c
	if backward {
		dy, y := r.hold(in[0], j), r.hold(in[1], j)
		s := r.across([]val{c.one(c.mul(dy, y), (*code).add)}, 32, sums)[0]
		r.release(out, j, c.mul(c.sub(dy, s), y))
		return
	}
	x := r.instead(r.hold(in[0], j), math.Inf(-1))
	m := r.across([]val{c.one(x, (*code).max)}, 32, maxima)[0]
	e := c.exp(c.sub(x, m))
	e = r.instead(e, 0)
	s := r.across([]val{c.one(e, (*code).add)}, 32, sums)[0]
	r.release(out, j, c.div(e, s))
}

// softmaxLong makes three passes: the maximum, the sum, and the quotients.
func (r *rowKernel) softmaxLong(in, out source) {
	c, x := r.c, []source{in}
	top := r.fold(math.Inf(-1), x, func(m val, v []val) val { return c.max(m, r.instead(v[0], math.Inf(-1))) }, (*code).max, maxima)
	sum := r.fold(0, x, func(s val, v []val) val { return c.add(s, r.instead(c.exp(c.sub(v[0], top)), 0)) }, (*code).add, sums)
	r.rewrite(x, out, func(v []val) val { return c.div(c.exp(c.sub(v[0], top)), sum) })
}

// softmaxBack makes two passes: the product of gradient and result, and the
// gradient.
func (r *rowKernel) softmaxBack(in []source, out source) {
	c := r.c
	sum := r.fold(0, in, func(s val, v []val) val { return c.fma(v[0], v[1], s) }, (*code).add, sums)
	r.rewrite(in, out, func(v []val) val { return c.mul(c.sub(v[0], sum), v[1]) })
}
