package gemm

import "gpusim/workloads/tile"

// step stages one group of rows and writes it out.
func (e *staging) step(s int, d drain, puts []int16, gets [][]int16) []tile.Inst {
	var code []tile.Inst
	r := drainRegs{d, e.temp}
	targets := make([]int16, d.units)
	for u := range targets {
		targets[u] = addAccess(e.k, e.target(s, u, d))
	}
	// The source is requested first: it has the longest way.
	if d.src {
		for u := range d.units {
			code = append(code, guarded(sourceGuard(e.p), load(tile.OpLDG, r.raw(u), targets[u])))
		}
	}
	code = append(code, e.loadSources(d, s+1)...)
	for i, acc := range puts {
		code = append(code, store(tile.OpSTS, e.puts[i].reg(s), acc))
	}
	for u := range d.units {
		for part, acc := range gets[u] {
			dst := r.val(u) + part*4
			switch {
			case e.acc16 && d.wide:
				dst = r.out(u) + part*2
			case e.acc16:
				dst = r.val(u) + part*2
			}
			code = append(code, load(tile.OpLDS, dst, acc))
		}
	}
	code = append(code, integer(tile.OpIADD, e.addr+9), integer(tile.OpIADD, e.addr+10), integer(tile.OpISETP, e.addr+11))
	if steps := e.c.steps(e.p); steps.any() {
		return append(code, e.stepped(s, d, steps, targets)...)
	}
	for u := range d.units {
		if e.acc16 && d.wide {
			code = append(code, unpack(halves(e.p.Out()), r.val(u), r.out(u), d.vec, tile.GuardNone)...)
		}
		code = append(code, e.combine(d, r.val(u), r.raw(u), r.add(u))...)
		src := r.val(u)
		if d.bytes {
			src = r.out(u)
			code = append(code, bytesOf(src, r.val(u), d.vec, false)...)
		}
		if d.wide && d.half {
			src = r.out(u)
			code = append(code, pack(halves(e.p.Out()), src, r.val(u), d.vec)...)
		}
		code = append(code, store(tile.OpSTG, src, targets[u]))
	}
	return code
}

// combine computes alpha*val and adds the source: beta*C in the first slice,
// the sum of the earlier slices in the others. Partial sums for a workspace
// stay as they are.
func (e *staging) combine(d drain, val, raw, add int) []tile.Inst {
	if e.c.Workspace {
		return nil
	}
	mul, fma, n := tile.OpFMUL, tile.OpFFMA, d.val
	switch {
	case e.p.Acc == "int32":
		mul, fma = tile.OpIMAD, tile.OpIMAD
	case !d.wide:
		mul, fma = tile.OpHFMA2, tile.OpHFMA2
	}
	var code []tile.Inst
	for i := range n {
		code = append(code, scaled(mul, val+i, val+i, tile.RZ, tile.ImmAlpha))
	}
	if !d.src {
		return code
	}
	source := raw
	if d.add > 0 {
		code = append(code, unpack(halves(e.p.Out()), add, raw, d.vec, sourceGuard(e.p))...)
		source = add
	}
	for i := range n {
		code = append(code, addSource(e.p, e.c, fma, val+i, source+i)...)
	}
	return code
}

// each applies an instruction of one operand to n registers in place.
func each(op tile.Op, reg, n int) []tile.Inst {
	var code []tile.Inst
	for i := range n {
		code = append(code, ins(op, reg+i, reg+i, tile.RZ, tile.RZ))
	}
	return code
}

// bytesOf packs up to four integers, saturated, as the bytes of a register; clamped
// ones are within their range already.
func bytesOf(dst, src, n int, clamped bool) []tile.Inst {
	var code []tile.Inst
	if !clamped {
		code = each(tile.OpI2I, src, n)
	}
	if n > 2 {
		return append(code, fourBytes(dst, src, src+2)...)
	}
	if n == 2 {
		return append(code, permute(dst, src, src+1, tile.PRMTZipLow))
	}
	return append(code, ins(tile.OpMOV, dst, src, tile.RZ, tile.RZ))
}

// fourBytes packs the lowest bytes of two pairs of registers; what the pairs held is gone.
func fourBytes(dst, low, high int) []tile.Inst {
	return []tile.Inst{permute(low, low, low+1, tile.PRMTZipLow), permute(high, high, high+1, tile.PRMTZipLow), permute(dst, low, high, tile.PRMTLow)}
}

func permute(dst, a, b int, imm uint8) tile.Inst {
	in := ins(tile.OpPRMT, dst, a, b, tile.RZ)
	in.Imm = imm
	return in
}

// sourceGuard is the guard of instructions that read C or prepare it: with
// beta of zero the first slice must not.
func sourceGuard(p Problem) tile.Guard {
	if p.Beta == 0 {
		return tile.GuardNotFirst
	}
	return tile.GuardNone
}

// addSource adds to val what the kernel found in C: beta times it in the
// first slice, in the others the sum of the earlier slices as it is.
func addSource(p Problem, c Config, fma tile.Op, val, source int) []tile.Inst {
	first := tile.GuardNone
	if c.Splits > 1 {
		first = tile.GuardFirst
	}
	var code []tile.Inst
	if p.Beta != 0 {
		code = append(code, guarded(first, scaled(fma, val, source, val, tile.ImmBeta)))
	}
	if c.Splits > 1 {
		code = append(code, guarded(tile.GuardNotFirst, scaled(fma, val, source, val, tile.ImmOne)))
	}
	return code
}

// unpack widens n halves of a kind that lie two to a register, from src to dst.
func unpack(kind uint8, dst, src, n int, g tile.Guard) []tile.Inst {
	var code []tile.Inst
	for i := range n {
		in := ins(tile.OpUNPACK, dst+i, src+i/2, tile.RZ, tile.RZ)
		in.Imm = uint8(i&1) | kind
		code = append(code, guarded(g, in))
	}
	return code
}

// pack narrows n fp32 values to halves of a kind, two to a register.
func pack(kind uint8, dst, src, n int) []tile.Inst {
	var code []tile.Inst
	for i := 0; i < n; i += 2 {
		in := ins(tile.OpPACK, dst+i/2, src+i, src+i+1, tile.RZ)
		if i+1 == n {
			in.SrcB = tile.RZ
		}
		in.Imm = kind
		code = append(code, in)
	}
	return code
}
