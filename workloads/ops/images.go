package ops

import (
	"fmt"
	"math"
	"math/bits"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// windowThreads is the CTA of kernels that look at windows of images, a thread
// for each point of the result.
const windowThreads = 256

// window is a kernel whose thread t computes point t of some images and loads
// points around it. Images are seen as matrices with a row for each result and a
// column for each point of its window.
type window struct {
	c      *code
	k      *tile.Kernel
	n      int
	thread val
}

func newWindow(name string, n int) (*window, error) {
	if n > math.MaxInt32-windowThreads {
		return nil, fmt.Errorf("ops: %s of %d results (allowed up to 2^31)", name, n)
	}
	w := &window{n: n}
	w.k = &tile.Kernel{Name: name, Grid: [3]int{ceilDiv(n, windowThreads), 1, 1}, Threads: windowThreads, TileM: windowThreads, TileN: 1, Splits: 1, DType: "fp32", Streams: true}
	w.k.Place = func(index int, cta *tile.CTA) {
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index)}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(index*windowThreads), int32(n)
	}
	w.c = newCode(w.k)
	w.c.address(4)
	w.thread = w.c.index()
	w.c.address(6)
	return w, nil
}

// seen adds a tensor of so many elements under a view, flat one under none.
func (w *window) seen(name, dtype string, n int, output bool, v tile.View, columns int) source {
	e := map[string]int{"i32": 4}[dtype]
	if e == 0 {
		e = workloads.ElemBytes(dtype)
	}
	w.k.Tensors = append(w.k.Tensors, tile.Tensor{Name: name, Elem: e, Rows: w.n, Cols: columns, Bytes: int64(n * e), Output: output, Views: []tile.View{v}})
	return source{len(w.k.Tensors) - 1, dtype}
}

func (w *window) flat(name, dtype string, output bool) source {
	e := map[string]int{"i32": 4}[dtype]
	if e == 0 {
		e = workloads.ElemBytes(dtype)
	}
	w.k.Tensors = append(w.k.Tensors, tile.Tensor{Name: name, Elem: e, Rows: w.n, Cols: 1, RowStride: 1, Bytes: int64(w.n * e), Output: output})
	return source{len(w.k.Tensors) - 1, dtype}
}

func (w *window) access(s source, column int) int16 {
	bytes := w.k.Tensors[s.tensor].Elem
	if s.dtype == "int8" {
		bytes = wordChannels
	}
	return addAccess(w.k, tile.Access{Tensor: s.tensor, Bytes: bytes, RowVar: tile.VarM, ColVar: tile.VarZero,
		Row: perThread(w.k, func(t int) int { return t }), Col: perThread(w.k, func(int) int { return column }), BatchFree: true})
}

// load gives columns of a thread's row; all loads leave before any is used.
func (w *window) load(s source, columns int) []val {
	regs := make([][]reg, columns)
	for i := range regs {
		w.c.address(2)
		regs[i] = w.c.regs(1)
		w.c.memory(tile.OpLDG, w.access(s, i), regs[i])
	}
	out := make([]val, columns)
	for i := range out {
		switch s.dtype {
		case "i32":
			out[i] = w.c.unary(tile.OpI2F, 0, tile.I2FInt, val{{reg: regs[i][0]}})
		case "int8":
			out[i] = w.c.bytesOf(regs[i][0])
		default:
			out[i] = w.c.widen(s.dtype, regs[i], 1)
		}
	}
	return out
}

func (w *window) store(s source, v val) {
	if s.dtype == "int8" {
		w.c.memory(tile.OpSTG, w.access(s, 0), []reg{w.c.inBytes(v)})
		return
	}
	w.c.memory(tile.OpSTG, w.access(s, 0), w.c.narrow(s.dtype, v, 1))
}

// divide splits a number below 2^31 into quotient and remainder by a constant, as
// compilers do: by a multiplication and a shift.
func (c *code) divide(x val, by int) (quotient, remainder val) {
	if by == 1 {
		return x, word(0)
	}
	l := bits.Len(uint(by - 1))
	m := uint32((uint64(1)<<(31+l) + uint64(by) - 1) / uint64(by))
	q := c.binary(tile.OpIMULH, 0, x, word(m))
	if l > 1 {
		q = c.shift(tile.ShiftRight, q, l-1)
	}
	r := c.reg()
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpIMAD, Imm: c.konst(uint32(-by))}, dst: r, a: q[0].reg, b: noReg, c: x[0].reg})
	return q, val{{reg: r}}
}

// plane is how rows of results and points of an image follow each other.
type plane struct{ w, h, c int64 } // strides of a point to its right, below, and of the next channel

func planeOf(l *workloads.Layer, h, w int) plane {
	if l.Layout == workloads.LayoutNHWC {
		return plane{w: int64(l.C), h: int64(l.C * w), c: 1}
	}
	return plane{w: 1, h: int64(w), c: int64(h * w)}
}

// digitsOf gives the digits of a result's number, whose points step through an
// image by digits given for a column and a row.
func digitsOf(l *workloads.Layer, h, w []tile.Digit, channel, image int64) []tile.Digit {
	c, n := tile.Digit{Size: int32(l.C), Stride: channel}, tile.Digit{Size: math.MaxInt32, Stride: image}
	if l.Layout == workloads.LayoutNHWC {
		return append(append(append([]tile.Digit{c}, w...), h...), n)
	}
	return append(append(append([]tile.Digit{}, w...), h...), c, n)
}

// number makes an integer a number.
func (c *code) number(x val) val {
	if x[0].konst {
		return num(float64(int32(x[0].bits)))
	}
	return c.unary(tile.OpI2F, 0, tile.I2FInt, x)
}

// Constants of local response normalisation, as AlexNet has them.
const lrnAlpha, lrnBeta, lrnK = 1e-4, 0.75, 2

// lrn normalises each point by those of the channels around it.
func lrn(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	n, hw := l.N*l.C*l.H*l.W, l.H*l.W
	w, err := newWindow("lrn_"+l.Pass, n)
	if err != nil {
		return nil, err
	}
	around := func(columns int) tile.View { // the channel is the bounded coordinate
		return tile.View{
			Row: []tile.Digit{{Size: int32(hw), Stride: 1}, {Size: int32(l.C), Stride: int64(hw), H: 1}, {Size: math.MaxInt32, Stride: int64(hw * l.C)}},
			Col: []tile.Digit{{Size: int32(columns), Stride: int64(hw), H: 1}},
			At:  -int64(columns/2) * int64(hw), H0: int32(-(columns / 2)), H: int32(l.C),
		}
	}
	c := w.c
	scale := func(taps []val) val {
		var squares val
		for _, v := range taps {
			squares = append(squares, c.mul(v, v)...)
		}
		return c.fma(c.one(squares, (*code).add), num(lrnAlpha/float64(l.Window)), num(lrnK))
	}
	power := func(x val, by float64) val {
		return c.special(tile.MUFUEx2, c.mul(c.special(tile.MUFULg2, x), num(by)))
	}
	size := l.Window
	if l.Pass == workloads.PassForward {
		x := w.seen("x", l.DType, n, false, around(size), size)
		out := w.flat("out", l.DType, true)
		allocate([]*tile.Kernel{w.k})
		taps := w.load(x, size)
		w.store(out, c.mul(taps[size/2], power(scale(taps), -lrnBeta)))
		return []*tile.Kernel{w.k}, c.finish(d.Latencies)
	}
	if size%2 == 0 {
		return nil, fmt.Errorf("ops: backward lrn needs an odd size, not %d", size)
	}
	x := w.seen("x", l.DType, n, false, around(2*size-1), 2*size-1)
	dy := w.seen("dy", l.DType, n, false, around(size), size)
	out := w.flat("out", l.DType, true)
	allocate([]*tile.Kernel{w.k})
	taps, grads := w.load(x, 2*size-1), w.load(dy, size)
	var terms val
	var own val
	for i := range size {
		s := scale(taps[i : i+size])
		p := power(s, -lrnBeta)
		if i == size/2 {
			own = c.mul(grads[i], p)
		}
		terms = append(terms, c.mul(c.mul(grads[i], taps[i+size/2]), c.mul(p, c.special(tile.MUFURcp, s)))...)
	}
	factor := c.mul(taps[size-1], num(-2*lrnAlpha*lrnBeta/float64(size)))
	w.store(out, c.fma(c.one(terms, (*code).add), factor, own))
	return []*tile.Kernel{w.k}, c.finish(d.Latencies)
}

// Tiles of a change of layout go through shared memory, a line of padding apart.
const transposeTile, transposeRows = 32, 8

// layout transposes channels and points of each image.
func layout(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	rows, cols := l.C, l.H*l.W
	if l.From == workloads.LayoutNHWC {
		rows, cols = cols, rows
	}
	elem := workloads.ElemBytes(l.DType)
	gx, gy := ceilDiv(cols, transposeTile), ceilDiv(rows, transposeTile)
	k := &tile.Kernel{
		Name: l.From + "To" + l.To + "Kernel", Grid: [3]int{gx, gy, l.N}, Threads: transposeTile * transposeRows, TileM: transposeTile, TileN: transposeTile,
		Splits: 1, DType: "fp32", Streams: true, Shared: transposeTile * (transposeTile + 1) * 4,
	}
	image := int64(rows) * int64(cols)
	t := func(name string, rs, cs int64, output bool) tile.Tensor {
		return tile.Tensor{Name: name, Elem: elem, Rows: rows, Cols: cols, RowStride: rs, ColStride: cs, BatchStride: image,
			Bytes: image * int64(l.N) * int64(elem), Output: output}
	}
	k.Tensors = []tile.Tensor{t("x", int64(cols), 1, false), t("out", 1, int64(rows), true)}
	k.Place = func(index int, cta *tile.CTA) {
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index), Batch: int32(index / gx / gy)}
		cta.Origin = [tile.NumVars]int32{tile.VarM: int32(index / gx % gy * transposeTile), tile.VarN: int32(index % gx * transposeTile)}
		cta.Limit = [tile.NumVars]int32{tile.VarM: int32(rows), tile.VarN: int32(cols)}
	}
	c := newCode(k)
	c.address(12)
	var held [][]reg
	for i := 0; i < transposeTile; i += transposeRows {
		held = append(held, c.regs(1))
		c.memory(tile.OpLDG, addAccess(k, tile.Access{Tensor: 0, Bytes: elem, RowVar: tile.VarM, ColVar: tile.VarN,
			Row: perThread(k, func(t int) int { return t/32 + i }), Col: perThread(k, func(t int) int { return t % 32 })}), held[len(held)-1])
	}
	shared := func(at func(t int) int) int16 {
		return addAccess(k, tile.Access{Space: tile.Shared, Bytes: 4, Addr: perThread(k, func(t int) int { return 4 * at(t) })})
	}
	for i, r := range held {
		c.memory(tile.OpSTS, shared(func(t int) int { return (t/32+i*transposeRows)*(transposeTile+1) + t%32 }), r)
	}
	c.bare(tile.OpBAR)
	for i := 0; i < transposeTile; i += transposeRows {
		r := c.regs(1)
		c.memory(tile.OpLDS, shared(func(t int) int { return t%32*(transposeTile+1) + t/32 + i }), r)
		c.memory(tile.OpSTG, addAccess(k, tile.Access{Tensor: 1, Bytes: elem, RowVar: tile.VarM, ColVar: tile.VarN,
			Row: perThread(k, func(t int) int { return t % 32 }), Col: perThread(k, func(t int) int { return t/32 + i })}), r)
	}
	ks := []*tile.Kernel{k}
	allocate(ks)
	return ks, c.finish(d.Latencies)
}
