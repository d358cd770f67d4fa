package replay

import (
	"fmt"
	"math"

	"gpusim/workloads/tile"
)

// modified are operands with their signs changed, see tile.NegA.
func modified(mod uint8, a, b, c uint32) (uint32, uint32, uint32) {
	const sign = 1 << 31
	change := func(v uint32, abs, neg uint8) uint32 {
		if mod&abs != 0 {
			v &^= sign
		}
		if mod&neg != 0 {
			v ^= sign
		}
		return v
	}
	return change(a, tile.AbsA, tile.NegA), change(b, tile.AbsB, tile.NegB), change(c, 0, tile.NegC)
}

// layer executes what only layers use: comparisons, logic, conversions and
// special functions.
func layer(in *tile.Inst, a, b, c uint32) (uint32, error) {
	x, y := f32(a), f32(b)
	switch in.Op {
	case tile.OpFMNMX: // a NaN loses
		greater := in.Steps == 1
		if x != x || y == y && (x < y) == greater {
			return b, nil
		}
		return a, nil
	case tile.OpFSETP:
		if [...]bool{tile.CmpLT: x < y, tile.CmpLE: x <= y, tile.CmpEQ: x == y, tile.CmpNE: x != y, tile.CmpGT: x > y, tile.CmpGE: x >= y}[in.Steps] {
			return 1, nil
		}
		return 0, nil
	case tile.OpFSEL:
		if c != 0 {
			return a, nil
		}
		return b, nil
	case tile.OpLOP:
		return [...]uint32{tile.LOPAnd: a & b, tile.LOPOr: a | b, tile.LOPXor: a ^ b, tile.LOPXor3: a ^ b ^ c, tile.LOPChoose: a&c | b&^c}[in.Steps], nil
	case tile.OpSHF:
		return [...]uint32{tile.ShiftLeft: a << (b & 31), tile.ShiftRight: a >> (b & 31)}[in.Steps], nil
	case tile.OpIMULH:
		return uint32(uint64(a) * uint64(b) >> 32), nil
	case tile.OpI2FP:
		return bits(float32(int32(a))), nil
	case tile.OpF2IP:
		least := -128.0
		if in.Steps == 1 {
			least = 0
		}
		byteOf := func(v float32) uint32 {
			return uint32(uint8(int8(min(127, max(least, math.RoundToEven(float64(v)))))))
		}
		return byteOf(x) | byteOf(y)<<8 | c<<16, nil
	case tile.OpI2F:
		switch in.Steps {
		case tile.I2FInt:
			return bits(float32(int32(a))), nil
		case tile.I2FUint:
			return bits(float32(a)), nil
		}
		if in.Steps >= tile.I2FSigned {
			return bits(float32(int8(a >> (8 * (in.Steps - tile.I2FSigned))))), nil
		}
		return bits(float32(a >> (8 * (in.Steps - tile.I2FByte)) & 0xff)), nil
	case tile.OpF2I:
		return uint32(int32(math.Floor(float64(x)))), nil
	}
	v := float64(x)
	switch in.Imm {
	case tile.MUFUEx2:
		v = math.Exp2(v)
	case tile.MUFULg2:
		v = math.Log2(v)
	case tile.MUFURcp:
		v = 1 / v
	case tile.MUFURsq:
		v = 1 / math.Sqrt(v)
	case tile.MUFUSqrt:
		v = math.Sqrt(v)
	case tile.MUFUTanh:
		v = math.Tanh(v)
	default:
		return 0, fmt.Errorf("special function %d is not modelled", in.Imm)
	}
	return bits(float32(v)), nil
}
