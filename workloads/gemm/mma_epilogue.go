package gemm

import "gpusim/workloads/tile"

// direct says that accumulators go straight to C: four lanes have 64 contiguous
// bytes of fp64.
func (m *mma) direct() bool { return m.inst.Acc == "fp64" }

func (m *mma) epilogueRegs() int {
	switch {
	case m.direct():
		return 4 * m.cols.frags // the source of a row
	case m.blocked():
		return m.blocks().regs()
	}
	return m.staging().regs()
}

func (m *mma) epilogue() []tile.Inst {
	switch {
	case m.direct():
		return m.directEpilogue()
	case m.blocked():
		return m.blocks().code()
	}
	return m.staging().code()
}

// staging describes the epilogue: 8 rows per step, those of eight lanes.
// TestMMAPasses asserts that no bank conflicts.
func (m *mma) staging() *staging {
	acc16 := m.inst.Acc == "fp16"
	e := &staging{
		converter: m.converter(), acc16: acc16, warpM: m.warpM, warpN: m.warpN, temp: m.regRows, addr: m.regAddr,
		rows: 8, odd: 8*stagePitch(m.c, acc16) + 16,
		rowN: func(s, row int) int { return 8*s + row },
	}
	high := m.inst.M / 8 // steps to a fragment of rows
	per := 2             // registers of a step in a fragment
	if acc16 {
		e.odd, per = 8*stagePitch(m.c, true)+2, 1
	}
	for fc := range m.cols.frags {
		e.puts = append(e.puts, staged{bytes: 4 * per,
			at:  func(lane int) (row, col int) { return lane / 4, fc*m.inst.N + lane%4*2 },
			reg: func(s int) int { return m.acc(s/high, fc) + s%high*per },
		})
	}
	return e
}

// directEpilogue writes eight rows at a time, a pair of columns of every
// fragment per lane.
func (m *mma) directEpilogue() []tile.Inst {
	code := m.c.openEpilogue(m.regAddr)
	src := !m.c.Workspace && (m.p.Beta != 0 || m.c.Splits > 1)
	vec := min(m.c.VecC, 2)
	high := m.inst.M / 8
	for s := range m.rows.frags * high {
		var targets []int16 // of a fragment, in pieces of vec
		for fc := range m.cols.frags {
			for e := 0; e < 2; e += vec {
				targets = append(targets, addAccess(m.k, m.pair(s, fc, e, vec)))
			}
		}
		if src {
			for i, at := range targets {
				code = append(code, guarded(sourceGuard(m.p), load(tile.OpLDG, m.regRows+2*vec*i, at)))
			}
		}
		for i, at := range targets {
			reg := m.acc(s/high, i*vec/2) + s%high*4 + i*vec%2*2
			for e := 0; e < 2*vec && !m.c.Workspace; e += 2 {
				code = append(code, scaled(tile.OpDMUL, reg+e, reg+e, tile.RZ, tile.ImmAlpha))
				if src {
					code = append(code, addSource(m.p, m.c, tile.OpDFMA, reg+e, m.regRows+2*vec*i+e)...)
				}
			}
			code = append(code, store(tile.OpSTG, reg, at))
		}
		code = append(code, integer(tile.OpIADD, m.regAddr+9), integer(tile.OpISETP, m.regAddr+10))
	}
	return append(code, m.c.closeEpilogue()...)
}

// pair is the global access to elements e on of the columns that lanes have of
// fragment fc in rows s.
func (m *mma) pair(s, fc, e, vec int) tile.Access {
	a := tile.Access{Space: tile.Global, Tensor: tensorC, Bytes: 8 * vec, RowVar: tile.VarM, ColVar: tile.VarN}
	if m.c.Workspace {
		a.Tensor, a.ColVar = tensorWorkspace, tile.VarSplit
	}
	a.Row, a.Col = make([]int32, m.k.Threads), make([]int32, m.k.Threads)
	for t := range m.k.Threads {
		a.Row[t] = int32(m.warpM[t>>5] + fc*m.inst.N + t%4*2 + e)
		a.Col[t] = int32(m.warpN[t>>5] + 8*s + t&31/4)
	}
	return a
}
