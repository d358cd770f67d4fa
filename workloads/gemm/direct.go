package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

func init() { register("direct", buildDirect) }

// Direct kernels compute a few columns of a gathered product, as the gradient of
// an image of one to three channels: a thread has one element of C, takes each
// element of A from L1 for one multiply-add, and shares B's column with its CTA.
// A tile of 32 columns or more would compute ten times too many.
//
// That the library's kernel (dgrad2d_alg1_1 in public profiles) is of this kind is
// concluded from DeepBench's eight rows on P100: whatever channels, taps and
// stride, they take 0.7 to 1.2 ps a multiply-add, one load in L1's 64 bytes a clock.
const (
	directThreads = 128
	directK       = 32 // k of an iteration, whose part of B lies in shared memory
	directLoads   = 8  // elements of A on their way to a thread
)

// direct is such a kernel under construction.
type direct struct {
	p Problem
	c Config
	k *tile.Kernel
	t simtType
}

// Registers of a thread.
const (
	directSum  = 0
	directA    = 1
	directB    = 12 // whole vectors of four
	directNext = directB + directLoads
	directAddr = directNext + 1
)

func buildDirect(p Problem, c Config, l tile.Latencies) ([]*tile.Kernel, error) {
	d := &direct{p: p, c: c}
	var err error
	switch {
	case p.Lowered == nil || p.Lowered.GatherB || p.Lowered.Table > 0:
		return nil, fmt.Errorf("gemm: direct kernels are for products that gather A and count addresses on")
	case c.Splits > 1:
		return nil, fmt.Errorf("gemm: direct kernels do not split k")
	}
	if d.t, err = simtTypeOf(p, c, l); err != nil {
		return nil, err
	}
	if d.t.word != 4 || d.t.pack != 1 || d.t.widen {
		return nil, fmt.Errorf("gemm: direct kernels compute on fp32, not on %s", p.DType)
	}
	d.c.TileM, d.c.TileN, d.c.TileK, d.c.Splits = directThreads, 1, directK, 1
	ts, err := p.tensors(0)
	if err != nil {
		return nil, err
	}
	d.k = &tile.Kernel{
		Name: p.Lowered.Name, Threads: directThreads, TileM: directThreads, TileN: 1, TileK: directK, Splits: 1,
		Grid: p.grid(&d.c), Tensors: ts, Alpha: p.Alpha, Beta: p.Beta, DType: p.DType,
		Role: make([]uint8, directThreads/32), Regs: directAddr + simtAddrRegs, Shared: 4 * directK,
	}
	d.k.Programs = []*tile.Program{{Segments: []tile.Segment{
		{Code: d.prologue()}, {Code: d.body(), Loop: true}, {Code: d.epilogue()},
	}}}
	d.k.Place = phased(p, d.c, ceilDiv(p.K, directK))
	return finish(d.k, p, d.c, l)
}

// access adds an access of one element per thread.
func (d *direct) access(tensor int, index func(t int) (row, col int)) int16 {
	a := tile.Access{Space: tile.Global, Tensor: tensor, Bytes: 4, Row: make([]int32, directThreads), Col: make([]int32, directThreads)}
	for t := range a.Row {
		row, col := index(t)
		a.Row[t], a.Col[t] = int32(row), int32(col)
	}
	switch tensor {
	case tensorA:
		a.RowVar, a.ColVar, a.ColStep = tile.VarM, tile.VarK, directK
	case tensorB:
		a.RowVar, a.ColVar, a.RowStep = tile.VarK, tile.VarN, directK
	default:
		a.RowVar, a.ColVar = tile.VarM, tile.VarN
	}
	return addAccess(d.k, a)
}

// column loads the part of B's column that is k elements on: a thread's for each
// k, each warp the whole part.
func (d *direct) column(k int) tile.Inst {
	return load(tile.OpLDG, directNext, d.access(tensorB, func(t int) (int, int) { return k + t%directK, 0 }))
}

func (d *direct) shared(bytes int, addr func(t int) int32) int16 {
	a := tile.Access{Space: tile.Shared, Bytes: bytes, Addr: make([]int32, directThreads)}
	for t := range a.Addr {
		a.Addr[t] = addr(t)
	}
	return addAccess(d.k, a)
}

func (d *direct) prologue() []tile.Inst {
	code := append(setup(directAddr, simtAddrRegs), ins(tile.OpMOV, directSum, tile.RZ, tile.RZ, tile.RZ))
	return append(code, d.column(0))
}

// body puts the part of B that was loaded before into shared memory, asks for the
// next, and works through it: some elements of A at a time, to each of which a
// pointer of 64 bits is stepped, then their multiply-adds. What lies beyond the
// image does so for all filters and is not tested for again.
func (d *direct) body() []tile.Inst {
	code := []tile.Inst{
		bare(tile.OpBAR),
		store(tile.OpSTS, directNext, d.shared(4, func(t int) int32 { return int32(4 * (t % directK)) })),
		bare(tile.OpBAR),
		d.column(directK),
	}
	for k := 0; k < directK; k += directLoads {
		for i := range directLoads {
			code = append(code, integer(tile.OpIADD, directAddr), integer(tile.OpIADD, directAddr+1))
			code = append(code, load(tile.OpLDG, directA+i, d.access(tensorA, func(t int) (int, int) { return t, k + i })))
		}
		for i := 0; i < directLoads; i += 4 {
			code = append(code, load(tile.OpLDS, directB+i, d.shared(16, func(int) int32 { return int32(4 * (k + i)) })))
		}
		for i := range directLoads {
			code = append(code, ins(d.t.mad, directSum, directB+i, directA+i, directSum))
		}
	}
	return append(code, integer(tile.OpISETP, directAddr+4), bare(tile.OpBRA))
}

func (d *direct) epilogue() []tile.Inst {
	target := d.access(tensorC, func(t int) (int, int) { return t, 0 })
	var code []tile.Inst
	if d.p.Beta != 0 {
		code = append(code, load(tile.OpLDG, directA, target))
	}
	n := smallN{p: d.p, c: d.c, t: d.t}
	code = append(code, n.result(directSum, directA)...)
	return append(code, store(tile.OpSTG, directSum, target), bare(tile.OpEXIT))
}
