package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

// Kernels of three stages and more, as CUTLASS has them for Ampere and later, bring
// k-tiles to shared memory without registers (LDGSTS). A copy moves the same bytes in
// both places: what is contiguous along k, and so turned on its way, goes a word at a
// time, what lies as in shared memory up to four.

// async says whether the kernel does so.
func (s *simt) async() bool { return s.c.Stages > 2 }

// stages is the k-tiles in shared memory at a time, and ring the same as accesses
// have it.
func (s *simt) stages() int { return max(2, s.c.Stages) }
func (s *simt) ring() int32 { return int32(s.stages()) }

// checkAsync says what such kernels cannot do.
func (s *simt) checkAsync() error {
	c := &s.c
	switch {
	case !s.async():
		return nil
	case c.Stages > 16:
		return fmt.Errorf("gemm: %d stages (allowed: 2 to 16)", c.Stages)
	case s.p.Lowered != nil || s.t.widen || s.elem != 4 || s.t.pack > 1 || s.deep():
		return fmt.Errorf("gemm: SIMT kernels of %d stages take whole matrices of fp32, %d k at a time", c.Stages, simtTileK)
	}
	return c.checkVectors(s.p, 16/s.elem)
}

// widest is the words that a copy of an operand moves.
func (s *simt) widest(o *simtOperand) int {
	if o.kContig {
		return 1
	}
	w := s.c.VecA
	if o.tensor == tensorB {
		w = s.c.VecB
	}
	for w > 1 && o.outer*o.tileK%(w*s.k.Threads) != 0 {
		w /= 2
	}
	return w
}

// asyncCopies brings the k-tile that lies iterAdd ahead to shared memory. K beyond
// the end gives zeros.
func (s *simt) asyncCopies(iterAdd int32) []tile.Inst {
	var out []tile.Inst
	for _, o := range []*simtOperand{&s.b, &s.a} {
		for r := range o.rounds(s.k.Threads) {
			in := bare(tile.OpLDGSTS)
			from, to := o.global(s.k.Threads, r, 0, iterAdd), o.store(s.k.Threads, r, s.buffer, iterAdd)
			from.Bypass = from.Bytes == 16 // .cg takes 16 bytes only
			to.Buffers = s.ring()
			in.Access, in.Into = s.access(from), s.access(to)
			out = append(out, in)
		}
	}
	return out
}

// asyncPrologue is the prologue of such a kernel: all stages but one are under way
// when the first is waited for.
func (s *simt) asyncPrologue() []tile.Inst {
	code := append(setup(s.regAddr, simtAddrRegs), ahead(s.c.Stages, s.asyncCopies)...)
	code = append(code, s.clear()...)
	code = append(code, waitGroups(s.c.Stages-2))
	return append(code, s.begin()...)
}
