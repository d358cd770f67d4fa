package gemm

import "gpusim/workloads/tile"

// Tensors of int8 in blocks of four channels (cuDNN's NCHW_VECT_C) hold a word
// for each point and block. Kernels on DP4A move these words as kernels for fp32
// move elements: none of them is turned on its way to shared memory, lanes run
// along points, and four columns of a thread's results, which are neighbours, are
// put into a word before it is written.

// wordBytes is the bytes of a word, and so the results in it.
const wordBytes = 4

// joinRegs is the registers that results wait in for the rest of their word.
const joinRegs = 2

// wordsPerCopy is simtType's, but for operands that are words in memory.
func (s *simt) wordsPerCopy(kContig bool) int {
	if s.p.Lowered != nil && s.p.Lowered.Words {
		return 1
	}
	return s.t.wordsPerCopy(kContig)
}

// joins says whether results are written as words of neighbouring columns.
func (s *simt) joins() bool {
	return s.p.Lowered != nil && s.p.Lowered.Words && s.p.Out() == "int8" && !s.c.Workspace
}

// join takes the i-th result of a word, in the lowest byte of a register: the first
// two make half a word, the others the rest, which is then written.
func join(i, result, held int, target int16) []tile.Inst {
	prmt := func(dst, a, b int, imm uint8) tile.Inst {
		in := ins(tile.OpPRMT, dst, a, b, tile.RZ)
		in.Imm = imm
		return in
	}
	switch i {
	case 0:
		return []tile.Inst{ins(tile.OpMOV, held, result, tile.RZ, tile.RZ)}
	case 1:
		return []tile.Inst{prmt(held, held, result, tile.PRMTZipLow)}
	case 2:
		return []tile.Inst{ins(tile.OpMOV, held+1, result, tile.RZ, tile.RZ)}
	}
	return []tile.Inst{
		prmt(held+1, held+1, result, tile.PRMTZipLow),
		prmt(held, held, held+1, tile.PRMTLow),
		store(tile.OpSTG, held, target),
	}
}
