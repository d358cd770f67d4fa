package graph

import (
	"fmt"
	"slices"
)

// Builder makes a graph node by node, with the shape of each result. The first
// mistake sticks and ends all that follows; Done gives it.
type Builder struct {
	g     Graph
	err   error
	names map[string]int
}

// NewBuilder begins a graph for a number of samples.
func NewBuilder(name string, batch int) *Builder {
	return &Builder{g: Graph{Name: name, Batch: batch}, names: map[string]int{}}
}

// Done checks and gives the graph, whose results are outputs.
func (b *Builder) Done(outputs ...*Tensor) (*Graph, error) {
	if b.err != nil {
		return nil, b.err
	}
	b.g.Outputs = append(b.g.Outputs, outputs...)
	g := b.g
	return &g, g.Check()
}

// Err is the first mistake.
func (b *Builder) Err() error { return b.err }

func (b *Builder) fail(n *Node, format string, a ...any) *Tensor {
	if b.err == nil {
		b.err = fmt.Errorf("%s: %s", n.label(), fmt.Sprintf(format, a...))
	}
	return nil
}

// unique gives a name once; later ones of the same get a number.
func (b *Builder) unique(name string) string {
	k := b.names[name]
	b.names[name]++
	if k == 0 {
		return name
	}
	return b.unique(fmt.Sprintf("%s_%d", name, k+1))
}

// Input is a tensor that the network is given.
func (b *Builder) Input(name string, shape ...int) *Tensor {
	t := &Tensor{Name: name, Shape: shape, Role: Input}
	b.g.Inputs = append(b.g.Inputs, t)
	return t
}

// Param is a learnt tensor.
func (b *Builder) Param(name string, shape ...int) *Tensor {
	return &Tensor{Name: name, Shape: shape, Role: Parameter}
}

// Buffer is a tensor kept with the parameters that is not learnt.
func (b *Builder) Buffer(name string, shape ...int) *Tensor {
	return &Tensor{Name: name, Shape: shape, Role: Buffer}
}

// Add appends a node whose result has a shape.
func (b *Builder) add(n *Node, shape ...int) *Tensor {
	if b.err != nil {
		return nil
	}
	n.Name = b.unique(n.Name)
	n.Out = &Tensor{Name: n.Name, Shape: shape}
	if err := checkShape(n.Out); err != nil {
		return b.fail(n, "the output is empty or too large: %v", err)
	}
	b.g.Nodes = append(b.g.Nodes, n)
	return n.Out
}

// ok says whether building goes on: no mistake so far, no missing operand.
func (b *Builder) ok(n *Node) bool {
	if b.err != nil {
		return false
	}
	for _, t := range n.In {
		if t == nil {
			b.fail(n, "an operand is missing")
			return false
		}
	}
	return true
}

// window is the result's side of a sliding window.
func window(size, padA, padB, filter, stride, dil int, ceil bool) int {
	room := size + padA + padB - dil*(filter-1) - 1
	if room < 0 || stride < 1 {
		return 0
	}
	n := room/stride + 1
	if ceil && room%stride != 0 {
		// The last window must begin inside the image or its leading padding.
		if (room/stride+1)*stride < size+padA {
			n++
		}
	}
	return n
}

// defaults fills strides, dilations and groups of one.
func (a *Attr) defaults() {
	for _, p := range []*int{&a.StrideH, &a.StrideW, &a.DilH, &a.DilW, &a.Groups} {
		if *p == 0 {
			*p = 1
		}
	}
}

// Pad sets all four paddings.
func (a Attr) Pad(p int) Attr {
	a.PadT, a.PadB, a.PadL, a.PadR = p, p, p, p
	return a
}

// Square is an r x r window with a stride and a padding.
func Square(r, stride, pad int) Attr {
	return Attr{R: r, S: r, StrideH: stride, StrideW: stride}.Pad(pad)
}

// Conv is a convolution of k filters of a.R x a.S; w and bias are made when nil
// and biased.
func (b *Builder) Conv(name string, x *Tensor, k int, a Attr, biased bool) *Tensor {
	if x == nil || len(x.Shape) != 4 {
		return b.ConvWith(name, x, nil, nil, a)
	}
	a.defaults()
	w := b.Param(name+".weight", k, x.Shape[1]/max(1, a.Groups), a.R, a.S)
	var bias *Tensor
	if biased {
		bias = b.Param(name+".bias", k)
	}
	return b.ConvWith(name, x, w, bias, a)
}

// ConvWith is a convolution with given filters and, unless nil, bias.
func (b *Builder) ConvWith(name string, x, w, bias *Tensor, a Attr) *Tensor {
	a.defaults()
	n := &Node{Name: name, Op: Conv, In: []*Tensor{x}, Attr: a}
	if !b.ok(n) {
		return nil
	}
	if len(x.Shape) != 4 || w == nil || len(w.Shape) != 4 {
		return b.fail(n, "want images of N x C x H x W and filters of K x C x R x S, have %s", x.Dims())
	}
	n.Params = []*Tensor{w}
	if bias != nil {
		n.Params = append(n.Params, bias)
	}
	s := x.Shape
	n.Attr.R, n.Attr.S = w.Shape[2], w.Shape[3]
	a = n.Attr
	if s[1]%a.Groups != 0 || w.Shape[0]%a.Groups != 0 || s[1]/a.Groups != w.Shape[1] {
		return b.fail(n, "filters %s and %d groups do not fit images of %s", w.Dims(), a.Groups, x.Dims())
	}
	p := window(s[2], a.PadT, a.PadB, a.R, a.StrideH, a.DilH, false)
	q := window(s[3], a.PadL, a.PadR, a.S, a.StrideW, a.DilW, false)
	if p < 1 || q < 1 {
		return b.fail(n, "the output is empty: a %dx%d filter does not fit %dx%d points with padding %d,%d,%d,%d",
			a.R, a.S, s[2], s[3], a.PadT, a.PadL, a.PadB, a.PadR)
	}
	return b.add(n, s[0], w.Shape[0], p, q)
}

// Pool takes the maximum or the average of windows; ceil counts windows that
// hang over the edge.
func (b *Builder) Pool(name, fn string, x *Tensor, a Attr, ceil bool) *Tensor {
	a.defaults()
	a.Fn = fn
	n := &Node{Name: name, Op: Pool, In: []*Tensor{x}, Attr: a}
	if !b.ok(n) {
		return nil
	}
	if len(x.Shape) != 4 {
		return b.fail(n, "want images of N x C x H x W, have %s", x.Dims())
	}
	s := x.Shape
	p := window(s[2], a.PadT, a.PadB, a.R, a.StrideH, a.DilH, ceil)
	q := window(s[3], a.PadL, a.PadR, a.S, a.StrideW, a.DilW, ceil)
	if p < 1 || q < 1 {
		return b.fail(n, "the output is empty: a %dx%d window does not fit %dx%d points", a.R, a.S, s[2], s[3])
	}
	// Padding that makes the windows over the edge.
	n.Attr.PadB = max(a.PadB, (p-1)*a.StrideH+a.DilH*(a.R-1)+1-s[2]-a.PadT)
	n.Attr.PadR = max(a.PadR, (q-1)*a.StrideW+a.DilW*(a.S-1)+1-s[3]-a.PadL)
	return b.add(n, s[0], s[1], p, q)
}

// GlobalPool is the average or maximum over all points of each channel.
func (b *Builder) GlobalPool(name, fn string, x *Tensor) *Tensor {
	a := Attr{R: 1, S: 1}
	if x != nil && len(x.Shape) == 4 {
		a.R, a.S = x.Shape[2], x.Shape[3]
	}
	return b.Pool(name, fn, x, a, false)
}

// Gemm multiplies the rows of x by weights of k x n, or n x k when
// transposed, and adds the bias unless nil. All sides of x but the last count as
// rows.
func (b *Builder) Gemm(name string, x, w, bias *Tensor, transposed bool) *Tensor {
	n := &Node{Name: name, Op: Gemm, In: []*Tensor{x}, Attr: Attr{TransW: transposed}}
	if !b.ok(n) {
		return nil
	}
	if w == nil || len(w.Shape) != 2 || len(x.Shape) < 1 {
		return b.fail(n, "want rows and a matrix of weights, have %s", x.Dims())
	}
	n.Params = []*Tensor{w}
	if bias != nil {
		n.Params = append(n.Params, bias)
	}
	k, out := w.Shape[0], w.Shape[1]
	if transposed {
		k, out = out, k
	}
	if last := x.Shape[len(x.Shape)-1]; last != k {
		return b.fail(n, "rows of %d do not fit weights %s", last, w.Dims())
	}
	return b.add(n, append(slices.Clone(x.Shape[:len(x.Shape)-1]), out)...)
}

// Linear is a fully connected layer as PyTorch keeps it: weights n x k.
func (b *Builder) Linear(name string, x *Tensor, out int, biased bool) *Tensor {
	if x == nil || len(x.Shape) == 0 {
		return b.Gemm(name, x, nil, nil, true)
	}
	var bias *Tensor
	if biased {
		bias = b.Param(name+".bias", out)
	}
	return b.Gemm(name, x, b.Param(name+".weight", out, x.Shape[len(x.Shape)-1]), bias, true)
}

// MatMul multiplies the matrices of two activations, pair by pair; the second's
// may be transposed.
func (b *Builder) MatMul(name string, x, y *Tensor, transB bool) *Tensor {
	n := &Node{Name: name, Op: MatMul, In: []*Tensor{x, y}, Attr: Attr{TransB: transB}}
	if !b.ok(n) {
		return nil
	}
	l := len(x.Shape)
	if l < 2 || len(y.Shape) != l || !slices.Equal(x.Shape[:l-2], y.Shape[:l-2]) {
		return b.fail(n, "matrices of %s and %s do not go together", x.Dims(), y.Dims())
	}
	k, out := y.Shape[l-2], y.Shape[l-1]
	if transB {
		k, out = out, k
	}
	if x.Shape[l-1] != k {
		return b.fail(n, "rows of %d do not fit columns of %d", x.Shape[l-1], k)
	}
	return b.add(n, append(slices.Clone(x.Shape[:l-1]), out)...)
}

// Unary applies a function to each element.
func (b *Builder) Unary(name, fn string, x *Tensor) *Tensor {
	n := &Node{Name: name, Op: Eltwise, In: []*Tensor{x}, Attr: Attr{Fn: fn}}
	if !b.ok(n) {
		return nil
	}
	return b.add(n, x.Shape...)
}

// WithParam combines each element with one of a parameter that is repeated.
func (b *Builder) WithParam(name, fn string, x, p *Tensor) *Tensor {
	n := &Node{Name: name, Op: Eltwise, In: []*Tensor{x}, Params: []*Tensor{p}, Attr: Attr{Fn: fn}}
	if !b.ok(n) {
		return nil
	}
	if _, err := broadcast(x.Shape, p.Shape); err != nil {
		return b.fail(n, "%v", err)
	}
	return b.add(n, x.Shape...)
}

// Binary combines two tensors, one of which may be repeated along sides of 1.
func (b *Builder) Binary(name, fn string, x, y *Tensor) *Tensor {
	n := &Node{Name: name, Op: Eltwise, In: []*Tensor{x, y}, Attr: Attr{Fn: fn}}
	if !b.ok(n) {
		return nil
	}
	shape, err := broadcast(x.Shape, y.Shape)
	if err != nil {
		return b.fail(n, "%v", err)
	}
	return b.add(n, shape...)
}
