package gemm

import (
	"math"

	"gpusim/workloads/tile"
)

// Conversions between integers and floats run on the pipe of special functions, at
// a quarter of the rate of additions. Where sums of int8 products fit the mantissa
// of an fp32, kernels convert them by additions instead, see tile.IntegerFloat (CUTLASS,
// epilogue/thread/linear_combination_clamp.h, FastLinearCombinationClamp: for k of
// up to 256). Machines with pack conversions have no need to: TensorRT's code for Ampere
// has I2FP, FFMA and F2IP, one of it for two sums, and nothing else between a matrix
// instruction and a word of bytes.
const fastK = 256

// converter turns the sums of a kernel into what its steps compute on and that into bytes.
type converter struct {
	p     Problem
	c     Config
	k     *tile.Kernel
	packs bool // tile.Latencies.PackConversions
}

// fast says whether this kernel does so with its sums.
func (e *converter) fast() bool {
	return e.p.DType == "int8" && e.p.Acc == "int32" && e.p.Alpha == 1 && e.p.Beta == 0 && e.p.K <= fastK
}

// constant gives the Imm of a kernel's constant.
func constant(k *tile.Kernel, bits uint32) uint8 {
	for i, c := range k.Consts {
		if c == bits {
			return uint8(tile.ImmConst + i)
		}
	}
	k.Consts = append(k.Consts, bits)
	return uint8(tile.ImmConst + len(k.Consts) - 1)
}

// with applies an instruction with a constant operand to n registers in place.
func (e *converter) with(op tile.Op, reg, n int, bits uint32, variant uint8) []tile.Inst {
	imm := constant(e.k, bits)
	var code []tile.Inst
	for i := range n {
		in := ins(op, reg+i, reg+i, tile.RZ, tile.RZ)
		in.Imm, in.Steps = imm, variant
		code = append(code, in)
	}
	return code
}

// toFloats turns n integers into fp32, in place.
func (e *converter) toFloats(reg, n int) []tile.Inst {
	switch {
	case e.packs:
		return each(tile.OpI2FP, reg, n)
	case !e.fast():
		return each(tile.OpI2F, reg, n)
	}
	magic := math.Float32bits(tile.IntegerFloat)
	return append(e.with(tile.OpIADD, reg, n, magic, 0), e.with(tile.OpFADD, reg, n, math.Float32bits(-tile.IntegerFloat), 0)...)
}

// relu says whether turning floats into bytes leaves nothing below 0.
func (e *converter) relu() bool { return e.c.steps(e.p).Act == "relu" }

// activate applies the activation to n floats, see Steps.activate, unless turning them
// into bytes does.
func (e *converter) activate(reg, tmp, n int) []tile.Inst {
	if e.packs && e.relu() && e.p.Out() == "int8" {
		return nil
	}
	return e.c.steps(e.p).activate(e.k, reg, tmp, n)
}

// toIntegers turns n floats into integers within the range of a byte, in place; only
// their lowest byte counts. Pack conversions do so on the way to bytes.
func (e *converter) toIntegers(reg, n int) (code []tile.Inst) {
	if e.packs {
		return nil
	}
	if !e.relu() {
		code = e.with(tile.OpFMNMX, reg, n, math.Float32bits(-128), 1)
	}
	code = append(code, e.with(tile.OpFMNMX, reg, n, math.Float32bits(127), 0)...)
	return append(code, e.with(tile.OpFADD, reg, n, math.Float32bits(tile.IntegerFloat), 0)...)
}

// toBytes packs what toIntegers has given, up to two pairs of it, as the bytes of a
// register; n of them count.
func (e *converter) toBytes(dst, low, high, n int) []tile.Inst {
	if !e.packs {
		if n > 2 {
			return fourBytes(dst, low, high)
		}
		return bytesOf(dst, low, n, true)
	}
	pair := func(a, rest int) tile.Inst {
		in := ins(tile.OpF2IP, dst, a, a+1, rest)
		if n == 1 {
			in.SrcB = tile.RZ
		}
		if e.relu() {
			in.Steps = 1
		}
		return in
	}
	if n > 2 {
		return []tile.Inst{pair(high, tile.RZ), pair(low, dst)}
	}
	return []tile.Inst{pair(low, tile.RZ)}
}
