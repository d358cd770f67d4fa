package ops

import (
	"fmt"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// embedThreads is the most threads that a token's vector gets.
const embedThreads = 256

// token is the word at a place of the text: spread over the vocabulary as an
// arbitrary text is.
func token(at, vocab int) int {
	x := uint64(at+1) * 0x9e3779b97f4a7c15
	return int((x ^ x>>29) % uint64(vocab))
}

// embedding has a CTA for each token, which reads its number and copies its
// vector. Backward it adds the gradient to the vector's, in fp32, after the table
// has been cleared.
func embedding(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	if l.Rows >= 1<<31-1 || l.Vocab >= 1<<31-1 {
		return nil, fmt.Errorf("ops: embedding of %d rows and %d words (allowed below 2^31)", l.Rows, l.Vocab)
	}
	backward := l.Pass == workloads.PassBackward
	elem, vec := workloads.ElemBytes(l.DType), 4
	for l.Cols%vec != 0 {
		vec /= 2
	}
	if backward {
		vec = 1
	}
	threads := min(embedThreads, ceilDiv(ceilDiv(l.Cols, vec), 32)*32)
	step := threads * vec
	k := &tile.Kernel{Name: "indexSelectLargeIndex", Grid: [3]int{l.Rows, 1, 1}, Threads: threads, TileM: 1, TileN: step, Splits: 1, DType: "fp32", Streams: true}
	matrix := func(name string, e, rows int, output bool) tile.Tensor {
		return tile.Tensor{Name: name, Elem: e, Rows: rows, Cols: l.Cols, RowStride: int64(l.Cols), ColStride: 1, Bytes: int64(rows) * int64(l.Cols) * int64(e), Output: output}
	}
	k.Tensors = []tile.Tensor{{Name: "tokens", Elem: 8, Rows: l.Rows, Cols: 1, RowStride: 1, Bytes: int64(8 * l.Rows)}}
	table, rows := 1, 2
	if backward {
		k.Name = "embedding_backward_kernel"
		k.Tensors = append(k.Tensors, matrix("dtable", 4, l.Vocab, true), matrix("dy", elem, l.Rows, false))
	} else {
		k.Tensors = append(k.Tensors, matrix("table", elem, l.Vocab, false), matrix("out", elem, l.Rows, true))
	}
	t := &k.Tensors[table]
	t.Parameter, t.Touched = !backward, min(t.Bytes, int64(l.Rows)*int64(l.Cols)*int64(t.Elem))
	k.Place = func(index int, cta *tile.CTA) {
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index), Trips: int32(ceilDiv(l.Cols, step))}
		cta.Origin = [tile.NumVars]int32{tile.VarM: int32(index), tile.VarK: int32(token(index, l.Vocab))}
		cta.Limit = [tile.NumVars]int32{tile.VarM: int32(l.Rows), tile.VarK: int32(l.Vocab), tile.VarN: int32(l.Cols)}
	}
	c := newCode(k)
	c.address(6)
	number := c.regs(2)
	c.memory(tile.OpLDG, addAccess(k, tile.Access{Tensor: 0, Bytes: 8, RowVar: tile.VarM, Row: make([]int32, threads), Col: make([]int32, threads), BatchFree: true}), number)
	at := c.reg() // the vector's address follows from the number
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpIMAD, Imm: c.konst(uint32(l.Cols))}, dst: at, a: number[0], b: noReg, c: noReg})
	access := func(t int, v tile.Var) int16 {
		return addAccess(k, tile.Access{Tensor: t, Bytes: vec * k.Tensors[t].Elem, RowVar: v, ColVar: tile.VarN, ColStep: int32(step),
			Row: make([]int32, threads), Col: perThread(k, func(t int) int { return t * vec }), BatchFree: true})
	}
	c.loop(func() {
		c.address(3)
		c.emit(vinst{Inst: tile.Inst{Op: tile.OpIADD, Imm: c.konst(uint32(step))}, dst: at, a: at, b: noReg, c: noReg})
		r := c.regs(words(vec, elem))
		if backward {
			c.memory(tile.OpLDG, access(rows, tile.VarM), r)
			c.memory(tile.OpRED, access(table, tile.VarK), []reg{c.inReg(c.widen(l.DType, r, 1)[0])})
			return
		}
		c.memory(tile.OpLDG, access(table, tile.VarK), r)
		c.memory(tile.OpSTG, access(rows, tile.VarM), r)
	})
	ks := []*tile.Kernel{k}
	if backward {
		zero := pointwise{name: "memset_dtable", dtype: "fp32", n: l.Vocab * l.Cols, out: []string{"dtable"}, formula: func(*code, []val) []val { return []val{num(0)} }}
		z, err := zero.build(d)
		if err != nil {
			return nil, err
		}
		ks = []*tile.Kernel{z, k}
	}
	allocate(ks)
	return ks, c.finish(d.Latencies)
}

// concat copies some tensors behind each other, each by its own CTAs, like
// CatArrayBatchedCopy. The inputs are of one size but the last, which has what
// is left.
func concat(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	each, elem := ceilDiv(l.Size, l.Parts), workloads.ElemBytes(l.DType)
	vec := 16 / elem
	parts := ceilDiv(l.Size, each)
	for each%vec != 0 || (l.Size-each*(parts-1))%vec != 0 {
		vec /= 2
	}
	const threads = 512
	step := threads * vec
	gx := ceilDiv(each, step)
	// Each input begins on a page of its own, as allocations do.
	apart := int64(ceilDiv(each*elem, 512) * 512 / elem)
	k := &tile.Kernel{Name: "CatArrayBatchedCopy", Grid: [3]int{gx, parts, 1}, Threads: threads, TileM: step, TileN: 1, Splits: 1, DType: "fp32", Streams: true}
	k.Tensors = []tile.Tensor{
		{Name: "x", Elem: elem, Rows: gx, Cols: step, RowStride: int64(step), ColStride: 1, BatchStride: apart,
			Bytes: (apart*int64(parts-1) + int64(l.Size-each*(parts-1))) * int64(elem)},
		{Name: "out", Elem: elem, Rows: gx, Cols: step, RowStride: int64(step), ColStride: 1, BatchStride: int64(each), Bytes: int64(l.Size) * int64(elem), Output: true},
	}
	k.Place = func(index int, cta *tile.CTA) {
		part, x := index/gx, index%gx
		left := min(each, l.Size-part*each) - x*step
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index), Batch: int32(part)}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(x), int32(gx)
		cta.Limit[tile.VarN] = int32(max(0, min(step, left)))
	}
	c := newCode(k)
	c.address(12)
	r := c.regs(words(vec, elem))
	access := func(t int) int16 {
		return addAccess(k, tile.Access{Tensor: t, Bytes: vec * elem, RowVar: tile.VarM, ColVar: tile.VarN,
			Row: make([]int32, threads), Col: perThread(k, func(t int) int { return t * vec })})
	}
	c.memory(tile.OpLDG, access(0), r)
	c.memory(tile.OpSTG, access(1), r)
	ks := []*tile.Kernel{k}
	allocate(ks)
	return ks, c.finish(d.Latencies)
}
