package tile

// LineGen turns accesses into the lines and sectors they touch. All SMs of a
// simulation share one, but no two simulations do: kernels are immutable, its
// patterns are filled in as they are met.
type LineGen struct {
	k     *Kernel
	warps int
	cache [][]pattern // per access*warps+warp: by address of the first lane modulo a line

	runs   [][]run // per access*warps+warp of tensors with views, see runsOf
	latest latest

	addr     [32]uint64 // of the active lanes of the latest instruction
	row, col cursor     // through the view of its tensor
}

// pattern is what a warp instruction with all lanes active touches, relative
// to the line of its first lane.
type pattern struct {
	known  bool
	passes uint8
	lines  []patternLine
}

type patternLine struct {
	delta   int64
	sectors uint8
}

const lineBytes, sectorBytes = 128, 32

// NewLineGen makes a generator for one kernel.
func NewLineGen(k *Kernel) *LineGen {
	n := len(k.Accesses) * k.Warps()
	return &LineGen{k: k, warps: k.Warps(), cache: make([][]pattern, n), runs: make([][]run, n)}
}

// latest is the latest instruction that lines were asked for.
type latest struct {
	acc    *Access // nil where passes is known
	cta    *CTA
	warp   int
	iter   int32
	passes int
}

// Passes is, of the latest instruction, the most words that one of 32 banks of a data
// array delivers to it. Few ask: where L1 misses, banks do not count.
func (g *LineGen) Passes() int {
	if l := &g.latest; l.acc != nil {
		l.passes, l.acc = int(conflicts(g.lanes(l.acc, l.cta, l.warp, l.iter), l.acc.Bytes)), nil
	}
	return g.latest.passes
}

// LaneAddr is the device address that a thread of a CTA touches in a
// main-loop iteration, and whether it touches anything.
func LaneAddr(k *Kernel, acc *Access, c *CTA, thread int, iter int32) (addr uint64, active bool) {
	t := &k.Tensors[acc.Tensor]
	iter += acc.IterAdd
	row := c.Origin[acc.RowVar] + acc.row(iter) + acc.Row[thread]
	col := c.Origin[acc.ColVar] + iter*acc.ColStep + acc.Col[thread]
	if row >= limit(t.Rows, c, acc.RowVar) || col >= limit(t.Cols, c, acc.ColVar) {
		return 0, false
	}
	off := int64(row)*t.RowStride + int64(col)*t.ColStride
	if len(t.Views) > 0 {
		if off, active = t.view(c).Element(row, col); !active {
			return 0, false
		}
	}
	if !acc.BatchFree {
		off += int64(c.Batch) * t.BatchStride
	}
	return t.Base + uint64(off*int64(t.Elem)), true
}

// row is the part of an access's row that follows from the iteration.
func (a *Access) row(iter int32) int32 {
	if a.Gather == nil {
		return iter * a.RowStep
	}
	return a.Gather[iter%int32(len(a.Gather))]
}

func limit(extent int, c *CTA, v Var) int32 {
	if v == VarZero {
		return int32(extent)
	}
	return c.Limit[v]
}

// Lines appends what a warp instruction touches to out, in the order of its
// lanes.
func (g *LineGen) Lines(access int, c *CTA, warp int, iter int32, out []Line) []Line {
	acc := &g.k.Accesses[access]
	if len(g.k.Tensors[acc.Tensor].Views) > 0 {
		g.latest = latest{acc: acc, cta: c, warp: warp, iter: iter}
		return g.viewed(access, c, warp, iter, out)
	}
	if g.inside(acc, c, warp, iter) {
		first, _ := LaneAddr(g.k, acc, c, warp*32, iter)
		at := access*g.warps + warp
		if g.cache[at] == nil {
			g.cache[at] = make([]pattern, lineBytes)
		}
		p := &g.cache[at][first%lineBytes]
		base := first &^ (lineBytes - 1)
		if !p.known {
			p.known = true
			addr := g.lanes(acc, c, warp, iter)
			for _, l := range touched(addr, acc.Bytes, nil) {
				p.lines = append(p.lines, patternLine{int64(l.Addr - base), l.Sectors})
			}
			p.passes = conflicts(addr, acc.Bytes)
		}
		g.latest = latest{passes: int(p.passes)}
		for i := range p.lines {
			out = append(out, Line{base + uint64(p.lines[i].delta), p.lines[i].sectors})
		}
		return out
	}
	g.latest = latest{passes: 1} // ragged edges are not looked at more closely
	return touched(g.lanes(acc, c, warp, iter), acc.Bytes, out)
}

// lanes gives the addresses of an access's active lanes, as LaneAddr has them.
func (g *LineGen) lanes(acc *Access, c *CTA, warp int, iter int32) []uint64 {
	t := &g.k.Tensors[acc.Tensor]
	iter += acc.IterAdd
	row0, col0 := c.Origin[acc.RowVar]+acc.row(iter), c.Origin[acc.ColVar]+iter*acc.ColStep
	rows, cols := limit(t.Rows, c, acc.RowVar), limit(t.Cols, c, acc.ColVar)
	batch := int64(0)
	if !acc.BatchFree {
		batch = int64(c.Batch) * t.BatchStride
	}
	var v *View
	if len(t.Views) > 0 {
		v = t.view(c)
	}
	n := 0
	for lane := range 32 {
		row, col := row0+acc.Row[warp*32+lane], col0+acc.Col[warp*32+lane]
		if row >= rows || col >= cols {
			continue
		}
		off := int64(row)*t.RowStride + int64(col)*t.ColStride
		if v != nil {
			var ok bool
			if off, ok = v.join(g.row.at(v.Row, row), g.col.at(v.Col, col)); !ok {
				continue
			}
		}
		g.addr[n] = t.Base + uint64((off+batch)*int64(t.Elem))
		n++
	}
	return g.addr[:n]
}

// conflicts counts the passes of the lanes of an access through data banks of 32
// bits, as if it were shared memory.
func conflicts(lanes []uint64, bytes int) uint8 {
	var addr [32]int32
	for i, a := range lanes {
		addr[i] = int32(a & (1<<30 - 1))
	}
	n, _ := passes(addr[:len(lanes)], bytes, 32)
	return n
}

// inside says whether all lanes of the warp are within the limits.
func (g *LineGen) inside(acc *Access, c *CTA, warp int, iter int32) bool {
	t := &g.k.Tensors[acc.Tensor]
	iter += acc.IterAdd
	row := limit(t.Rows, c, acc.RowVar) - c.Origin[acc.RowVar] - acc.row(iter)
	col := limit(t.Cols, c, acc.ColVar) - c.Origin[acc.ColVar] - iter*acc.ColStep
	b := &acc.bounds[warp]
	return b.row < row && b.col < col
}

// touched appends the lines and sectors of lanes that each touch some bytes.
func touched(lanes []uint64, bytes int, out []Line) []Line {
	begin := len(out)
	for _, a := range lanes {
		out = span(a, bytes, out, begin)
	}
	return out
}

// span appends the lines and sectors of some bytes to those from begin on.
func span(a uint64, bytes int, out []Line, begin int) []Line {
	end := a + uint64(bytes) - 1
	for s := a / sectorBytes; s <= end/sectorBytes; s++ {
		addr, bit := s*sectorBytes&^(lineBytes-1), uint8(1)<<(s%(lineBytes/sectorBytes))
		i := len(out) - 1
		for ; i >= begin && out[i].Addr != addr; i-- {
		}
		if i >= begin {
			out[i].Sectors |= bit
		} else {
			out = append(out, Line{addr, bit})
		}
	}
	return out
}

// bound is the largest row and column offset among a warp's lanes.
type bound struct{ row, col int32 }

func (a *Access) findBounds(warps int) {
	a.bounds = make([]bound, warps)
	for w := range a.bounds {
		b := bound{a.Row[w*32], a.Col[w*32]}
		for l := 1; l < 32; l++ {
			b.row = max(b.row, a.Row[w*32+l])
			b.col = max(b.col, a.Col[w*32+l])
		}
		a.bounds[w] = b
	}
}
