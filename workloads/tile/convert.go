package tile

import "math"

// IntegerFloat is 1.5 x 2^23. The bits of it as fp32 plus an integer of less than 23 bits
// are the bits of that float plus the integer, so that additions convert, both ways.
const IntegerFloat = 3 << 22

// Value is the number that the lowest bits of b stand for in a type of up to 32
// bits: fp32, tf32, fp16, bf16, fp8 (e4m3), int8, int4,
// int1 or int32. An int1 stands for itself: BMMA's and-popcount is a product of
// such.
func Value(dtype string, b uint32) float64 {
	switch dtype {
	case "tf32":
		return float64(math.Float32frombits(b &^ (1<<13 - 1))) // the unit drops what lies below 10 bits of fraction
	case "fp16":
		return float64(HalfValue(uint16(b)))
	case "bf16":
		return float64(math.Float32frombits(b << 16))
	case "fp8":
		return e4m3(uint8(b))
	case "int8":
		return float64(int8(b))
	case "int4":
		return float64(int8(b<<4) >> 4)
	case "int1":
		return float64(b & 1)
	case "int32":
		return float64(int32(b))
	}
	return float64(math.Float32frombits(b))
}

// e4m3 has no infinities: only all ones is not a number.
func e4m3(b uint8) float64 {
	exp, frac := int(b>>3&15), float64(b&7)
	v := math.Ldexp(1+frac/8, exp-7)
	switch {
	case b&0x7f == 0x7f:
		return math.NaN()
	case exp == 0:
		v = math.Ldexp(frac/8, -6)
	}
	if b>>7 != 0 {
		return -v
	}
	return v
}
