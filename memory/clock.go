package memory

import "math/bits"

// ratio converts cycle counts of one clock domain to another exactly, without
// floats: times num, over den.
type ratio struct {
	num, den uint64
	small    bool // t*num fits 64 bits for every t below 2^40
}

func newRatio(num, den uint64) ratio {
	a, b := num, den
	for b != 0 {
		a, b = b, a%b
	}
	return ratio{num / a, den / a, num/a < 1<<24}
}

// ceil is t*num/den, rounded up.
func (r ratio) ceil(t uint64) uint64 {
	if r.small && t < 1<<40 {
		return (t*r.num + r.den - 1) / r.den
	}
	hi, lo := bits.Mul64(t, r.num)
	lo, carry := bits.Add64(lo, r.den-1, 0)
	q, _ := bits.Div64(hi+carry, lo, r.den)
	return q
}

// floor is t*num/den, rounded down.
func (r ratio) floor(t uint64) uint64 {
	if r.small && t < 1<<40 {
		return t * r.num / r.den
	}
	hi, lo := bits.Mul64(t, r.num)
	q, _ := bits.Div64(hi, lo, r.den)
	return q
}

// divider divides by a fixed number, by shifting where that is possible.
type divider struct {
	n     uint64
	shift uint
	pow2  bool
}

func newDivider(n int) divider {
	u := uint64(n)
	return divider{n: u, shift: uint(bits.TrailingZeros64(u)), pow2: u&(u-1) == 0}
}

func (d *divider) div(x uint64) (quotient, remainder uint64) {
	if d.pow2 {
		return x >> d.shift, x & (d.n - 1)
	}
	q := x / d.n
	return q, x - q*d.n
}

// fold XORs all groups of width bits of x together, so that every bit of x
// has a say in each group.
func fold(x uint64, width uint) uint64 {
	if width == 0 {
		return 0
	}
	f := x
	for x >>= width; x != 0; x >>= width {
		f ^= x
	}
	return f
}
