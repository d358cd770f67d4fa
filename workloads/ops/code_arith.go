package ops

import (
	"slices"

	"gpusim/workloads/tile"
)

// width is the number of elements of some operands.
func width(vs ...val) int {
	n := 1
	for _, v := range vs {
		n = max(n, len(v))
	}
	return n
}

// unary, binary and so on emit an instruction for each element.
func (c *code) unary(op tile.Op, imm, steps uint8, a val) val {
	out := make(val, len(a))
	for i := range out {
		neg, abs := changesSigns(op)
		in := vinst{Inst: tile.Inst{Op: op, Imm: imm, Steps: steps}, b: noReg, c: noReg}
		in.a, in.Mod = c.operand(a[i], bit(neg, tile.NegA), bit(abs, tile.AbsA))
		in.dst = c.reg()
		c.emit(in)
		out[i] = operand{reg: in.dst}
	}
	return out
}

func (c *code) binary(op tile.Op, steps uint8, a, b val) val {
	out := make(val, width(a, b))
	for i := range out {
		x, y := a.at(i), b.at(i)
		neg, abs := changesSigns(op)
		in := vinst{Inst: tile.Inst{Op: op, Steps: steps}, b: noReg, c: noReg}
		in.a, in.Mod = c.operand(x, bit(neg, tile.NegA), bit(abs, tile.AbsA))
		if y.konst {
			in.Imm = c.konst(y.bits)
		} else {
			var mod uint8
			in.b, mod = c.operand(y, bit(neg, tile.NegB), bit(abs, tile.AbsB))
			in.Mod |= mod
		}
		in.dst = c.reg()
		c.emit(in)
		out[i] = operand{reg: in.dst}
	}
	return out
}

// ternary instructions take one constant, as the second or third operand.
func (c *code) ternary(op tile.Op, a, b, d val) val {
	out := make(val, width(a, b, d))
	for i := range out {
		x, y, z := a.at(i), b.at(i), d.at(i)
		if x.konst && !y.konst && op == tile.OpFFMA {
			x, y = y, x
		}
		neg, _ := changesSigns(op)
		in := vinst{Inst: tile.Inst{Op: op}, b: noReg, c: noReg}
		var mod [3]uint8
		in.a, mod[0] = c.operand(x, bit(neg, tile.NegA), 0)
		if !y.konst {
			in.b, mod[1] = c.operand(y, bit(neg, tile.NegB), 0)
		}
		switch {
		case y.konst:
			in.Imm = c.konst(y.bits)
			in.c, mod[2] = c.operand(z, bit(neg, tile.NegC), 0)
		case z.konst && op == tile.OpFFMA && z.bits != 0:
			in.Imm, in.Steps = c.konst(z.bits), 1
		default:
			in.c, mod[2] = c.operand(z, bit(neg, tile.NegC), 0)
		}
		in.Mod = mod[0] | mod[1] | mod[2]
		in.dst = c.reg()
		c.emit(in)
		out[i] = operand{reg: in.dst}
	}
	return out
}

// Arithmetic. Operands are negated and made absolute for nothing.
func (c *code) fma(a, b, d val) val { return c.ternary(tile.OpFFMA, a, b, d) }
func (c *code) sub(a, b val) val    { return c.add(a, c.neg(b)) }
func (c *code) min(a, b val) val    { return c.binary(tile.OpFMNMX, 0, a, b) }
func (c *code) max(a, b val) val    { return c.binary(tile.OpFMNMX, 1, a, b) }
func (c *code) and(a, b val) val    { return c.binary(tile.OpLOP, tile.LOPAnd, a, b) }
func (c *code) or(a, b val) val     { return c.binary(tile.OpLOP, tile.LOPOr, a, b) }

func (c *code) neg(a val) val {
	out := slices.Clone(a)
	for i := range out {
		if out[i].konst {
			out[i].bits ^= signBit
		} else {
			out[i].neg = !out[i].neg
		}
	}
	return out
}

func (c *code) abs(a val) val {
	out := slices.Clone(a)
	for i := range out {
		out[i].neg, out[i].abs = false, !out[i].konst
		if out[i].konst {
			out[i].bits &^= signBit
		}
	}
	return out
}

func (c *code) add(a, b val) val {
	if len(a) == 1 && a[0].konst {
		a, b = b, a
	}
	return c.binary(tile.OpFADD, 0, a, b)
}

func (c *code) mul(a, b val) val {
	if len(a) == 1 && a[0].konst {
		a, b = b, a
	}
	return c.binary(tile.OpFMUL, 0, a, b)
}

// less and so on give 1 or 0, which choose takes.
func (c *code) compare(how uint8, a, b val) val { return c.binary(tile.OpFSETP, how, a, b) }
func (c *code) choose(when, yes, no val) val    { return c.ternary(tile.OpFSEL, yes, no, when) }
func (c *code) special(f uint8, a val) val      { return c.unary(tile.OpMUFU, f, 0, a) }
func (c *code) exchange(a val, lanes uint8) val { return c.unary(tile.OpSHFL, lanes, 0, a) }
func (c *code) shift(how uint8, a val, n int) val {
	return c.binary(tile.OpSHF, how, a, word(uint32(n)))
}
