package ops

import "gpusim/workloads/tile"

// rowKernel works on the rows of matrices that lie densely in memory: a CTA
// walks along one row, or each of its warps holds a few short ones in registers.
type rowKernel struct {
	c          *code
	k          *tile.Kernel
	rows, cols int
	vec        int    // elements of a load
	perWarp    int    // rows that a warp holds; 0: a CTA has one row
	chunks     int    // loads of a row that a warp holds
	col        val    // column at which a thread works, as a number
	parts      []part // that walks leave out
	part       *part  // the one of them that is being read, nil: the row is being walked along
	left       int    // elements of a row behind whole steps, at most
	before     val    // of rows that are not aligned: elements before whole steps
	behind     val    // and behind them
	shared     int    // bytes in use
}

// longestHeld is the longest row that a warp holds in registers, as PyTorch's
// softmax does.
const longestHeld = 1024

// newRows begins a kernel in which a CTA of some threads walks along a row, in
// loads as wide as the rows' alignment allows up to 16 bytes of the widest type.
func newRows(name string, rows, cols, threads, vec int) *rowKernel {
	for vec > 1 && cols%vec != 0 {
		vec /= 2
	}
	return walked(name, rows, cols, threads, vec, ceilDiv(cols, threads*vec))
}

// walked begins a kernel in which a CTA walks along a row in so many steps.
func walked(name string, rows, cols, threads, vec, trips int) *rowKernel {
	r := &rowKernel{rows: rows, cols: cols, vec: vec}
	r.begin(name, threads, rows)
	r.k.TileM, r.k.TileN = 1, threads*vec
	r.k.Place = func(index int, cta *tile.CTA) {
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index), Trips: int32(trips)}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(index), int32(rows)
		cta.Limit[tile.VarN] = int32(cols)
	}
	return r
}

// newHeld begins a kernel whose warps hold rows in registers, four warps to a CTA.
func newHeld(name string, rows, cols int) *rowKernel {
	const warps = 4
	r := &rowKernel{rows: rows, cols: cols, vec: 1, perWarp: 1, chunks: ceilDiv(cols, 32)}
	if cols <= 128 {
		r.perWarp = 2
	}
	per := warps * r.perWarp
	r.begin(name, 32*warps, ceilDiv(rows, per))
	r.k.TileM, r.k.TileN = per, cols
	r.k.Place = func(index int, cta *tile.CTA) {
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index)}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(index*per), int32(rows)
		cta.Limit[tile.VarN] = int32(cols)
	}
	return r
}

func (r *rowKernel) begin(name string, threads, ctas int) {
	r.k = &tile.Kernel{Name: name, Grid: [3]int{ctas, 1, 1}, Threads: threads, Splits: 1, DType: "fp32", Streams: true}
	r.c = newCode(r.k)
	r.c.address(9)
	tid := r.c.register(tile.S2RThread)
	at := val{{reg: tid}}
	if r.perWarp > 0 {
		at = r.c.and(at, word(31))
	}
	at = r.c.unary(tile.OpI2F, 0, tile.I2FInt, at)
	if r.vec > 1 {
		at = r.c.mul(at, num(float64(r.vec)))
	}
	r.col = r.c.fresh(1)
	r.c.set(r.col, at)
}

// matrix adds a tensor of rows x cols, vector one of as many elements as a row,
// perRow one of an element for each row.
func (r *rowKernel) matrix(name string, bytes int, output bool) int {
	return r.tensor(name, bytes, r.rows, r.cols, int64(r.cols), output)
}
func (r *rowKernel) vector(name string, bytes int) int {
	return r.tensor(name, bytes, 1, r.cols, 0, false)
}
func (r *rowKernel) perRow(name string, bytes int, output bool) int {
	return r.tensor(name, bytes, r.rows, 1, 1, output)
}

func (r *rowKernel) tensor(name string, bytes, rows, cols int, stride int64, output bool) int {
	r.k.Tensors = append(r.k.Tensors, tile.Tensor{
		Name: name, Elem: bytes, Rows: rows, Cols: cols, RowStride: stride, ColStride: 1, Bytes: int64(rows) * int64(cols) * int64(bytes), Output: output,
	})
	return len(r.k.Tensors) - 1
}

// access is that to a thread's elements of a row in the current step of the
// loop, or of chunk i of row j that its warp holds.
func (r *rowKernel) access(t, i, j int) int16 {
	a := tile.Access{Tensor: t, Bytes: r.vec * r.k.Tensors[t].Elem, RowVar: tile.VarM, ColVar: tile.VarN, BatchFree: true}
	if r.perWarp > 0 {
		a.Row = perThread(r.k, func(t int) int { return t/32*r.perWarp + j })
		a.Col = perThread(r.k, func(t int) int { return t%32 + 32*i })
	} else {
		a.Row, a.ColStep = make([]int32, r.k.Threads), int32(r.k.Threads*r.vec)
		a.Col = perThread(r.k, func(t int) int { return t * r.vec })
		if p := r.part; p != nil {
			a.ColStep, a.Col = 0, perThread(r.k, func(t int) int { return p.at + t })
			if p.head {
				a.ColVar = tile.VarK
			}
		}
	}
	if r.k.Tensors[t].RowStride == 0 { // a vector
		a.RowVar, a.Row = tile.VarZero, make([]int32, r.k.Threads)
	}
	return addAccess(r.k, a)
}

// load gives a thread's elements of a step; the loads of several tensors leave
// before any is used.
func (r *rowKernel) load(from ...source) []val {
	regs := make([][]reg, len(from))
	for i, s := range from {
		regs[i] = r.c.regs(words(r.vec, r.k.Tensors[s.tensor].Elem))
		r.c.memory(tile.OpLDG, r.access(s.tensor, 0, 0), regs[i])
	}
	out := make([]val, len(from))
	for i, s := range from {
		out[i] = r.c.widen(s.dtype, regs[i], r.vec)
	}
	return out
}

func (r *rowKernel) store(to source, v val) {
	r.c.memory(tile.OpSTG, r.access(to.tensor, 0, 0), r.c.narrow(to.dtype, v, r.vec))
}

// hold loads row j that a warp holds, an element of each chunk for each lane.
func (r *rowKernel) hold(s source, j int) val {
	var regs [][]reg
	for i := range r.chunks {
		regs = append(regs, r.c.regs(1))
		r.c.memory(tile.OpLDG, r.access(s.tensor, i, j), regs[i])
	}
	var out val
	for i := range regs {
		out = append(out, r.c.widen(s.dtype, regs[i], 1)...)
	}
	return out
}

func (r *rowKernel) release(to source, j int, v val) {
	for i := range r.chunks {
		r.c.memory(tile.OpSTG, r.access(to.tensor, i, j), r.c.narrow(to.dtype, val{v[i]}, 1))
	}
}

// instead replaces what lies beyond the row's end, which loads give as 0.
func (r *rowKernel) instead(v val, by float64) val {
	switch step := r.k.Threads * r.vec; {
	case r.part != nil:
		end := num(float64(r.left - r.part.behind))
		switch {
		case r.part.head:
			end = r.before
		case r.behind != nil:
			end = r.c.sub(r.behind, num(float64(r.part.behind)))
		case r.left-r.part.behind >= r.k.Threads:
			return v
		}
		lane := r.c.mul(r.col, num(float64(r.k.Threads)/float64(r.k.TileN))) // r.col is that of the first step again
		return r.c.choose(r.c.compare(tile.CmpLT, lane, end), v, num(by))
	case r.perWarp > 0 && r.cols%32 == 0, r.perWarp == 0 && r.cols%step == 0, len(r.parts) > 0:
		return v
	case r.perWarp > 0: // only the last chunk is not whole
		last := len(v) - 1
		inside := r.c.compare(tile.CmpLT, r.col, num(float64(r.cols-32*last)))
		return append(v[:last:last], r.c.choose(inside, val{v[last]}, num(by))...)
	}
	inside := r.c.compare(tile.CmpLT, r.col, num(float64(r.cols)))
	return r.c.choose(inside, v, num(by))
}

// walk makes a pass along the row.
func (r *rowKernel) walk(body func()) {
	start := r.c.fresh(1)
	r.c.set(start, r.col)
	r.c.loop(func() {
		r.c.address(3)
		body()
		r.c.into(r.col, r.c.add(r.col, num(float64(r.k.Threads*r.vec))))
	})
	r.c.set(r.col, start)
}

// combine is a reduction of several values side by side: a and b stand for each.
type combine func(c *code, a, b []val) []val

// across combines values of the lanes of a warp, all of which get the result.
func (r *rowKernel) across(vs []val, lanes int, f combine) []val {
	for n := lanes / 2; n > 0; n /= 2 {
		other := make([]val, len(vs))
		for i := range vs {
			other[i] = r.c.exchange(vs[i], uint8(n))
		}
		vs = f(r.c, vs, other)
	}
	return vs
}

// together combines values of all threads of a CTA through shared memory.
func (r *rowKernel) together(vs []val, f combine) []val {
	vs = r.across(vs, 32, f)
	warps := r.k.Warps()
	if warps == 1 {
		return vs
	}
	at := r.shared
	word := func(i int, lane func(t int) int) int16 {
		return addAccess(r.k, tile.Access{Space: tile.Shared, Bytes: 4, Addr: perThread(r.k, func(t int) int { return at + 4*(i*warps+lane(t)) })})
	}
	for i, v := range vs {
		r.c.memory(tile.OpSTS, word(i, func(t int) int { return t / 32 }), []reg{r.c.inReg(v[0])})
	}
	r.shared += 4 * warps * len(vs)
	r.k.Shared = r.shared
	r.c.bare(tile.OpBAR)
	out := make([]val, len(vs))
	for i := range vs {
		reg := r.c.regs(1)
		r.c.memory(tile.OpLDS, word(i, func(t int) int { return t % warps }), reg)
		out[i] = val{{reg: reg[0]}}
	}
	return r.across(out, warps, f)
}

// one combines the elements of a value into one.
func (c *code) one(v val, f func(c *code, a, b val) val) val {
	vs := make([]val, len(v))
	for i := range v {
		vs[i] = v[i : i+1]
	}
	return c.across(vs, f)
}

// across combines values element by element into one.
func (c *code) across(vs []val, f func(c *code, a, b val) val) val {
	for len(vs) > 1 {
		half := (len(vs) + 1) / 2
		next := vs[len(vs)-half : half]
		var pairs []val
		for i := range len(vs) - half {
			pairs = append(pairs, f(c, vs[i], vs[half+i]))
		}
		vs = append(pairs, next...)
	}
	return vs[0]
}

func sums(c *code, a, b []val) []val {
	out := make([]val, len(a))
	for i := range a {
		out[i] = c.add(a[i], b[i])
	}
	return out
}

func maxima(c *code, a, b []val) []val {
	out := make([]val, len(a))
	for i := range a {
		out[i] = c.max(a[i], b[i])
	}
	return out
}

// finish completes the kernel.
func (r *rowKernel) finish(l tile.Latencies) error { return r.c.finish(l) }
