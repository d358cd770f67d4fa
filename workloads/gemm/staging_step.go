package gemm

import "gpusim/workloads/tile"

// step stages one group of rows and writes it out.
func (e *staging) step(s int, d drain, puts []int16, gets [][]int16) []tile.Inst {
	var code []tile.Inst
	val := func(u int) int { return e.temp + u*d.val }
	out := func(u int) int { return e.temp + d.units*d.val + u*d.out }
	raw := func(u int) int { return e.temp + d.units*(d.val+d.out) + u*d.raw }
	add := func(u int) int { return e.temp + d.units*(d.val+d.out+d.raw*d.raws()) + u*d.add }
	// Those of the steps lie behind those of C, where that is read too.
	more := func(u, i int) int { return raw(u) + (d.raws()-d.steps+i)*d.units*d.raw }
	tmp := add(d.units)
	targets, sources := make([]int16, d.units), make([][]int16, d.units)
	for u := range targets {
		t := e.target(s, u, d)
		targets[u] = addAccess(e.k, t)
		sources[u] = stepSources(e.k, e.c.steps(e.p), t)
	}
	// The source is requested first: it has the longest way.
	if d.src {
		for u := range d.units {
			code = append(code, guarded(sourceGuard(e.p), load(tile.OpLDG, raw(u), targets[u])))
		}
	}
	for u := range d.units {
		for i, acc := range sources[u] {
			code = append(code, load(tile.OpLDG, more(u, i), acc))
		}
	}
	for i, acc := range puts {
		code = append(code, store(tile.OpSTS, e.puts[i].reg(s), acc))
	}
	for u := range d.units {
		for part, acc := range gets[u] {
			dst := val(u) + part*4
			switch {
			case e.acc16 && d.wide:
				dst = out(u) + part*2
			case e.acc16:
				dst = val(u) + part*2
			}
			code = append(code, load(tile.OpLDS, dst, acc))
		}
	}
	code = append(code, integer(tile.OpIADD, e.addr+9), integer(tile.OpIADD, e.addr+10), integer(tile.OpISETP, e.addr+11))
	for u := range d.units {
		if e.acc16 && d.wide {
			code = append(code, unpack(halves(e.p.Out()), val(u), out(u), d.vec, tile.GuardNone)...)
		}
		code = append(code, e.combine(d, val(u), raw(u), add(u))...)
		if steps := e.c.steps(e.p); steps.any() && e.p.Acc == "int32" {
			code = append(code, e.toFloats(val(u), d.vec)...) // integers are done with as fp32
		}
		for i := range d.steps {
			code = append(code, e.addStep(d, val(u), more(u, i), add(u), e.c.steps(e.p).scalar(i))...)
		}
		code = append(code, e.c.steps(e.p).activate(e.k, val(u), tmp, d.val)...)
		src := val(u)
		clamped := false
		if e.c.steps(e.p).any() && e.p.Acc == "int32" {
			var ints []tile.Inst
			ints, clamped = e.toIntegers(val(u), d.vec, d.bytes)
			code = append(code, ints...)
		}
		if d.bytes {
			src = out(u)
			code = append(code, bytesOf(src, val(u), d.vec, clamped)...)
		}
		if d.wide && d.half {
			src = out(u)
			code = append(code, pack(halves(e.p.Out()), src, val(u), d.vec)...)
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
	zip := func(d, a, b int, imm uint8) {
		in := ins(tile.OpPRMT, d, a, b, tile.RZ)
		in.Imm = imm
		code = append(code, in)
	}
	switch n {
	case 1:
		code = append(code, ins(tile.OpMOV, dst, src, tile.RZ, tile.RZ))
	case 2:
		zip(dst, src, src+1, tile.PRMTZipLow)
	default:
		zip(src, src, src+1, tile.PRMTZipLow)
		zip(src+2, src+2, src+3, tile.PRMTZipLow)
		zip(dst, src, src+2, tile.PRMTLow)
	}
	return code
}

// addStep adds a source of the steps to values in fp32; a scalar one to all.
func (e *staging) addStep(d drain, val, raw, add int, scalar bool) []tile.Inst {
	var code []tile.Inst
	if d.bytes {
		for i := range d.vec {
			in := ins(tile.OpI2F, add, raw, tile.RZ, tile.RZ)
			in.Steps = uint8(tile.I2FSigned + i)
			code = append(code, in, ins(tile.OpFADD, val+i, val+i, add, tile.RZ))
		}
		return code
	}
	n, next := d.vec, 1
	if scalar {
		n, next = 1, 0
	}
	if d.half {
		code = unpack(halves(e.p.Out()), add, raw, n, tile.GuardNone)
		raw = add
	}
	for i := range d.val {
		code = append(code, ins(tile.OpFADD, val+i, val+i, raw+i*next, tile.RZ))
	}
	return code
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
