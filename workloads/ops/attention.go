package ops

import (
	"fmt"
	"math"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// Attention as FlashAttention-2 does it: a CTA of four warps has 64 queries, 16
// for each warp, and walks along the keys in blocks of 64. Scores stay in
// registers: the accumulators of queries x keys are, packed in pairs, the
// fragments of the product with the values. A row's maximum and sum are kept up
// to date, and what has been added up is scaled when the maximum rises.
const (
	flashQueries = 64
	flashKeys    = 64
	flashThreads = 128
	flashMasked  = -1e30 // score of a key that a query must not see
)

// flash is the kernel under construction.
type flash struct {
	c          *code
	k          *tile.Kernel
	l          *workloads.Layer
	dim, pitch int // of a head; bytes of a line in shared memory
	mma        tile.MMA
	steps      int // matrix instructions along a head
	imm        uint8
}

// attention builds it for machines with matrix instructions of a warp.
func attention(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	f := &flash{l: l, dim: l.Dim, pitch: 2*l.Dim + 16}
	for _, m := range d.Latencies.MMA {
		if m.Type == l.DType && m.Acc == "fp32" && m.M == 16 && m.N == 8 && !m.Sparse && m.K > f.mma.K && m.K <= 16 {
			f.mma = m
		}
	}
	switch {
	case f.mma.K == 0:
		return nil, fmt.Errorf("ops: attention in one kernel needs matrix instructions of a warp for %s, which begin with Turing (fp16) and Ampere (bf16): use gemm and softmax", l.DType)
	case l.Dim%16 != 0 || l.Dim > 128:
		return nil, fmt.Errorf("ops: attention with heads of %d elements (allowed: multiples of 16 up to 128)", l.Dim)
	case l.Seq >= 1<<24 || l.Keys() >= 1<<24:
		return nil, fmt.Errorf("ops: attention over %d x %d positions (allowed below 2^24)", l.Seq, l.Keys())
	}
	f.steps = l.Dim / f.mma.K
	if l.DType == "bf16" {
		f.imm = tile.ImmBF16
	}
	heads, blocks := l.Batch*l.Heads, ceilDiv(l.Seq, flashQueries)
	f.k = &tile.Kernel{
		Name: "flash_fwd_kernel", Grid: [3]int{blocks, heads, 1}, Threads: flashThreads, TileM: flashQueries, TileN: flashKeys, TileK: l.Dim, Splits: 1,
		DType: l.DType, MMAs: []tile.MMA{f.mma}, Shared: 2 * flashKeys * f.pitch,
	}
	matrix := func(name string, rows int, output bool) tile.Tensor {
		n := int64(rows) * int64(l.Dim)
		return tile.Tensor{Name: name, Elem: 2, Rows: rows, Cols: l.Dim, RowStride: int64(l.Dim), ColStride: 1, BatchStride: n, Bytes: 2 * n * int64(heads), Output: output}
	}
	f.k.Tensors = []tile.Tensor{matrix("q", l.Seq, false), matrix("k", l.Keys(), false), matrix("v", l.Keys(), false), matrix("out", l.Seq, true)}
	f.k.Place = func(index int, cta *tile.CTA) {
		from := index % blocks * flashQueries
		keys := l.Keys()
		if l.Causal { // queries are the last of the positions
			keys = min(keys, from+flashQueries+l.Keys()-l.Seq)
		}
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index), Batch: int32(index / blocks), Trips: int32(ceilDiv(keys, flashKeys))}
		cta.Origin[tile.VarM] = int32(from)
		cta.Limit = [tile.NumVars]int32{tile.VarM: int32(l.Seq), tile.VarK: int32(l.Keys()), tile.VarN: int32(l.Dim)}
	}
	f.c = newCode(f.k)
	f.program()
	ks := []*tile.Kernel{f.k}
	allocate(ks)
	return ks, f.c.finish(d.Latencies)
}

// fragment is where a lane's word begins: row g of its group, bytes 4t.
func fragment(t int) (row, col int) { return t % 32 / 4, t % 4 * 2 }

// query is the access to two elements of row g+8*half, from column col on.
func (f *flash) query(t, half, col int) int16 {
	return addAccess(f.k, tile.Access{Tensor: t, Bytes: 4, RowVar: tile.VarM, ColVar: tile.VarN,
		Row: perThread(f.k, func(t int) int { row, _ := fragment(t); return t/32*16 + row + 8*half }),
		Col: perThread(f.k, func(t int) int { _, at := fragment(t); return col + at })})
}

// chunks are the 16-byte pieces of a block of keys or values that a thread moves.
func (f *flash) chunks() int { return flashKeys * f.dim / 8 / flashThreads }

func (f *flash) chunk(t, i int) (row, col int) {
	n := i*flashThreads + t
	return n / (f.dim / 8), n % (f.dim / 8) * 8
}

// fetch starts the loads of a block, deposit stores it in shared memory from a
// place on.
func (f *flash) fetch(tensor int) (out [][]reg) {
	for i := range f.chunks() {
		r := f.c.regs(4)
		f.c.memory(tile.OpLDG, addAccess(f.k, tile.Access{Tensor: tensor, Bytes: 16, RowVar: tile.VarK, ColVar: tile.VarN, RowStep: flashKeys,
			Row: perThread(f.k, func(t int) int { row, _ := f.chunk(t, i); return row }), Col: perThread(f.k, func(t int) int { _, col := f.chunk(t, i); return col })}), r)
		out = append(out, r)
	}
	return out
}

func (f *flash) deposit(rs [][]reg, from int) {
	for i, r := range rs {
		f.c.memory(tile.OpSTS, addAccess(f.k, tile.Access{Space: tile.Shared, Bytes: 16,
			Addr: perThread(f.k, func(t int) int { row, col := f.chunk(t, i); return from + row*f.pitch + 2*col })}), r)
	}
}

// multiply is one matrix instruction: acc += a*b.
func (f *flash) multiply(acc, a, b []reg) {
	f.c.emit(vinst{Inst: tile.Inst{Op: tile.OpMMA}, dst: acc[0], a: a[0], b: b[0], c: acc[0]})
}

// clear sets registers to zero.
func (c *code) clear(rs []reg) {
	for _, r := range rs {
		c.emit(vinst{Inst: tile.Inst{Op: tile.OpMOV}, dst: r, a: noReg, b: noReg, c: noReg})
	}
}

func vals(rs ...reg) val {
	var out val
	for _, r := range rs {
		out = append(out, operand{reg: r})
	}
	return out
}

func (f *flash) program() {
	c, k := f.c, f.mma.K
	c.address(16)
	queries := make([][]reg, f.steps) // fragments of the queries, for all keys
	for s := range queries {
		queries[s] = c.regs(f.mma.RegsA())
		for i, r := range queries[s] {
			in := vinst{Inst: tile.Inst{Op: tile.OpLDG, Access: f.query(0, i%2, s*k+i/2*8)}, dst: r, a: noReg, b: noReg, c: noReg}
			in.wide[0] = 1
			c.emit(in)
		}
	}
	out := make([][]reg, f.dim/8)
	for n := range out {
		out[n] = c.regs(4)
		c.clear(out[n])
	}
	top, sum := [2]val{c.fresh(1), c.fresh(1)}, [2]val{c.fresh(1), c.fresh(1)}
	for h := range 2 {
		c.set(top[h], num(flashMasked))
		c.set(sum[h], num(0))
	}
	row, col := f.positions()
	scale := math.Log2E / math.Sqrt(float64(f.dim))
	c.loop(func() {
		c.address(4)
		keys := f.fetch(1)
		c.bare(tile.OpBAR) // nobody reads the block before any more
		f.deposit(keys, 0)
		values := f.fetch(2)
		c.bare(tile.OpBAR)
		scores := f.scores(queries)
		f.mask(scores, row, col)
		f.deposit(values, flashKeys*f.pitch)
		for h := range 2 {
			var all val
			for _, s := range scores {
				all = append(all, vals(s[2*h], s[2*h+1])...)
			}
			most := c.one(append(append(val{}, all...), top[h]...), (*code).max)
			for _, n := range []uint8{1, 2} {
				most = c.max(most, c.exchange(most, n))
			}
			shift := c.mul(most, num(-scale))
			less := c.special(tile.MUFUEx2, c.fma(top[h], num(scale), shift))
			c.set(top[h], most)
			p := c.special(tile.MUFUEx2, c.fma(all, num(scale), shift))
			c.set(sum[h], c.fma(sum[h], less, c.one(p, (*code).add)))
			for i, s := range scores {
				s[2*h], s[2*h+1] = p[2*i].reg, p[2*i+1].reg
			}
			for _, o := range out {
				for e := range 2 {
					c.emit(vinst{Inst: tile.Inst{Op: tile.OpFMUL}, dst: o[2*h+e], a: o[2*h+e], b: less[0].reg, c: noReg})
				}
			}
		}
		c.bare(tile.OpBAR)
		f.weigh(scores, out)
		c.into(col, c.add(col, num(flashKeys)))
	})
	for h := range 2 {
		s := sum[h]
		for _, n := range []uint8{1, 2} {
			s = c.add(s, c.exchange(s, n))
		}
		inv := c.reciprocal(s)
		for n, o := range out {
			v := c.mul(vals(o[2*h], o[2*h+1]), inv)
			c.memory(tile.OpSTG, f.query(3, h, 8*n), c.narrow(f.l.DType, v, 2))
		}
	}
}

// positions are a lane's first row and column of a block of scores, as numbers;
// the row counts from the first position that a query may be.
func (f *flash) positions() (row, col val) {
	c := f.c
	col = c.fresh(1)
	tid, cta := c.register(tile.S2RThread), c.register(tile.S2RCTA)
	t := vals(tid)
	c.set(col, c.mul(c.number(c.and(t, word(3))), num(2)))
	_, block := c.divide(vals(cta), f.k.Grid[0])
	g := c.number(c.and(c.shift(tile.ShiftRight, t, 2), word(7)))
	w := c.number(c.shift(tile.ShiftRight, t, 5))
	row = c.fresh(1)
	c.set(row, c.fma(c.number(block), num(flashQueries), c.fma(w, num(16), c.add(g, num(float64(f.l.Keys()-f.l.Seq))))))
	return row, col
}

// scores multiplies the queries with a block of keys.
func (f *flash) scores(queries [][]reg) [][]reg {
	c := f.c
	out := make([][]reg, flashKeys/8)
	for n := range out {
		out[n] = c.regs(4)
		c.clear(out[n])
	}
	for s := range queries {
		for n := range out {
			b := c.regs(f.mma.RegsB())
			for i, r := range b {
				in := vinst{Inst: tile.Inst{Op: tile.OpLDS, Access: addAccess(f.k, tile.Access{Space: tile.Shared, Bytes: 4,
					Addr: perThread(f.k, func(t int) int { g, at := fragment(t); return (8*n+g)*f.pitch + 2*(s*f.mma.K+8*i+at) })})}, dst: r, a: noReg, b: noReg, c: noReg}
				c.emit(in)
			}
			f.multiply(out[n], queries[s], b)
		}
	}
	return out
}

// mask hides keys beyond the end, and behind the query where attention is causal.
func (f *flash) mask(scores [][]reg, row, col val) {
	c := f.c
	hide := func(s []reg, i int, seen val) {
		v := c.choose(seen, vals(s[i]), num(flashMasked))
		c.emit(vinst{Inst: tile.Inst{Op: tile.OpMOV}, dst: s[i], a: v[0].reg, b: noReg, c: noReg})
	}
	for n, s := range scores {
		for i := range s {
			at := float64(8*n + i%2)
			if f.l.Keys()%flashKeys != 0 {
				hide(s, i, c.compare(tile.CmpLT, col, num(float64(f.l.Keys())-at)))
			}
			if f.l.Causal {
				hide(s, i, c.compare(tile.CmpLE, c.add(col, num(at-float64(i/2*8))), row))
			}
		}
	}
}

// weigh adds the values of a block, weighted, to what there is.
func (f *flash) weigh(p, out [][]reg) {
	c := f.c
	k := f.mma.K
	for s := range flashKeys / k {
		a := c.regs(f.mma.RegsA())
		for i, r := range a {
			from := p[s*k/8+i/2]
			c.emit(vinst{Inst: tile.Inst{Op: tile.OpPACK, Imm: f.imm}, dst: r, a: from[i%2*2], b: from[i%2*2+1], c: noReg})
		}
		for n := 0; n < len(out); n += 2 {
			// Two columns of eight, of k keys: matrices of 8x8, transposed on the way.
			b := c.regs(2 * f.mma.RegsB())
			per := f.mma.RegsB()
			c.memory(tile.OpLDS, 0, b)
			in := &c.insts[len(c.insts)-1]
			in.Op, in.Imm = tile.OpLDSM, tile.LDSMTrans
			in.Access = addAccess(f.k, tile.Access{Space: tile.Shared, Bytes: 16, Matrices: 2 * per, Addr: perThread(f.k, func(t int) int {
				m, r := t%32/8%(2*per), t%8
				return flashKeys*f.pitch + (s*k+m%per*8+r)*f.pitch + 2*(8*n+m/per*8)
			})})
			f.multiply(out[n], a, b[:per])
			f.multiply(out[n+1], a, b[per:])
		}
	}
}
