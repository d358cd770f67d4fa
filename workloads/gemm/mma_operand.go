package gemm

import "gpusim/workloads/tile"

// mmaOperand is one of the two factors of a kernel of matrix instructions: an
// outer index (m or n) against k. C is column-major, so the instruction's
// columns run along m: op(B) supplies its rows, op(A) its columns.
//
// In shared memory an operand lies as rows of 16-byte chunks, along k if it is
// contiguous there in memory, else along the outer index. Chunks are exchanged
// within 128 bytes, by the row, so that stores and ldmatrix are free of bank
// conflicts.
type mmaOperand struct {
	chunked
	base       int  // byte offset in a shared-memory buffer
	frags      int  // fragments per warp
	regs       int  // registers of a fragment
	tall       bool // fragments of 16 along the outer index, else 8
	stepChunks int  // chunks of k per instruction
}

// address is the byte address in a shared-memory buffer of the chunk that
// holds element (outer, k).
func (o *mmaOperand) address(outer, k int) int32 {
	row, chunk, per := outer, k/o.chunkElems(), o.tileK/o.chunkElems()
	if !o.kContig {
		row, chunk, per = k, outer/o.chunkElems(), o.outer/o.chunkElems()
	}
	turn := row
	if o.byWord() {
		turn = row * 2 // four rows are read at a time, two chunks of each
	}
	if per >= 8 {
		return int32(o.base + (row*per+chunk&^7+(chunk^turn)&7)*16)
	}
	line, at := row/(8/per), row%(8/per)*per
	if o.byWord() {
		line *= 2
	}
	return int32(o.base + row/(8/per)*128 + (at+chunk^line&(per-1))*16)
}

// element is the byte address of an element.
func (o *mmaOperand) element(outer, k int) int32 {
	along := outer
	if o.kContig {
		along = k
	}
	return o.address(outer, k) + int32(along%o.chunkElems()*o.elem)
}

// byWord says that ldmatrix cannot bring the operand: its elements have 64 bits,
// or 32 and are not contiguous along k. Then every lane loads its own.
func (o *mmaOperand) byWord() bool { return o.elem == 8 || o.elem == 4 && !o.kContig }

// fragRegs is the number of registers of a warp's fragments of one k-step.
func (o *mmaOperand) fragRegs() int { return o.frags * o.regs }

// matrix gives the outer index within the warp tile and the k at which the 8x8
// matrix (of 32-bit words) in register r of the fragments of k-step s begins, or
// the four columns of it that lanes load by themselves.
func (o *mmaOperand) matrix(s, r int) (outer, k int) {
	f, i := r/o.regs, r%o.regs/max(1, o.elem/4)
	outer = f * 8
	if o.tall {
		outer, i = f*16+i%2*8, i/2
	}
	if o.byWord() {
		return outer, s*o.stepChunks*o.chunkElems() + 4*i
	}
	return outer, (s*o.stepChunks + i) * o.chunkElems()
}

// fragment is the load of registers from r on of k-step s, of as many as one
// instruction brings. warpOuter gives where each warp's tile begins.
func (o *mmaOperand) fragment(warpOuter []int, s, r int, in tile.Access) (tile.Inst, tile.Access) {
	in.Space, in.Bytes = tile.Shared, 16
	in.Addr = make([]int32, 32*len(warpOuter))
	op := ins(tile.OpLDSM, 0, tile.RZ, tile.RZ, tile.RZ)
	in.Matrices = 4
	for in.Matrices > 1 && (r+in.Matrices > o.fragRegs() || r%in.Matrices != 0) {
		in.Matrices /= 2
	}
	if o.byWord() {
		op.Op, in.Bytes, in.Matrices = tile.OpLDS, o.elem, 0
	} else if !o.kContig {
		op.Imm = tile.LDSMTrans
	}
	for w, begin := range warpOuter {
		for lane := range 32 {
			at := r
			if in.Matrices > 0 {
				at += lane / 8 % in.Matrices
			}
			outer, k := o.matrix(s, at)
			addr := int32(0)
			switch {
			case o.byWord():
				addr = o.element(begin+outer+lane/4, k+lane%4)
			case o.kContig:
				addr = o.address(begin+outer+lane%8, k)
			default:
				addr = o.address(begin+outer, k+lane%8)
			}
			in.Addr[w*32+lane] = addr
		}
	}
	return op, in
}

// store is the shared-memory access that stores chunk j of every thread.
func (o *mmaOperand) store(threads, j int, stride, flip int32) tile.Access {
	return o.piece(threads, j, 0, tile.Access{Bytes: 16, BufferStride: stride, BufferFlip: flip})
}

// piece is the shared-memory access of piece i of chunk j.
func (o *mmaOperand) piece(threads, j, i int, a tile.Access) tile.Access {
	a.Space, a.Addr = tile.Shared, make([]int32, threads)
	for t := range threads {
		a.Addr[t] = o.address(o.chunkAt(j*threads+t)) + int32(i*a.Bytes)
	}
	return a
}
