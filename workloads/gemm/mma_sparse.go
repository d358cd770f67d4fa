package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

// 2:4 sparsity. Of every four values of op(B) along k two are zeros (of tf32 one of
// two): the other half is stored, K/2 values a column, and metadata beside it that
// say which those are. op(B) is the factor that the sparse matrix instructions take
// so, see mmaOperand.
//
// Metadata lie as libraries reorder them before the product: for 16 columns and as
// many k as a register of metadata serves, the 32 words of a warp's lanes one behind
// the other; along k first, then along n. Each k-tile's words are copied to shared
// memory beside the operands' and loaded with the fragments.

// metadata is where a kernel has its metadata.
type metadata struct {
	tensor int
	groups int // of 32 words along k in a k-tile
	bytes  int // that each thread copies per k-tile
	base   int // byte offset in a shared-memory buffer
}

// metaColumns is the columns of op(B) whose metadata share words: the rows of an
// instruction.
const metaColumns = 16

// varKept counts what is stored along k. There are no slices of k.
const varKept = tile.VarSplit

// metaK is the k that a register of metadata serves.
func (m *mma) metaK() int { return m.inst.K * m.inst.MetaSteps() }

// checkSparse validates what sparse products do not have.
func (m *mma) checkSparse() error {
	p, c := m.p, m.c
	switch {
	case p.K%m.metaK() != 0:
		return fmt.Errorf("gemm: k=%d of a sparse product of %s is no multiple of %d", p.K, p.DType, m.metaK())
	case c.TileK%m.metaK() != 0:
		return fmt.Errorf("gemm: k-tiles of %d are no multiple of the %d that metadata come in", c.TileK, m.metaK())
	case c.Splits > 1 || c.Stages < 3 || p.Lowered != nil || Packed(p.DType) > 1:
		return fmt.Errorf("gemm: sparse kernels of %s in %d stages and %d slices: at least three stages, one slice, elements of whole bytes", p.DType, c.Stages, c.Splits)
	}
	return nil
}

// compress halves op(B) along k and adds the metadata to a product's tensors.
func (m *mma) compress(ts []tile.Tensor) []tile.Tensor {
	p := m.p
	b := stored("B", ts[tensorB].Elem, p.K/2, p.N, p.Batch, p.TransB)
	ts[tensorB] = b
	groups, columns := p.K/m.metaK(), ceilDiv(p.N, metaColumns)
	t := tile.Tensor{
		Name: "metadata", Elem: 4, Rows: 32 * groups, Cols: p.N,
		// Only the first of 16 columns is named, so that they lie 32 words a group apart.
		RowStride: 1, ColStride: int64(32 * groups / metaColumns), BatchStride: int64(32 * groups * columns),
	}
	t.Bytes = 4 * t.BatchStride * int64(p.Batch)
	m.meta.tensor = len(ts)
	ts = append(ts, t)
	allocate(ts)
	return ts
}

// halve makes an operand that of stored values alone.
func (o *mmaOperand) halve() {
	o.tileK, o.stepChunks, o.kept = o.tileK/2, o.stepChunks/2, true
}

// placeMeta puts the metadata of a k-tile behind the operands.
func (m *mma) placeMeta(threads int) error {
	d := &m.meta
	d.groups, d.base = m.c.TileK/m.metaK(), int(m.buffer)
	all := m.c.TileN / metaColumns * d.groups * 128
	if d.bytes = all / threads; all%threads != 0 || d.bytes != 4 && d.bytes != 8 && d.bytes != 16 {
		return fmt.Errorf("gemm: %d threads cannot share the %d bytes of a k-tile's metadata evenly", threads, all)
	}
	m.buffer += int32(all)
	return nil
}

// metaCopies brings the metadata of the k-tile that lies iterAdd ahead to shared memory.
func (m *mma) metaCopies(iterAdd int32) []tile.Inst {
	if !m.p.Sparse {
		return nil
	}
	d, n := &m.meta, m.k.Threads
	words, run := d.bytes/4, 32*d.groups // of a thread, and of 16 columns
	g := tile.Access{
		Space: tile.Global, Bytes: d.bytes, Tensor: d.tensor, IterAdd: iterAdd, Bypass: d.bytes == 16,
		RowVar: tile.VarZero, ColVar: tile.VarN, RowStep: int32(run), Row: make([]int32, n), Col: make([]int32, n),
	}
	s := tile.Access{
		Space: tile.Shared, Bytes: d.bytes, Addr: make([]int32, n),
		BufferStride: m.buffer, Buffers: int32(m.c.Stages), BufferFlip: iterAdd,
	}
	for t := range n {
		word := t * words
		g.Row[t], g.Col[t] = int32(word%run), int32(word/run*metaColumns)
		s.Addr[t] = int32(d.base + 4*word)
	}
	in := bare(tile.OpLDGSTS)
	in.Access, in.Into = addAccess(m.k, g), addAccess(m.k, s)
	return []tile.Inst{in}
}

// metaReg is the register of the metadata of fragment fr in k-step s.
func (m *mma) metaReg(s, fr int) int { return m.regMeta + s&1*m.rows.frags + fr }

// metaLoads loads the metadata of a warp's fragments for k-step s of the k-tile that
// lies flip ahead.
func (m *mma) metaLoads(s int, flip int32) []tile.Inst {
	if !m.p.Sparse {
		return nil
	}
	var out []tile.Inst
	for fr := range m.rows.frags {
		a := tile.Access{
			Space: tile.Shared, Bytes: 4, Addr: make([]int32, m.k.Threads),
			BufferStride: m.buffer, Buffers: int32(m.c.Stages), BufferFlip: flip,
		}
		for t := range a.Addr {
			column := m.warpN[t/32]/metaColumns + fr
			a.Addr[t] = int32(m.meta.base + 4*(32*(column*m.meta.groups+s/m.inst.MetaSteps())+t%32))
		}
		out = append(out, load(tile.OpLDS, m.metaReg(s, fr), addAccess(m.k, a)))
	}
	return out
}

// kept lets CTAs know how many values are stored along k.
func kept(place func(int, *tile.CTA)) func(int, *tile.CTA) {
	return func(index int, cta *tile.CTA) {
		place(index, cta)
		cta.Origin[varKept], cta.Limit[varKept] = 0, cta.Limit[tile.VarK]/2
	}
}
