package conv

import (
	"fmt"

	"gpusim/workloads"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

// The gradient of an image of few channels as libraries of Pascal's time compute it
// (dgrad2d_alg1_1 in profiles): a CTA has a rectangle of one channel's points, a thread
// as many side by side as the stride is, which see the same elements of the output's
// gradient. What of it the rectangle sees, and the filters, lie in shared memory, four
// filters at a time and two buffers of them. A tile of 32 channels would compute ten times
// too much.
//
// That the kernel is of this kind is concluded from DeepBench's times of one and
// three channels on P100 and GTX 1080 Ti: a multiply-add takes four to five issue slots
// on both, of images of stride 1 on the latter about a load from shared memory, of those
// of stride 2 less.
const (
	fewThreads = 256
	fewLines   = 8 // of a CTA's rectangle, of 32 threads each
	fewFilters = 4 // that an iteration takes
	fewVector  = 4 // taps of a filter that a load from shared memory brings
	fewInts    = 2 // of address arithmetic to a multiply-add: a step and a test [fit]
)

// fewData is that kernel under construction. Point (y, x) sees the taps r, s from
// (y+padH)%strideH, (x+padW)%strideW on, in steps of the strides.
type fewData struct {
	*workloads.Conv
	p, q             int // points of the output
	w, h             int // points of a CTA's rectangle
	rs, ss           int // lines and columns of taps that a point sees at most
	line             int // ss in whole vectors
	p0, q0           int // first line and column of the patch that the first rectangle sees
	ph, pw           int // its lines and columns
	patch, fil       int // words of a buffer: patches, filters
	patches, filters int // the same in rounds of all threads
	k                *tile.Kernel
}

// mostShared is the shared memory that a CTA of these machines can have.
const mostShared = 48 << 10

// TakesFewData says whether there is such a kernel for a convolution.
func TakesFewData(c *workloads.Conv) bool {
	if c.Pass != workloads.PassData || c.Layout != workloads.LayoutNCHW || c.DType != "fp32" || c.Groups != 1 ||
		c.DilH*c.DilW != 1 || fewLines%c.StrideH != 0 || c.StrideW > 4 {
		return false
	}
	return newFewData(c).shared() <= mostShared
}

// newFewData lays a CTA's part of the work out.
func newFewData(c *workloads.Conv) *fewData {
	f := &fewData{Conv: c, p: c.P(), q: c.Q(), w: fewThreads / fewLines * c.StrideW, h: fewLines}
	f.rs, f.ss = steps(c.R, 0, c.StrideH), steps(c.S, 0, c.StrideW)
	f.line = (f.ss + fewVector - 1) / fewVector * fewVector
	f.p0, f.q0 = c.PadH/c.StrideH-(f.rs-1), c.PadW/c.StrideW-(f.ss-1)
	f.ph, f.pw = (f.h-1+c.PadH)/c.StrideH-f.p0+1, (f.w-1+c.PadW)/c.StrideW-f.q0+1
	rounds := func(words int) int { return (words + fewThreads - 1) / fewThreads }
	f.patches, f.filters = rounds(fewFilters*f.ph*f.pw), rounds(fewFilters*c.StrideH*c.StrideW*f.rs*f.line)
	f.patch, f.fil = f.patches*fewThreads, f.filters*fewThreads
	return f
}

// shared is the bytes of both buffers.
func (f *fewData) shared() int { return 4 * 2 * (f.patch + f.fil) }

// FewData generates the kernel.
func FewData(c *workloads.Conv, l tile.Latencies) (*tile.Kernel, error) {
	if !TakesFewData(c) {
		return nil, fmt.Errorf("conv: no kernel for gradients of images of few channels takes %s", c)
	}
	f := newFewData(c)
	f.kernel()
	for ry := range c.StrideH {
		f.program(ry)
	}
	for w := range f.k.Role {
		f.k.Role[w] = uint8(f.parity(w))
	}
	if err := tile.Finish(f.k, l); err != nil {
		return nil, fmt.Errorf("conv: %w", err)
	}
	return f.k, nil
}

// lineOf is a warp's line of the rectangle. Lines that see as many taps lie on successive
// warps, so that with strides of two all sub-cores have some of both kinds.
func (f *fewData) lineOf(warp int) int {
	at := warp * f.StrideH
	return at%fewLines + at/fewLines
}

// parity is the first line of taps that a warp's line of points sees.
func (f *fewData) parity(warp int) int { return (f.lineOf(warp) + f.PadH) % f.StrideH }

// program adds that of the warps whose points see the lines of taps from ry on.
func (f *fewData) program(ry int) {
	first := f.StrideW + f.patches + f.filters // behind the accumulators and what is on its way
	begin := &emit.Emitter{K: f.k, Next: first}
	var addr []int
	for range 8 {
		addr = append(addr, begin.Reg())
	}
	begin.Begin(addr)
	begin.Integers(addr, 40)
	begin.Add(f.fetch(0)...)
	for i := range f.StrideW {
		begin.Add(emit.Move(i, tile.RZ))
	}
	begin.Add(f.deposit(0)...)
	begin.Add(emit.Bare(tile.OpBAR))
	loop := &emit.Emitter{K: f.k, Next: begin.Regs()}
	loop.Add(emit.Guarded(tile.GuardMore, f.fetch(1)...)...)
	f.products(loop, addr, ry)
	loop.Add(emit.Guarded(tile.GuardMore, f.deposit(1)...)...)
	loop.Integers(addr, 6)
	loop.Add(emit.Bare(tile.OpBAR), emit.Bare(tile.OpBRA))
	var end []tile.Inst
	for i := range f.StrideW {
		out := tile.Access{Tensor: fewX, Bytes: 4, RowVar: fewTile, ColVar: fewPoint, BatchFree: true}
		for t := range fewThreads {
			out.Row, out.Col = append(out.Row, 0), append(out.Col, int32(f.lineOf(t/32)*f.w+t%32*f.StrideW+i))
		}
		end = append(end, emit.Alpha(i, i), emit.Store(tile.OpSTG, i, begin.Access(out)))
	}
	end = append(end, emit.Bare(tile.OpEXIT))
	f.k.Regs = max(f.k.Regs, loop.Regs())
	f.k.Programs = append(f.k.Programs, &tile.Program{Segments: []tile.Segment{{Code: begin.Code}, {Code: loop.Code, Loop: true}, {Code: end}}})
}

// Tensors of the kernel, and the origins of its CTAs: rectangles, elements of
// patches, taps of filters and points.
const (
	fewY = iota
	fewF
	fewX

	fewTile  = tile.VarM
	fewPatch = tile.VarK
	fewTap   = tile.VarN
	fewPoint = tile.VarScale
)

// kernel lays out the tensors and the grid: rectangles, then channels.
func (f *fewData) kernel() {
	tw, th := (f.W+f.w-1)/f.w, (f.H+f.h-1)/f.h
	tiles := f.N * tw * th
	// Rectangles as they lie in a tensor of images whose points are so far apart.
	digits := func(channels, h, w, sh, sw int) []tile.Digit {
		return []tile.Digit{
			{Size: int32(tw), Stride: int64(f.w / sw), W: int32(f.w / sw)},
			{Size: int32(th), Stride: int64(f.h / sh * w), H: int32(f.h / sh)},
			{Stride: int64(channels) * int64(h) * int64(w)},
		}
	}
	area := func(lines, columns, h, w int) []tile.Digit {
		return []tile.Digit{
			{Size: int32(columns), Stride: 1, W: 1}, {Size: int32(lines), Stride: int64(w), H: 1}, {Stride: int64(h) * int64(w)},
		}
	}
	rs, points, patch := f.R*f.S, f.w*f.h, f.ph*f.pw
	y := tile.Tensor{Name: "dy", Elem: 4, Rows: tiles, Cols: patch * f.K, Bytes: 4 * int64(f.N) * int64(f.K) * int64(f.p) * int64(f.q), Views: []tile.View{{
		Row: digits(f.K, f.p, f.q, f.StrideH, f.StrideW), Col: area(f.ph, f.pw, f.p, f.q),
		At: int64(f.p0)*int64(f.q) + int64(f.q0), H0: int32(f.p0), W0: int32(f.q0), H: int32(f.p), W: int32(f.q),
	}}}
	w := tile.Tensor{Name: "w", Elem: 4, Parameter: true, Rows: 1, Cols: rs * f.K * f.C, Bytes: 4 * int64(f.K) * int64(f.C) * int64(rs), Views: []tile.View{{
		Row: []tile.Digit{{Stride: 1}},
		Col: []tile.Digit{{Size: int32(rs), Stride: 1}, {Size: int32(f.K), Stride: int64(f.C * rs)}, {Stride: int64(rs)}},
	}}}
	x := tile.Tensor{Name: "dx", Elem: 4, Output: true, Rows: tiles, Cols: points * f.C, Bytes: 4 * int64(f.N) * int64(f.C) * int64(f.H) * int64(f.W), Views: []tile.View{{
		Row: digits(f.C, f.H, f.W, 1, 1), Col: area(f.h, f.w, f.H, f.W), H: int32(f.H), W: int32(f.W),
	}}}
	var heap tile.Heap
	for _, t := range []*tile.Tensor{&y, &w, &x} {
		heap.Place(t)
	}
	f.k = &tile.Kernel{
		Name: "dgrad2d_alg1_1", Threads: fewThreads, Shared: f.shared(), TileM: points, TileN: 1, TileK: fewFilters, Splits: 1,
		Grid: [3]int{tiles, f.C, 1}, Tensors: []tile.Tensor{y, w, x}, Alpha: 1, DType: "fp32", Role: make([]uint8, fewThreads/32),
	}
	k, c, trips := f.K, f.C, (f.K+fewFilters-1)/fewFilters
	f.k.Place = func(index int, cta *tile.CTA) {
		at, channel := index%tiles, index/tiles
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index), Trips: int32(trips)}
		cta.Origin[fewTile], cta.Limit[fewTile] = int32(at), int32(tiles)
		cta.Limit[fewPatch] = int32(patch * k)
		cta.Origin[fewTap], cta.Limit[fewTap] = int32(channel*rs*k), int32((channel+1)*rs*k)
		cta.Origin[fewPoint], cta.Limit[fewPoint] = int32(channel*points), int32(points*c)
	}
}

// nowhere is a column beyond any tensor's: what is there reads as zero.
const nowhere = 1 << 30

// fetch loads the patches and filters of an iteration: elements side by side by
// threads side by side.
func (f *fewData) fetch(iterAdd int32) []tile.Inst {
	var out []tile.Inst
	add := func(reg int, a tile.Access, col func(word int) int, round int) {
		a.Bytes, a.IterAdd, a.BatchFree = 4, iterAdd, true
		for t := range fewThreads {
			a.Row, a.Col = append(a.Row, 0), append(a.Col, int32(col(round*fewThreads+t)))
		}
		out = append(out, emit.Load(tile.OpLDG, reg, (&emit.Emitter{K: f.k}).Access(a)))
	}
	for i := range f.patches {
		add(f.StrideW+i, tile.Access{Tensor: fewY, RowVar: fewTile, ColVar: fewPatch, ColStep: int32(fewFilters * f.ph * f.pw)}, func(word int) int {
			if word >= fewFilters*f.ph*f.pw {
				return nowhere
			}
			return word
		}, i)
	}
	for i := range f.filters {
		add(f.StrideW+f.patches+i, tile.Access{Tensor: fewF, RowVar: tile.VarZero, ColVar: fewTap, ColStep: int32(fewFilters * f.R * f.S)}, f.tap, i)
	}
	return out
}

// tap is the tap that belongs into a word of the filters' part of shared memory: by
// filter, by the parity of lines and columns that it is for, and by steps from the first.
func (f *fewData) tap(word int) int {
	js, rest := word%f.line, word/f.line
	jr, rest := rest%f.rs, rest/f.rs
	rx, rest := rest%f.StrideW, rest/f.StrideW
	ry, filter := rest%f.StrideH, rest/f.StrideH
	r, s := ry+jr*f.StrideH, rx+js*f.StrideW
	if filter >= fewFilters || js >= f.ss || r >= f.R || s >= f.S {
		return nowhere
	}
	return (filter*f.R+r)*f.S + s
}

// buffer is an access to one.
func (f *fewData) buffer(bytes int, flip int32, word func(t int) int) int16 {
	a := tile.Access{Space: tile.Shared, Bytes: bytes, BufferStride: int32(4 * (f.patch + f.fil)), BufferFlip: flip}
	for t := range fewThreads {
		a.Addr = append(a.Addr, int32(4*word(t)))
	}
	return (&emit.Emitter{K: f.k}).Access(a)
}

// deposit stores what fetch has loaded to the buffer of its iteration.
func (f *fewData) deposit(flip int32) []tile.Inst {
	var out []tile.Inst
	for i := range f.patches + f.filters {
		out = append(out, emit.Store(tile.OpSTS, f.StrideW+i, f.buffer(4, flip, func(t int) int { return i*fewThreads + t })))
	}
	return out
}

// products are the multiply-adds of an iteration: by filter and line of taps from ry on,
// whose elements of the output's gradient are loaded one after another, each for all
// points that see it.
func (f *fewData) products(e *emit.Emitter, addr []int, ry int) {
	for e.Next%fewVector > 0 {
		e.Reg()
	}
	var taps []int // of a line, by point
	for range f.StrideW * f.line {
		taps = append(taps, e.Reg())
	}
	last := (f.StrideW - 1 + f.PadW) / f.StrideW // first element that the last point sees
	var elements []int
	for range last - f.q0 + 1 {
		elements = append(elements, e.Reg())
	}
	for filter := range fewFilters {
		for jr := range steps(f.R, ry, f.StrideH) {
			for i := range f.StrideW {
				for js := 0; js < steps(f.S, f.column(i), f.StrideW); js += fewVector {
					e.Add(emit.Load(tile.OpLDS, taps[i*f.line+js], f.buffer(4*fewVector, 0, func(int) int {
						return f.patch + (((filter*f.StrideH+ry)*f.StrideW+f.column(i))*f.rs+jr)*f.line + js
					})))
				}
			}
			for d := range elements {
				if !f.seen(d) {
					continue
				}
				e.Add(emit.Load(tile.OpLDS, elements[d], f.buffer(4, 0, func(t int) int {
					return (filter*f.ph+(f.lineOf(t/32)+f.PadH)/f.StrideH-jr-f.p0)*f.pw + t%32 + d
				})))
			}
			for d := range elements {
				for i := range f.StrideW {
					js, sees := f.sees(i, d)
					if !sees {
						continue
					}
					e.Integers(addr, fewInts)
					e.Add(emit.Ins(tile.OpFFMA, i, taps[i*f.line+js], elements[d], i))
				}
			}
		}
	}
}

// column is the first column of taps that the i-th of a thread's points sees.
func (f *fewData) column(i int) int { return (i + f.PadW) % f.StrideW }

// steps are the taps of n from first on, so far apart.
func steps(n, first, stride int) int { return max(0, (n-first+stride-1)/stride) }

// sees says by which step of its taps the i-th of a thread's points sees element d of a
// line of the patch, if it does.
func (f *fewData) sees(i, d int) (step int, sees bool) {
	step = (i+f.PadW)/f.StrideW - f.q0 - d
	return step, step >= 0 && step < steps(f.S, f.column(i), f.StrideW)
}

// seen says whether any of them does.
func (f *fewData) seen(d int) bool {
	for i := range f.StrideW {
		if _, sees := f.sees(i, d); sees {
			return true
		}
	}
	return false
}
