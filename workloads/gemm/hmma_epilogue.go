package gemm

import "gpusim/workloads/tile"

// The epilogue turns accumulators, scattered over a warp's lanes, into
// contiguous runs along m through a staging buffer private to the warp: 8 rows
// (values of n) per step with fp32 accumulators, 16 with fp16. The buffer
// keeps even and odd groups of four columns apart and pads its rows, so that
// both the STS.64 of accumulator pairs and the reads of eight columns per lane
// are free of bank conflicts; TestHMMAPasses asserts it.

// stageRows is the number of rows staged per step, stagePitch and stageOdd the
// row pitch and the offset of the odd column groups, in 32-bit words.
func (h *hmma) stageRows() int {
	if h.acc16 {
		return 16
	}
	return 8
}

func (h *hmma) stagePitch() int {
	if h.acc16 {
		return h.c.WarpM/4 + 4
	}
	return h.c.WarpM/2 + 4
}

func (h *hmma) stageOdd() int {
	if h.acc16 {
		return 16*h.stagePitch() + 2
	}
	return 8*h.stagePitch() + 4
}

// stageBytes is the staging buffer of one warp.
func (h *hmma) stageBytes() int {
	return ceilDiv(4*(h.stageOdd()+h.stageRows()*h.stagePitch()), 16) * 16
}

// stageAddr is the byte address of column m of a staged row in a warp's
// buffer.
func (h *hmma) stageAddr(warp, row, m int) int32 {
	word := m >> 2 & 1 * h.stageOdd()
	word += row * h.stagePitch()
	base := warp * h.stageBytes()
	if h.acc16 {
		return int32(base + 4*(word+m>>3*2) + m&3*2)
	}
	return int32(base + 4*(word+m>>3*4+m&3))
}

// stageRow is the staged row that a lane's accumulators of a step go to, and
// rowN the n, within the warp tile, of a staged row in step s.
func (h *hmma) stageRow(lane int) int {
	if h.acc16 {
		return lane&3 + 4*h.rows.half(lane) + lane>>4*8
	}
	return lane>>4 + lane&1*2 + 4*h.rows.half(lane)
}

func (h *hmma) rowN(s, row int) int {
	if h.acc16 {
		return h.rows.outerOf(s, row>>2&1, row&3+row>>3*4)
	}
	return h.rows.outerOf(s/2, row>>2&1, row>>1&1+s&1*2+row&1*4)
}

// epilogueSteps is the number of staging steps of a warp tile.
func (h *hmma) epilogueSteps() int { return h.c.WarpN / h.stageRows() }

// drain describes how a staged step leaves the buffer.
type drain struct {
	vec   int  // elements of C per global access
	units int  // global accesses per lane and step
	half  bool // C is fp16
	wide  bool // values are computed in fp32
	src   bool // C (or an earlier slice's sum) is read and added
	val   int  // registers per unit: values, packed results, source, unpacked source
	out   int
	raw   int
	add   int
}

func (h *hmma) drain() drain {
	d := drain{half: h.p.Out() == "fp16" && !h.c.Workspace}
	d.vec = h.c.VecC
	if !d.half {
		d.vec = min(d.vec, 4)
	}
	d.wide = !d.half || !h.acc16
	d.src = !h.c.Workspace && (h.p.Beta != 0 || h.c.Splits > 1)
	d.units = h.stageRows() * h.c.WarpM / 32 / d.vec
	packed := max(d.vec/2, 1)
	d.val = packed
	if d.wide {
		d.val = d.vec
		if d.half {
			d.out = packed
		}
		if h.acc16 {
			d.out = packed // halves as they come from the buffer
		}
	}
	if d.src {
		d.raw = d.vec
		if d.half {
			d.raw = packed
			if d.wide {
				d.add = d.vec
			}
		}
	}
	return d
}

// epilogueRegs is the number of temporary registers of a step.
func (h *hmma) epilogueRegs() int {
	d := h.drain()
	return d.units * (d.val + d.out + d.raw + d.add)
}

// epilogue writes alpha times the accumulators, plus what C asks for, or the
// partial sums of a slice to the workspace.
func (h *hmma) epilogue() []tile.Inst {
	code := h.c.openEpilogue(h.regAddr)
	d := h.drain()
	puts := h.stagePuts()
	gets := h.stageGets(d)
	for s := range h.epilogueSteps() {
		code = append(code, h.step(s, d, puts, gets)...)
	}
	return append(code, h.c.closeEpilogue()...)
}

// stagePuts are the accesses that store one step's accumulators, in the order
// of stageStores; every step reuses them.
func (h *hmma) stagePuts() []int16 {
	var out []int16
	for fc := range h.cols.frags {
		for high := range 2 {
			addr := make([]int32, h.k.Threads)
			for t := range addr {
				lane := t & 31
				c := high * 4
				if !h.acc16 {
					c += lane & 2
				}
				m := h.cols.outerOf(fc, h.cols.half(lane), c)
				addr[t] = h.stageAddr(t>>5, h.stageRow(lane), m)
			}
			out = append(out, h.access(tile.Access{Space: tile.Shared, Bytes: 8, Addr: addr}))
		}
	}
	return out
}

// unit is the staged row and first column that a lane handles in a unit.
// Reversing the low row bits puts rows whose pitch differs by 16 banks into
// one pass.
func (h *hmma) unit(d drain, u, lane int) (row, m int) {
	per := h.c.WarpM / d.vec
	i := u*32 + lane
	r := i / per
	return r&^7 | r&1<<2 | r&2 | r>>2&1, i % per * d.vec
}

// stageGets are the accesses that read each unit back: eight columns take two,
// one from each half of the buffer.
func (h *hmma) stageGets(d drain) [][]int16 {
	out := make([][]int16, d.units)
	bytes := 4
	if h.acc16 {
		bytes = 2
	}
	for u := range out {
		for part := 0; part < d.vec; part += 4 {
			addr := make([]int32, h.k.Threads)
			for t := range addr {
				row, m := h.unit(d, u, t&31)
				addr[t] = h.stageAddr(t>>5, row, m+part)
			}
			out[u] = append(out[u], h.access(tile.Access{Space: tile.Shared, Bytes: min(d.vec, 4) * bytes, Addr: addr}))
		}
	}
	return out
}

// target is the global access of unit u in step s.
func (h *hmma) target(s, u int, d drain) tile.Access {
	a := tile.Access{Space: tile.Global, Tensor: tensorC, Bytes: d.vec * 4, RowVar: tile.VarM, ColVar: tile.VarN}
	if d.half {
		a.Bytes = d.vec * 2
	}
	if h.c.Workspace {
		a.Tensor, a.ColVar = tensorWorkspace, tile.VarSplit
	}
	a.Row, a.Col = make([]int32, h.k.Threads), make([]int32, h.k.Threads)
	for t := range h.k.Threads {
		row, m := h.unit(d, u, t&31)
		a.Row[t] = int32(h.warpM[t>>5] + m)
		a.Col[t] = int32(h.warpN[t>>5] + h.rowN(s, row))
	}
	return a
}

// step stages one group of rows and writes it out.
func (h *hmma) step(s int, d drain, puts []int16, gets [][]int16) []tile.Inst {
	var code []tile.Inst
	val := func(u int) int { return h.regTemp + u*d.val }
	out := func(u int) int { return h.regTemp + d.units*d.val + u*d.out }
	raw := func(u int) int { return h.regTemp + d.units*(d.val+d.out) + u*d.raw }
	add := func(u int) int { return h.regTemp + d.units*(d.val+d.out+d.raw) + u*d.add }
	targets := make([]int16, d.units)
	for u := range targets {
		targets[u] = h.access(h.target(s, u, d))
	}
	// The source is requested first: it has the longest way.
	if d.src {
		for u := range d.units {
			code = append(code, guarded(sourceGuard(h.p), load(tile.OpLDG, raw(u), targets[u])))
		}
	}
	for i, acc := range puts {
		reg := h.acc(s, i/2) + i%2*2
		if !h.acc16 {
			reg = h.acc(s/2, i/2) + i%2*4 + s%2*2
		}
		code = append(code, store(tile.OpSTS, reg, acc))
	}
	for u := range d.units {
		for part, acc := range gets[u] {
			dst := val(u) + part*4
			switch {
			case h.acc16 && d.wide:
				dst = out(u) + part*2
			case h.acc16:
				dst = val(u) + part*2
			}
			code = append(code, load(tile.OpLDS, dst, acc))
		}
	}
	code = append(code, integer(tile.OpIADD, h.regAddr+9), integer(tile.OpIADD, h.regAddr+10), integer(tile.OpISETP, h.regAddr+11))
	for u := range d.units {
		if h.acc16 && d.wide {
			code = append(code, unpack(val(u), out(u), d.vec, tile.GuardNone)...)
		}
		code = append(code, h.combine(d, val(u), raw(u), add(u))...)
		src := val(u)
		if d.wide && d.half {
			src = out(u)
			code = append(code, pack(src, val(u), d.vec)...)
		}
		code = append(code, store(tile.OpSTG, src, targets[u]))
	}
	return code
}

// combine computes alpha*val and adds the source: beta*C in the first slice,
// the sum of the earlier slices in the others. Partial sums for a workspace
// stay as they are.
func (h *hmma) combine(d drain, val, raw, add int) []tile.Inst {
	if h.c.Workspace {
		return nil
	}
	fma, n := tile.OpFFMA, d.val
	if !d.wide {
		fma = tile.OpHFMA2
	}
	var code []tile.Inst
	for i := range n {
		if d.wide {
			code = append(code, scaled(tile.OpFMUL, val+i, val+i, tile.RZ, tile.ImmAlpha))
		} else {
			code = append(code, scaled(fma, val+i, val+i, tile.RZ, tile.ImmAlpha))
		}
	}
	if !d.src {
		return code
	}
	source := raw
	if d.add > 0 {
		code = append(code, unpack(add, raw, d.vec, sourceGuard(h.p))...)
		source = add
	}
	for i := range n {
		code = append(code, addSource(h.p, h.c, fma, val+i, source+i)...)
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

// unpack widens n halves that lie two to a register, from src to dst.
func unpack(dst, src, n int, g tile.Guard) []tile.Inst {
	var code []tile.Inst
	for i := range n {
		in := ins(tile.OpUNPACK, dst+i, src+i/2, tile.RZ, tile.RZ)
		in.Imm = uint8(i & 1)
		code = append(code, guarded(g, in))
	}
	return code
}

// pack narrows n fp32 values to halves, two to a register.
func pack(dst, src, n int) []tile.Inst {
	if n == 1 {
		return []tile.Inst{ins(tile.OpPACK, dst, src, tile.RZ, tile.RZ)}
	}
	var code []tile.Inst
	for i := 0; i < n; i += 2 {
		code = append(code, ins(tile.OpPACK, dst+i/2, src+i, src+i+1, tile.RZ))
	}
	return code
}
