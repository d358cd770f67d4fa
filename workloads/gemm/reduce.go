package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

// The reduction kernel has 32 x 16 threads, as the library's does (its name
// carries the two numbers); they cover consecutive elements.
const reduceThreads = 32 * 16

// reduceAhead is the number of slices whose loads are in flight together.
const reduceAhead = 4

// maxSplits bounds the slices of a split-K product. Library heuristics stay
// below 41 in every published run.
const maxSplits = 256

// reduceKernel adds the partial sums of all slices, scales by alpha, adds
// beta*C, converts and writes C. ts are the tensors of the kernel that wrote
// the workspace, at the same addresses; splits is its number of slices. It
// serves every family that splits K through a workspace.
func reduceKernel(p Problem, splits int, ts []tile.Tensor, l tile.Latencies) (*tile.Kernel, error) {
	if splits < 1 || splits > maxSplits {
		return nil, fmt.Errorf("gemm: %d split-K slices: must be 1 to %d", splits, maxSplits)
	}
	if len(ts) <= tensorWorkspace {
		return nil, fmt.Errorf("gemm: split-K reduction without a workspace")
	}
	out, err := elemSize(p.Out())
	if err != nil {
		return nil, err
	}
	if wide := ts[tensorWorkspace].Elem == 8; wide != (out == 8) {
		return nil, fmt.Errorf("gemm: split-K reduction of %d-byte sums cannot write %s", ts[tensorWorkspace].Elem, p.Out())
	}
	// C and each slice are dense, so both can be walked as one long column.
	n := p.M * p.N
	if int64(p.M)*int64(p.N) > 1<<31-1-reduceThreads*4 {
		return nil, fmt.Errorf("gemm: split-K reduction of %d x %d elements is too large", p.M, p.N)
	}
	c := ts[tensorC]
	c.Rows, c.Cols, c.RowStride, c.ColStride = n, 1, 1, int64(n)
	w := ts[tensorWorkspace]
	w.Rows, w.Cols, w.RowStride, w.ColStride = n, splits, 1, int64(n)

	r := reducer{p: p, splits: splits, vec: widestVector(n, 16/w.Elem), sum: w.Elem, out: out}
	if r.out == 1 {
		r.vec = 1
	}
	if p.Lowered != nil {
		if v, ok := p.Lowered.C.column(p.M, p.N); ok {
			c.Views, r.vec = []tile.View{v}, min(r.vec, p.Lowered.C.Vec)
		}
	}
	tensors := []tile.Tensor{w, c}
	for i := range ts {
		switch t := ts[i]; t.Name {
		case biasTensor: // walked over and over, or a value for each column
			v := tile.View{Row: []tile.Digit{{Size: int32(p.M), Stride: t.RowStride}, {Size: int32(p.N), Stride: t.ColStride}}}
			t.Rows, t.Cols, t.Views = n, 1, []tile.View{v}
			tensors = append(tensors, t)
			r.vec = min(r.vec, widestVector(p.M, r.vec))
		case sourceTensor:
			t.Rows, t.Cols, t.RowStride, t.ColStride, t.Views = n, 1, 1, int64(n), nil
			tensors = append(tensors, t)
		}
	}
	per := reduceThreads * r.vec
	r.k = &tile.Kernel{
		Name:    fmt.Sprintf("splitKreduce_kernel_%s_%d", p.Out(), splits),
		Grid:    [3]int{ceilDiv(n, per), 1, p.Batch},
		Threads: reduceThreads, TileM: per, TileN: 1, Splits: 1,
		Role: make([]uint8, reduceThreads/32), Tensors: tensors,
		Alpha: p.Alpha, Beta: p.Beta, DType: "fp32",
	}
	if r.sum == 8 || p.Acc == "int32" {
		r.k.DType = p.DType
	}
	r.k.Programs = []*tile.Program{{Segments: []tile.Segment{{Code: r.code()}}}}
	gx := r.k.Grid[0]
	r.k.Place = func(index int, cta *tile.CTA) {
		*cta = tile.CTA{Index: index, Batch: int32(index / gx), Splits: 1, Tile: int32(index)}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(index%gx*per), int32(n)
	}
	if err := tile.Finish(r.k, l); err != nil {
		return nil, fmt.Errorf("gemm: %s: %w", r.k.Name, err)
	}
	return r.k, nil
}

// reducer builds the program of a reduction kernel.
type reducer struct {
	p      Problem
	splits int
	vec    int // elements per thread
	sum    int // bytes per partial sum
	out    int // bytes per element of C
	k      *tile.Kernel
}

// access addresses the thread's elements in column col of tensor t.
func (r *reducer) access(t, elem, col int) int16 {
	a := tile.Access{Space: tile.Global, Tensor: t, Bytes: r.vec * elem, RowVar: tile.VarM, ColVar: tile.VarZero}
	a.Row, a.Col = make([]int32, reduceThreads), make([]int32, reduceThreads)
	for i := range a.Row {
		a.Row[i], a.Col[i] = int32(i*r.vec), int32(col)
	}
	return addAccess(r.k, a)
}

// code is straight-line: a few loads in flight, then their sums in slice
// order, so that results do not depend on timing.
func (r *reducer) code() []tile.Inst {
	const (
		sum  = 0
		part = 4                    // reduceAhead groups of up to 4
		src  = part + 4*reduceAhead // C, and widened from src+4
		addr = src + 8
		more = addr + 4 // sources of the steps, 4 each, then what an activation works in
	)
	add, mul, fma, words := tile.OpFADD, tile.OpFMUL, tile.OpFFMA, r.sum/4
	switch r.k.DType {
	case "fp64":
		add, mul, fma = tile.OpDADD, tile.OpDMUL, tile.OpDFMA
	case "int8", "int4", "int1":
		add, mul, fma = tile.OpIADD, tile.OpIMAD, tile.OpIMAD
	}
	regs := r.vec * words // that hold a thread's elements
	var code []tile.Inst
	for i := range 3 {
		code = append(code, ins(tile.OpS2R, addr+i, tile.RZ, tile.RZ, tile.RZ))
	}
	for i := range 12 {
		code = append(code, integer([...]tile.Op{tile.OpIMAD, tile.OpIADD, tile.OpISETP}[i%3], addr+i%4))
	}
	target := r.access(1, r.out, 0)
	if r.p.Beta != 0 {
		code = append(code, load(tile.OpLDG, src, target))
	}
	steps := r.p.Steps
	for i := range steps.sources() {
		at := r.access(2+i, r.out, 0)
		if steps.scalar(i) {
			r.k.Accesses[at].Bytes = r.out
		}
		code = append(code, load(tile.OpLDG, more+4*i, at))
	}
	for s0 := 0; s0 < r.splits; s0 += reduceAhead {
		s1 := min(s0+reduceAhead, r.splits)
		for s := s0; s < s1; s++ {
			code = append(code, load(tile.OpLDG, part+4*(s-s0), r.access(0, r.sum, s)), integer(tile.OpIADD, addr))
		}
		for s := s0; s < s1; s++ {
			if s == 0 {
				for e := range regs {
					code = append(code, ins(tile.OpMOV, sum+e, part+e, tile.RZ, tile.RZ))
				}
				continue
			}
			for e := 0; e < regs; e += words {
				code = append(code, ins(add, sum+e, sum+e, part+4*(s-s0)+e, tile.RZ))
			}
		}
	}
	for e := 0; e < regs; e += words {
		code = append(code, scaled(mul, sum+e, sum+e, tile.RZ, tile.ImmAlpha))
	}
	if r.p.Beta != 0 {
		from := src
		if r.out == 2 {
			from = src + 4
			code = append(code, unpack(halves(r.p.Out()), from, src, r.vec, tile.GuardNone)...)
		}
		for e := 0; e < regs; e += words {
			code = append(code, scaled(fma, sum+e, from+e, sum+e, tile.ImmBeta))
		}
	}
	for i := range steps.sources() {
		n, next, from := r.vec, 1, more+4*i
		if steps.scalar(i) {
			n, next = 1, 0
		}
		if r.out == 2 {
			code = append(code, unpack(halves(r.p.Out()), src+4, from, n, tile.GuardNone)...)
			from = src + 4
		}
		for e := range r.vec {
			code = append(code, ins(tile.OpFADD, sum+e, sum+e, from+e*next, tile.RZ))
		}
	}
	work := more + 4*steps.sources()
	code = append(code, steps.activate(r.k, sum, work, r.vec)...)
	result := sum
	if r.out == 2 {
		result = src
		code = append(code, pack(halves(r.p.Out()), src, sum, r.vec)...)
	}
	if r.out == 1 {
		code = append(code, ins(tile.OpI2I, sum, sum, tile.RZ, tile.RZ))
	}
	code = append(code, store(tile.OpSTG, result, target), bare(tile.OpEXIT))
	r.k.Regs = more
	if steps.any() {
		r.k.Regs = work + 4*steps.actTemps()
	}
	return code
}
