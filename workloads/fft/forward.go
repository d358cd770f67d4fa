package fft

import (
	"fmt"

	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

// A transform kernel's CTA has 8 warps; each transforms one square of 32x32
// elements, squares side by side along x, which is what the products walk
// through contiguously. Columns are transformed first, a lane each, because a
// warp's loads of a row are whole lines; their spectra go through shared memory to
// lanes that transform rows, of which 17 carry all that is to be known of real
// numbers. Then the CTA's eight squares are written side by side.
const (
	size      = 32                // of a square
	half      = size/2 + 1        // rows of a spectrum
	points    = half * size       // numbers of a spectrum: point (row, column) is column*half + row
	warps     = 8                 // squares of a CTA
	threads   = 32 * warps        //
	rowPitch  = size + 1          // numbers between rows of a square's buffer, to keep banks apart
	squareGap = half*rowPitch + 1 // numbers between the buffers of squares: 2 beyond a multiple of 16, for the same reason
	shared    = 8 * squareGap * warps
	rounds    = points / (threads / warps) // in which the CTA moves its spectra
	addresses = 14
)

// Address instructions, as in the transforms of package winograd: of divisions by
// constants at the beginning, of pointers and predicates per row.
const (
	onceAddress = 26
	rowAddress  = 3
)

// squares is where a kernel reads or writes real numbers: row i, lane j of
// square x, y.
type squares struct {
	t      *tile.Tensor
	rows   int // that are not zero
	cols   int
	at     int64
	stride [2]int64     // of a row, of a column
	x, y   []tile.Digit // by which squares move
	h0, w0 int32
	h, w   int32 // bounds of coordinates, 0: none
}

func (s *squares) view() tile.View {
	col := []tile.Digit{
		{Size: size, Least: int32(s.cols), Stride: s.stride[1], W: 1},
		{Size: size, Stride: s.stride[0], H: 1},
	}
	return tile.View{Row: s.x, Col: append(col, s.y...), At: s.at, H0: s.h0, W0: s.w0, H: s.h, W: s.w}
}

// spectra is the tensor of complex numbers point by point, of each y rows of x.
type spectra struct {
	t    *tile.Tensor
	x, y int
}

func (s *spectra) view() tile.View {
	return tile.View{
		Row: []tile.Digit{{Stride: 1}},
		Col: []tile.Digit{{Size: points, Stride: int64(s.x) * int64(s.y)}, {Stride: int64(s.x)}},
	}
}

// transform is a kernel in the making.
type transform struct {
	e    *emit.Emitter
	addr []int
	real squares
	comp spectra
}

func newTransform(name string, r squares, c spectra, inverse bool, alpha float64) *transform {
	k := &tile.Kernel{
		Name: name, Grid: [3]int{(c.x + warps - 1) / warps, c.y, 1}, Threads: threads, Shared: shared,
		TileM: warps, TileN: 1, TileK: 1, Splits: 1, Alpha: alpha, DType: "fp32", Role: make([]uint8, warps),
	}
	for i, v := range []tile.View{r.view(), c.view()} {
		t := *[]*tile.Tensor{r.t, c.t}[i]
		t.Rows, t.Cols, t.Views, t.Output = c.x, c.y*[]int{size * size, points}[i], []tile.View{v}, (i == 0) == inverse
		k.Tensors = append(k.Tensors, t)
	}
	gx, x, y := k.Grid[0], c.x, c.y
	k.Place = func(index int, cta *tile.CTA) {
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index)}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(index%gx*warps), int32(x)
		cta.Origin[tile.VarN], cta.Limit[tile.VarN] = int32(index/gx*size*size), int32(y*size*size)
		cta.Origin[tile.VarK], cta.Limit[tile.VarK] = int32(index/gx*points), int32(y*points)
	}
	t := &transform{e: &emit.Emitter{K: k}, real: r, comp: c}
	for range addresses {
		t.addr = append(t.addr, t.e.Reg())
	}
	t.e.Begin(t.addr)
	t.e.Integers(t.addr, onceAddress)
	return t
}

func (t *transform) finish(l tile.Latencies) (*tile.Kernel, error) {
	k := t.e.K
	t.e.Add(emit.Bare(tile.OpEXIT))
	k.Regs = t.e.Regs()
	k.Programs = []*tile.Program{{Segments: []tile.Segment{{Code: t.e.Code}}}}
	if err := tile.Finish(k, l); err != nil {
		return nil, fmt.Errorf("fft: %w", err)
	}
	return k, nil
}

// row is the access to row i of each warp's square.
func (t *transform) row(i int) int16 {
	a := tile.Access{Tensor: 0, Bytes: 4, RowVar: tile.VarM, ColVar: tile.VarN, BatchFree: true}
	for th := range threads {
		a.Row = append(a.Row, int32(th/32))
		a.Col = append(a.Col, int32(i*size+th%32))
	}
	return t.e.Access(a)
}

// spectrum is the access to the points that the CTA moves in a round, eight
// squares of each side by side; staged is where they lie in shared memory.
func (t *transform) spectrum(round int) (global, staged int16) {
	g := tile.Access{Tensor: 1, Bytes: 8, RowVar: tile.VarM, ColVar: tile.VarK, BatchFree: true}
	s := tile.Access{Space: tile.Shared, Bytes: 8}
	for th := range threads {
		square, point := th%warps, round*threads/warps+th/warps
		g.Row = append(g.Row, int32(square))
		g.Col = append(g.Col, int32(point))
		s.Addr = append(s.Addr, int32(8*(square*squareGap+point)))
	}
	return t.e.Access(g), t.e.Access(s)
}

// lanes is the access of each warp to its square's buffer, of complex numbers or,
// with 4 bytes, of their parts.
func (t *transform) lanes(bytes int, at func(lane int) int) int16 {
	a := tile.Access{Space: tile.Shared, Bytes: bytes}
	for th := range threads {
		a.Addr = append(a.Addr, int32(8*(th/32*squareGap+at(th%32))))
	}
	return t.e.Access(a)
}

// part is the access to one part of a number.
func (t *transform) part(im int, at func(lane int) int) int16 {
	i := t.lanes(4, at)
	for th := range t.e.K.Accesses[i].Addr {
		t.e.K.Accesses[i].Addr[th] += int32(4 * im)
	}
	return i
}

// spectrumLane is the row of a spectrum that a lane works on; those beyond the last do
// what it does.
func spectrumLane(lane int) int { return min(lane, half-1) }

// inputs makes n complex inputs of a graph, in pairs of registers: all those
// behind the addresses are free.
func (t *transform) inputs(g *graph, n int) []number {
	t.e.Reset(addresses)
	var out []number
	for range n {
		re, im := g.input(), g.input()
		re.reg = t.e.Pair()
		im.reg = re.reg + 1
		out = append(out, number{re.value(), im.value()})
	}
	return out
}

// forward generates the kernel that transforms real squares. With conjugate the
// spectra are conjugate ones.
func forward(name string, r squares, c spectra, conjugate bool, l tile.Latencies) (*tile.Kernel, error) {
	t := newTransform(name, r, c, false, 1)
	e := t.e
	g := &graph{}
	x := make([]value, size)
	for i := range r.rows {
		e.Integers(t.addr, rowAddress)
		n := g.input()
		n.reg = e.Reg()
		x[i] = n.value()
		e.Add(emit.Load(tile.OpLDG, n.reg, t.row(i)))
	}
	var out []value
	for _, v := range g.realFourier(x) {
		out = append(out, v.re, v.im)
	}
	g.emit(e, out, func(i, reg int) {
		e.Add(emit.Store(tile.OpSTS, reg, t.part(i%2, func(lane int) int { return i/2*rowPitch + lane })))
	})
	g = &graph{}
	row := t.inputs(g, size)
	for j, v := range row {
		e.Add(emit.Load(tile.OpLDS, v.re.n.reg, t.lanes(8, func(lane int) int { return spectrumLane(lane)*rowPitch + j })))
	}
	out = nil
	for _, v := range g.fourier(row, -1) {
		if conjugate {
			v = v.conj()
		}
		out = append(out, v.re, v.im)
	}
	g.emit(e, out, func(i, reg int) {
		e.Add(emit.Store(tile.OpSTS, reg, t.part(i%2, func(lane int) int { return i/2*half + spectrumLane(lane) })))
	})
	e.Add(emit.Bare(tile.OpBAR))
	e.Reset(addresses)
	for round := range rounds {
		global, staged := t.spectrum(round)
		pair := e.Pair()
		e.Add(emit.Load(tile.OpLDS, pair, staged))
		e.Integers(t.addr, 2)
		e.Add(emit.Store(tile.OpSTG, pair, global))
	}
	return t.finish(l)
}
