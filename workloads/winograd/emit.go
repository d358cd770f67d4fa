package winograd

import (
	"math"
	"slices"

	"gpusim/workloads/tile"
)

// ins is an instruction without memory operand or guard.
func ins(op tile.Op, dst, a, b, c int) tile.Inst {
	return tile.Inst{Op: op, Dst: uint8(dst), SrcA: uint8(a), SrcB: uint8(b), SrcC: uint8(c)}
}

// bare is an instruction without operands.
func bare(op tile.Op) tile.Inst { return ins(op, tile.RZ, tile.RZ, tile.RZ, tile.RZ) }

// load and store are memory instructions through access generator acc.
func load(op tile.Op, dst int, acc int16) tile.Inst {
	i := ins(op, dst, tile.RZ, tile.RZ, tile.RZ)
	i.Access = acc
	return i
}

func store(op tile.Op, src int, acc int16) tile.Inst {
	i := ins(op, tile.RZ, src, tile.RZ, tile.RZ)
	i.Access = acc
	return i
}

// integer is an address instruction that updates register r, or a predicate
// instruction that tests it.
func integer(op tile.Op, r int) tile.Inst {
	if op == tile.OpISETP {
		return ins(op, tile.RZ, r, tile.RZ, tile.RZ)
	}
	return ins(op, r, r, tile.RZ, tile.RZ)
}

// guarded gives instructions a guard.
func guarded(g tile.Guard, code ...tile.Inst) []tile.Inst {
	for i := range code {
		code[i].Guard = g
	}
	return code
}

// emitter writes straight-line code of a kernel and gives out its registers.
type emitter struct {
	k    *tile.Kernel
	code []tile.Inst
	free []int
	next int // first register never used
}

func (e *emitter) add(in ...tile.Inst) { e.code = append(e.code, in...) }

// reg is a register that nothing else uses: the one that has been free for
// longest, which a store may still have to read.
func (e *emitter) reg() int {
	if len(e.free) == 0 {
		e.next++
		return e.next - 1
	}
	r := e.free[0]
	e.free = e.free[1:]
	return r
}

// release gives registers back.
func (e *emitter) release(rs ...int) { e.free = append(e.free, rs...) }

// access adds an address generator to the kernel.
func (e *emitter) access(a tile.Access) int16 {
	e.k.Accesses = append(e.k.Accesses, a)
	return int16(len(e.k.Accesses) - 1)
}

// constant is what lets an instruction multiply by v.
func (e *emitter) constant(v float64) uint8 {
	bits := math.Float32bits(float32(v))
	i := slices.Index(e.k.Consts, bits)
	if i < 0 {
		i = len(e.k.Consts)
		e.k.Consts = append(e.k.Consts, bits)
	}
	return uint8(tile.ImmConst + i)
}

// scaled is dst = a*v + c, or without c a product.
func (e *emitter) scaled(dst, a int, v float64, c int) tile.Inst {
	op := tile.OpFFMA
	if c == tile.RZ {
		op = tile.OpFMUL
	}
	in := ins(op, dst, a, tile.RZ, c)
	in.Imm = e.constant(v)
	return in
}

// sum is dst = a + b or, with a sign of -1, a - b.
func sum(dst, a int, sign float64, b int) tile.Inst {
	in := ins(tile.OpFADD, dst, a, b, tile.RZ)
	if sign < 0 {
		in.Imm = tile.ImmMinus
	}
	return in
}

// dot computes a row of a transform from the registers src as a compiler does:
// one instruction less than there are terms, one more if none of them has a factor of one.
// The result is in a new register.
func (e *emitter) dot(row []float64, src []int) int {
	dst := e.reg()
	acc := tile.RZ
	first := slices.Index(row, 1)
	if first >= 0 {
		acc = src[first]
	}
	for j, c := range row {
		switch {
		case c == 0 || j == first:
			continue
		case acc == tile.RZ || c != 1 && c != -1:
			e.add(e.scaled(dst, src[j], c, acc))
		default:
			e.add(sum(dst, acc, c, src[j]))
		}
		acc = dst
	}
	if acc != dst { // a single term, as it is
		e.add(ins(tile.OpMOV, dst, acc, tile.RZ, tile.RZ))
	}
	return dst
}

// rows computes m times a vector in registers and gives its registers back.
func (e *emitter) rows(m matrix, src []int) []int {
	var out []int
	for _, row := range m {
		out = append(out, e.dot(row, src))
	}
	e.release(src...)
	return out
}

// both applies m to the columns and then to the rows of a square of registers.
// done takes each row of the result as soon as it is there; its registers are
// free afterwards.
func (e *emitter) both(m matrix, src [][]int, done func(i int, row []int)) {
	mid := make([][]int, len(m))
	for j := range src[0] {
		var col []int
		for i := range src {
			col = append(col, src[i][j])
		}
		for i, r := range e.rows(m, col) {
			mid[i] = append(mid[i], r)
		}
	}
	for i := range mid {
		row := e.rows(m, mid[i])
		done(i, row)
		e.release(row...)
	}
}
