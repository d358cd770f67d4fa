package winograd

import (
	"slices"

	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

// loader is what a warp does, besides its products, to bring channels to shared
// memory. What an iteration deposits was fetched an iteration earlier; a register is
// fetched into again as soon as it is free. So does neon's xconv_winograd_2x2_3x3_32x32,
// whose order and distances these are; with loads and stores behind every second
// multiply-add it is what Yan et al. (PPoPP 2020) read in cuDNN's kernel.
type loader struct {
	fetch func(iterAdd int32) []tile.Inst // from memory to registers
	// turn deposits what has come and fetches what comes iterAdd iterations later, by the
	// multiply-adds of an iteration before which that happens.
	turn func(flip, iterAdd int32) []placed
}

// placed is an instruction that belongs before a multiply-add of the main loop.
type placed struct {
	pos  int
	inst tile.Inst
}

// order is placed instructions in their order.
func order(side []placed) []placed {
	slices.SortStableFunc(side, func(a, b placed) int { return a.pos - b.pos })
	return side
}

// imageLoader loads a patch per thread: lane for tile, warp for channel.
func (f *fused) imageLoader() loader {
	fetch := func(iterAdd int32) []tile.Inst {
		a := tile.Access{Tensor: fusedX, Bytes: 4, RowVar: varTile, IterAdd: iterAdd}
		return f.loads(a, fusedParts, func(t, e int) (row, col int32) {
			return f.at(t % fusedTiles), int32(t/fusedTiles*fusedParts + e)
		})
	}
	return loader{fetch: fetch, turn: func(flip, iterAdd int32) []placed {
		return f.transformPatch(fetch(iterAdd), func(e, r int) tile.Inst {
			a := tile.Access{Space: tile.Shared, Bytes: 4, BufferStride: 2 * fusedSide, BufferFlip: flip}
			for t := range fusedThreads {
				t %= fusedLoaders
				a.Addr = append(a.Addr, int32(e*fusedPart+4*t))
			}
			return emit.Store(tile.OpSTS, r, f.access(a))
		})
	}}
}

// transformPatch transforms a patch, columns and then rows, stores its components and
// loads the next:
//
//	d2 - d0, d1 + d2, d2 - d1, d3 - d1
//
// Rows 0 and 3 of the columns' transform stand in registers of their own, row 1 in
// those of theirs that have been stored, and row 2 in the patch's.
func (f *fused) transformPatch(load []tile.Inst, store func(e, r int) tile.Inst) (side []placed) {
	d := func(i, j int) int { return regCopy + 4*i + j }
	t := func(i int) int { return regCopy + fusedParts + i }
	minus := func(dst, a, b int) tile.Inst { return emit.Sum(dst, a, true, b) }
	plus := func(dst, a, b int) tile.Inst { return emit.Sum(dst, a, false, b) }
	at := func(pos int, code ...tile.Inst) { // all before one multiply-add
		for _, in := range code {
			side = append(side, placed{pos, in})
		}
	}
	spread := func(pos int, code ...tile.Inst) { // before every second one
		for i, in := range code {
			side = append(side, placed{pos + 2*i, in})
		}
	}
	at(32, minus(t(0), d(2, 0), d(0, 0)), minus(t(1), d(2, 1), d(0, 1)), minus(t(2), d(2, 2), d(0, 2)), minus(t(3), d(2, 3), d(0, 3)))
	spread(35, load[0:4]...)
	at(55, minus(t(4), d(3, 0), d(1, 0)), minus(t(5), d(3, 1), d(1, 1)), minus(t(6), d(3, 2), d(1, 2)), minus(t(7), d(3, 3), d(1, 3)))
	spread(57, load[12:16]...)
	at(71, minus(t(0), t(2), t(0)), minus(t(3), t(3), t(1)), minus(t(4), t(6), t(4)), minus(t(7), t(7), t(5)))
	spread(73, store(0, t(0)), store(3, t(3)), store(12, t(4)), store(15, t(7)))
	row1 := [4]int{t(0), t(3), t(4), t(7)}
	for j, r := range row1 {
		at(93, plus(r, d(1, j), d(2, j)), minus(d(2, j), d(2, j), d(1, j)))
	}
	spread(94, load[4:8]...)
	at(108, minus(row1[0], row1[2], row1[0]), minus(row1[3], row1[3], row1[1]), minus(d(2, 0), d(2, 2), d(2, 0)), minus(d(2, 3), d(2, 3), d(2, 1)))
	spread(110, store(4, row1[0]), store(8, d(2, 0)), store(7, row1[3]), store(11, d(2, 3)))
	at(136, plus(row1[0], d(2, 1), d(2, 2)), minus(row1[3], d(2, 2), d(2, 1)))
	spread(139, store(9, row1[0]), store(10, row1[3]))
	spread(143, load[8:12]...)
	at(158,
		plus(t(0), t(1), t(2)), minus(t(1), t(2), t(1)), // row 0
		plus(t(2), row1[1], row1[2]), minus(row1[1], row1[2], row1[1]),
		plus(t(4), t(5), t(6)), minus(t(5), t(6), t(5)), // row 3
	)
	spread(159, store(1, t(0)), store(2, t(1)), store(5, t(2)), store(6, row1[1]), store(13, t(4)), store(14, t(5)))
	return side
}

// filterLoader loads lines of 32 filters, eight threads each: a warp four
// components of a channel.
func (f *fused) filterLoader() loader {
	const rounds = fusedChannels
	line := func(t, round int) (component, channel int) { return t / 8 % fusedParts, round }
	fetch := func(iterAdd int32) []tile.Inst {
		a := tile.Access{Tensor: fusedU, Bytes: 16, RowVar: varFilter, IterAdd: iterAdd}
		return f.loads(a, rounds, func(t, r int) (row, col int32) {
			e, c := line(t, r)
			return int32(t % 8 * 4), int32(c*fusedParts + e)
		})
	}
	return loader{fetch: fetch, turn: func(flip, iterAdd int32) (side []placed) {
		next := fetch(iterAdd)
		for r, pos := range [rounds]int{86, 104, 150, 168} {
			a := tile.Access{Space: tile.Shared, Bytes: 16, BufferStride: 2 * fusedSide, BufferFlip: flip}
			for t := range fusedThreads {
				e, c := line(t, r)
				a.Addr = append(a.Addr, int32(fusedSide+e*fusedPart+c*4*fusedFilters+t%8*16))
			}
			side = append(side, placed{pos, emit.Store(tile.OpSTS, regCopy+4*r, f.access(a))}, placed{pos + 2, next[r]})
		}
		return side
	}}
}

// loads are n loads through accesses like a, one after another into the registers of what
// is on its way; at is the row and the element that a thread's i-th begins at.
func (f *fused) loads(a tile.Access, n int, at func(t, i int) (row, col int32)) []tile.Inst {
	a.ColVar, a.ColStep, a.BatchFree = varElement, fusedChannels*fusedParts, true
	out := make([]tile.Inst, n)
	for i := range out {
		a.Row, a.Col = make([]int32, fusedThreads), make([]int32, fusedThreads)
		for t := range fusedThreads {
			a.Row[t], a.Col[t] = at(t, i)
		}
		out[i] = emit.Load(tile.OpLDG, regCopy+i*a.Bytes/4, f.access(a))
	}
	return out
}

// access adds an address generator to the kernel.
func (f *fused) access(a tile.Access) int16 { return (&emit.Emitter{K: f.k}).Access(a) }

// owner is the component of a thread, and where its tiles and filters
// begin: four from there on and four from 16 further.
func owner(t int) (component, tiles, filters int) {
	lane := t % 16
	return t / 16, lane % 4 * 4, lane / 4 * 4
}

// fragments loads the tiles' and the filters' factors of channel c.
func (f *fused) fragments(c int, flip int32) []tile.Inst {
	var out []tile.Inst
	for n := range 4 {
		a := tile.Access{Space: tile.Shared, Bytes: 16, BufferStride: 2 * fusedSide, BufferFlip: flip}
		for t := range fusedThreads {
			e, at, filter := owner(t)
			base := e*fusedPart + c*4*fusedTiles
			if n >= 2 {
				base, at = base+fusedSide, filter
			}
			a.Addr = append(a.Addr, int32(base+4*(at+n%2*16)))
		}
		out = append(out, emit.Load(tile.OpLDS, fragment(c, n*4), f.access(a)))
	}
	return out
}

// fragment is the register of factor i of channel c: 0 to 7 tiles, then filters.
func fragment(c, i int) int { return regFragment + c%2*16 + i }

// accumulator is the register of tile i and filter j of a thread, so that FFMA
// never finds its operands in one register bank, as in package gemm.
func accumulator(i, j int) int { return i*8 + j ^ 1 }

// products are the multiply-adds of a channel, boustrophedon, so that successive
// ones share a factor.
func (f *fused) products(c int) []tile.Inst {
	var out []tile.Inst
	for i := range 8 {
		for n := range 8 {
			j := n
			if i&1 != 0 {
				j = 7 - n
			}
			acc := accumulator(i, j)
			out = append(out, emit.Ins(tile.OpFFMA, acc, fragment(c, 8+j), fragment(c, i), acc))
		}
	}
	return out
}

// program is that of a role: addresses, the first channels, the main loop and the
// epilogue.
func (f *fused) program(l loader) *tile.Program {
	var begin []tile.Inst
	for i := range 4 {
		begin = append(begin, emit.Ins(tile.OpS2R, regAddress+i, tile.RZ, tile.RZ, tile.RZ))
	}
	// Indices of the CTA and of the thread in tiles, rows, columns; a predicate for
	// each row and column of the patch.
	for i := range 48 {
		begin = append(begin, emit.Integer([...]tile.Op{tile.OpIMAD, tile.OpLOP, tile.OpIADD, tile.OpISETP, tile.OpIMAD}[i%5], regAddress+i%fusedAddress))
	}
	begin = append(begin, l.fetch(0)...)
	for r := range regFragment {
		begin = append(begin, emit.Move(r, tile.RZ))
	}
	for _, p := range order(l.turn(0, 1)) {
		begin = append(begin, p.inst)
	}
	begin = append(begin, emit.Bare(tile.OpBAR))
	begin = append(begin, f.fragments(0, 0)...)
	return &tile.Program{Segments: []tile.Segment{{Code: begin}, {Code: f.loop(l), Loop: true}, {Code: f.epilogue()}}}
}

// loop is one iteration: the products of four channels, and between them
// everything else.
func (f *fused) loop(l loader) []tile.Inst {
	const per = 64
	side := l.turn(1, 2)
	for i := range side {
		side[i].inst.Guard = tile.GuardMore
	}
	put := func(list []tile.Inst, from, to int) { // multiply-adds
		for i, in := range list {
			side = append(side, placed{from + (to-from)*i/len(list), in})
		}
	}
	const bar = 3*per - 2 // behind the last fragments of this buffer
	// The pointers of images and filters move on, 64 bits each; the loop's counter, its
	// predicates, and the toggles of the buffers.
	r := regAddress
	put([]tile.Inst{
		emit.Integer(tile.OpIADD, r), emit.Integer(tile.OpIADD, r+1), emit.Integer(tile.OpIADD, r+2), emit.Integer(tile.OpIADD, r+3), emit.Integer(tile.OpISETP, r+4),
		emit.Integer(tile.OpLOP, r+5), emit.Integer(tile.OpLOP, r+6), emit.Integer(tile.OpLOP, r+7), emit.Integer(tile.OpIADD, r+4), emit.Integer(tile.OpISETP, r+4),
	}, bar, 4*per)
	for c := range fusedChannels {
		put(f.fragments((c+1)%fusedChannels, int32((c+1)/fusedChannels)), c*per, c*per+8)
	}
	side = order(append(side, placed{bar, emit.Bare(tile.OpBAR)}))
	var code []tile.Inst
	at := 0
	for c := range fusedChannels {
		for i, in := range f.products(c) {
			for at < len(side) && side[at].pos <= c*per+i {
				code = append(code, side[at].inst)
				at++
			}
			code = append(code, in)
		}
	}
	return append(code, emit.Bare(tile.OpBRA))
}

// epilogue adds up a tile's components. In each of four rounds the threads stage
// eight filters, two of each; then each thread takes the components of one
// tile of one of them, transforms them and stores the outputs.
func (f *fused) epilogue() []tile.Inst {
	const staged = 16                                      // registers of what a thread stages
	e := &emit.Emitter{K: f.k, Next: regFragment + staged} // the main loop's other registers are free
	var addr []int
	for i := range fusedAddress {
		addr = append(addr, regAddress+i)
	}
	e.Integers(addr, 24)
	for round := range fusedFilters / stageFilters {
		e.Add(emit.Bare(tile.OpBAR))
		for half := range 2 {
			for v := range 2 { // tiles
				a := tile.Access{Space: tile.Shared, Bytes: 16}
				for t := range fusedThreads {
					c, tiles, filter := owner(t)
					a.Addr = append(a.Addr, int32(4*(c*stageFilters*stagePitch+(half*4+filter/4)*stagePitch+tiles+16*v)))
				}
				base := regFragment + 4*(half*2+v)
				for i := range 4 {
					e.Add(emit.Move(base+i, accumulator(4*v+i, 2*round+half)))
				}
				e.Add(emit.Store(tile.OpSTS, base, e.Access(a)))
			}
		}
		e.Add(emit.Bare(tile.OpBAR))
		src := make([][]int, 4)
		for i := range fusedParts {
			a := tile.Access{Space: tile.Shared, Bytes: 4}
			for t := range fusedThreads {
				a.Addr = append(a.Addr, int32(4*(i*stageFilters*stagePitch+t/32*stagePitch+t%32)))
			}
			r := e.Reg()
			e.Add(emit.Load(tile.OpLDS, r, e.Access(a)))
			src[i/4] = append(src[i/4], r)
		}
		e.Integers(addr, 3)
		both(e, f23.at, src, func(i int, row []int) {
			for j, r := range row {
				e.Add(emit.Alpha(r, r), emit.Store(tile.OpSTG, r, e.Access(f.output(round, 2*i+j))))
			}
		})
	}
	e.Add(emit.Bare(tile.OpEXIT))
	return e.Code
}

// output is the access that stores output o of the tiles in a round.
func (f *fused) output(round, o int) tile.Access {
	a := tile.Access{Tensor: fusedY, Bytes: 4, RowVar: varTile, ColVar: varOutput, BatchFree: true}
	for t := range fusedThreads {
		// Filter j of a thread's eight is number j%4 of the four that begin at 16*(j/4)
		// plus its own; a round stages j = 2*round and the next.
		staged := t / 32
		j := 2*round + staged/4
		filter := staged%4*4 + j%4 + j/4*16
		a.Row = append(a.Row, f.at(t%fusedTiles))
		a.Col = append(a.Col, int32(4*filter+o))
	}
	return a
}
