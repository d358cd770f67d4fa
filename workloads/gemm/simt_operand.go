package gemm

import "gpusim/workloads/tile"

// simtPad is what a row of a k-contiguous operand is padded by in shared
// memory, in bytes. Four words put the eight k that neighbouring lanes store
// four banks apart.
const simtPad = 16

// simtOperand is one of the two factors: an outer index (m or n) against k. In
// shared memory both lie as one row per k, so that fragment loads read four
// consecutive outer indices at once; a k-contiguous operand is transposed on
// the way.
type simtOperand struct {
	tensor   int
	kContig  bool // contiguous along k in memory
	crossed  bool // packed along k, but not contiguous along it: bytes are transposed on their way
	swizzled bool // rows in shared memory are permuted, not padded
	outer    int  // CTA tile extent along m or n
	tileK    int  // CTA tile extent along k, in words
	in, pack int  // bytes per element in memory, k in a word
	elem     int  // bytes per word
	vec      int  // words per fragment load
	lanes    int  // lanes of a warp along the outer index
	kLanes   int  // lanes of a warp along k that move a k-contiguous operand
	count    int  // words per thread and k-step
	buffers  int  // sets of fragment registers
	wide     int  // words along the outer index that a copy without registers moves; 0: it is not one
	reg      int  // first fragment register
	base     int  // byte offset in a shared-memory buffer
	pitch    int  // bytes per k in shared memory
}

// regs is the number of fragment registers.
func (o *simtOperand) regs() int { return o.buffers * o.count * o.elem / 4 }

// frag is the first register of element e at k-step s.
func (o *simtOperand) frag(s, e int) int {
	return o.reg + (s%o.buffers*o.count+e)*o.elem/4
}

// outerOf is the outer index, within the warp tile, of element e of the lane
// with the given index along it. A thread's elements come in vectors that lie
// apart, so that the lanes of one load read consecutive vectors.
func (o *simtOperand) outerOf(lane, e int) int {
	return (e/o.vec*o.lanes+lane)*o.vec + e%o.vec
}

// elementAt gives the outer index and k, in words and relative to the tile, of
// the word, or the first of a square of words, with the given linear index in
// the order that threads move them. Lanes run along the contiguous direction,
// kLanes at a time if that is k; then the warps of a CTA take rows before more
// k.
func (o *simtOperand) elementAt(index int) (outer, k int) {
	if o.kContig {
		warp, lane := index/32, index%32
		rows := 32 / o.kLanes
		perK := o.outer / rows
		return warp%perK*rows + lane/o.kLanes, warp/perK*o.kLanes + lane%o.kLanes
	}
	per := o.outer / o.run()
	return index % per * o.run(), index / per
}

// words is the number of words that a thread moves at a time.
func (o *simtOperand) words() int {
	if o.crossed {
		return wordsPerSwap
	}
	return 1
}

// run is the number of words of those that one access moves.
func (o *simtOperand) run() int { return max(o.words(), o.wide) }

// rounds is the number of times that a thread does so per CTA k-tile.
func (o *simtOperand) rounds(threads int) int { return o.outer * o.tileK / o.run() / threads }

// global is the access generator of every thread's word in a round, or of the
// four elements of its square at the i-th k, iterAdd k-tiles ahead.
func (o *simtOperand) global(threads, round, i int, iterAdd int32) tile.Access {
	outer, k := make([]int32, threads), make([]int32, threads)
	for t := range threads {
		co, ck := o.elementAt(round*threads + t)
		outer[t], k[t] = int32(co), int32(ck*o.pack+i)
	}
	a := tile.Access{Space: tile.Global, Bytes: o.in * o.pack * max(1, o.wide), Tensor: o.tensor, IterAdd: iterAdd}
	step := int32(o.tileK * o.pack)
	if o.tensor == tensorA {
		a.RowVar, a.ColVar, a.Row, a.Col, a.ColStep = tile.VarM, tile.VarK, outer, k, step
	} else {
		a.RowVar, a.ColVar, a.Row, a.Col, a.RowStep = tile.VarK, tile.VarN, k, outer, step
	}
	return a
}

// address is the byte address of a word in a shared-memory buffer. In a
// swizzled row the vectors are permuted by k, so that of the sixteen k that
// neighbouring lanes store only two share their banks.
func (o *simtOperand) address(outer, k int) int32 {
	if o.swizzled {
		outer ^= k % 8 * o.vec
	}
	return int32(o.base + k*o.pitch + outer*o.elem)
}

// store is the shared-memory access that stores every thread's words of a
// round.
func (o *simtOperand) store(threads, round int, stride, flip int32) tile.Access {
	addr := make([]int32, threads)
	for t := range threads {
		addr[t] = o.address(o.elementAt(round*threads + t))
	}
	return tile.Access{Space: tile.Shared, Bytes: o.elem * o.run(), Addr: addr, BufferStride: stride, BufferFlip: flip}
}
