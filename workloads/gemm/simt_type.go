package gemm

import (
	"fmt"
	"slices"

	"gpusim/workloads/tile"
)

// simtType is how SIMT kernels take an element type. Shared memory and
// registers hold words: an element each, or four int8 of successive k, which
// DP4A multiplies at a time. Accumulators are a word too.
type simtType struct {
	acc            string
	outs           []string // types that C can have, the usual one first
	in, out        int      // bytes of an element of A and B, and of C
	word           int      // bytes of a word
	pack           int      // k in a word
	mad            tile.Op  // of two words, to an accumulator
	add, mul, fma  tile.Op  // of accumulators; mul and fma take a scalar
	widen          bool     // halves become fp32 on their way to shared memory
	prefix, suffix string   // of a kernel's name, beside its tile
}

// simtTypes by element type. Pascal and Maxwell kernels for fp16 compute in
// fp32: only GP100 has halves at a useful rate, and cuBLAS uses them where
// sums are asked for in fp16, which no kernel here does.
var simtTypes = map[string]simtType{
	"fp32": {acc: "fp32", outs: []string{"fp32"}, in: 4, word: 4, pack: 1, mad: tile.OpFFMA, add: tile.OpFADD, mul: tile.OpFMUL, fma: tile.OpFFMA, prefix: "sgemm"},
	"fp64": {acc: "fp64", outs: []string{"fp64"}, in: 8, word: 8, pack: 1, mad: tile.OpDFMA, add: tile.OpDADD, mul: tile.OpDMUL, fma: tile.OpDFMA, prefix: "dgemm"},
	"fp16": {acc: "fp32", outs: []string{"fp16", "fp32"}, in: 2, word: 4, pack: 1, mad: tile.OpFFMA, add: tile.OpFADD, mul: tile.OpFMUL, fma: tile.OpFFMA, widen: true, prefix: "sgemm_fp16"},
	"int8": {acc: "int32", outs: []string{"int32", "int8"}, in: 1, word: 4, pack: 4, mad: tile.OpDP4A, add: tile.OpIADD, mul: tile.OpIMAD, fma: tile.OpIMAD, prefix: "igemm_int8", suffix: "_ldg4"},
}

// wordsPerSwap is the number of words whose bytes are transposed together.
const wordsPerSwap = 4

// simtTypeOf is how kernels take the types of a problem, or what no kernel can
// do about them.
func simtTypeOf(p Problem, c Config, l tile.Latencies) (simtType, error) {
	t, ok := simtTypes[p.DType]
	if !ok {
		return t, fmt.Errorf("gemm: SIMT kernels multiply fp32, fp64, fp16 or int8, not %q", p.DType)
	}
	if p.Acc != "" && p.Acc != t.acc {
		return t, fmt.Errorf("gemm: %s SIMT kernels accumulate in %s, not %q", p.DType, t.acc, p.Acc)
	}
	if !slices.Contains(t.outs, p.Out()) {
		return t, fmt.Errorf("gemm: %s SIMT kernels write %s, not %q", p.DType, t.outs[0], p.Out())
	}
	if p.DType == "int8" && l.DP4A == 0 {
		return t, fmt.Errorf("gemm: this machine has no DP4A instruction, so no SIMT kernel multiplies int8")
	}
	var err error
	if t.out, err = elemSize(p.Out()); err != nil {
		return t, err
	}
	if c.Splits > 1 && !c.Workspace && p.Out() == "int8" {
		return t, fmt.Errorf("gemm: sums of split-K do not fit into C of int8: use a workspace")
	}
	return t, t.aligned(p)
}

// aligned checks that words do not straddle the columns of a matrix: packed
// types are read four elements at a time, so cuBLAS asks for leading dimensions
// that are multiples of four.
func (t *simtType) aligned(p Problem) error {
	lda, ldb, _ := p.contiguous()
	if t.pack > 1 && (lda%t.pack != 0 || ldb%t.pack != 0) {
		return fmt.Errorf("gemm: %s needs leading dimensions that are multiples of %d, not %d of A and %d of B", p.DType, t.pack, lda, ldb)
	}
	return nil
}

// wordsPerCopy is the number of words that a thread brings to shared memory at
// a time: elements that are packed along k, but not contiguous along it in
// memory, come as a square of bytes and are transposed.
func (t *simtType) wordsPerCopy(kContig bool) int {
	if t.pack > 1 && !kContig {
		return wordsPerSwap
	}
	return 1
}

// narrow turns accumulators into elements of C, in place.
func (s *simt) narrow(reg int) []tile.Inst {
	switch s.p.Out() {
	case "fp16":
		return pack(halves(s.p.Out()), reg, reg, 1)
	case "int8":
		return []tile.Inst{ins(tile.OpI2I, reg, reg, tile.RZ, tile.RZ)}
	}
	return nil
}

// widened turns an element of C into an accumulator, in place. Loads of int8
// extend the sign themselves.
func (s *simt) widened(reg int, g tile.Guard) []tile.Inst {
	if s.p.Out() == "fp16" {
		return unpack(halves(s.p.Out()), reg, reg, 1, g)
	}
	return nil
}

// swap transposes the bytes of four words, in place, through four registers
// from tmp on.
func swap(word, tmp int, g tile.Guard) []tile.Inst {
	prmt := func(dst, a, b int, imm uint8) tile.Inst {
		in := guarded(g, ins(tile.OpPRMT, dst, a, b, tile.RZ))
		in.Imm = imm
		return in
	}
	return []tile.Inst{
		prmt(tmp, word, word+1, tile.PRMTZipLow), prmt(tmp+1, word, word+1, tile.PRMTZipHigh),
		prmt(tmp+2, word+2, word+3, tile.PRMTZipLow), prmt(tmp+3, word+2, word+3, tile.PRMTZipHigh),
		prmt(word, tmp, tmp+2, tile.PRMTLow), prmt(word+1, tmp, tmp+2, tile.PRMTHigh),
		prmt(word+2, tmp+1, tmp+3, tile.PRMTLow), prmt(word+3, tmp+1, tmp+3, tile.PRMTHigh),
	}
}
