package ops

import (
	"math"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// Reductions along columns: the 32 lanes of a warp have a column each, the
// eight warps of a CTA take turns along the rows, and meet in shared memory.
// Where columns are too few to fill the machine the rows are split, and a
// second kernel adds the parts.
const (
	columnWarps  = 8
	columnUnroll = 4 // rows that a warp has under way
)

// namedSource is a matrix, or a vector of an element for each row or column.
type namedSource struct {
	name, dtype    string
	perRow, perCol bool
	bits           bool // a bit for each element, see maskTensor
}

// columnReduction says what is reduced.
type columnReduction struct {
	in      []namedSource
	out     []string
	outType string
	start   float64 // of sums 0, of maxima minus infinity
	max     bool
	scale   float64                      // of the result; 0: none
	term    func(c *code, v []val) []val // of each element, one for each output
}

// columnSums builds the kernels of a reduction of rows x cols to cols. Tensors
// get no addresses yet.
func columnSums(name string, rows, cols int, d Device, r columnReduction) ([]*tile.Kernel, error) {
	strips := ceilDiv(cols, 32)
	per := columnWarps * columnUnroll
	splits := max(1, min(ceilDiv(rows, 4*per), 2*d.SMs/strips))
	if splits == 1 || r.max {
		k, err := columnKernel(name, rows, cols, 1, r, d)
		return []*tile.Kernel{k}, err
	}
	part := r
	part.outType, part.scale, part.out = "fp32", 0, nil
	var ks []*tile.Kernel
	for _, o := range r.out {
		part.out = append(part.out, o+"_parts")
	}
	k, err := columnKernel(name, rows, cols, splits, part, d)
	if err != nil {
		return nil, err
	}
	ks = append(ks, k)
	last := r
	last.in = nil
	for _, o := range part.out {
		last.in = append(last.in, namedSource{name: o, dtype: "fp32"})
	}
	last.term = func(c *code, v []val) []val { return v }
	if k, err = columnKernel(name+"_parts", splits, cols, 1, last, d); err != nil {
		return nil, err
	}
	return append(ks, k), nil
}

// columnKernel reduces rows in some splits, each a row of the result.
func columnKernel(name string, rows, cols, splits int, r columnReduction, d Device) (*tile.Kernel, error) {
	strips, each := ceilDiv(cols, 32), ceilDiv(rows, splits)
	step := columnWarps * columnUnroll
	k := &tile.Kernel{
		Name: name, Grid: [3]int{strips, splits, 1}, Threads: 32 * columnWarps, TileM: each, TileN: 32, Splits: 1, DType: "fp32", Streams: true,
		Shared: 4 * 32 * columnWarps * len(r.out),
	}
	masked := false
	for _, s := range r.in {
		if s.bits {
			masked = true
			k.Tensors = append(k.Tensors, tile.Tensor{Name: s.name, Elem: 1, Rows: rows, Cols: cols, Bytes: int64(rows) * int64(cols/maskBits),
				Views: []tile.View{{Row: []tile.Digit{{Size: math.MaxInt32, Stride: int64(cols / maskBits)}}, Col: maskColumns}}})
			continue
		}
		t := tile.Tensor{Name: s.name, Elem: workloads.ElemBytes(s.dtype), Rows: rows, Cols: cols, RowStride: int64(cols), ColStride: 1}
		if s.perRow {
			t.RowStride, t.ColStride = 1, 0
			t.Bytes = int64(rows * t.Elem)
		} else if s.perCol {
			t.RowStride, t.Bytes = 0, int64(cols*t.Elem)
		} else {
			t.Bytes = int64(rows) * int64(cols) * int64(t.Elem)
		}
		k.Tensors = append(k.Tensors, t)
	}
	for _, o := range r.out {
		e := workloads.ElemBytes(r.outType)
		k.Tensors = append(k.Tensors, tile.Tensor{Name: o, Elem: e, Rows: splits, Cols: cols, RowStride: int64(cols), ColStride: 1,
			Bytes: int64(splits) * int64(cols) * int64(e), Output: true})
	}
	k.Place = func(index int, cta *tile.CTA) {
		x, y := index%strips, index/strips
		from := y * each
		to := min(rows, from+each)
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index), Trips: int32(max(0, ceilDiv(to-from, step)))}
		cta.Origin = [tile.NumVars]int32{tile.VarM: int32(from), tile.VarN: int32(32 * x), tile.VarSplit: int32(y)}
		cta.Limit = [tile.NumVars]int32{tile.VarM: int32(to), tile.VarN: int32(cols), tile.VarSplit: int32(splits)}
	}
	c := newCode(k)
	c.address(12)
	// Rows beyond the end come as zeros: sums take them as they are, maxima do not.
	acc := make([]val, len(r.out))
	for i := range acc {
		acc[i] = c.fresh(1)
		c.set(acc[i], num(r.start))
	}
	tid, warp := c.register(tile.S2RThread), c.reg()
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpSHF, Steps: tile.ShiftRight, Imm: c.konst(5)}, dst: warp, a: tid, b: noReg, c: noReg})
	row := c.fresh(1)
	c.set(row, c.unary(tile.OpI2F, 0, tile.I2FInt, val{{reg: warp}}))
	var bit val // of a thread's column in its byte of a mask
	if masked {
		bit = c.fresh(1)
		odd := c.and(val{{reg: tid}}, word(1))
		c.set(bit, c.choose(c.and(val{{reg: tid}}, word(2)), c.choose(odd, word(8), word(4)), c.choose(odd, word(2), word(1))))
	}
	ragged := r.max && each%step != 0
	load := func(t, u int) []reg {
		reg := c.regs(1)
		a := tile.Access{Tensor: t, Bytes: k.Tensors[t].Elem, RowVar: tile.VarM, ColVar: tile.VarN, RowStep: int32(step),
			Row: perThread(k, func(t int) int { return t/32 + u*columnWarps }), Col: perThread(k, func(t int) int { return t % 32 }), BatchFree: true}
		c.memory(tile.OpLDG, addAccess(k, a), reg)
		return reg
	}
	c.loop(func() {
		c.address(3)
		regs := make([][][]reg, len(r.in))
		for i := range r.in {
			for u := range columnUnroll {
				regs[i] = append(regs[i], load(i, u))
			}
		}
		for u := range columnUnroll {
			v := make([]val, len(r.in))
			for i, s := range r.in {
				if s.bits {
					v[i] = c.and(val{{reg: regs[i][u][0]}}, bit)
					continue
				}
				v[i] = c.widen(s.dtype, regs[i][u], 1)
			}
			term := r.term(c, v)
			if ragged {
				inside := c.compare(tile.CmpLT, row, num(float64(each-u*columnWarps)))
				for i := range term {
					term[i] = c.choose(inside, term[i], num(r.start))
				}
			}
			for i := range term {
				if r.max {
					c.set(acc[i], c.max(acc[i], term[i]))
				} else {
					c.set(acc[i], c.add(acc[i], term[i]))
				}
			}
		}
		c.into(row, c.add(row, num(float64(step))))
	})
	word := func(i int, at func(t int) int) int16 {
		return addAccess(k, tile.Access{Space: tile.Shared, Bytes: 4, Addr: perThread(k, func(t int) int { return 4 * (i*32*columnWarps + at(t)) })})
	}
	for i := range acc {
		c.memory(tile.OpSTS, word(i, func(t int) int { return t }), []reg{acc[i][0].reg})
	}
	c.bare(tile.OpBAR)
	for i := range acc {
		var parts val
		for w := range columnWarps {
			reg := c.regs(1)
			c.memory(tile.OpLDS, word(i, func(t int) int { return t%32 + 32*w }), reg)
			parts = append(parts, operand{reg: reg[0]})
		}
		f := (*code).add
		if r.max {
			f = (*code).max
		}
		v := c.one(parts, f)
		if r.scale != 0 {
			v = c.mul(v, num(r.scale))
		}
		// The first warp writes; the others' columns lie beyond every limit.
		c.memory(tile.OpSTG, addAccess(k, tile.Access{Tensor: len(r.in) + i, Bytes: workloads.ElemBytes(r.outType), RowVar: tile.VarSplit, ColVar: tile.VarN,
			Row: make([]int32, k.Threads), Col: perThread(k, func(t int) int {
				if t >= 32 {
					return beyond
				}
				return t
			}), BatchFree: true}), c.narrow(r.outType, v, 1))
	}
	return k, c.finish(d.Latencies)
}
