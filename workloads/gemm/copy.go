package gemm

import "gpusim/workloads/tile"

// panel is an operand whose k-tiles go from global memory through registers to
// shared memory in chunks of 16 bytes.
type panel interface {
	// split is the number of chunks that each thread moves per k-tile, of
	// global accesses per chunk and of bytes of each.
	split() (chunks, pieces, bytes int)
	// global is the access of piece i of chunk j, iterAdd k-tiles ahead.
	global(threads, j, i int, iterAdd int32) tile.Access
	// store is the access that puts chunk j into shared memory.
	store(threads, j int, stride, flip int32) tile.Access
	// factor is tensorA or tensorB.
	factor() int
}

// copyRegs bounds the registers that hold global data on its way to shared
// memory. A k-tile that needs more is moved in several waves.
const copyRegs = 40

// chunk is one chunk per thread of an operand's k-tile and the registers it
// passes through.
type chunk struct {
	of  panel
	j   int
	reg int
}

// copyWaves assigns each chunk of a k-tile of some operands to a wave and to
// registers from reg on; end is the first register that none of them uses.
func copyWaves(reg int, panels ...panel) (waves [][]chunk, end int) {
	var wave []chunk
	used := 0
	for _, p := range panels {
		chunks, pieces, bytes := p.split()
		n := pieces * max(1, bytes/4) // single halves arrive one per register
		for j := range chunks {
			if used+n > copyRegs {
				waves, wave, used = append(waves, wave), nil, 0
			}
			wave = append(wave, chunk{p, j, reg + used})
			used += n
			end = max(end, reg+used)
		}
	}
	return append(waves, wave), end
}

// fetch brings a wave's chunks from global memory to registers. Chunks of gathered
// operands take the address work of p, on registers from reg on.
func fetch(p *Problem, reg int, k *tile.Kernel, wave []chunk, iterAdd int32, g tile.Guard) []tile.Inst {
	var out []tile.Inst
	for _, c := range wave {
		_, pieces, bytes := c.of.split()
		for i := range pieces {
			if (i == 0 || p.apart()) && p.gathers(c.of.factor()) {
				for _, in := range addressing(reg, reg) {
					out = append(out, guarded(g, in))
				}
			}
			acc := addAccess(k, c.of.global(k.Threads, c.j, i, iterAdd))
			out = append(out, guarded(g, load(tile.OpLDG, c.reg+i*max(1, bytes/4), acc)))
		}
	}
	return out
}

// deposit brings them from there to a buffer of shared memory.
func deposit(k *tile.Kernel, wave []chunk, stride, flip int32, g tile.Guard) []tile.Inst {
	var out []tile.Inst
	for _, c := range wave {
		if _, pieces, bytes := c.of.split(); bytes == 2 {
			for i := range pieces / 2 {
				out = append(out, guarded(g, ins(tile.OpPRMT, c.reg+i, c.reg+2*i, c.reg+2*i+1, tile.RZ)))
			}
		}
		acc := addAccess(k, c.of.store(k.Threads, c.j, stride, flip))
		out = append(out, guarded(g, store(tile.OpSTS, c.reg, acc)))
	}
	return out
}

// chunked is an operand, an outer index (m or n) against k, in chunks of 16 bytes
// along whichever of them is contiguous in memory.
type chunked struct {
	tensor  int
	kContig bool // contiguous along k in memory
	outer   int  // CTA tile extent along m or n
	tileK   int  // along k, elements
	elem    int  // bytes of an element
	vec     int  // elements per global access
	chunks  int  // that each thread moves per k-tile
	kept    bool // k counts what a sparse matrix has stored
}

func (o *chunked) factor() int { return o.tensor }

// chunkElems is the elements in a chunk.
func (o *chunked) chunkElems() int { return 16 / o.elem }

// chunkAt gives the outer index and k, relative to the tile, at which the
// chunk with the given linear index begins. Consecutive chunks follow memory
// order, so that a warp's accesses coalesce.
func (o *chunked) chunkAt(index int) (outer, k int) {
	if o.kContig {
		per := o.tileK / o.chunkElems()
		return index / per, index % per * o.chunkElems()
	}
	per := o.outer / o.chunkElems()
	return index % per * o.chunkElems(), index / per
}

// split says how the operand's chunks are fetched, see panel.
func (o *chunked) split() (chunks, pieces, bytes int) {
	return o.chunks, o.chunkElems() / o.vec, o.vec * o.elem
}

// global is the access generator of piece i of chunk j of every thread, iterAdd
// k-tiles ahead.
func (o *chunked) global(threads, j, i int, iterAdd int32) tile.Access {
	outer, k := make([]int32, threads), make([]int32, threads)
	for t := range threads {
		co, ck := o.chunkAt(j*threads + t)
		if o.kContig {
			ck += i * o.vec
		} else {
			co += i * o.vec
		}
		outer[t], k[t] = int32(co), int32(ck)
	}
	a := tile.Access{Space: tile.Global, Bytes: o.vec * o.elem, Tensor: o.tensor, IterAdd: iterAdd}
	if o.tensor == tensorA {
		a.RowVar, a.ColVar, a.Row, a.Col, a.ColStep = tile.VarM, tile.VarK, outer, k, int32(o.tileK)
	} else {
		a.RowVar, a.ColVar, a.Row, a.Col, a.RowStep = tile.VarK, tile.VarN, k, outer, int32(o.tileK)
	}
	if o.kept {
		a.RowVar = varKept
	}
	return a
}
