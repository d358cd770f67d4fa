package ops

import (
	"fmt"
	"math"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// reduceThreads is the CTA of a reduction of long rows.
const reduceThreads = 512

// reduction builds the kernels of a sum, mean or maximum of rows or columns.
func reduction(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	start, scale := 0.0, 0.0
	if l.Op == "max" {
		start = math.Inf(-1)
	}
	if l.Axis == "rows" {
		if l.Op == "mean" {
			scale = 1 / float64(l.Rows)
		}
		ks, err := columnSums("reduce_columns_"+l.Op, l.Rows, l.Cols, d, columnReduction{
			in: []namedSource{{name: "x", dtype: l.DType}}, out: []string{"out"}, outType: l.DType, start: start, max: l.Op == "max", scale: scale,
			term: func(c *code, v []val) []val { return v },
		})
		allocate(ks)
		return ks, err
	}
	if l.Op == "mean" {
		scale = 1 / float64(l.Cols)
	}
	ks, err := rowReduction("reduce_kernel<512, 1, "+l.Op+">", "x", "out", l.DType, l.DType, l.Rows, l.Cols, l.Op == "max", scale, d)
	allocate(ks)
	return ks, err
}

// rowReduction reduces each row of rows x cols to one element. Few long rows are
// cut into parts of equal length first.
func rowReduction(name, from, to, dtype, outType string, rows, cols int, maximum bool, scale float64, d Device) ([]*tile.Kernel, error) {
	if cols >= 1<<24 && rows >= d.SMs {
		return nil, fmt.Errorf("ops: reduction of rows of %d elements (allowed up to 2^24)", cols)
	}
	if parts := splitRow(rows, cols, d); parts > 1 {
		ks, err := rowReduction(name, from, to+"_parts", dtype, "fp32", rows*parts, cols/parts, maximum, 0, d)
		if err != nil {
			return nil, err
		}
		last, err := rowReduction(name+"_parts", to+"_parts", to, "fp32", outType, rows, parts, maximum, scale, d)
		return append(ks, last...), err
	}
	start := 0.0
	if maximum {
		start = math.Inf(-1)
	}
	f, pair := (*code).add, combine(sums)
	if maximum {
		f, pair = (*code).max, maxima
	}
	var r *rowKernel
	if cols <= longestHeld {
		r = newHeld(name, rows, cols)
	} else {
		r = newRows(name, rows, cols, reduceThreads, 4)
	}
	in := source{r.matrix(from, workloads.ElemBytes(dtype), false), dtype}
	out := source{r.perRow(to, workloads.ElemBytes(outType), true), outType}
	c := r.c
	write := func(v val, j int) {
		if scale != 0 {
			v = c.mul(v, num(scale))
		}
		a := tile.Access{Tensor: out.tensor, Bytes: r.k.Tensors[out.tensor].Elem, RowVar: tile.VarM, ColVar: tile.VarZero, BatchFree: true,
			Row: make([]int32, r.k.Threads), Col: perThread(r.k, func(t int) int { return t })}
		if r.perWarp > 0 { // the first lane of each warp
			a.Row = perThread(r.k, func(t int) int { return t/32*r.perWarp + j })
			a.Col = perThread(r.k, func(t int) int { return t % 32 })
		}
		c.memory(tile.OpSTG, addAccess(r.k, a), c.narrow(outType, v, 1))
	}
	if r.perWarp > 0 {
		for j := range r.perWarp {
			v := r.instead(r.hold(in, j), start)
			write(r.across([]val{c.one(v, f)}, 32, pair)[0], j)
		}
	} else {
		acc := c.fresh(r.vec)
		c.set(acc, num(start))
		r.walk(func() {
			v := r.load(in)[0]
			if maximum {
				v = r.instead(v, start)
			}
			c.into(acc, f(c, acc, v))
		})
		write(r.together([]val{c.one(acc, f)}, pair)[0], 0)
	}
	return []*tile.Kernel{r.k}, r.finish(d.Latencies)
}

// splitRow is how many parts each row is cut into, so that a few CTAs for each SM
// have something to do.
func splitRow(rows, cols int, d Device) int {
	parts := 1
	for rows*parts < d.SMs && cols/parts >= 8*reduceThreads && cols/parts%2 == 0 {
		parts *= 2
	}
	return parts
}
