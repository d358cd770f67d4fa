// Package emit writes the code of kernels that have no library's main loop: it
// builds instructions, gives out registers and keeps a kernel's constants.
package emit

import (
	"math"
	"slices"

	"gpusim/workloads/tile"
)

// Ins is an instruction without memory operand or guard.
func Ins(op tile.Op, dst, a, b, c int) tile.Inst {
	return tile.Inst{Op: op, Dst: uint8(dst), SrcA: uint8(a), SrcB: uint8(b), SrcC: uint8(c)}
}

// Bare is an instruction without operands.
func Bare(op tile.Op) tile.Inst { return Ins(op, tile.RZ, tile.RZ, tile.RZ, tile.RZ) }

// Load is a load through access generator acc, Store a store.
func Load(op tile.Op, dst int, acc int16) tile.Inst {
	i := Ins(op, dst, tile.RZ, tile.RZ, tile.RZ)
	i.Access = acc
	return i
}

// Store is a store through access generator acc.
func Store(op tile.Op, src int, acc int16) tile.Inst {
	i := Ins(op, tile.RZ, src, tile.RZ, tile.RZ)
	i.Access = acc
	return i
}

// Integer is an address instruction that updates register r, or a predicate
// instruction that tests it.
func Integer(op tile.Op, r int) tile.Inst {
	if op == tile.OpISETP {
		return Ins(op, tile.RZ, r, tile.RZ, tile.RZ)
	}
	return Ins(op, r, r, tile.RZ, tile.RZ)
}

// Guarded gives instructions a guard.
func Guarded(g tile.Guard, code ...tile.Inst) []tile.Inst {
	for i := range code {
		code[i].Guard = g
	}
	return code
}

// Move is dst = a.
func Move(dst, a int) tile.Inst { return Ins(tile.OpMOV, dst, a, tile.RZ, tile.RZ) }

// Sum is dst = a + b or, with minus, a - b.
func Sum(dst, a int, minus bool, b int) tile.Inst {
	in := Ins(tile.OpFADD, dst, a, b, tile.RZ)
	if minus {
		in.Mod = tile.NegB
	}
	return in
}

// Alpha is dst = a times the kernel's alpha.
func Alpha(dst, a int) tile.Inst {
	in := Ins(tile.OpFMUL, dst, a, tile.RZ, tile.RZ)
	in.Imm = tile.ImmAlpha
	return in
}

// Emitter writes straight-line code of a kernel.
type Emitter struct {
	K    *tile.Kernel
	Code []tile.Inst
	Next int // first register not in use, but for those given back
	free []int
	most int // registers in use at a time before the latest Reset
	n    int // address instructions so far
}

// Add appends instructions.
func (e *Emitter) Add(in ...tile.Inst) { e.Code = append(e.Code, in...) }

// Reg is a register that nothing else uses: the one that has been free for
// longest, which a store may still have to read.
func (e *Emitter) Reg() int {
	if len(e.free) == 0 {
		e.Next++
		return e.Next - 1
	}
	r := e.free[0]
	e.free = e.free[1:]
	return r
}

// Pair is the first of two consecutive registers.
func (e *Emitter) Pair() int {
	e.Next += 2
	return e.Next - 2
}

// Reset takes all registers from first on back.
func (e *Emitter) Reset(first int) {
	e.most = e.Regs()
	e.Next, e.free = first, nil
}

// Regs is the number of registers that the code needs.
func (e *Emitter) Regs() int { return max(e.most, e.Next) }

// Release gives registers back.
func (e *Emitter) Release(rs ...int) { e.free = append(e.free, rs...) }

// Access adds an address generator to the kernel.
func (e *Emitter) Access(a tile.Access) int16 {
	e.K.Accesses = append(e.K.Accesses, a)
	return int16(len(e.K.Accesses) - 1)
}

// Constant is the Imm that lets an instruction multiply by v.
func (e *Emitter) Constant(v float64) uint8 {
	bits := math.Float32bits(float32(v))
	i := slices.Index(e.K.Consts, bits)
	if i < 0 {
		if i = len(e.K.Consts); tile.ImmConst+i > math.MaxUint8 {
			panic("emit: more constants than instructions can name")
		}
		e.K.Consts = append(e.K.Consts, bits)
	}
	return uint8(tile.ImmConst + i)
}

// Scaled is dst = a*v + c, or with RZ for c a product.
func (e *Emitter) Scaled(dst, a int, v float64, c int) tile.Inst {
	op := tile.OpFFMA
	if c == tile.RZ {
		op = tile.OpFMUL
	}
	in := Ins(op, dst, a, tile.RZ, c)
	in.Imm = e.Constant(v)
	return in
}

// Begin reads thread and CTA indices into the first four of the address
// registers.
func (e *Emitter) Begin(addr []int) {
	for _, r := range addr[:4] {
		e.Add(Ins(tile.OpS2R, r, tile.RZ, tile.RZ, tile.RZ))
	}
}

// Integers is n instructions of address arithmetic in the address registers.
func (e *Emitter) Integers(addr []int, n int) {
	for range n {
		e.Add(Integer([...]tile.Op{tile.OpIADD, tile.OpIMAD, tile.OpISETP}[e.n%3], addr[e.n%len(addr)]))
		e.n++
	}
}
