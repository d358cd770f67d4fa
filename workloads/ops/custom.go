package ops

import (
	"fmt"
	"math"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// custom is a kernel of a user's formulas under construction.
type custom struct {
	w     *workloads.Custom
	r     *rowKernel
	lets  map[string]*workloads.Expr
	level map[*workloads.Expr]int // passes over the row before which a reduction is not known
	known map[*workloads.Expr]val // reductions that are done
}

// Custom builds the kernel of a user's formulas: a pass over each row for every
// reduction that needs the ones before it, and one for the output; rows of up to
// 1024 elements stay in registers.
func Custom(w *workloads.Custom, d Device) (*tile.Kernel, error) {
	u := &custom{w: w, lets: map[string]*workloads.Expr{}, level: map[*workloads.Expr]int{}, known: map[*workloads.Expr]val{}}
	for _, l := range w.Lets {
		u.lets[l.Name] = l.Expr
	}
	out := u.lets[w.Output]
	passes := u.levels(out)
	plain := passes == 0
	for _, in := range w.Inputs {
		plain = plain && in.Shape == ""
	}
	if plain {
		p := pointwise{name: w.Name, dtype: w.DType, n: w.Rows * w.Cols, out: []string{w.Output}}
		for _, in := range w.Inputs {
			p.in = append(p.in, in.Name)
		}
		p.formula = func(c *code, v []val) []val {
			named := map[string]val{}
			for i, in := range w.Inputs {
				named[in.Name] = v[i]
			}
			return []val{u.value(c, out, named)}
		}
		ks, err := p.only(d)
		return ks[0], err
	}
	if w.Cols >= 1<<24 {
		return nil, fmt.Errorf("ops: %s: rows of %d elements (allowed up to 2^24)", w.Name, w.Cols)
	}
	elem := workloads.ElemBytes(w.DType)
	if w.Cols <= longestHeld {
		u.r = newHeld(w.Name, w.Rows, w.Cols)
	} else {
		u.r = newRows(w.Name, w.Rows, w.Cols, 256, 16/elem)
	}
	r := u.r
	in := make([]source, len(w.Inputs))
	for i, t := range w.Inputs {
		switch t.Shape {
		case "row":
			in[i] = source{r.vector(t.Name, elem), w.DType}
		case "col":
			in[i] = source{r.perRow(t.Name, elem, false), w.DType}
		default:
			in[i] = source{r.matrix(t.Name, elem, false), w.DType}
		}
	}
	to := source{r.matrix(w.Output, elem, true), w.DType}
	allocate([]*tile.Kernel{r.k})
	if r.perWarp > 0 {
		for j := range r.perWarp {
			u.held(j, in, to, out, passes)
		}
	} else {
		u.long(in, to, out, passes)
	}
	return r.k, r.finish(d.Latencies)
}

// levels finds the pass after which each reduction in an expression is known, and
// gives the number of passes before the expression is.
func (u *custom) levels(e *workloads.Expr) int {
	if l, ok := u.level[e]; ok {
		return l
	}
	n := 0
	if named, ok := u.lets[e.Name]; ok && e.Name != "" {
		n = u.levels(named)
	}
	for _, a := range e.Args {
		n = max(n, u.levels(a))
	}
	if workloads.IsRowFunc(e.Func) {
		n++
	}
	u.level[e] = n
	return n
}

// reductions are those of a level.
func (u *custom) reductions(level int) (out []*workloads.Expr) {
	var visit func(e *workloads.Expr)
	seen := map[*workloads.Expr]bool{}
	visit = func(e *workloads.Expr) {
		if seen[e] {
			return
		}
		seen[e] = true
		if e.Name != "" && u.lets[e.Name] != nil {
			visit(u.lets[e.Name])
		}
		for _, a := range e.Args {
			visit(a)
		}
		if workloads.IsRowFunc(e.Func) && u.level[e] == level {
			out = append(out, e)
		}
	}
	visit(u.lets[u.w.Output])
	return out
}

// value computes an expression of inputs by name, for all elements of a thread;
// names that formulas have are computed once.
func (u *custom) value(c *code, e *workloads.Expr, named map[string]val) val {
	if v, ok := u.known[e]; ok {
		return v
	}
	if e.Name != "" {
		v, ok := named[e.Name]
		if !ok {
			v = u.value(c, u.lets[e.Name], named)
			named[e.Name] = v
		}
		return v
	}
	if e.Func == "" {
		return num(e.Number)
	}
	var a []val
	for _, x := range e.Args {
		a = append(a, u.value(c, x, named))
	}
	if f := unaryOps[e.Func]; f != nil {
		return f(c, u.plain(c, a[0]))
	}
	if f := binaryOps[e.Func]; f != nil {
		return f(c, u.plain(c, a[0]), a[1])
	}
	switch e.Func {
	case "erf":
		return c.erf(u.plain(c, a[0]))
	}
	return c.choose(c.compare(tile.CmpGT, u.plain(c, a[0]), num(0)), a[1], a[2]) // select
}

// plain puts a constant where an instruction wants a register.
func (u *custom) plain(c *code, v val) val {
	if len(v) == 1 && v[0].konst {
		return val{{reg: c.hold(v[0].bits)}}
	}
	return v
}

// how a reduction begins, and what joins two of its values.
func reductionOf(name string) (start float64, join func(c *code, a, b val) val, lanes combine) {
	if name == "rowmax" {
		return math.Inf(-1), (*code).max, maxima
	}
	return 0, (*code).add, sums
}

func (u *custom) scaled(c *code, e *workloads.Expr, v val) val {
	if e.Func == "rowmean" {
		return c.mul(v, num(1/float64(u.w.Cols)))
	}
	return v
}

// perRowAccess is that to the value of the row of a thread.
func (r *rowKernel) perRowAccess(t, j int) int16 {
	a := tile.Access{Tensor: t, Bytes: r.k.Tensors[t].Elem, RowVar: tile.VarM, ColVar: tile.VarZero, BatchFree: true,
		Row: make([]int32, r.k.Threads), Col: make([]int32, r.k.Threads)}
	if r.perWarp > 0 {
		a.Row = perThread(r.k, func(t int) int { return t/32*r.perWarp + j })
	}
	return addAccess(r.k, a)
}

// constants loads the inputs that a row has one value of.
func (u *custom) constants(in []source, j int, named map[string]val) {
	for i, t := range u.w.Inputs {
		if t.Shape == "col" {
			reg := u.r.c.regs(1)
			u.r.c.memory(tile.OpLDG, u.r.perRowAccess(in[i].tensor, j), reg)
			named[t.Name] = u.r.c.widen(in[i].dtype, reg, 1)
		}
	}
}

// held is row j that a warp holds.
func (u *custom) held(j int, in []source, to source, out *workloads.Expr, passes int) {
	r, c := u.r, u.r.c
	clear(u.known)
	named := map[string]val{}
	u.constants(in, j, named)
	for i, t := range u.w.Inputs {
		if t.Shape != "col" {
			named[t.Name] = r.hold(in[i], j)
		}
	}
	for level := 1; level <= passes; level++ {
		for _, e := range u.reductions(level) {
			start, join, lanes := reductionOf(e.Func)
			v := r.instead(r.spread(u.value(c, e.Args[0], named), r.chunks), start)
			u.known[e] = u.scaled(c, e, r.across([]val{c.one(v, join)}, 32, lanes)[0])
		}
	}
	r.release(to, j, r.spread(u.value(c, out, named), r.chunks))
}

// spread gives a value that is the same for all elements to each of them.
func (r *rowKernel) spread(v val, n int) val {
	if len(v) == n {
		return v
	}
	out := make(val, n)
	for i := range out {
		out[i] = v.at(i)
	}
	return out
}

// long walks along the row for each level of reductions, and for the output.
func (u *custom) long(in []source, to source, out *workloads.Expr, passes int) {
	r, c := u.r, u.r.c
	rows := map[string]val{}
	u.constants(in, 0, rows)
	load := func(named map[string]val) {
		var from []source
		for i, t := range u.w.Inputs {
			if t.Shape != "col" {
				from = append(from, in[i])
			}
		}
		vs := r.load(from...)
		for _, t := range u.w.Inputs {
			if v, ok := rows[t.Name]; ok {
				named[t.Name] = v
				continue
			}
			named[t.Name], vs = vs[0], vs[1:]
		}
	}
	for level := 1; level <= passes; level++ {
		es := u.reductions(level)
		acc := make([]val, len(es))
		for i, e := range es {
			start, _, _ := reductionOf(e.Func)
			acc[i] = c.fresh(r.vec)
			c.set(acc[i], num(start))
		}
		r.walk(func() {
			named := map[string]val{}
			load(named)
			for i, e := range es {
				start, join, _ := reductionOf(e.Func)
				v := r.instead(r.spread(u.value(c, e.Args[0], named), r.vec), start)
				c.set(acc[i], join(c, acc[i], v))
			}
		})
		for i, e := range es {
			_, join, lanes := reductionOf(e.Func)
			u.known[e] = u.scaled(c, e, r.together([]val{c.one(acc[i], join)}, lanes)[0])
		}
	}
	r.walk(func() {
		named := map[string]val{}
		load(named)
		r.store(to, r.spread(u.value(c, out, named), r.vec))
	})
}
