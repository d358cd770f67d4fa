package gemm

import "gpusim/workloads/tile"

// hmmaChunk is the unit of shared-memory storage: eight halves, 16 bytes.
const hmmaChunk = 8

// hmmaTileK is the k extent of a CTA tile, hmmaSteps its k-steps of four.
const (
	hmmaTileK = 32
	hmmaSteps = hmmaTileK / 4
)

// hmmaOperand is one of the two factors as a Volta kernel sees it: an outer
// index (m or n) against k. C is column-major, so the instruction's columns
// run along m, where accumulator pairs and stores are contiguous: op(B)
// supplies the instruction's rows ("rows" operand) and op(A) its columns.
//
// In shared memory a k-contiguous operand lies "crosswise": rows of 32 k, two
// rows per 128 bytes; an outer-contiguous one "congruous": one row per k. Both
// XOR the 16-byte chunk index so that stores and fragment loads are free of
// bank conflicts.
type hmmaOperand struct {
	chunked
	rows  bool // supplies the instruction's A operand
	warp  int  // warp tile extent along m or n
	base  int  // byte offset in a shared-memory buffer
	frags int  // fragments of 16 along the outer index per warp
}

// address is the byte address in a shared-memory buffer of the chunk that
// holds element (outer, k).
func (o *hmmaOperand) address(outer, k int) int32 {
	if o.kContig {
		line, slot := outer/2, outer%2*4+k/hmmaChunk
		return int32(o.base + line*128 + (slot^line&3)*16)
	}
	chunk := outer / hmmaChunk
	return int32(o.base + k*o.outer*2 + (chunk^k&3*2)*16)
}

// half is which of the two halves of a 16-wide fragment a lane's quad pair
// supplies: quad pairs 0 and 1 differ in rows, 0 and 2 in columns.
func (o *hmmaOperand) half(lane int) int {
	q := tile.QuadPair(lane)
	if o.rows {
		return q & 1
	}
	return q >> 1
}

// outerOf maps index c (0..7) of the instruction's row or column, in the quad
// pairs of the given half, to the outer index within the warp tile for
// fragment f. A congruous fragment load brings eight consecutive outer
// indices, which feed two fragments with four each.
func (o *hmmaOperand) outerOf(f, half, c int) int {
	if o.kContig {
		return f*16 + c>>2*8 + half*4 + c&3
	}
	return f>>1*32 + c>>2*16 + half*8 + f&1*4 + c&3
}

// fragLoads is the number of LDS.128 that bring one group of fragments, and
// groupSteps the k-steps that a group serves.
func (o *hmmaOperand) fragLoads() int {
	if o.kContig {
		return o.frags
	}
	return o.frags / 2
}

func (o *hmmaOperand) groupSteps() int {
	if o.kContig {
		return 2
	}
	return 1
}

// fragRegs is the number of registers of one group of fragments.
func (o *hmmaOperand) fragRegs() int { return 4 * o.fragLoads() }

// fragReg is the offset of the register pair of fragment f at k-step s among
// the operand's two groups of registers, which alternate.
func (o *hmmaOperand) fragReg(s, f int) int {
	if o.kContig {
		return s>>1&1*o.fragRegs() + f*4 + s&1*2
	}
	return s&1*o.fragRegs() + f*2
}

// loadAddr is the shared-memory byte address that a lane of a warp whose tile
// begins at warpOuter reads in load i of group g.
func (o *hmmaOperand) loadAddr(lane, warpOuter, g, i int) int32 {
	if o.kContig {
		return o.address(warpOuter+o.outerOf(i, o.half(lane), lane&3+lane>>4*4), g*hmmaChunk)
	}
	return o.address(warpOuter+o.outerOf(2*i, o.half(lane), lane>>4*4), g*4+lane&3)
}

// layoutBit is the OpHMMA layout bit that the operand's fragments need.
func (o *hmmaOperand) layoutBit() uint8 {
	switch {
	case o.kContig:
		return 0
	case o.rows:
		return tile.HMMAACol
	}
	return tile.HMMABRow
}

// store is the shared-memory access that stores chunk j of every thread.
func (o *hmmaOperand) store(threads, j int, stride, flip int32) tile.Access {
	addr := make([]int32, threads)
	for t := range threads {
		addr[t] = o.address(o.chunkAt(j*threads + t))
	}
	return tile.Access{Space: tile.Shared, Bytes: 16, Addr: addr, BufferStride: stride, BufferFlip: flip}
}

// fragment is the shared-memory access of load i of group g. warpOuter gives
// where each warp's tile begins.
func (o *hmmaOperand) fragment(warpOuter []int, g, i int, stride, flip int32) tile.Access {
	addr := make([]int32, 32*len(warpOuter))
	for w, begin := range warpOuter {
		for lane := range 32 {
			addr[w*32+lane] = o.loadAddr(lane, begin, g, i)
		}
	}
	return tile.Access{Space: tile.Shared, Bytes: 16, Addr: addr, BufferStride: stride, BufferFlip: flip}
}
