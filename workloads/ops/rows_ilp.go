package ops

import "gpusim/workloads/tile"

// newILPRows begins one whose loads are always as wide, as in PyTorch's ilpReduce and what
// writes results beside it: only whole steps of all threads are made so. Where rows are
// not aligned to such loads, each thread but as many as a row's beginning lies behind
// such a place takes an element before, and what is left at the end is read so as well.
func newILPRows(name string, rows, cols, threads, vec int) *rowKernel {
	step, before, most := threads*vec, 0, 0
	if cols%vec != 0 {
		before, most = threads, vec-1
	}
	trips := (cols - before) / step
	r := walked(name, rows, cols, threads, vec, trips)
	if before > 0 {
		r.parts = append(r.parts, part{head: true})
		r.shift = r.c.unary(tile.OpI2F, 0, tile.I2FInt, r.c.and(r.c.row(cols), word(uint32(vec-1))))
		place := r.k.Place
		r.k.Place = func(index int, cta *tile.CTA) {
			place(index, cta)
			first := int32(before - index*cols%vec)
			cta.Limit[tile.VarK], cta.Origin[tile.VarN] = first, first
		}
	}
	for at := trips * step; at < cols-before+most; at += threads {
		r.parts = append(r.parts, part{at: at, rest: cols - before - at})
	}
	return r
}

// part is what a row's walk leaves out, an element for each thread.
type part struct {
	head bool // before it
	at   int  // else: elements behind its beginning
	rest int  // of the row from there on, of aligned rows
}

// others makes a pass over what walks leave of a row.
func (r *rowKernel) others(body func()) {
	r.wide, r.vec = r.vec, 1
	for i := range r.parts {
		r.part = &r.parts[i]
		r.c.address(3)
		body()
	}
	r.vec, r.part = r.wide, nil
}

// fold combines a row's elements, or those of several matrices, into a number that all
// threads of the CTA get: add takes a step's elements into what there is, join combines.
func (r *rowKernel) fold(empty float64, from []source, add func(sum val, v []val) val, join func(c *code, a, b val) val, all combine) val {
	c := r.c
	wide := c.fresh(r.vec)
	c.set(wide, num(empty))
	r.walk(func() { c.into(wide, add(wide, r.load(from...))) })
	sum := c.one(wide, join)
	if len(r.parts) > 0 {
		one := c.fresh(1)
		c.set(one, sum)
		r.others(func() { c.into(one, add(one, r.load(from...))) })
		sum = one
	}
	return r.together([]val{sum}, all)[0]
}

// rewrite writes what f makes of a row's elements.
func (r *rowKernel) rewrite(from []source, to source, f func(v []val) val) {
	step := func() { r.store(to, f(r.load(from...))) }
	r.walk(step)
	r.others(step)
}
