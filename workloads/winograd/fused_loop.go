package winograd

import (
	"slices"

	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

// loader is what a warp does, besides its products, to bring the next channels to
// shared memory.
type loader struct {
	fetch   func(iterAdd int32) []tile.Inst // from memory to registers
	convert func() []tile.Inst              // in registers
	deposit func(flip int32) []tile.Inst    // from there to shared memory
}

// imageLoader loads a patch per thread: lane for tile, warp for channel.
func (f *fused) imageLoader() loader {
	return loader{
		fetch: func(iterAdd int32) []tile.Inst {
			var out []tile.Inst
			for e := range fusedParts {
				a := tile.Access{
					Tensor: fusedX, Bytes: 4, RowVar: varTile, ColVar: varElement, ColStep: fusedChannels * fusedParts, IterAdd: iterAdd, BatchFree: true,
				}
				for t := range fusedThreads {
					a.Row = append(a.Row, f.at(t%fusedTiles))
					a.Col = append(a.Col, int32(t/fusedTiles*fusedParts+e))
				}
				out = append(out, emit.Load(tile.OpLDG, regCopy+e, f.access(a)))
			}
			return out
		},
		convert: f.transformPatch,
		deposit: func(flip int32) []tile.Inst {
			var out []tile.Inst
			for e := range fusedParts {
				a := tile.Access{Space: tile.Shared, Bytes: 4, BufferStride: 2 * fusedSide, BufferFlip: flip}
				for t := range fusedThreads {
					t %= fusedLoaders
					a.Addr = append(a.Addr, int32(e*fusedPart+4*t))
				}
				out = append(out, emit.Store(tile.OpSTS, regCopy+e, f.access(a)))
			}
			return out
		},
	}
}

// transformPatch transforms a patch in its registers, columns and then rows:
//
//	d2 - d0, d1 + d2, d2 - d1, d3 - d1
func (f *fused) transformPatch() []tile.Inst {
	e := &emit.Emitter{K: f.k}
	line := func(d0, d1, d2, d3 int) {
		e.Add(emit.Sum(d0, d2, true, d0), emit.Sum(d3, d3, true, d1), emit.Sum(d2, d2, true, d1), e.Scaled(d1, d1, 2, d2))
	}
	for j := regCopy; j < regCopy+4; j++ {
		line(j, j+4, j+8, j+12)
	}
	for i := regCopy; i < regCopy+16; i += 4 {
		line(i, i+1, i+2, i+3)
	}
	return e.Code
}

// filterLoader loads lines of 32 filters, eight threads each: a warp four
// components of a channel.
func (f *fused) filterLoader() loader {
	const rounds = fusedChannels
	line := func(t, round int) (component, channel int) { return t / 8 % fusedParts, round }
	return loader{
		fetch: func(iterAdd int32) []tile.Inst {
			var out []tile.Inst
			for r := range rounds {
				a := tile.Access{
					Tensor: fusedU, Bytes: 16, RowVar: varFilter, ColVar: varElement, ColStep: fusedChannels * fusedParts, IterAdd: iterAdd, BatchFree: true,
				}
				for t := range fusedThreads {
					e, c := line(t, r)
					a.Row = append(a.Row, int32(t%8*4))
					a.Col = append(a.Col, int32(c*fusedParts+e))
				}
				out = append(out, emit.Load(tile.OpLDG, regCopy+4*r, f.access(a)))
			}
			return out
		},
		convert: func() []tile.Inst { return nil },
		deposit: func(flip int32) []tile.Inst {
			var out []tile.Inst
			for r := range rounds {
				a := tile.Access{Space: tile.Shared, Bytes: 16, BufferStride: 2 * fusedSide, BufferFlip: flip}
				for t := range fusedThreads {
					e, c := line(t, r)
					a.Addr = append(a.Addr, int32(fusedSide+e*fusedPart+c*4*fusedFilters+t%8*16))
				}
				out = append(out, emit.Store(tile.OpSTS, regCopy+4*r, f.access(a)))
			}
			return out
		},
	}
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
		begin = append(begin, emit.Integer([...]tile.Op{tile.OpIMAD, tile.OpLOP, tile.OpIADD, tile.OpISETP, tile.OpIMAD}[i%5], regAddress+i%addressRegs))
	}
	begin = append(begin, l.fetch(0)...)
	for r := range regFragment {
		begin = append(begin, emit.Move(r, tile.RZ))
	}
	begin = append(begin, l.convert()...)
	begin = append(begin, l.deposit(0)...)
	begin = append(begin, emit.Bare(tile.OpBAR))
	begin = append(begin, f.fragments(0, 0)...)
	return &tile.Program{Segments: []tile.Segment{{Code: begin}, {Code: f.loop(l), Loop: true}, {Code: f.epilogue()}}}
}

// placed is an instruction that belongs before a multiply-add of the main loop.
type placed struct {
	pos  int
	inst tile.Inst
}

// loop is one iteration: the products of four channels, and between them
// everything else, one instruction at a time.
func (f *fused) loop(l loader) []tile.Inst {
	const per = 64
	var side []placed
	put := func(list []tile.Inst, from, to int) { // multiply-adds
		for i, in := range list {
			side = append(side, placed{from + (to-from)*i/len(list), in})
		}
	}
	const bar = 3 * per // behind the last fragments of this buffer
	// The pointers of images and filters move on, 64 bits each; the loop's counter, its
	// predicates, and the toggles of the buffers.
	r := regAddress
	put([]tile.Inst{
		emit.Integer(tile.OpIADD, r), emit.Integer(tile.OpIADD, r+1), emit.Integer(tile.OpIADD, r+2), emit.Integer(tile.OpIADD, r+3), emit.Integer(tile.OpISETP, r+4),
		emit.Integer(tile.OpLOP, r+5), emit.Integer(tile.OpLOP, r+6), emit.Integer(tile.OpLOP, r+7), emit.Integer(tile.OpIADD, r+4), emit.Integer(tile.OpISETP, r+4),
	}, per, 2*per)
	put(emit.Guarded(tile.GuardMore, l.fetch(1)...), 0, per)
	put(emit.Guarded(tile.GuardMore, l.convert()...), per+per/2, 2*per+per/4)
	put(emit.Guarded(tile.GuardMore, l.deposit(1)...), 2*per+per/4, bar)
	for c := range fusedChannels {
		put(f.fragments((c+1)%fusedChannels, int32((c+1)/fusedChannels)), c*per+1, c*per+per/2)
	}
	side = append(side, placed{bar, emit.Bare(tile.OpBAR)})
	slices.SortStableFunc(side, func(a, b placed) int { return a.pos - b.pos })
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
	for i := range addressRegs {
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
