package ops

import (
	"math"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// byChannel lets a flat kernel take vectors with an entry for each channel:
// element i takes entry (i/inner) mod channels.
func (f *flat) byChannel(channels, inner int) {
	f.channels, f.inner = channels, inner
	period, place := channels*inner, f.k.Place
	f.k.Place = func(index int, cta *tile.CTA) {
		place(index, cta)
		from, left := index*f.per%period, f.n-index*f.per
		end := int32(from + min(f.per, left))
		cta.Origin[tile.VarScale], cta.Limit[tile.VarScale] = int32(from), end
		cta.Origin[tile.VarSplit], cta.Limit[tile.VarSplit] = end, end
		if left < f.per && left%f.vec > 0 {
			cta.Origin[tile.VarSplit] = int32(from + left/f.vec*f.vec)
		}
	}
}

// channelVector adds such a vector. It is seen as a row of as many elements as a
// CTA reaches.
func (f *flat) channelVector(name, dtype string) source {
	elem := workloads.ElemBytes(dtype)
	f.k.Tensors = append(f.k.Tensors, tile.Tensor{
		Name: name, Elem: elem, Rows: 1, Cols: math.MaxInt32, Bytes: int64(f.channels * elem),
		Views: []tile.View{{
			Row: []tile.Digit{{Size: 1}},
			Col: []tile.Digit{{Size: int32(f.inner)}, {Size: int32(f.channels), Stride: 1}, {Size: math.MaxInt32}},
		}},
	})
	return source{len(f.k.Tensors) - 1, dtype}
}

// readChannels loads the entries of a thread's elements: as a vector where they
// lie so, once where all are the same, else one by one.
func (f *flat) readChannels(b source, single bool) val {
	c := f.c
	elem := f.k.Tensors[b.tensor].Elem
	load := func(v tile.Var, n int, at func(t int) int) val {
		rs := c.regs(words(n, elem))
		c.memory(tile.OpLDG, addAccess(f.k, tile.Access{
			Tensor: b.tensor, Bytes: n * elem, ColVar: v, Row: make([]int32, f.k.Threads), Col: perThread(f.k, at), BatchFree: true,
		}), rs)
		return c.widen(b.dtype, rs, n)
	}
	switch {
	case single:
		return load(tile.VarSplit, 1, func(t int) int { return min(t, f.vec) })
	case f.inner == 1 && f.channels%f.vec == 0:
		return load(tile.VarScale, f.vec, func(t int) int { return t * f.vec })
	case f.inner%f.vec == 0:
		c.address(4)
		return load(tile.VarScale, 1, func(t int) int { return t * f.vec })
	}
	var out val
	for i := range f.vec {
		c.address(4)
		out = append(out, load(tile.VarScale, 1, func(t int) int { return t*f.vec + i })...)
	}
	return out
}
