package gemm

import "gpusim/workloads/tile"

// Kernels of lowered products write whole vectors of a thread's accumulators
// straight to C where four elements lie side by side: eight lanes along m then
// make a line, and nothing goes through shared memory. Concluded from DeepBench's
// convolutions of one and three channels, hardly more than epilogues, which
// take less than a trip through shared memory would; they still come out slow.

// straight says whether the epilogue does so.
func (s *simt) straight() bool {
	w := s.p.Lowered
	return w != nil && w.C.Vec >= s.vec && w.C.Vec%s.vec == 0 && s.slices == 1 && s.words == 1 && !s.c.Workspace && !s.reads() && !s.p.added() && s.p.Out() == "fp32"
}

// straightRegs is the number of its temporary registers: two columns of scaled
// accumulators, which take turns, what the steps read for each, and what they
// work in.
func (s *simt) straightRegs() int {
	st := s.c.steps(s.p)
	return s.a.count*(2+st.sources()) + s.vec*st.actTemps()
}

// straightEpilogue writes alpha times the accumulators with the steps done, column
// by column.
func (s *simt) straightEpilogue() []tile.Inst {
	code := s.c.openEpilogue(s.regAddr)
	st := s.c.steps(s.p)
	for j := range s.b.count {
		column := s.regTemp + j&1*s.a.count
		raw := s.regTemp + 2*s.a.count
		tmp := raw + st.sources()*s.a.count
		targets := make([]int16, s.a.count/s.vec)
		sources := make([][]int16, len(targets))
		for v := range targets {
			t := s.vectorTarget(j, v*s.vec)
			targets[v] = s.access(t)
			sources[v] = stepSources(s.k, st, t)
			for i, acc := range sources[v] {
				code = append(code, load(tile.OpLDG, raw+i*s.a.count+v*s.vec, acc))
			}
		}
		for i := range s.a.count {
			code = append(code, scaled(s.t.mul, column+i, s.acc(i, j), tile.RZ, tile.ImmAlpha))
		}
		code = append(code, integer(tile.OpIADD, s.regAddr+9), integer(tile.OpIADD, s.regAddr+10), integer(tile.OpISETP, s.regAddr+11))
		for v := range targets {
			first := column + v*s.vec
			for i := range sources[v] {
				from, next := raw+i*s.a.count+v*s.vec, 1
				if st.scalar(i) {
					next = 0
				}
				for e := range s.vec {
					code = append(code, ins(s.t.add, first+e, first+e, from+e*next, tile.RZ))
				}
			}
			code = append(code, st.activate(s.k, first, tmp, s.vec)...)
			code = append(code, store(tile.OpSTG, first, targets[v]))
		}
	}
	return append(code, s.c.closeEpilogue()...)
}

// vectorTarget is the global access of the vector of column j that begins with
// element e of a thread.
func (s *simt) vectorTarget(j, e int) tile.Access {
	a := tile.Access{Space: tile.Global, Tensor: tensorC, Bytes: s.vec * s.t.out, RowVar: tile.VarM, ColVar: tile.VarN}
	a.Row, a.Col = make([]int32, s.k.Threads), make([]int32, s.k.Threads)
	for t := range s.k.Threads {
		m, n := s.lane(t & 31)
		a.Row[t] = int32(s.warpM[t>>5] + s.a.outerOf(m, e))
		a.Col[t] = int32(s.warpN[t>>5] + s.b.outerOf(n, j))
	}
	return a
}
