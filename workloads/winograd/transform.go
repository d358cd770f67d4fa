package winograd

import (
	"fmt"
	"slices"

	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

// A transform kernel gives each thread one square of elements: a patch of an
// image, a filter, or the same element of all components. The thread loads
// it, transforms it in registers and stores the result. What x of the grid counts lies
// contiguous among the components, so that a warp's accesses to them are whole
// lines.
type transform struct {
	name    string
	x, y    int // squares along x and y
	tx, ty  int // of them threads of a CTA, tx*ty
	in, out side
	m       matrix
	scale   bool // the result is multiplied by alpha
	alpha   float64
}

// side is what a transform reads or writes: an n x n square per thread.
type side struct {
	t    *tile.Tensor
	n    int
	x    []tile.Digit // by which x moves through the tensor
	e    []tile.Digit // by which the elements of a square do, columns fastest
	y    []tile.Digit // by which y does
	at   int64        // first element of the first square
	h0   int32        // its coordinates
	w0   int32
	h, w int32 // bounds of them; 0: none
	rows int   // address instructions for each row of the square, for each element, and at the start
	each int
	once int
}

// view is how the kernel sees the side's tensor: x by rows, and by columns the
// elements of the square at y = 0, then those at y = 1 and so on.
func (s *side) view() tile.View {
	col := append(slices.Clone(s.e), s.y...)
	return tile.View{Row: s.x, Col: col, At: s.at, H0: s.h0, W0: s.w0, H: s.h, W: s.w}
}

// components is the side that lies as t x t matrices, one for each component,
// of which each has y rows of x elements: one pointer of 64 bits moves from
// component to component.
func components(t *tile.Tensor, n, x, y int) side {
	return side{
		t: t, n: n, x: []tile.Digit{{Stride: 1}}, y: []tile.Digit{{Stride: int64(x)}}, each: 2, once: 6,
		e: []tile.Digit{{Size: int32(n * n), Stride: int64(x) * int64(y)}},
	}
}

// build generates the kernel.
func (f *transform) build(l tile.Latencies) (*tile.Kernel, error) {
	const tensorIn, tensorOut = 0, 1
	k := &tile.Kernel{
		Name: f.name, Grid: [3]int{ceilDiv(f.x, f.tx), ceilDiv(f.y, f.ty), 1}, Threads: f.tx * f.ty,
		TileM: f.tx, TileN: f.ty, TileK: 1, Splits: 1, Alpha: f.alpha, DType: "fp32",
	}
	k.Role = make([]uint8, k.Warps())
	for _, s := range []*side{&f.in, &f.out} {
		t := *s.t
		t.Output = s == &f.out
		t.Rows, t.Cols, t.Views = f.x, s.n*s.n*f.y, []tile.View{s.view()}
		k.Tensors = append(k.Tensors, t)
	}
	e := &emit.Emitter{K: k}
	access := func(s *side, tensor int, v tile.Var, element int) int16 {
		a := tile.Access{Tensor: tensor, Bytes: 4, RowVar: tile.VarM, ColVar: v, BatchFree: true}
		for t := range k.Threads {
			a.Row = append(a.Row, int32(t%f.tx))
			a.Col = append(a.Col, int32(t/f.tx*s.n*s.n+element))
		}
		return e.Access(a)
	}

	// Thread and CTA indices, then the place of the thread's squares.
	addr := make([]int, addressRegs)
	for i := range addr {
		addr[i] = e.Reg()
	}
	e.Begin(addr)
	integers := func(n int) { e.Integers(addr, n) }
	integers(f.in.once)
	src := make([][]int, f.in.n)
	for i := range src {
		integers(f.in.rows)
		for j := range f.in.n {
			integers(f.in.each)
			r := e.Reg()
			e.Add(emit.Load(tile.OpLDG, r, access(&f.in, tensorIn, tile.VarN, i*f.in.n+j)))
			src[i] = append(src[i], r)
		}
	}
	integers(f.out.once)
	both(e, f.m, src, func(i int, row []int) {
		integers(f.out.rows)
		for j, r := range row {
			if f.scale {
				e.Add(emit.Alpha(r, r))
			}
			integers(f.out.each)
			e.Add(emit.Store(tile.OpSTG, r, access(&f.out, tensorOut, tile.VarK, i*f.out.n+j)))
		}
	})
	e.Add(emit.Bare(tile.OpEXIT))
	k.Regs = e.Next
	k.Programs = []*tile.Program{{Segments: []tile.Segment{{Code: e.Code}}}}
	gx, in2, out2 := k.Grid[0], f.in.n*f.in.n, f.out.n*f.out.n
	x, y, tx, ty := f.x, f.y, f.tx, f.ty
	k.Place = func(index int, c *tile.CTA) {
		*c = tile.CTA{Index: index, Splits: 1, Tile: int32(index)}
		c.Origin[tile.VarM], c.Limit[tile.VarM] = int32(index%gx*tx), int32(x)
		c.Origin[tile.VarN], c.Limit[tile.VarN] = int32(index/gx*ty*in2), int32(y*in2)
		c.Origin[tile.VarK], c.Limit[tile.VarK] = int32(index/gx*ty*out2), int32(y*out2)
	}
	if err := tile.Finish(k, l); err != nil {
		return nil, fmt.Errorf("winograd: %w", err)
	}
	return k, nil
}

// addressRegs are the registers of pointers, indices and counters.
const addressRegs = 14
