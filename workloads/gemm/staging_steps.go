package gemm

import "gpusim/workloads/tile"

// drainRegs are the registers of a staged step, by unit.
type drainRegs struct {
	drain
	temp int
}

func (r *drainRegs) val(u int) int { return r.temp + u*r.drain.val }
func (r *drainRegs) out(u int) int { return r.temp + r.units*r.drain.val + u*r.drain.out }
func (r *drainRegs) raw(u int) int {
	return r.temp + r.units*(r.drain.val+r.drain.out) + u*r.drain.raw
}
func (r *drainRegs) add(u int) int {
	return r.temp + r.units*(r.drain.val+r.drain.out+r.drain.raw*r.raws()) + u*r.drain.add
}

// more are those of source i of the steps for staging step s; those of even and of odd
// steps are apart.
func (r *drainRegs) more(s, u, i int) int {
	if s%2 == 0 {
		return r.raw(u) + i*r.units*r.drain.raw
	}
	return r.bias(0) + r.drain.bias + (u*r.steps+i)*r.drain.raw
}
func (r *drainRegs) tmp() int             { return r.add(r.units) }
func (r *drainRegs) bias(columns int) int { return r.tmp() + r.drain.tmp + columns*r.vec }

// loadSources requests what the steps add to the rows of staging step s and no others
// do; that of the rows staged next is asked for before these are dealt with, so that
// its way from memory, the longest of all, lies beside them.
func (e *staging) loadSources(d drain, s int) (code []tile.Inst) {
	if d.steps == 0 || s == e.steps() {
		return nil
	}
	steps := e.c.steps(e.p)
	steps.Bias = steps.Bias && steps.Across
	r := drainRegs{d, e.temp}
	for u := range d.units {
		for i, at := range stepSources(e.k, steps, e.target(s, u, d)) {
			code = append(code, load(tile.OpLDG, r.more(s, u, i), at))
		}
	}
	return code
}

// loadBias reads the bias of a lane's columns, which are the same in all steps, once.
func (e *staging) loadBias(d drain) []tile.Inst {
	if d.bias == 0 {
		return nil
	}
	var code, widened []tile.Inst
	r := drainRegs{d, e.temp}
	for i := range d.columns(e.c) {
		t := e.target(0, i, d)
		t.Col = make([]int32, e.k.Threads) // that of the first row, which no edge cuts off
		at := biasAccess(e.k, t)
		if !d.half {
			code = append(code, load(tile.OpLDG, r.bias(i), at))
			continue
		}
		code = append(code, load(tile.OpLDG, r.out(i), at))
		widened = append(widened, unpack(halves(e.p.Out()), r.bias(i), r.out(i), d.vec, tile.GuardNone)...)
	}
	return append(code, widened...)
}

// stepped is what the steps do to a staged group of rows and its way out.
func (e *staging) stepped(s int, d drain, steps Steps, targets []int16) []tile.Inst {
	r := drainRegs{d, e.temp}
	var w skewed
	then := func(f func(u int) []tile.Inst) { w.then(0, d.units, f) }
	for i := range d.steps {
		e.widen(s, d, i, steps.scalar(i), then)
	}
	integers := e.p.Acc == "int32" // which are done with as fp32
	if integers {
		then(func(u int) []tile.Inst { return e.toFloats(r.val(u), d.vec) })
	}
	then(func(u int) []tile.Inst {
		if d.bias == 0 {
			return affine(r.val(u), d.vec, tile.RZ)
		}
		return affine(r.val(u), d.vec, r.bias(u%d.columns(e.c)))
	})
	for i := range d.steps {
		then(func(u int) []tile.Inst {
			from, next := r.source(s, u, i, steps.scalar(i))
			return sum(r.val(u), d.vec, from, next)
		})
	}
	then(func(u int) []tile.Inst { return e.activate(r.val(u), r.tmp(), d.vec) })
	if integers {
		then(func(u int) []tile.Inst { return e.toIntegers(r.val(u), d.vec) })
	}
	then(func(u int) []tile.Inst {
		src := r.val(u)
		var code []tile.Inst
		switch {
		case d.bytes:
			src = r.out(u)
			code = e.toBytes(src, r.val(u), r.val(u)+2, d.vec)
		case d.half:
			src = r.out(u)
			code = pack(halves(e.p.Out()), src, r.val(u), d.vec)
		}
		return append(code, store(tile.OpSTG, src, targets[u]))
	})
	return w.code()
}

// source is where source i of the steps is in fp32, and how far the next value lies.
func (r *drainRegs) source(s, u, i int, scalar bool) (reg, next int) {
	reg = r.more(s, u, i)
	if r.bytes && !scalar || r.half {
		reg = r.add(u) + i*r.vec
	}
	if scalar {
		return reg, 0
	}
	return reg, 1
}

// widen turns source i of the steps into fp32, where it is not.
func (e *staging) widen(s int, d drain, i int, scalar bool, then func(func(u int) []tile.Inst)) {
	r := drainRegs{d, e.temp}
	switch {
	case d.bytes && !scalar:
		then(func(u int) []tile.Inst {
			to, _ := r.source(s, u, i, false)
			return widenBytes(to, r.more(s, u, i), d.vec)
		})
	case d.half:
		n := d.vec
		if scalar {
			n = 1
		}
		then(func(u int) []tile.Inst {
			to, _ := r.source(s, u, i, scalar)
			return unpack(halves(e.p.Out()), to, r.more(s, u, i), n, tile.GuardNone)
		})
	}
}

// affine is alpha times n values in fp32, in place, plus as many from register bias on,
// if that is not RZ.
func affine(reg, n, bias int) (code []tile.Inst) {
	for i := range n {
		if bias == tile.RZ {
			code = append(code, scaled(tile.OpFMUL, reg+i, reg+i, tile.RZ, tile.ImmAlpha))
			continue
		}
		code = append(code, scaled(tile.OpFFMA, reg+i, reg+i, bias+i, tile.ImmAlpha))
	}
	return code
}

// sum adds to n values in fp32, in place, those that lie next registers apart.
func sum(reg, n, from, next int) (code []tile.Inst) {
	for i := range n {
		code = append(code, ins(tile.OpFADD, reg+i, reg+i, from+i*next, tile.RZ))
	}
	return code
}

// widenBytes turns n signed bytes that lie four to a register into fp32.
func widenBytes(dst, src, n int) (code []tile.Inst) {
	for i := range n {
		in := ins(tile.OpI2F, dst+i, src+i/4, tile.RZ, tile.RZ)
		in.Steps = uint8(tile.I2FSigned + i%4)
		code = append(code, in)
	}
	return code
}

// skewed is code by stage and unit. A unit's stages follow each other; those of
// different units share nothing but what one stage works in, and a compiler lets
// them hide each other's latency and use different pipes at a time.
type skewed [][][]tile.Inst

// then adds a stage of units [from, to).
func (w *skewed) then(from, to int, f func(u int) []tile.Inst) {
	var stage [][]tile.Inst
	for u := from; u < to; u++ {
		stage = append(stage, f(u))
	}
	*w = append(*w, stage)
}

// code lets each unit be one stage behind the one before, an instruction of each in turn.
func (w skewed) code() (out []tile.Inst) {
	for first := range len(w) + len(w[0]) - 1 {
		var side [][]tile.Inst
		for u := range w[0] {
			if s := first - u; s >= 0 && s < len(w) {
				side = append(side, w[s][u])
			}
		}
		for i, more := 0, true; more; i++ {
			more = false
			for _, code := range side {
				if i < len(code) {
					out, more = append(out, code[i]), true
				}
			}
		}
	}
	return out
}
