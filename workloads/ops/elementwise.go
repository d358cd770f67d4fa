package ops

import (
	"fmt"

	"gpusim/workloads"
	"gpusim/workloads/tile"
)

// An element-wise kernel has CTAs of 128 threads with four elements each, like
// PyTorch's vectorized_elementwise_kernel<4>.
const (
	elementThreads = 128
	elementVector  = 4
	elementTile    = elementThreads * elementVector
)

// Second operands of the operations that take a scalar. The exponent is none of
// those that frameworks treat apart (2, 3, 0.5 and the like).
const (
	scalarOperand  = 0.75
	scalarExponent = 1.7
	dropRate       = 0.1
	leakySlope     = 0.01
)

// key is the seed of dropout's random numbers.
var key = [2]uint32{0x2545f491, 0x4f6cdd1d}

// flat is a kernel over the elements of tensors of one size, in CTAs of per
// elements. Element i lies in row i/per and column i%per of each.
type flat struct {
	c    *code
	k    *tile.Kernel
	n    int // elements
	per  int // of a CTA
	vec  int // of a thread
	tail int // elements at the end that fill no vector: single accesses take them

	channels, inner int // see byChannel
}

// newFlat begins a kernel. What a CTA covers need not be whole; elements of the
// last vector that lie beyond the end are taken one by one.
func newFlat(name string, n, threads, vec int) *flat {
	f := &flat{n: n, per: threads * vec, vec: vec, tail: n % vec}
	f.k = &tile.Kernel{Name: name, Grid: [3]int{ceilDiv(n, f.per), 1, 1}, Threads: threads, TileM: f.per, TileN: 1, Splits: 1, DType: "fp32", Streams: true}
	f.k.Place = func(index int, cta *tile.CTA) {
		left := min(f.per, n-index*f.per)
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index)}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(index), int32(f.k.Grid[0])
		cta.Limit[tile.VarN] = int32(left / vec * vec)
		if left%vec > 0 {
			cta.Origin[tile.VarK], cta.Limit[tile.VarK] = int32(left/vec*vec), int32(left)
		}
	}
	f.c = newCode(f.k)
	return f
}

// tensor adds a tensor of as many elements.
func (f *flat) tensor(name string, bytes int, output bool) int {
	f.k.Tensors = append(f.k.Tensors, tile.Tensor{
		Name: name, Elem: bytes, Rows: f.k.Grid[0], Cols: f.per, RowStride: int64(f.per), ColStride: 1,
		Bytes: int64(f.n) * int64(bytes), Output: output,
	})
	return len(f.k.Tensors) - 1
}

// vector is the access to a thread's elements of a tensor, single that to the
// elements left at the end, one for each of the first threads.
func (f *flat) vector(t int) int16 {
	return addAccess(f.k, tile.Access{
		Tensor: t, Bytes: f.vec * f.k.Tensors[t].Elem, RowVar: tile.VarM, ColVar: tile.VarN,
		Row: make([]int32, f.k.Threads), Col: perThread(f.k, func(t int) int { return t * f.vec }), BatchFree: true,
	})
}

func (f *flat) single(t int) int16 {
	return addAccess(f.k, tile.Access{
		Tensor: t, Bytes: f.k.Tensors[t].Elem, RowVar: tile.VarM, ColVar: tile.VarK,
		Row: make([]int32, f.k.Threads), Col: perThread(f.k, func(t int) int { return min(t, f.vec) }), BatchFree: true,
	})
}

// beyond is a column that no limit reaches.
const beyond = 1 << 30

// source is a tensor that a kernel reads, as its elements come.
type source struct {
	tensor int
	dtype  string // or u8, bytes
}

// read loads a thread's elements of some tensors, all before any is used, the
// first of those that fill no vector with the last of the thread's own. single
// asks for one element per thread.
func (f *flat) read(single bool, from ...source) []val {
	loaded := make([][]reg, len(from))
	n := f.vec
	if single {
		n = 1
	}
	for i, s := range from {
		f.c.address(1)
		loaded[i] = f.c.regs(words(n, f.k.Tensors[s.tensor].Elem))
		access := f.vector
		if single {
			access = f.single
		}
		f.c.memory(tile.OpLDG, access(s.tensor), loaded[i])
	}
	out := make([]val, len(from))
	for i, s := range from {
		if s.dtype == "u8" {
			for e := range n {
				out[i] = append(out[i], f.c.unary(tile.OpI2F, 0, tile.I2FByte+uint8(e), val{{reg: loaded[i][0]}})[0])
			}
			continue
		}
		out[i] = f.c.widen(s.dtype, loaded[i], n)
	}
	return out
}

// write stores a thread's elements.
func (f *flat) write(single bool, to source, v val) {
	access, n := f.vector, f.vec
	if single {
		access, n = f.single, 1
	}
	var rs []reg
	if to.dtype == "u8" {
		rs = []reg{f.c.bytes(v, n)}
	} else {
		rs = f.c.narrow(to.dtype, v, n)
	}
	f.c.memory(tile.OpSTG, access(to.tensor), rs)
}

// bytes packs values of 0 and 1 into the bytes of a word.
func (c *code) bytes(v val, n int) reg {
	r := v.at(0).reg
	for i := 1; i < n; i++ {
		r = c.or(val{{reg: r}}, c.shift(tile.ShiftLeft, val{v.at(i)}, 8*i))[0].reg
	}
	return r
}

// elementwise builds the kernel of a chain of operations.
func elementwise(l *workloads.Layer, d Device) ([]*tile.Kernel, error) {
	chain, err := l.Chain()
	if err != nil {
		return nil, err
	}
	f := newFlat(fmt.Sprintf("vectorized_elementwise_kernel<%d, %s>", elementVector, l.Op), l.Size, elementThreads, elementVector)
	elem := workloads.ElemBytes(l.DType)
	e := &elements{f: f, l: l, chain: chain}
	e.in = append(e.in, source{f.tensor("x", elem, false), l.DType})
	for i, o := range chain {
		name := fmt.Sprintf("y%d", i)
		switch {
		case o.Tensor:
			e.in = append(e.in, source{f.tensor(name, elem, false), l.DType})
		case o.Name == "mask":
			e.in = append(e.in, source{f.tensor(name, 1, false), "u8"})
		case o.Name == "bias":
			if f.inner == 0 {
				f.byChannel(l.Channels, l.Inner)
			}
			e.bias = append(e.bias, f.channelVector(name, l.DType))
		}
	}
	e.out = source{f.tensor("out", workloads.ElemBytes(l.Out()), true), l.Out()}
	for i, o := range chain {
		if o.Name == "dropout" {
			e.dropped = append(e.dropped, source{f.tensor(fmt.Sprintf("mask%d", i), 1, true), "u8"})
		}
	}
	f.c.address(3)
	e.thread = f.c.index()
	f.c.address(4)
	e.body(false)
	if f.tail > 0 {
		e.body(true)
	}
	allocate([]*tile.Kernel{f.k})
	return []*tile.Kernel{f.k}, f.c.finish(d.Latencies)
}

// elements is an element-wise kernel under construction.
type elements struct {
	f       *flat
	l       *workloads.Layer
	chain   []workloads.ElementOp
	in      []source
	bias    []source
	out     source
	dropped []source
	thread  val
}

// body is the way of a thread's vector, or of one of the elements left at the end.
func (e *elements) body(single bool) {
	c, f := e.f.c, e.f
	in := f.read(single, e.in...)
	var bias []val
	for _, b := range e.bias {
		bias = append(bias, f.readChannels(b, single))
	}
	x, in := in[0], in[1:]
	next := func(from *[]val) val {
		v := (*from)[0]
		*from = (*from)[1:]
		return v
	}
	dropped := e.dropped
	for i, o := range e.chain {
		switch {
		case o.Name == "bias":
			x = c.add(x, next(&bias))
		case o.Name == "mask":
			x = c.mul(x, next(&in))
		case o.Name == "dropout":
			keep := e.keep(i, len(x))
			x = c.mul(x, c.choose(keep, num(1/(1-dropRate)), num(0)))
			f.write(single, dropped[0], keep)
			dropped = dropped[1:]
		case o.Tensor:
			x = binaryOps[o.Name](c, x, next(&in))
		case scalarOps[o.Name] != "":
			x = binaryOps[scalarOps[o.Name]](c, x, scalarOf(o.Name))
		default:
			if u := unaryOps[o.Name]; u != nil {
				x = u(c, x)
			}
		}
	}
	f.write(single, e.out, x)
}

// keep draws which elements dropout keeps: a word for each, of a counter that
// is the thread's, the same for what is left at the end.
func (e *elements) keep(op, n int) val {
	c := e.f.c
	if n == 1 { // the elements at the end come after all vectors
		return c.compare(tile.CmpGE, c.uniform(val{c.philox(e.thread, [2]uint32{key[0] + uint32(op), key[1] + 1})[0]}), num(dropRate))
	}
	return c.compare(tile.CmpGE, c.uniform(c.philox(e.thread, [2]uint32{key[0] + uint32(op), key[1]})), num(dropRate))
}

// uniform makes words numbers in [0, 1].
func (c *code) uniform(v val) val {
	return c.mul(c.unary(tile.OpI2F, 0, tile.I2FUint, v), num(1.0/(1<<32)))
}

// unaryOps are operations on one value, binaryOps on two; scalarOps names the
// latter for those that take a scalar.
var unaryOps = map[string]func(*code, val) val{
	"relu":      func(c *code, x val) val { return c.max(x, num(0)) },
	"relu6":     func(c *code, x val) val { return c.min(c.max(x, num(0)), num(6)) },
	"leakyrelu": func(c *code, x val) val { return c.max(x, c.mul(x, num(leakySlope))) },
	"gelu":      (*code).gelu, "gelu_tanh": (*code).geluTanh, "sigmoid": (*code).sigmoid, "tanh": (*code).tanh,
	"silu": func(c *code, x val) val { return c.div(x, c.add(c.exp(c.neg(x)), num(1))) },
	"exp":  (*code).exp, "log": (*code).log, "sqrt": (*code).sqrt, "abs": (*code).abs, "neg": (*code).neg,
	"rsqrt":  func(c *code, x val) val { return c.special(tile.MUFURsq, x) },
	"square": func(c *code, x val) val { return c.mul(x, x) },
}

var binaryOps = map[string]func(c *code, x, y val) val{
	"add": (*code).add, "sub": (*code).sub, "mul": (*code).mul, "div": (*code).div, "pow": (*code).pow, "max": (*code).max, "min": (*code).min,
}

// A division by a scalar is a product with its reciprocal.
var scalarOps = map[string]string{
	"addu": "add", "subu": "sub", "mulu": "mul", "divu": "mul", "powu": "pow", "maxu": "max", "minu": "min",
}

func scalarOf(op string) val {
	switch op {
	case "powu":
		return num(scalarExponent)
	case "divu":
		return num(1 / scalarOperand)
	}
	return num(scalarOperand)
}
