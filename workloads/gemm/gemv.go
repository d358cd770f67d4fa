package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

func init() { register("gemv", buildGEMV) }

// Matrix-vector kernels for M = 1 or N = 1. They read each matrix element
// once, so they are bound by memory bandwidth; like the library's gemv2T and
// gemv2N they differ by which index of the matrix is contiguous.
const (
	gemvTThreads = 128 // gemv2T: all threads walk k of the same rows
	gemvTRows    = 4   // rows per CTA
	gemvNThreads = 256 // gemv2N: lanes walk rows, the 8 warps share k
	gemvNUnroll  = 4   // k per warp and iteration
)

// gemv is a kernel under construction: y = alpha*W*x + beta*y with W of
// rows x k.
type gemv struct {
	p       Problem
	k       *tile.Kernel
	elem    int // bytes per element of W and x
	out     int // bytes per element of y
	vec     int // elements of W per load
	rows    int // rows of W in all
	tileR   int // rows per CTA
	tileK   int // k per iteration
	matrix  int // tensor of W
	rowVar  tile.Var
	rowsOfA bool // W is op(A), else op(B) transposed
	next    int  // next free register
	high    int  // registers used so far
}

// buildGEMV generates the one kernel of a matrix-vector product.
func buildGEMV(p Problem, c Config, l tile.Latencies) ([]*tile.Kernel, error) {
	if p.M != 1 && p.N != 1 {
		return nil, fmt.Errorf("gemm: gemv needs m = 1 or n = 1, not %d x %d", p.M, p.N)
	}
	if c.Splits > 1 {
		return nil, fmt.Errorf("gemm: gemv kernels do not split k (%d slices asked for)", c.Splits)
	}
	if p.Acc != "" && p.Acc != "fp32" {
		return nil, fmt.Errorf("gemm: gemv accumulates in fp32, not %q", p.Acc)
	}
	g := &gemv{p: p, matrix: tensorA, rowVar: tile.VarM, rowsOfA: true, rows: p.M}
	kContig := p.TransA
	width := c.VecA
	if p.N != 1 {
		g.matrix, g.rowVar, g.rowsOfA, g.rows = tensorB, tile.VarN, false, p.N
		kContig, width = !p.TransB, c.VecB
	}
	ts, err := p.tensors(0)
	if err != nil {
		return nil, err
	}
	g.elem, g.out = ts[g.matrix].Elem, ts[tensorC].Elem
	if g.elem > 4 || g.out > 4 {
		return nil, fmt.Errorf("gemm: gemv kernels compute in fp32 on fp32 or fp16, not %s to %s", p.DType, p.Out())
	}
	kContig = kContig || g.rows == 1 // a single row is contiguous either way
	contig, kind := g.rows, "gemv2N"
	if kContig {
		contig, kind = p.K, "gemv2T"
	}
	if g.vec = width; width == 0 {
		g.vec = widestVector(contig, 16/g.elem)
		// Rows are the only parallelism of gemv2N: rather narrow loads than
		// fewer CTAs than a large GPU has SMs.
		for !kContig && g.vec > 1 && g.rows/(32*g.vec) < 128 {
			g.vec /= 2
		}
	}
	if g.vec < 1 || g.vec&(g.vec-1) != 0 || g.vec*g.elem > 16 || contig%g.vec != 0 {
		return nil, fmt.Errorf("gemm: gemv vector width of %d elements must be a power of two, at most 16 bytes, and divide %d", g.vec, contig)
	}
	g.k = &tile.Kernel{
		Name:    fmt.Sprintf("%s_kernel_val_%s_%d", kind, p.DType, g.vec),
		Tensors: ts, Alpha: p.Alpha, Beta: p.Beta, DType: "fp32", Splits: 1, TileN: 1,
	}
	if kContig {
		g.k.Threads, g.tileR, g.tileK = gemvTThreads, gemvTRows, gemvTThreads*g.vec
		g.k.Programs = []*tile.Program{g.programT()}
	} else {
		g.k.Threads, g.tileR, g.tileK = gemvNThreads, 32*g.vec, gemvNThreads/32*gemvNUnroll
		g.k.Programs = []*tile.Program{g.programN()}
	}
	g.k.TileM, g.k.TileK, g.k.Regs = g.tileR, g.tileK, g.high
	g.k.Role = make([]uint8, g.k.Threads/32)
	g.k.Grid = [3]int{ceilDiv(g.rows, g.tileR), 1, p.Batch}
	g.k.Place = g.place
	if err := tile.Finish(g.k, l); err != nil {
		return nil, fmt.Errorf("gemm: %s: %w", g.k.Name, err)
	}
	return []*tile.Kernel{g.k}, nil
}

func (g *gemv) place(index int, cta *tile.CTA) {
	x, z := index%g.k.Grid[0], index/g.k.Grid[0]
	*cta = tile.CTA{Index: index, Batch: int32(z), Splits: 1, Tile: int32(index), Trips: int32(ceilDiv(g.p.K, g.tileK))}
	cta.Limit = [tile.NumVars]int32{tile.VarM: int32(g.p.M), tile.VarN: int32(g.p.N), tile.VarK: int32(g.p.K)}
	cta.Origin[g.rowVar] = int32(x * g.tileR)
}

// regs reserves n registers, aligned to the vector they form.
func (g *gemv) regs(n int) int {
	align := min(widestVector(n, 4), n)
	r := ceilDiv(g.next, align) * align
	g.next = r + n
	g.high = max(g.high, g.next)
	return r
}

// element is an access to bytes at (row, k) of W, x or y per thread; which of
// the tensor's indices these are depends on the side that W is on. row or k is
// nil for the vectors that lack it.
func (g *gemv) element(tensor, bytes int, row, k []int32) int16 {
	zero := make([]int32, g.k.Threads)
	a := tile.Access{Space: tile.Global, Tensor: tensor, Bytes: bytes}
	rv, kv, kStep := g.rowVar, tile.VarK, int32(g.tileK)
	if row == nil {
		// x lies along the other factor, whose outer extent is one.
		rv, row = tile.VarZero, zero
	}
	if k == nil {
		kv, k, kStep = tile.VarZero, zero, 0
	}
	// A holds (m, k), B (k, n), C (m, n): W and y have the rows on the same
	// side, x on the other.
	if g.rowsOfA == (tensor == tensorC || tensor == g.matrix) {
		a.RowVar, a.Row, a.ColVar, a.Col, a.ColStep = rv, row, kv, k, kStep
	} else {
		a.RowVar, a.Row, a.RowStep, a.ColVar, a.Col = kv, k, kStep, rv, row
	}
	return g.access(a)
}

func (g *gemv) access(a tile.Access) int16 { return addAccess(g.k, a) }

// perThread builds an index array.
func (g *gemv) perThread(f func(t int) int) []int32 {
	out := make([]int32, g.k.Threads)
	for t := range out {
		out[t] = int32(f(t))
	}
	return out
}

// shared is a shared-memory access at f(t) bytes.
func (g *gemv) shared(bytes int, f func(t int) int) int16 {
	return g.access(tile.Access{Space: tile.Shared, Bytes: bytes, Addr: g.perThread(f)})
}

// loaded reserves registers for n elements of W or x as they come from memory.
func (g *gemv) loaded(n int) int { return g.regs(max(n*g.elem/4, 1)) }

// widen gives n loaded elements as fp32: as they are, or unpacked to dst.
func (g *gemv) widen(dst, src, n int) (int, []tile.Inst) {
	if g.elem == 4 {
		return src, nil
	}
	return dst, unpack(halves(g.p.DType), dst, src, n, tile.GuardNone)
}

// setup is the thread and CTA indices and address arithmetic, and the clearing
// of the sums.
func (g *gemv) setup(sum, n, addr int) []tile.Inst {
	var code []tile.Inst
	for i := range 3 {
		code = append(code, ins(tile.OpS2R, addr+i, tile.RZ, tile.RZ, tile.RZ))
	}
	for i := range 16 {
		code = append(code, integer([...]tile.Op{tile.OpIMAD, tile.OpIADD, tile.OpISETP}[i%3], addr+i%4))
	}
	for i := range n {
		code = append(code, ins(tile.OpMOV, sum+i, tile.RZ, tile.RZ, tile.RZ))
	}
	return code
}

// advance closes a loop body: pointers, counter, predicate, branch.
func (g *gemv) advance(addr int) []tile.Inst {
	return []tile.Inst{
		integer(tile.OpIADD, addr), integer(tile.OpIADD, addr+1), integer(tile.OpIADD, addr+2),
		integer(tile.OpISETP, addr+2), bare(tile.OpBRA),
	}
}

// finish writes alpha*sum + beta*y from the threads whose row is not masked.
func (g *gemv) finish(sum int, row []int32) []tile.Inst {
	y := g.element(tensorC, g.out, row, nil)
	old, wide := g.regs(1), g.regs(1)
	scaled := func(op tile.Op, a, c int, imm uint8) tile.Inst {
		in := ins(op, sum, a, tile.RZ, c)
		in.Imm = imm
		return in
	}
	var code []tile.Inst
	if g.p.Beta != 0 {
		code = append(code, load(tile.OpLDG, old, y))
	}
	code = append(code, scaled(tile.OpFMUL, sum, tile.RZ, tile.ImmAlpha))
	if g.p.Beta != 0 {
		from := old
		if g.out == 2 {
			from = wide
			code = append(code, unpack(halves(g.p.Out()), wide, old, 1, tile.GuardNone)...)
		}
		code = append(code, scaled(tile.OpFFMA, from, sum, tile.ImmBeta))
	}
	if g.out == 2 {
		code = append(code, pack(halves(g.p.Out()), old, sum, 1)...)
		sum = old
	}
	return append(code, store(tile.OpSTG, sum, y), bare(tile.OpEXIT))
}

// masked is an index beyond every limit: the lane does nothing.
const masked = 1 << 30
