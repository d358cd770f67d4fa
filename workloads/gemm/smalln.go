package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

func init() { register("small_n", buildSmallN) }

// Kernels for few columns, as cuBLAS's gemmSN: each element of A meets all
// columns of B in registers, and nothing but A passes through them more than
// once. So every multiply-add takes a load of B through L1, which is what limits
// them: DeepBench's n of 16 take P100 and GP102 as long as 8 and 16 lanes a
// clock and SM deliver, whatever the type.
//
// With A transposed a warp has a row of A, its lanes share out k; otherwise the
// lanes have a word of rows each, one or two, and the warps of a CTA share out k;
// these kernels compute all sixteen columns, be there ever so few. The sums meet
// in shared memory.
const (
	smallNThreads = 128
	smallNColumns = 16
	inFlight      = 4 // sums on their way from shared memory to a thread
)

// smallN is such a kernel under construction.
type smallN struct {
	p    Problem
	c    Config
	k    *tile.Kernel
	t    simtType
	cols int // columns that are computed, at most smallNColumns
	rows int // rows of a lane

	// First registers of sums, of the element of A, of those of B, and of
	// addresses.
	a, b, addr int
}

// buildSmallN generates the kernel and, for split-K, its reduction.
func buildSmallN(p Problem, c Config, l tile.Latencies) ([]*tile.Kernel, error) {
	s := &smallN{p: p, c: c, cols: p.N, rows: 1}
	var err error
	switch {
	case p.N > smallNColumns:
		return nil, fmt.Errorf("gemm: small_n kernels have %d columns at most, not %d", smallNColumns, p.N)
	case c.Splits > 1 && !c.Workspace:
		return nil, fmt.Errorf("gemm: small_n kernels add up slices of k in a workspace only")
	}
	if s.t, err = simtTypeOf(p, c, l); err != nil {
		return nil, err
	}
	if s.t.word != 4 || s.t.pack != 1 {
		return nil, fmt.Errorf("gemm: small_n kernels compute in fp32, not on %s", p.DType)
	}
	if !p.TransA {
		s.cols = smallNColumns
		if s.t.in == 2 && p.M%2 == 0 {
			s.rows = 2
		}
	}
	if err := s.kernel(); err != nil {
		return nil, err
	}
	return finish(s.k, p, s.c, l)
}

// tile is the rows of a CTA and the k of an iteration.
func (s *smallN) tile() (m, k int) {
	if s.p.TransA {
		return smallNThreads / 32, 32
	}
	return 32 * s.rows, smallNThreads / 32
}

func (s *smallN) kernel() error {
	m, k := s.tile()
	s.c.TileM, s.c.TileN, s.c.TileK = m, s.cols, k
	per := s.c.slice(s.p.K, k)
	ts, err := s.p.tensors(s.c.workspaces())
	if err != nil {
		return err
	}
	name := s.c.Name
	if name == "" {
		name = "gemmSN"
	}
	s.a = s.cols * s.rows
	s.b = s.a + s.rows
	s.addr = s.b + max(s.cols, inFlight+1)
	s.k = &tile.Kernel{
		Name: name + "_" + s.p.Layout(), Threads: smallNThreads, TileM: m, TileN: s.cols, TileK: k, Splits: s.c.Splits,
		Grid: [3]int{ceilDiv(s.p.M, m), 1, s.p.Batch * s.c.Splits}, Tensors: ts, Alpha: s.p.Alpha, Beta: s.p.Beta,
		DType: s.p.DType, Role: make([]uint8, smallNThreads/32), Regs: s.addr + simtAddrRegs,
	}
	s.k.Programs = []*tile.Program{{Segments: []tile.Segment{
		{Code: s.prologue()}, {Code: s.body(), Loop: true}, {Code: s.epilogue()},
	}}}
	s.k.Place = placer(s.p, s.c, per)
	return nil
}

// at is the (first) row and the k, in the tile, of a thread.
func (s *smallN) at(t int) (m, k int) {
	if s.p.TransA {
		return t >> 5, t & 31
	}
	return t & 31 * s.rows, t >> 5
}

// access adds an access to one element per thread of a tensor.
func (s *smallN) access(tensor, bytes int, index func(t int) (row, col int)) int16 {
	a := tile.Access{Space: tile.Global, Tensor: tensor, Bytes: bytes, Row: make([]int32, smallNThreads), Col: make([]int32, smallNThreads)}
	for t := range a.Row {
		row, col := index(t)
		a.Row[t], a.Col[t] = int32(row), int32(col)
	}
	_, k := s.tile()
	switch tensor {
	case tensorA:
		a.RowVar, a.ColVar, a.ColStep = tile.VarM, tile.VarK, int32(k)
	case tensorB:
		a.RowVar, a.ColVar, a.RowStep = tile.VarK, tile.VarN, int32(k)
	case tensorC:
		a.RowVar, a.ColVar = tile.VarM, tile.VarN
	default:
		a.RowVar, a.ColVar = tile.VarM, tile.VarSplit
	}
	return addAccess(s.k, a)
}

func (s *smallN) prologue() []tile.Inst {
	code := setup(s.addr, simtAddrRegs)
	for r := range s.cols * s.rows {
		code = append(code, ins(tile.OpMOV, r, tile.RZ, tile.RZ, tile.RZ))
	}
	return code
}

// body loads an element of A and one of each column, all of them at once, and
// multiplies.
func (s *smallN) body() []tile.Inst {
	code := []tile.Inst{load(tile.OpLDG, s.a, s.access(tensorA, s.t.in*s.rows, s.at))}
	for j := range s.cols {
		code = append(code, load(tile.OpLDG, s.b+j, s.access(tensorB, s.t.in, func(t int) (int, int) {
			_, k := s.at(t)
			return k, min(j, s.p.N-1)
		})))
	}
	r := s.addr
	code = append(code, integer(tile.OpIADD, r), integer(tile.OpIADD, r+1), integer(tile.OpIADD, r+2), integer(tile.OpIADD, r+3), integer(tile.OpISETP, r+2))
	if s.t.widen {
		for r := range s.rows { // the last one is unpacked in place
			code = append(code, unpackHalf(s.a+s.rows-1-r, s.a, s.rows-1-r))
		}
	}
	for j := range s.cols {
		if s.t.widen {
			code = append(code, unpack(halves(s.p.DType), s.b+j, s.b+j, 1, tile.GuardNone)...)
		}
		for r := range s.rows {
			code = append(code, ins(s.t.mad, s.sum(r, j), s.b+j, s.a+r, s.sum(r, j)))
		}
	}
	return append(code, bare(tile.OpBRA))
}

// epilogue adds the sums of the threads that share a row: all leave theirs in
// shared memory, row by row, and then a thread has a row and a column, or a few,
// and reads what belongs to it.
func (s *smallN) epilogue() []tile.Inst {
	m, parts := s.tile()
	pitch := m + 1            // of parts: lanes that share a row store to different banks
	column := parts*pitch + m // and those with different columns read from different ones
	// at is where the sum of row r and column j of part p lies.
	at := func(r, j, p int) int32 { return int32(4 * (j*column + p*pitch + r)) }
	s.k.Shared = 4 * s.cols * column
	shared := func(addr func(t int) int32) int16 {
		a := tile.Access{Space: tile.Shared, Bytes: 4, Addr: make([]int32, smallNThreads)}
		for t := range a.Addr {
			a.Addr[t] = addr(t)
		}
		return addAccess(s.k, a)
	}
	var code []tile.Inst
	for j := range s.cols {
		for i := range s.rows {
			code = append(code, store(tile.OpSTS, s.sum(i, j), shared(func(t int) int32 {
				r, p := s.at(t)
				return at(r+i, j, p)
			})))
		}
	}
	code = append(code, bare(tile.OpBAR))
	sum, old := s.a, s.b+inFlight
	out, bytes := tensorC, s.t.out
	if s.c.Workspace {
		out, bytes = tensorWorkspace, 4
	}
	for first := 0; first < m*min(s.cols, s.p.N); first += smallNThreads {
		of := func(t int) (r, j int) {
			i := first + t
			if i >= m*min(s.cols, s.p.N) {
				return masked, 0
			}
			return i % m, i / m
		}
		target := s.access(out, bytes, of)
		if s.p.Beta != 0 && !s.c.Workspace {
			code = append(code, load(tile.OpLDG, old, target))
		}
		code = append(code, ins(tile.OpMOV, sum, tile.RZ, tile.RZ, tile.RZ))
		for p := 0; p < parts; p += inFlight {
			for q := range inFlight {
				code = append(code, load(tile.OpLDS, s.b+q, shared(func(t int) int32 {
					r, j := of(t)
					return at(r%m, j, p+q)
				})))
			}
			for q := range inFlight {
				code = append(code, ins(s.t.add, sum, sum, s.b+q, tile.RZ))
			}
		}
		code = append(code, s.result(sum, old)...)
		code = append(code, store(tile.OpSTG, sum, target))
	}
	return append(code, bare(tile.OpEXIT))
}

// sum is the register of the sum of a lane's row i and column j.
func (s *smallN) sum(i, j int) int { return i*s.cols + j }

// unpackHalf widens half i of a register.
func unpackHalf(dst, src, i int) tile.Inst {
	in := ins(tile.OpUNPACK, dst, src, tile.RZ, tile.RZ)
	in.Imm = uint8(i)
	return in
}

// result scales a sum, adds what C holds and narrows it.
func (s *smallN) result(sum, old int) []tile.Inst {
	if s.c.Workspace {
		return nil
	}
	x := simt{p: s.p, c: s.c, t: s.t}
	code := []tile.Inst{scaled(s.t.mul, sum, sum, tile.RZ, tile.ImmAlpha)}
	if s.p.Beta != 0 {
		code = append(code, x.widened(old, tile.GuardNone)...)
		code = append(code, scaled(s.t.fma, sum, old, sum, tile.ImmBeta))
	}
	return append(code, x.narrow(sum)...)
}
