package ops

import (
	"fmt"
	"math"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// The first layer of a network of bytes in one kernel: convolution, bias, ReLU and max
// pooling. TensorRT has such kernels for int8 and for no other type (its issue 2518), and
// its ResNet-50 begins with one (sm80_trt_conv_act_pool_v3_tile_rows_8_tile_cols_120_execute_kernel_trt,
// four warps or so of 128 registers and a few kilobytes of shared memory in a public
// reading of its machine code). As there, the part of the image that a CTA sees lies in
// shared memory, matrix instructions take their operands from it tap by tap, sums become
// bytes in registers, maxima are taken of four bytes at a time, and only what is pooled is
// written. That a CTA goes down a strip of tiles, whose filters stay where they are, and
// how large those are, is ours.
const (
	firstPoints   = 16 // side of the square of the convolution's points that a CTA computes at a time
	firstWarps    = 4
	firstLines    = firstPoints / firstWarps // of it, of a warp
	firstFilters  = 64
	firstLineTaps = 8  // of a line of a filter, those beyond it with weights of zero
	firstLane     = 16 // filters side by side of which a lane has sums
)

// convPool is that kernel under construction.
type convPool struct {
	*workloads.Layer
	c            *code
	k            *tile.Kernel
	mma          tile.MMA
	packs        bool // tile.Latencies.PackConversions
	p, q         int  // points of the convolution
	side         int  // of the square of results of a tile
	step         int  // points of the image from one tile to the next
	lines, width int  // of the image's part in shared memory, in points; whole vectors
	vec          int  // points of a load
	begin        int  // first line and column of the image that the first tile sees
	down         int  // tiles of a strip
	lead         int  // points of a line before the first that is needed
	acc          [][]reg
	bias         []reg
}

// Tensors of the kernel.
const (
	firstX = iota
	firstW
	firstB
	firstOut
)

// convPoolKernel generates it for machines with matrix instructions for bytes.
func convPoolKernel(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	f := &convPool{Layer: l, packs: d.Latencies.PackConversions}
	for _, m := range d.Latencies.MMA {
		if m.Type == "int8" && m.Acc == "int32" && m.N == 8 && !m.Sparse && m.KBytes() <= 4*firstLineTaps && m.FMAs() > f.mma.FMAs() {
			f.mma = m
		}
	}
	if results := float64(l.N) * float64(l.P()) * float64(l.Q()); results >= math.MaxInt32 {
		return nil, fmt.Errorf("ops: convpool of %g results of a filter (allowed below 2^31)", results)
	}
	f.p, f.q = l.ConvP(), l.ConvQ()
	f.side = (firstPoints-l.Pool)/l.PoolStride + 1
	if f.mma.K == 0 {
		return nil, fmt.Errorf("ops: convolution and pooling in one kernel need matrix instructions for int8, which begin with Turing: use conv and pool")
	}
	f.layout(d.SMs)
	f.c = newCode(f.k)
	f.program()
	ks := []*tile.Kernel{f.k}
	allocate(ks)
	return ks, f.c.finish(d.Latencies)
}

// layout lays out tensors, shared memory and the grid: tiles side by side, strips of
// them, images.
func (f *convPool) layout(sms int) {
	f.step = f.side * f.PoolStride * f.Stride
	f.begin = -f.PoolPad*f.Stride - f.Pad
	f.vec = 1
	if f.W%4 == 0 && f.step%4 == 0 {
		f.vec = 4
	}
	f.lead = (f.begin%f.vec + f.vec) % f.vec
	f.lines = (firstPoints-1)*f.Stride + f.R
	f.width = ceilDiv(f.lead+(firstPoints-1)*f.Stride+firstLineTaps, f.vec) * f.vec
	pp, qq := f.P(), f.Q()
	tw, th := ceilDiv(qq, f.side), ceilDiv(pp, f.side)
	f.down = max(1, min(th, f.N*tw*th/(2*2*sms))) // if two rounds of two CTAs an SM are left
	strips, down := ceilDiv(th, f.down), f.down
	along := func(w, h, n int64, points int32) []tile.Digit {
		return []tile.Digit{{Size: int32(tw), Stride: w, W: points}, {Size: int32(th), Stride: h, H: points}, {Stride: n}}
	}
	x := tile.Tensor{Name: "x", Elem: 1, Rows: f.N * tw * th, Cols: f.lines * f.width / f.vec, Bytes: 4 * int64(f.N) * int64(f.H) * int64(f.W), Views: []tile.View{{
		Row: along(4*int64(f.step), 4*int64(f.step)*int64(f.W), 4*int64(f.H)*int64(f.W), int32(f.step)),
		Col: []tile.Digit{{Size: int32(f.width / f.vec), Stride: 4 * int64(f.vec), W: int32(f.vec)}, {Stride: 4 * int64(f.W), H: 1}},
		At:  4 * (int64(f.begin)*int64(f.W) + int64(f.begin-f.lead)), H0: int32(f.begin), W0: int32(f.begin - f.lead), H: int32(f.H), W: int32(f.W),
	}}}
	w := tile.Tensor{Name: "w", Elem: 1, Parameter: true, Rows: 1, Cols: f.weights(), RowStride: 1, ColStride: 1, Bytes: int64(f.weights())}
	b := tile.Tensor{Name: "bias", Elem: 4, Parameter: true, Rows: 1, Cols: firstFilters, RowStride: 1, ColStride: 1, Bytes: 4 * firstFilters}
	block := int64(blockChannels)
	out := tile.Tensor{Name: "out", Elem: 1, Output: true, Rows: f.N * tw * th, Cols: f.side * f.side * firstFilters, Bytes: firstFilters * int64(f.N) * int64(pp) * int64(qq), Views: []tile.View{{
		Row: along(block*int64(f.side), block*int64(f.side)*int64(qq), firstFilters*int64(pp)*int64(qq), int32(f.side)),
		Col: []tile.Digit{{Size: blockChannels, Stride: 1}, {Size: int32(f.side), Stride: block, W: 1}, {Size: int32(f.side), Stride: block * int64(qq), H: 1}, {Stride: block * int64(pp) * int64(qq)}},
		H:   int32(pp), W: int32(qq),
	}}}
	f.k = &tile.Kernel{
		Name: "conv_act_pool_execute_kernel_trt", Threads: 32 * firstWarps, Splits: 1, TileM: firstPoints * firstPoints, TileN: firstFilters, TileK: 4 * firstLineTaps,
		Shared: f.weights() + max(f.patch(), firstPoints*firstPoints*firstFilters), Grid: [3]int{tw, strips, f.N},
		Tensors: []tile.Tensor{x, w, b, out}, MMAs: []tile.MMA{f.mma}, Alpha: 1, DType: "int8",
	}
	f.k.Place = func(index int, cta *tile.CTA) {
		at, strip, image := index%tw, index/tw%strips, index/tw/strips
		first := strip * down
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index), Trips: int32(min(down, th-first))}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32((image*th+first)*tw+at), int32(f.N*tw*th)
	}
}

// weights and patch are bytes of shared memory.
func (f *convPool) weights() int { return f.R * firstLineTaps * 4 * firstFilters }
func (f *convPool) patch() int {
	round := 32 * firstWarps * f.vec // that all threads copy at a time
	return 4 * ceilDiv(f.lines*f.width, round) * round
}

// convPoolWeight is the order of the weights, which a compiler packs beforehand: for each
// line of taps words of four channels, of pairs of matrix instructions, lanes, the two
// instructions and the two words that a lane has of each, the last fastest. Of a word it
// gives the filter and the tap, such that of eight instructions a lane has the sums of 16
// filters side by side.
func convPoolWeight(word int) (filter, tap int) {
	half, odd, lane, pair := word%2, word/2%2, word/4%32, word/128
	g, t := lane/4, lane%4
	return g/2*firstLane + 2*(2*pair+odd) + g%2, t + 4*half
}

func (f *convPool) program() {
	c := f.c
	c.address(24)
	copied := f.copyWeights()
	f.deposit(f.fetch(0))
	copied()
	f.bias = c.regs(firstLane)
	for i := 0; i < firstLane; i += 4 {
		c.memory(tile.OpLDG, addAccess(f.k, tile.Access{Tensor: firstB, Bytes: 16, RowVar: tile.VarZero, ColVar: tile.VarZero, BatchFree: true, Row: make([]int32, f.k.Threads),
			Col: perThread(f.k, func(t int) int { return t%4*firstLane + i })}), f.bias[i:i+4])
	}
	columns, line := f.positions()
	c.bare(tile.OpBAR)
	c.loop(func() {
		c.address(8)
		c.guard = tile.GuardMore
		next := f.fetch(1)
		c.guard = tile.GuardNone
		f.products()
		c.bare(tile.OpBAR) // the image's part is read: its place is the results' now
		f.results(columns, line)
		c.bare(tile.OpBAR)
		f.maxima()
		if line != nil {
			c.into(line, c.add(line, num(float64(f.side*f.PoolStride))))
		}
		c.bare(tile.OpBAR)
		c.guard = tile.GuardMore
		f.deposit(next)
		c.guard = tile.GuardNone
		c.bare(tile.OpBAR)
	})
}

// copyWeights asks for the weights; what it gives puts them into shared memory.
func (f *convPool) copyWeights() func() {
	var held [][]reg
	n := f.weights() / 16 / f.k.Threads
	for i := range n {
		held = append(held, f.c.regs(4))
		f.c.memory(tile.OpLDG, addAccess(f.k, tile.Access{Tensor: firstW, Bytes: 16, RowVar: tile.VarZero, ColVar: tile.VarZero, BatchFree: true, Row: make([]int32, f.k.Threads),
			Col: perThread(f.k, func(t int) int { return 16 * (i*f.k.Threads + t) })}), held[i])
	}
	return func() {
		for i, r := range held {
			f.c.memory(tile.OpSTS, f.shared(16, func(t int) int { return 16 * (i*f.k.Threads + t) }), r)
		}
	}
}

// shared is an access to shared memory.
func (f *convPool) shared(bytes int, at func(t int) int) int16 {
	return addAccess(f.k, tile.Access{Space: tile.Shared, Bytes: bytes, Addr: perThread(f.k, at)})
}

// fetch loads the part of the image that a tile sees, that of the tile so many further
// down, and deposit puts it into shared memory.
func (f *convPool) fetch(further int32) (out [][]reg) {
	n := f.lines * f.width / f.vec
	for i := range ceilDiv(n, f.k.Threads) {
		r := f.c.regs(f.vec)
		f.c.address(2)
		f.c.memory(tile.OpLDG, addAccess(f.k, tile.Access{Tensor: firstX, Bytes: 4 * f.vec, RowVar: tile.VarM, ColVar: tile.VarZero, BatchFree: true,
			RowStep: int32(f.k.Grid[0]), IterAdd: further, Row: make([]int32, f.k.Threads),
			Col: perThread(f.k, func(t int) int { return i*f.k.Threads + t })}), r)
		out = append(out, r)
	}
	return out
}

func (f *convPool) deposit(held [][]reg) {
	for i, r := range held {
		f.c.memory(tile.OpSTS, f.shared(4*f.vec, func(t int) int { return f.weights() + 4*f.vec*(i*f.k.Threads+t) }), r)
	}
}
