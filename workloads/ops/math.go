package ops

import (
	"math"
	"slices"

	"gpusim/workloads/tile"
)

// Functions as CUDA's math library computes them in fp32, without their rare
// branches: a reduction of the argument, special functions and polynomials.
// Coefficients are those of public implementations (N. Juffa's erff, powf and
// expf); the tests hold them to a few units in the last place.

const (
	log2e = 1.44269504088896341
	ln2Hi = 6.93145752e-1
	ln2Lo = 1.42860677e-6
	// rounder plus a number of up to 2^22 rounds it to a whole one and leaves
	// that, biased as an exponent is, in the lowest bits.
	rounder = 12582912 + 127
)

// horner is a polynomial in x, the highest power first.
func (c *code) horner(x val, coefficients ...float64) val {
	r := num(coefficients[0])
	for _, k := range coefficients[1:] {
		r = c.fma(r, x, num(k))
	}
	return r
}

// exp is e to the power of x.
func (c *code) exp(x val) val {
	x = c.min(c.max(x, num(-87.3)), num(88.7))
	j := c.fma(x, num(log2e), num(rounder))
	n := c.add(j, num(-rounder))
	f := c.fma(n, num(-ln2Hi), x)
	f = c.fma(n, num(-ln2Lo), f)
	e := c.special(tile.MUFUEx2, c.mul(f, num(log2e)))
	return c.mul(e, c.shift(tile.ShiftLeft, j, 23))
}

// reciprocal takes a Newton step after the special function.
func (c *code) reciprocal(b val) val {
	r := c.special(tile.MUFURcp, b)
	t := c.fma(c.neg(b), r, num(1))
	return c.fma(r, t, r)
}

// div is a / b, correctly rounded in all but rare cases, which a check finds.
func (c *code) div(a, b val) val {
	r := c.special(tile.MUFURcp, b)
	nb := c.neg(b)
	r = c.fma(r, c.fma(nb, r, num(1)), r)
	c.compare(tile.CmpLT, b, a) // of exponents: the slow path is a call
	q := c.mul(a, r)
	q = c.fma(c.fma(nb, q, a), r, q)
	return c.fma(c.fma(nb, q, a), r, q)
}

// sqrt is the square root: a reciprocal one and a Newton step, 0 for 0.
func (c *code) sqrt(x val) val {
	r := c.special(tile.MUFURsq, x)
	s := c.mul(x, r)
	h := c.mul(r, num(0.5))
	s = c.fma(c.fma(c.neg(s), s, x), h, s)
	return c.choose(c.compare(tile.CmpEQ, x, num(0)), x, s)
}

const signBit = 1 << 31

func (c *code) signed(x, sign val) val { return c.or(x, c.and(sign, word(signBit))) }
func (c *code) sigmoid(x val) val      { return c.div(num(1), c.add(c.exp(c.neg(x)), num(1))) }
func (c *code) log(x val) val          { return c.mul(c.log2(x), num(math.Ln2)) }

// log2 reduces the argument to [0.7, 1.4], where the special function is not
// good enough near 1: log x = 2 atanh((x-1)/(x+1)).
func (c *code) log2(x val) val {
	hi, lo := c.logPair(x)
	return c.mul(c.add(hi, lo), num(log2e))
}

// tanh is a polynomial near 0 and 1 - 2/(e^2x + 1) beyond.
func (c *code) tanh(x val) val {
	a := c.abs(x)
	e := c.special(tile.MUFUEx2, c.mul(c.min(a, num(15)), num(2*log2e)))
	far := c.fma(c.special(tile.MUFURcp, c.add(e, num(1))), num(-2), num(1))
	far = c.signed(far, x)
	s := c.mul(x, x)
	near := c.fma(c.mul(c.horner(s, 0.0157296, -0.0523039, 0.133152, -0.333327), s), x, x)
	return c.choose(c.compare(tile.CmpGE, a, num(0.55)), far, near)
}

// erf as in Juffa's my_erff: two polynomials, both computed.
func (c *code) erf(x val) val {
	t, s := c.abs(x), c.mul(x, x)
	r := c.fma(t, num(-1.72853470e-5), num(3.83197126e-4))
	u := c.fma(t, num(-3.88396438e-3), num(2.42546219e-2))
	r = c.fma(r, s, u)
	r = c.fma(r, t, num(-1.06777877e-1))
	r = c.fma(r, t, num(-6.34846687e-1))
	r = c.fma(r, t, num(-1.28717512e-1))
	r = c.fma(r, t, c.neg(t))
	far := c.signed(c.sub(num(1), c.exp(r)), x)
	near := c.horner(s, -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1)
	near = c.fma(near, x, x)
	return c.choose(c.compare(tile.CmpGT, t, num(0.927734375)), far, near)
}

// logPair is the natural logarithm of a positive number as a sum of two.
func (c *code) logPair(x val) (hi, lo val) {
	small := c.compare(tile.CmpLT, x, num(1.17549435e-38))
	x = c.choose(small, c.mul(x, num(1<<23)), x)
	i := c.choose(small, num(-23), num(0))
	// The exponent e moves the mantissa to [0.7, 1.4].
	e := c.and(c.binary(tile.OpIADD, 0, x, word(-math.Float32bits(0.70710678))), word(0xff800000))
	m := c.binary(tile.OpIADD, 0, x, c.negInt(e))
	i = c.fma(c.unary(tile.OpI2F, 0, tile.I2FInt, e), num(1.0/(1<<23)), i)
	p, n := c.add(m, num(1)), c.add(m, num(-1))
	r := c.reciprocal(p)
	qh := c.mul(r, n)
	t := c.fma(qh, num(-2), n)
	s := c.fma(c.neg(qh), n, t)
	ql := c.mul(r, s)
	s = c.mul(qh, qh)
	r = c.horner(s, 0.1293334961, 0.1419928074, 0.2000148296, 0.3333332539)
	t = c.fma(qh, c.add(ql, ql), c.fma(qh, qh, c.neg(s)))
	p = c.mul(s, qh)
	t = c.fma(s, ql, c.fma(t, qh, c.fma(s, qh, c.neg(p))))
	s = c.fma(r, p, c.fma(r, t, ql))
	r = c.add(qh, qh)
	const hi2, lo2 = 6.93147182e-1, -1.90465421e-9
	t = c.fma(i, num(hi2), r)
	p = c.fma(i, num(-hi2), t)
	s = c.fma(i, num(lo2), c.fma(s, num(2), c.sub(r, p)))
	hi = c.add(t, s)
	return hi, c.add(c.sub(t, hi), s)
}

// negInt is the two's complement.
func (c *code) negInt(x val) val {
	return c.binary(tile.OpIADD, 0, c.binary(tile.OpLOP, tile.LOPXor, x, word(math.MaxUint32)), word(1))
}

// pow is |a| to the power of b, with the sign and the special cases of powf:
// 1 for a of 1 or b of 0, 0 or infinity for a of 0, not a number for negative a
// and fractional b.
func (c *code) pow(a, b val) val {
	x := c.abs(a)
	hi, lo := c.logPair(x)
	th := c.mul(hi, b)
	tl := c.fma(lo, b, c.fma(hi, b, c.neg(th)))
	r := c.exp(th)
	r = c.fma(r, tl, r)
	// b is even if half of it is whole, odd if only all of it is.
	whole := c.compare(tile.CmpEQ, c.floor(b), b)
	half := c.mul(b, num(0.5))
	even := c.compare(tile.CmpEQ, c.floor(half), half)
	negative := c.compare(tile.CmpLT, a, num(0))
	odd := c.signed(r, c.choose(even, num(0), a))
	r = c.choose(negative, c.choose(whole, odd, word(0x7fffffff)), r)
	zero := c.choose(c.compare(tile.CmpGT, b, num(0)), num(0), num(math.Inf(1)))
	r = c.choose(c.compare(tile.CmpEQ, x, num(0)), zero, r)
	r = c.choose(c.compare(tile.CmpEQ, a, num(1)), num(1), r)
	return c.choose(c.compare(tile.CmpEQ, b, num(0)), num(1), r)
}

// floor rounds down.
func (c *code) floor(x val) val {
	if len(x) == 1 && x[0].konst {
		return num(math.Floor(float64(math.Float32frombits(x[0].bits))))
	}
	return c.unary(tile.OpI2F, 0, tile.I2FInt, c.unary(tile.OpF2I, 0, 0, x))
}

// gelu with the error function; geluTanh is its approximation.
func (c *code) gelu(x val) val {
	e := c.erf(c.mul(x, num(math.Sqrt2/2)))
	return c.mul(c.mul(x, num(0.5)), c.add(e, num(1)))
}

func (c *code) geluTanh(x val) val {
	cube := c.mul(c.mul(x, x), x)
	inner := c.mul(c.fma(cube, num(0.044715), x), num(math.Sqrt(2/math.Pi)))
	return c.mul(c.mul(x, num(0.5)), c.add(c.tanh(inner), num(1)))
}

// Constants of Philox 4x32 (Salmon et al., SC 2011).
const (
	philoxMul0, philoxMul1 = 0xd2511f53, 0xcd9e8d57
	philoxKey0, philoxKey1 = 0x9e3779b9, 0xbb67ae85
	philoxRounds           = 10
)

// philox makes four random words of a counter; the key is a constant.
func (c *code) philox(counter val, key [2]uint32) val {
	x := [4]val{counter, num(0), num(0), num(0)}
	for range philoxRounds {
		h0, l0 := c.wide(x[0], philoxMul0)
		h1, l1 := c.wide(x[2], philoxMul1)
		x = [4]val{c.xor3(h1, x[1], key[0]), l1, c.xor3(h0, x[3], key[1]), l0}
		key[0] += philoxKey0
		key[1] += philoxKey1
	}
	return slices.Concat(x[:]...)
}

// wide is the two halves of a product.
func (c *code) wide(x val, by uint32) (high, low val) {
	if x[0].konst {
		p := uint64(x[0].bits) * uint64(by)
		return word(uint32(p >> 32)), word(uint32(p))
	}
	high = c.binary(tile.OpIMULH, 0, x, word(by))
	r := c.reg()
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpIMAD, Imm: c.konst(by)}, dst: r, a: x[0].reg, b: noReg, c: noReg})
	return high, val{{reg: r}}
}

// xor3 is the exclusive or of two words and a constant, one instruction.
func (c *code) xor3(a, b val, k uint32) val {
	switch {
	case a[0].konst && b[0].konst:
		return word(a[0].bits ^ b[0].bits ^ k)
	case a[0].konst:
		return c.binary(tile.OpLOP, tile.LOPXor, b, word(a[0].bits^k))
	case b[0].konst:
		return c.binary(tile.OpLOP, tile.LOPXor, a, word(b[0].bits^k))
	}
	r := c.reg()
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpLOP, Steps: tile.LOPXor3, Imm: c.konst(k)}, dst: r, a: a[0].reg, b: noReg, c: b[0].reg})
	return val{{reg: r}}
}
