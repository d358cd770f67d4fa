package gemm

import "gpusim/workloads/tile"

// steps is the number of k-steps of a k-tile, perStep that of matrix
// instructions in each.
func (m *mma) steps() int   { return m.cols.tileK * m.cols.elem / m.inst.KBytes() }
func (m *mma) perStep() int { return m.rows.frags * m.cols.frags }

// copies brings the k-tile that lies iterAdd ahead to shared memory without
// registers. K beyond the end gives zeros.
func (m *mma) copies(iterAdd int32) []tile.Inst {
	var out []tile.Inst
	for _, o := range []*mmaOperand{&m.rows, &m.cols} {
		chunks, pieces, bytes := o.split()
		for j := range chunks {
			for i := range pieces {
				if (i == 0 || m.p.apart()) && m.p.gathers(o.tensor) {
					work := m.regAddr + mmaAddrRegs - indexWork
					out = append(out, addressing(work, work)...)
				}
				in := bare(tile.OpLDGSTS)
				g := o.global(m.k.Threads, j, i, iterAdd)
				g.Bypass = bytes == 16 // .cg takes 16 bytes only
				in.Access = addAccess(m.k, g)
				in.Into = addAccess(m.k, o.piece(m.k.Threads, j, i, tile.Access{
					Bytes: bytes, BufferStride: m.buffer, Buffers: int32(m.c.Stages), BufferFlip: iterAdd,
				}))
				out = append(out, in)
			}
		}
	}
	return append(out, m.metaCopies(iterAdd)...)
}

// fragments loads an operand's fragments of k-step s of the k-tile that lies
// flip ahead, into one of its two sets of registers.
func (m *mma) fragments(o *mmaOperand, s int, flip int32) []tile.Inst {
	base, outer := m.regRows, m.warpN
	if o == &m.cols {
		base, outer = m.regCols, m.warpM
	}
	base += s & 1 * o.fragRegs()
	var out []tile.Inst
	for r := 0; r < o.fragRegs(); {
		in, acc := o.fragment(outer, s, r, tile.Access{BufferStride: m.buffer, Buffers: int32(m.c.Stages), BufferFlip: flip})
		in.Dst, in.Access = uint8(base+r), addAccess(m.k, acc)
		out = append(out, in)
		r += acc.LaneBytes() / 4
	}
	if o == &m.rows {
		out = append(out, m.metaLoads(s, flip)...)
	}
	return out
}

// math is the matrix instructions of k-step s, one for each accumulator.
func (m *mma) math(s int) []tile.Inst {
	var out []tile.Inst
	for fc := range m.cols.frags {
		for i := range m.rows.frags {
			fr := i
			if fc%2 == 1 { // back and forth, so that each shares an operand with the one before
				fr = m.rows.frags - 1 - i
			}
			acc := m.acc(fr, fc)
			a := m.regRows + s&1*m.rows.fragRegs() + fr*m.rows.regs
			b := m.regCols + s&1*m.cols.fragRegs() + fc*m.cols.regs
			out = append(out, ins(tile.OpMMA, acc, a, b, acc))
			in := &out[len(out)-1]
			in.Access = 0
			if m.p.Sparse {
				in.Mod, in.Imm = uint8(m.metaReg(s, fr)), uint8(s%m.inst.MetaSteps())
			}
		}
	}
	return out
}

// prologue computes addresses, brings the first k-tiles to shared memory and
// the first fragments to registers, and clears the accumulators while the
// first loads are under way.
func (m *mma) prologue() []tile.Inst {
	code := setup(m.regAddr, mmaAddrRegs)
	clearAcc := func() {
		for r := range m.regRows {
			code = append(code, ins(tile.OpMOV, r, tile.RZ, tile.RZ, tile.RZ))
		}
	}
	if m.c.Stages > 2 {
		code = append(code, ahead(m.c.Stages, m.copies)...)
		clearAcc()
		code = append(code, waitGroups(m.c.Stages-2))
	}
	for w, wave := range m.waves {
		code = append(code, fetch(&m.p, m.regAddr+mmaAddrRegs-indexWork, m.k, wave, 0, tile.GuardNone)...)
		if w == 0 {
			clearAcc()
		}
		code = append(code, deposit(m.k, wave, m.buffer, 0, tile.GuardNone)...)
	}
	code = append(code, bare(tile.OpBAR))
	code = append(code, m.fragments(&m.rows, 0, 0)...)
	return append(code, m.fragments(&m.cols, 0, 0)...)
}

// body is one k-tile: its matrix instructions, and between them the fragment
// loads of the k-step to come, the copies of a later k-tile and, before the last
// k-step, the barrier.
func (m *mma) body() []tile.Inst {
	n, per := m.steps(), m.perStep()
	bar := float64(n - 1)
	var side []placed
	if m.c.Stages > 2 {
		side = spread(side, m.copies(int32(m.c.Stages-1)), 0, bar, per)
		for _, in := range settle(m.c.Stages) {
			side = append(side, placed{int(bar) * per, in})
		}
	}
	for w, wave := range m.waves {
		length := bar / float64(len(m.waves))
		begin, end := float64(w)*length, float64(w+1)*length
		part := min(1, length*0.4)
		side = spread(side, fetch(&m.p, m.regAddr+mmaAddrRegs-indexWork, m.k, wave, 1, tile.GuardMore), begin, begin+part, per)
		side = spread(side, deposit(m.k, wave, m.buffer, 1, tile.GuardMore), end-part, end, per)
	}
	side = append(side, placed{int(bar) * per, bare(tile.OpBAR)})
	// Fragment loads follow the first matrix instruction of their k-step,
	// which waits for the loads of the k-step before, see hmma. Those of the
	// next k-tile read stale data in the last iteration, which nothing uses.
	after := 1 / float64(per)
	for s := range n {
		flip := int32((s + 1) / n)
		list := append(m.fragments(&m.rows, (s+1)%n, flip), m.fragments(&m.cols, (s+1)%n, flip)...)
		side = spread(side, list, float64(s)+after, float64(s)+0.6, per)
	}
	// Pointer increments of both operands (64 bit), the loop counter, loop
	// and residue predicates, and the stages' shared-memory pointers.
	r := m.regAddr
	side = spread(side, []tile.Inst{
		integer(tile.OpISETP, r+4), integer(tile.OpIADD, r), integer(tile.OpIADD, r+1), integer(tile.OpIADD, r+2), integer(tile.OpIADD, r+3),
		integer(tile.OpIADD, r+5), integer(tile.OpIADD, r+6), integer(tile.OpISETP, r+5), integer(tile.OpLOP, r+7),
		integer(tile.OpIADD, r+4), integer(tile.OpISETP, r+4),
	}, 0, float64(n)-0.5, per)
	sortPlaced(m.k, side)
	var math []tile.Inst
	for s := range n {
		math = append(math, m.math(s)...)
	}
	return weave(math, side)
}
