package tile

import "math"

// HalfValue is the value of an IEEE 754 binary16 bit pattern.
func HalfValue(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	frac := uint32(h & 0x3ff)
	switch {
	case exp == 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp == 0:
		// Zero or subnormal: frac * 2^-24 is exact in fp32.
		v := float32(frac) * (1.0 / (1 << 24))
		if sign != 0 {
			v = -v
		}
		return v
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// HalfBits rounds to IEEE 754 binary16, nearest even. The argument is a
// float64 so that a sum kept exactly is rounded once.
func HalfBits(v float64) uint16 {
	if math.IsNaN(v) {
		return 0x7e00
	}
	var sign uint16
	if math.Signbit(v) {
		sign, v = 0x8000, -v
	}
	if v < 0x1p-14 {
		// Subnormal grid of 2^-24; a carry into the exponent field is the
		// right answer, the smallest normal number.
		return sign | uint16(math.RoundToEven(v*0x1p24))
	}
	if v >= 65520 { // half way from the largest finite value to 2^16
		return sign | 0x7c00
	}
	frac, exp := math.Frexp(v) // v = frac * 2^exp, frac in [0.5, 1)
	m := uint32(math.RoundToEven(frac * 2048))
	// m is in [1024, 2048]; 2048 carries into the exponent by itself.
	return sign | uint16(uint32(exp+14)<<10+(m-1024))
}

// BF16Bits rounds to bfloat16, nearest even; NaN stays NaN.
func BF16Bits(v float32) uint32 {
	b := math.Float32bits(v)
	if v != v {
		return b>>16 | 0x40
	}
	return (b + 0x7fff + b>>16&1) >> 16
}
