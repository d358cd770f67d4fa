package gemm

import "gpusim/workloads/tile"

// ReorderBlock is the rows of C that lie side by side where op(A) is reordered.
const ReorderBlock = 32

// Reorder is the order of rows of op(A), by digits of a row's number; stride is the
// elements from one row in memory to the next. Of four matrix instructions side by side a
// lane gets two sums each, 8 apart; in this order they are those of eight rows that lie
// side by side in C. So CUTLASS puts the columns of its interleaved layouts, and to the
// same end cudnnReorderFilterAndBias filters.
func Reorder(stride int64) []tile.Digit {
	return []tile.Digit{{Size: 2, Stride: stride}, {Size: 4, Stride: 8 * stride}, {Size: 4, Stride: 2 * stride}, {Stride: ReorderBlock * stride}}
}

// blockwise is the epilogue of a kernel of int8 whose rows are reordered: every lane
// writes the bytes of eight sums from its own registers, without a way through shared
// memory. It deals with some units at a time, a unit being a lane's sums of a block of
// rows at one column.
type blockwise struct {
	*mma
	steps Steps
	group int // units at a time
}

// blockLane is the sums of a unit.
const blockLane = 8

// blocked says whether a kernel has this epilogue: nothing else gives right results where
// rows are reordered.
func (m *mma) blocked() bool {
	fits := m.c.WarpM%ReorderBlock == 0 && m.inst.N == 8 && m.p.Out() == "int8"
	plain := !m.c.Workspace && !m.c.serial() && m.p.Beta == 0 && !m.p.Steps.Across
	return m.p.Lowered != nil && m.p.Lowered.Reordered && fits && plain
}

// fourUnits is the accumulators of a lane from which on fragments have left enough
// registers for four units at a time.
const fourUnits = 128

func (m *mma) blocks() *blockwise {
	b := &blockwise{mma: m, steps: m.c.steps(m.p), group: 2}
	if m.regRows >= fourUnits {
		b.group = 4
	}
	return b
}

// side is the blocks of a warp tile side by side, units its units.
func (b *blockwise) side() int  { return b.c.WarpM / ReorderBlock }
func (b *blockwise) units() int { return b.side() * b.c.WarpN / 8 }

// Registers: packed results, the source as it came for this and the next group, the same
// in fp32, and biases by block.
func (b *blockwise) out(u int) int { return b.regRows + u%b.group*2 }
func (b *blockwise) raw(u int) int { return b.out(0) + 2*b.group + u%(2*b.group)*2 }
func (b *blockwise) add(u int) int {
	at := b.raw(0)
	if b.steps.Source {
		at += 4 * b.group
	}
	return at + u%b.group*blockLane
}
func (b *blockwise) bias(u int) int {
	at := b.raw(0)
	if b.steps.Source || b.steps.Act == "gelu" { // which works in the registers of the source
		at = b.add(0) + b.group*blockLane
	}
	return at + u%b.side()*blockLane
}

func (b *blockwise) regs() int {
	n := b.bias(0) - b.regRows
	if b.steps.Bias {
		n += b.side() * blockLane
	}
	return n
}

// pair is the first register of sums 2i and 2i+1 of a unit.
func (b *blockwise) pair(u, i int) int {
	s, high := u/b.side(), b.inst.M/8
	return b.acc(s/high, u%b.side()*4+i) + s%high*2
}

// eachPair applies f to the pairs of sums of a unit.
func (b *blockwise) eachPair(u int, f func(i, reg int) []tile.Inst) (out []tile.Inst) {
	for i := range blockLane / 2 {
		out = append(out, f(i, b.pair(u, i))...)
	}
	return out
}

// target is the global access of a unit.
func (b *blockwise) target(u int) tile.Access {
	a := tile.Access{Space: tile.Global, Tensor: tensorC, Bytes: blockLane, RowVar: tile.VarM, ColVar: tile.VarN}
	a.Row, a.Col = make([]int32, b.k.Threads), make([]int32, b.k.Threads)
	for t := range b.k.Threads {
		lane := t & 31
		a.Row[t] = int32(b.warpM[t>>5] + u%b.side()*ReorderBlock + lane%4*blockLane)
		a.Col[t] = int32(b.warpN[t>>5] + u/b.side()*8 + lane/4)
	}
	return a
}

func (b *blockwise) code() []tile.Inst {
	code := addressC(b.regAddr)
	if b.steps.Bias {
		for u := range b.side() {
			for half := range 2 {
				t := b.target(u)
				t.Bytes = blockLane / 2 // a load brings four of fp32
				t.Col = make([]int32, b.k.Threads)
				for i := range t.Row {
					t.Row[i] += int32(half * blockLane / 2)
				}
				code = append(code, load(tile.OpLDG, b.bias(u)+half*blockLane/2, biasAccess(b.k, t)))
			}
		}
	}
	code = append(code, b.loadSources(0)...)
	for first := 0; first < b.units(); first += b.group {
		code = append(code, b.loadSources(first+b.group)...)
		code = append(code, integer(tile.OpIADD, b.regAddr+9), integer(tile.OpIADD, b.regAddr+10), integer(tile.OpISETP, b.regAddr+11))
		code = append(code, b.finish(first)...)
	}
	return append(code, b.c.closeEpilogue()...)
}

// loadSources requests what is added to a group of units: of the next before one is
// dealt with, see staging.loadSources.
func (b *blockwise) loadSources(first int) (code []tile.Inst) {
	for u := first; b.steps.Source && u < min(first+b.group, b.units()); u++ {
		code = append(code, load(tile.OpLDG, b.raw(u), sourceAccess(b.k, b.target(u))))
	}
	return code
}

// finish turns the sums of a group of units into bytes and writes them.
func (b *blockwise) finish(first int) []tile.Inst {
	var w skewed
	then := func(f func(u int) []tile.Inst) { w.then(first, min(first+b.group, b.units()), f) }
	e := b.converter()
	if b.steps.Source {
		then(func(u int) []tile.Inst { return widenBytes(b.add(u), b.raw(u), blockLane) })
	}
	words := fourBytes
	if b.steps.any() {
		words = func(dst, low, high int) []tile.Inst { return e.toBytes(dst, low, high, 4) }
		then(func(u int) []tile.Inst {
			return b.eachPair(u, func(_, reg int) []tile.Inst { return e.toFloats(reg, 2) })
		})
		then(func(u int) []tile.Inst {
			return b.eachPair(u, func(i, reg int) []tile.Inst { return b.affine(u, i, reg) })
		})
		then(func(u int) []tile.Inst {
			return b.eachPair(u, func(_, reg int) []tile.Inst { return e.activate(reg, b.add(u), 2) })
		})
		then(func(u int) []tile.Inst {
			return b.eachPair(u, func(_, reg int) []tile.Inst { return e.toIntegers(reg, 2) })
		})
	} else {
		then(func(u int) []tile.Inst {
			return b.eachPair(u, func(_, reg int) []tile.Inst {
				return []tile.Inst{scaled(tile.OpIMAD, reg, reg, tile.RZ, tile.ImmAlpha), scaled(tile.OpIMAD, reg+1, reg+1, tile.RZ, tile.ImmAlpha)}
			})
		})
		then(func(u int) []tile.Inst {
			return b.eachPair(u, func(_, reg int) []tile.Inst { return each(tile.OpI2I, reg, 2) })
		})
	}
	then(func(u int) []tile.Inst {
		code := append(words(b.out(u), b.pair(u, 0), b.pair(u, 1)), words(b.out(u)+1, b.pair(u, 2), b.pair(u, 3))...)
		return append(code, store(tile.OpSTG, b.out(u), addAccess(b.k, b.target(u))))
	})
	return w.code()
}

// affine is alpha times a pair of sums plus bias and source.
func (b *blockwise) affine(u, i, reg int) []tile.Inst {
	bias := tile.RZ
	if b.steps.Bias {
		bias = b.bias(u) + 2*i
	}
	code := affine(reg, 2, bias)
	if b.steps.Source {
		code = append(code, sum(reg, 2, b.add(u)+2*i, 1)...)
	}
	return code
}
