package ops

import (
	"math"
	"slices"

	"gpusim/workloads/tile"
)

// reg is a virtual register; what it is in machine code is settled when the
// program is complete.
type reg int32

const noReg reg = -1 // RZ

// operand is a register or a constant.
type operand struct {
	reg      reg
	konst    bool
	bits     uint32
	neg, abs bool // signs that the instructions that read it change
}

// val is one operand for each of the elements that a thread works on side by
// side, so that instructions of one kind follow each other and hide their
// latency; a single one stands for all.
type val []operand

// num is a constant.
func num(v float64) val { return val{{konst: true, bits: math.Float32bits(float32(v))}} }

// word is a constant of 32 bits.
func word(v uint32) val { return val{{konst: true, bits: v}} }

func (v val) at(i int) operand { return v[min(i, len(v)-1)] }

// unit is a run of registers that lie next to each other.
type unit struct {
	size        int
	first, last int // places of the first and the last use
	at          int
}

// code is a program under construction.
type code struct {
	k      *tile.Kernel
	insts  []vinst
	loops  [][2]int // places [from, to) of loop bodies
	ends   []int    // places where segments end
	units  []unit
	unitOf []int // per register
	offset []int // of it in its unit
	held   map[uint32]reg
	guard  tile.Guard
}

// vinst is an instruction on virtual registers.
type vinst struct {
	tile.Inst
	dst, a, b, c reg
	wide         [2]int // registers that dst and a stand for, where more than one
}

func newCode(k *tile.Kernel) *code { return &code{k: k, held: map[uint32]reg{}} }

// regs gives n new registers that lie next to each other.
func (c *code) regs(n int) []reg {
	out := make([]reg, n)
	for i := range out {
		out[i] = reg(len(c.unitOf))
		c.unitOf = append(c.unitOf, len(c.units))
		c.offset = append(c.offset, i)
	}
	c.units = append(c.units, unit{size: n, first: -1})
	return out
}

func (c *code) reg() reg { return c.regs(1)[0] }

// emit adds an instruction.
func (c *code) emit(in vinst) {
	in.Guard = c.guard
	c.insts = append(c.insts, in)
}

// konst finds or adds a constant and gives the Imm that names it.
func (c *code) konst(bits uint32) uint8 {
	i := slices.Index(c.k.Consts, bits)
	if i < 0 {
		i = len(c.k.Consts)
		c.k.Consts = append(c.k.Consts, bits)
	}
	return uint8(tile.ImmConst + i)
}

// hold is a register that holds a constant, set where it is first needed. A
// loop body sets its own.
func (c *code) hold(bits uint32) reg {
	if bits == 0 {
		return noReg
	}
	if r, ok := c.held[bits]; ok {
		return r
	}
	r := c.reg()
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpMOV, Imm: c.konst(bits)}, dst: r, a: noReg, b: noReg, c: noReg})
	c.held[bits] = r
	return r
}

// inReg is a register with the value of an operand.
func (c *code) inReg(o operand) reg {
	switch {
	case o.konst:
		return c.hold(o.bits)
	case o.neg || o.abs:
		return c.binary(tile.OpFADD, 0, val{o}, num(0))[0].reg
	}
	return o.reg
}

// signs is the bits of an operand's sign changes.
func signs(o operand, neg, abs uint8) (mod uint8) {
	if o.neg {
		mod |= neg
	}
	if o.abs {
		mod |= abs
	}
	return mod
}

// operand is the register of an operand that an instruction reads and the
// signs that it changes; what it cannot change is changed before.
func (c *code) operand(o operand, neg, abs uint8) (reg, uint8) {
	if o.konst || o.abs && abs == 0 || o.neg && neg == 0 {
		return c.inReg(o), 0
	}
	return o.reg, signs(o, neg, abs)
}

// changesSigns says which sign changes an instruction does on the way: of
// absolute values FFMA none.
func changesSigns(op tile.Op) (neg, abs bool) {
	switch op {
	case tile.OpFFMA, tile.OpFMUL:
		return true, op != tile.OpFFMA
	case tile.OpFADD, tile.OpFMNMX, tile.OpFSETP, tile.OpMUFU:
		return true, true
	}
	return false, false
}

func bit(ok bool, b uint8) uint8 {
	if ok {
		return b
	}
	return 0
}

// set moves values to registers that exist, such as the sums of a loop.
func (c *code) set(to, from val) {
	for i := range to {
		in := vinst{Inst: tile.Inst{Op: tile.OpMOV}, dst: to[i].reg, a: noReg, b: noReg, c: noReg}
		if o := from.at(i); !o.konst {
			in.a = c.inReg(o)
		} else if o.bits != 0 {
			in.Imm = c.konst(o.bits)
		}
		c.emit(in)
	}
}

// into makes the last instructions, which computed v, write to registers that
// exist instead. v must be new, one instruction for each of its elements.
func (c *code) into(to, v val) {
	for i := range to {
		for n := len(c.insts) - 1; ; n-- {
			if c.insts[n].dst == v[i].reg {
				c.insts[n].dst = to[i].reg
				break
			}
		}
	}
}

// fresh gives registers for n elements that a loop carries.
func (c *code) fresh(n int) val {
	out := make(val, n)
	for i := range out {
		out[i] = operand{reg: c.reg()}
	}
	return out
}

// address is integer arithmetic whose result nobody needs: indices, pointers
// and predicates. Its operations take turns.
func (c *code) address(n int) {
	var last [2]reg
	for i := range last {
		last[i] = c.reg()
	}
	for i := range n {
		op := [...]tile.Op{tile.OpIMAD, tile.OpIADD, tile.OpISETP}[i%3]
		c.emit(vinst{Inst: tile.Inst{Op: op}, dst: last[i%2], a: noReg, b: noReg, c: noReg})
	}
}

// bare adds an instruction without operands.
func (c *code) bare(op tile.Op) {
	c.emit(vinst{Inst: tile.Inst{Op: op}, dst: noReg, a: noReg, b: noReg, c: noReg})
}

// register reads a special register, see tile.S2RThread.
func (c *code) register(which uint8) reg {
	r := c.reg()
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpS2R, Imm: which}, dst: r, a: noReg, b: noReg, c: noReg})
	return r
}

// index is the number of the thread in the grid.
func (c *code) index() val {
	tid, cta := c.register(tile.S2RThread), c.register(tile.S2RCTA)
	out := c.reg()
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpIMAD, Imm: c.konst(uint32(c.k.Threads))}, dst: out, a: cta, b: noReg, c: tid})
	return val{{reg: out}}
}

// row is the CTA's number times the columns of a row, as an integer: where it begins.
func (c *code) row(cols int) val {
	cta, out := c.register(tile.S2RCTA), c.reg()
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpIMAD, Imm: c.konst(uint32(cols))}, dst: out, a: cta, b: noReg, c: noReg})
	return val{{reg: out}}
}

// memory adds a load or store of n registers. Those of a store that do not lie
// next to each other yet are put there.
func (c *code) memory(op tile.Op, access int16, rs []reg) {
	in := vinst{Inst: tile.Inst{Op: op, Access: access}, dst: noReg, a: noReg, b: noReg, c: noReg}
	if op == tile.OpLDG || op == tile.OpLDS {
		in.dst, in.wide[0] = rs[0], len(rs)
	} else {
		rs = c.together(rs)
		in.a, in.wide[1] = rs[0], len(rs)
	}
	c.emit(in)
}

// together has registers lie next to each other: by calling them so while
// nobody else did, else by moves.
func (c *code) together(rs []reg) []reg {
	same := true
	alone := true
	for i, r := range rs {
		if r == noReg {
			same, alone = false, false
			continue
		}
		u := c.unitOf[r]
		same = same && u == c.unitOf[rs[0]] && c.offset[r] == i && c.units[u].size == len(rs)
		alone = alone && c.units[u].size == 1 && !slices.Contains(rs[:i], r)
	}
	switch {
	case same:
		return rs
	case alone:
		u := len(c.units)
		c.units = append(c.units, unit{size: len(rs), first: -1})
		for i, r := range rs {
			c.unitOf[r], c.offset[r] = u, i
		}
		return rs
	}
	out := c.regs(len(rs))
	for i, r := range rs {
		c.emit(vinst{Inst: tile.Inst{Op: tile.OpMOV}, dst: out[i], a: r, b: noReg, c: noReg})
	}
	return out
}

// loop makes a loop body of what f emits, run once for each of the CTA's trips.
func (c *code) loop(f func()) {
	c.cut()
	clear(c.held)
	from := len(c.insts)
	f()
	c.bare(tile.OpBRA)
	clear(c.held)
	c.loops = append(c.loops, [2]int{from, len(c.insts)})
	c.cut()
}

// cut ends a segment.
func (c *code) cut() {
	if n := len(c.insts); n > 0 && (len(c.ends) == 0 || c.ends[len(c.ends)-1] < n) {
		c.ends = append(c.ends, n)
	}
}
