package gemm

import "gpusim/workloads/tile"

// The epilogue turns accumulators, scattered over a warp's lanes, into whole
// lines along m through a staging buffer per warp. A step stages one column of
// every thread's tile; the warp then reads rows of the buffer (values of n)
// with consecutive lanes on consecutive m. In sliced kernels each slice's warp
// stages its sums, and the warps that share a tile divide its rows: each adds
// the slices' values of its own, in order of the slices.

// stagePitch is the distance of the rows of a staging buffer in words. The
// padding keeps apart the banks that lanes with different n store to.
func (s *simt) stagePitch() int {
	row := s.c.WarpM * s.words
	if lm, _ := s.lanes(); lm == 8 {
		return row + 16
	}
	return row + 8
}

// stageBytes is one staging buffer of one warp. stageBuffers of them, used in
// turn, let the warps of a sliced kernel do with one barrier per step.
func (s *simt) stageBytes() int {
	_, ln := s.lanes()
	return 4 * ln * s.stagePitch()
}

func (s *simt) stageBuffers() int {
	if s.slices > 1 {
		return 2
	}
	return 1
}

// stageAddr is the byte address of a staged element.
func (s *simt) stageAddr(buffer, warp, row, m int) int32 {
	return int32((buffer*len(s.warpM)+warp)*s.stageBytes() + row*s.stagePitch()*4 + m*s.elem)
}

// units is the number of elements that a thread reads back and writes to C per
// step.
func (s *simt) units() int {
	_, ln := s.lanes()
	return s.c.WarpM * ln / s.slices / 32
}

// unit is the staged row and column of a thread's unit u. When a warp reads
// two rows at once they must not be neighbours, whose banks overlap.
func (s *simt) unit(t, u int) (row, m int) {
	_, ln := s.lanes()
	i := u*32 + t&31
	row, m = s.slice[t>>5]*(ln/s.slices)+i/s.c.WarpM, i%s.c.WarpM
	if s.c.WarpM < 32 {
		row = row&^3 | row&1<<1 | row>>1&1
	}
	return row, m
}

// reads says whether C, or an earlier slice's sum in it, is read and added.
func (s *simt) reads() bool { return !s.c.Workspace && (s.p.Beta != 0 || s.c.Splits > 1) }

// epilogueRegs is the number of temporary registers of a step: scaled
// accumulators, what comes back from the buffer, the source. The source counts
// even where nothing reads it, because library kernels take beta at run time.
func (s *simt) epilogueRegs() int {
	if s.straight() {
		return s.straightRegs()
	}
	steps := s.units() * (s.c.steps(s.p).sources() + s.c.steps(s.p).actTemps())
	if s.joins() {
		steps += s.units() * joinRegs
	}
	return (s.a.count+s.units()*s.slices+s.units())*s.words + steps
}

// epilogue writes alpha times the accumulators, plus what C asks for, or the
// partial sums of a slice to the workspace.
func (s *simt) epilogue() []tile.Inst {
	if s.straight() {
		return s.straightEpilogue()
	}
	var code []tile.Inst
	if s.async() {
		code = append(code, waitGroups(0)) // copies of what lies beyond the last k-tile
	}
	code = append(code, s.c.openEpilogue(s.regAddr)...)
	puts, gets := s.stagePuts(), s.stageGets()
	for j := range s.b.count {
		b := j % s.stageBuffers()
		code = append(code, s.step(j, puts[b], gets[b])...)
	}
	return append(code, s.c.closeEpilogue()...)
}

// stagePuts are the accesses, per buffer, that store a column of the thread's
// tile, a vector each; stageGets those that read units back, slice by slice.
func (s *simt) stagePuts() [][]int16 {
	out := make([][]int16, s.stageBuffers())
	for b := range out {
		for e := 0; e < s.a.count; e += s.vec {
			addr := make([]int32, s.k.Threads)
			for t := range addr {
				lm, ln := s.lane(t & 31)
				addr[t] = s.stageAddr(b, t>>5, ln, s.a.outerOf(lm, e))
			}
			out[b] = append(out[b], s.access(tile.Access{Space: tile.Shared, Bytes: 16, Addr: addr}))
		}
	}
	return out
}

func (s *simt) stageGets() [][]int16 {
	out := make([][]int16, s.stageBuffers())
	per := len(s.warpM) / s.slices
	for b := range out {
		for u := range s.units() {
			for sl := range s.slices {
				addr := make([]int32, s.k.Threads)
				for t := range addr {
					row, m := s.unit(t, u)
					addr[t] = s.stageAddr(b, sl*per+t>>5%per, row, m)
				}
				out[b] = append(out[b], s.access(tile.Access{Space: tile.Shared, Bytes: s.elem, Addr: addr}))
			}
		}
	}
	return out
}

// target is the global access of unit u when column j is staged.
func (s *simt) target(j, u int) tile.Access {
	a := tile.Access{Space: tile.Global, Tensor: tensorC, Bytes: s.t.out, RowVar: tile.VarM, ColVar: tile.VarN}
	if s.joins() {
		a.Bytes = wordBytes
		j -= j % wordBytes
	}
	if s.c.Workspace {
		a.Tensor, a.Bytes, a.ColVar = tensorWorkspace, s.elem, tile.VarSplit
	}
	a.Row, a.Col = make([]int32, s.k.Threads), make([]int32, s.k.Threads)
	for t := range s.k.Threads {
		row, m := s.unit(t, u)
		a.Row[t] = int32(s.warpM[t>>5] + m)
		a.Col[t] = int32(s.warpN[t>>5] + s.b.outerOf(row, j))
	}
	return a
}

// step stages column j of the threads' tiles and writes it out.
func (s *simt) step(j int, puts, gets []int16) []tile.Inst {
	units := s.units()
	column := func(i int) int { return s.regTemp + i*s.words }
	val := func(u, slice int) int { return column(s.a.count + u*s.slices + slice) }
	raw := func(u int) int { return column(s.a.count + units*s.slices + u) }
	targets, sources := make([]int16, units), make([][]int16, units)
	for u := range targets {
		t := s.target(j, u)
		targets[u] = s.access(t)
		sources[u] = stepSources(s.k, s.c.steps(s.p), t)
	}
	more := func(u, i int) int { return raw(units) + i*units + u }
	tmp := more(0, s.c.steps(s.p).sources())
	var code []tile.Inst
	// The source is requested first: it has the longest way.
	if s.reads() {
		for u := range units {
			code = append(code, guarded(sourceGuard(s.p), load(tile.OpLDG, raw(u), targets[u])))
		}
	}
	for u := range units {
		for i, acc := range sources[u] {
			code = append(code, load(tile.OpLDG, more(u, i), acc))
		}
	}
	for i := range s.a.count {
		if !s.c.Workspace {
			code = append(code, scaled(s.t.mul, column(i), s.acc(i, j), tile.RZ, tile.ImmAlpha))
			continue
		}
		for w := range s.words { // partial sums stay as they are
			code = append(code, ins(tile.OpMOV, column(i)+w, s.acc(i, j)+w, tile.RZ, tile.RZ))
		}
	}
	for n, acc := range puts {
		code = append(code, store(tile.OpSTS, column(n*s.vec), acc))
	}
	if s.slices > 1 {
		code = append(code, bare(tile.OpBAR))
	}
	for n, acc := range gets {
		code = append(code, load(tile.OpLDS, val(n/s.slices, n%s.slices), acc))
	}
	code = append(code, integer(tile.OpIADD, s.regAddr+9), integer(tile.OpIADD, s.regAddr+10), integer(tile.OpISETP, s.regAddr+11))
	for u := range units {
		sum := val(u, 0)
		for slice := 1; slice < s.slices; slice++ {
			code = append(code, ins(s.t.add, sum, sum, val(u, slice), tile.RZ))
		}
		if s.reads() {
			code = append(code, s.widened(raw(u), sourceGuard(s.p))...)
			code = append(code, addSource(s.p, s.c, s.t.fma, sum, raw(u))...)
		}
		for i := range sources[u] {
			code = append(code, s.widened(more(u, i), tile.GuardNone)...)
			code = append(code, ins(s.t.add, sum, sum, more(u, i), tile.RZ))
		}
		code = append(code, s.c.steps(s.p).activate(s.k, sum, tmp+u*s.c.steps(s.p).actTemps(), 1)...)
		if !s.c.Workspace {
			code = append(code, s.narrow(sum)...)
		}
		if s.joins() {
			held := more(0, s.c.steps(s.p).sources()) + units*s.c.steps(s.p).actTemps() + u*joinRegs
			code = append(code, join(j%wordBytes, sum, held, targets[u])...)
			continue
		}
		code = append(code, s.put(sum, targets[u])...)
	}
	return code
}
