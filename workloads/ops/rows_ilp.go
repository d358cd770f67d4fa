package ops

import "gpusim/workloads/tile"

// newILPRows begins one whose loads are always as wide, as in PyTorch's ilpReduce and what
// writes results beside it: only whole steps of all threads are made so, what is left at
// the end is read an element a thread. So is, where rows are not aligned to such loads,
// their beginning, by all threads but as many as elements lie between such a place and the
// row. PyTorch leaves that out for those rows that are aligned by chance, and makes a whole
// step more in some; here all rows of a matrix are taken to need as much, so that CTAs have
// loops of one length, which sampling counts on.
func newILPRows(name string, rows, cols, threads, vec int) *rowKernel {
	step, before, most := threads*vec, 0, 0
	if cols%vec != 0 {
		before, most = threads, vec-1
	}
	trips := (cols - before) / step
	r := walked(name, rows, cols, threads, vec, trips)
	end := trips * step // of whole steps, from their beginning
	r.left = cols - before + most - end
	if before > 0 {
		r.parts = append(r.parts, part{head: true})
		s := r.c.unary(tile.OpI2F, 0, tile.I2FInt, r.c.and(r.c.row(cols), word(uint32(vec-1))))
		r.before, r.behind = r.c.sub(num(float64(before)), s), r.c.add(s, num(float64(cols-before-end)))
		place := r.k.Place
		r.k.Place = func(index int, cta *tile.CTA) {
			place(index, cta)
			from := int32(before - index*cols%vec)
			cta.Limit[tile.VarK], cta.Origin[tile.VarN] = from, from
		}
	}
	for at := 0; at < r.left; at += threads {
		r.parts = append(r.parts, part{at: end + at, behind: at})
	}
	return r
}

// part is what a row's walk leaves out, an element for each thread.
type part struct {
	head   bool // before it
	at     int  // else: elements behind its beginning
	behind int  // and behind its end
}

// others makes a pass over what walks leave of a row.
func (r *rowKernel) others(body func()) {
	vec := r.vec
	r.vec = 1
	for i := range r.parts {
		r.part = &r.parts[i]
		r.c.address(3)
		body()
	}
	r.vec, r.part = vec, nil
}

// fold combines a row's elements, or those of several matrices, into a number that all
// threads of the CTA get: add takes a step's elements into what there is, join combines.
func (r *rowKernel) fold(empty float64, from []source, add func(sum val, v []val) val, join func(c *code, a, b val) val, all combine) val {
	c := r.c
	wide := c.fresh(r.vec)
	c.set(wide, num(empty))
	r.walk(func() { c.into(wide, add(wide, r.load(from...))) })
	sum := c.one(wide, join)
	r.others(func() { sum = add(sum, r.load(from...)) })
	return r.together([]val{sum}, all)[0]
}

// rewrite writes what f makes of a row's elements.
func (r *rowKernel) rewrite(from []source, to source, f func(v []val) val) {
	step := func() { r.store(to, f(r.load(from...))) }
	r.walk(step)
	r.others(step)
}
