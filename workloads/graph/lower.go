package graph

import (
	"fmt"
	"strings"
)

// Options say how a graph is computed.
type Options struct {
	DType     string // of the network: fp32, tf32, bf16, fp16, int8, int4, int1
	Train     bool   // a training step rather than inference
	Layout    string // of images: nchw or nhwc; empty: NHWC for 16-bit types, nchw_vect_c for integers, else NCHW
	Eager     bool   // functions that frameworks compose of others are as many kernels
	Optimizer string // of training: sgd, momentum, adam, none; empty: momentum for networks with convolutions, else adam
}

// NoOptimizer leaves parameters as they are: a training step is the two passes.
const NoOptimizer = "none"

// Step is one library call or kernel of a pass over the network.
type Step struct {
	Layer string // name of the node, with what is done for it behind a slash
	Work  string // in the workload language
	Count int    // how often it runs, one after another
	Node  *Node  // that it is part of
	Pass  Pass
	Grad  int64 // parameters whose gradients are complete behind it
}

// Pass is a part of a training step.
type Pass uint8

// Passes in their order.
const (
	Forward Pass = iota
	Backward
	Update
)

// lowering turns nodes into steps.
type lowering struct {
	o      Options
	matrix string // type of products and convolutions
	plain  string // type of everything else
	layout string
	pass   Pass
	steps  []Step
	err    error
}

// Lower lists what a machine runs for the graph, in order. The graph must have
// passed Check.
func (g *Graph) Lower(o Options) ([]Step, error) {
	l := &lowering{o: o, matrix: o.DType, plain: o.DType, layout: o.Layout}
	switch o.DType {
	case "fp16", "bf16":
	case "tf32", "fp32":
		l.plain = "fp32"
	case "int8", "int4", "int1":
		if o.Train {
			return nil, fmt.Errorf("%s is for inference (training: fp32, tf32, bf16, fp16)", o.DType)
		}
		l.plain = "fp16" // what is no product stays in floating point
	default:
		return nil, fmt.Errorf("networks are not computed in %s (allowed: fp32, tf32, bf16, fp16, int8, int4, int1)", o.DType)
	}
	if l.layout == "" {
		switch o.DType {
		case "fp16", "bf16":
			l.layout = "nhwc"
		case "int8", "int4", "int1":
			l.layout = "nchw_vect_c"
		default:
			l.layout = "nchw"
		}
	}
	edges := g.edgeProducts(o.DType)
	for _, n := range g.Nodes {
		l.matrix = o.DType
		if edges[n] {
			l.matrix = "int8"
		}
		l.forward(n)
		if l.err != nil {
			return nil, fmt.Errorf("%s: %w", n.label(), l.err)
		}
	}
	if o.Train {
		l.matrix = o.DType
		l.pass = Backward
		if err := l.backward(g); err != nil {
			return nil, err
		}
		l.pass = Update
		l.update(g)
	}
	return l.steps, nil
}

// edgeProducts are the first and the last product of a network of less than 8
// bits: they stay in int8, as networks quantised so keep them (Choi et al.,
// PACT, 2018; Rastegari et al., XNOR-Net, 2016).
func (g *Graph) edgeProducts(dtype string) map[*Node]bool {
	if dtype != "int4" && dtype != "int1" {
		return nil
	}
	out := map[*Node]bool{}
	var last *Node
	for _, n := range g.Nodes {
		if n.Op == Conv || n.Op == Gemm {
			if last == nil {
				out[n] = true
			}
			last = n
		}
	}
	if last != nil {
		out[last] = true
	}
	return out
}

func (l *lowering) step(n *Node, what, format string, a ...any) {
	l.times(1, n, what, format, a...)
}

func (l *lowering) times(count int, n *Node, what, format string, a ...any) {
	name := n.Name
	if what != "" {
		name += "/" + what
	}
	l.steps = append(l.steps, Step{Layer: name, Work: fmt.Sprintf(format, a...), Count: count, Node: n, Pass: l.pass})
}

// elementwise is a kernel over size elements.
func (l *lowering) elementwise(n *Node, what, op string, size int64) {
	l.step(n, what, "elementwise:op=%s,size=%d,dtype=%s", op, size, l.plain)
}

// vector is a kernel that combines each element with one of a vector over the
// channels.
func (l *lowering) vector(n *Node, what, op string, t *Tensor) {
	_, c, h, w := images(t)
	inner := h * w
	if l.layout != "nchw" || len(t.Shape) != 4 {
		inner = 1
	}
	if len(t.Shape) != 4 {
		_, last := rows(t)
		c = int(last)
	}
	l.step(n, what, "elementwise:op=%s,size=%d,channels=%d,inner=%d,dtype=%s", op, t.Elements(), c, inner, l.plain)
}

// forward lowers the forward pass of a node.
func (l *lowering) forward(n *Node) {
	out := n.Out
	switch n.Op {
	case Conv:
		l.conv(n, "fwd", "")
		if len(n.Params) > 1 && n.Attr.Epilogue == "" {
			l.vector(n, "bias", "bias", out)
		}
	case Gemm:
		r, _ := rows(out)
		w := n.Params[0].Shape
		k, c := int64(w[0]), int64(w[1])
		if n.Attr.TransW {
			k, c = c, k
		}
		epilogue := n.Attr.Epilogue
		if epilogue == "" && len(n.Params) > 1 {
			epilogue = "bias" // frameworks leave it to the library's call
		}
		l.product(n, "", r, c, k, false, n.Attr.TransW, 1, epilogue)
	case MatMul:
		m, c, k, batch := n.matrices()
		l.product(n, "", m, c, k, false, n.Attr.TransB, batch, "")
	case Eltwise:
		l.eltwise(n)
	case BatchNorm, LayerNorm, LRN, Softmax, Embedding:
		l.alike(n, "", "")
	case Pool:
		l.pool(n, "")
	case Reduce:
		l.reduce(n)
	case Concat:
		if !n.Attr.InPlace && len(n.In) > 1 {
			l.step(n, "", "concat:size=%d,parts=%d,dtype=%s", out.Elements(), min(len(n.In), maxParts), l.plain)
		}
	case Slice:
		if !n.Attr.InPlace {
			l.elementwise(n, "", "copy", out.Elements())
		}
	case Transpose:
		l.transpose(n, "")
	case Dropout:
		if l.o.Train {
			l.elementwise(n, "", "dropout", out.Elements())
		}
	case LSTM, GRU, RNN:
		l.recurrent(n)
	case Local:
		points, taps, maps := n.locals()
		l.product(n, "", int64(out.Shape[0]), maps, taps, false, false, points, "")
	case Halo:
		l.halo(n, "")
	case AllReduce:
		if n.Attr.Fn == OfOutputs {
			l.allReduce(n, "")
		}
	case Attention:
		a := n.Attr
		batch, seq, dim := n.attention()
		l.step(n, "", "attention:batch=%d,heads=%d,seq=%d,dim=%d,dtype=%s,causal=%t", batch, a.Heads, seq, dim, l.plain, a.Causal)
	}
}

// maxParts is what the language takes for a concatenation.
const maxParts = 64

func (l *lowering) phase() string {
	if l.o.Train {
		return "train"
	}
	return "infer"
}

// order is the layout key of layers other than convolutions.
func (l *lowering) order() string {
	if l.layout == "nhwc" {
		return ",layout=nhwc"
	}
	return ""
}

// conv is a pass of a convolution.
func (l *lowering) conv(n *Node, pass, what string) {
	a, x, w := n.Attr, n.In[0].Shape, n.Params[0].Shape
	h, padH := symmetric(x[2], a.PadT, a.PadB)
	wd, padW := symmetric(x[3], a.PadL, a.PadR)
	s := fmt.Sprintf("conv:n=%d,c=%d,h=%d,w=%d,k=%d,r=%d,s=%d,pad_h=%d,pad_w=%d,stride_h=%d,stride_w=%d,dilation_h=%d,dilation_w=%d,groups=%d,dtype=%s,pass=%s,layout=%s",
		x[0], x[1], h, wd, w[0], w[2], w[3], padH, padW, a.StrideH, a.StrideW, a.DilH, a.DilW, a.Groups, l.matrix, pass, l.layout)
	if a.Epilogue != "" && pass == "fwd" {
		s += ",epilogue=" + a.Epilogue
	}
	l.step(n, what, "%s", s)
}

// symmetric gives the size and the padding on both sides that a library, which
// takes no other, needs for the same outputs: it is given the surplus as part of
// the image.
func symmetric(size, before, after int) (int, int) {
	pad := min(before, after)
	return size + before + after - 2*pad, pad
}

// product is a row-major matrix product of m x k and k x c.
func (l *lowering) product(n *Node, what string, m, c, k int64, ta, tb bool, batch int64, epilogue string) {
	letter := func(t bool) string {
		if t {
			return "t"
		}
		return "n"
	}
	dtype := l.matrix
	if n.Op == MatMul && dtype != l.plain && strings.HasPrefix(dtype, "int") {
		dtype = l.plain // products of two activations are not quantised
	}
	s := fmt.Sprintf("gemm:m=%d,n=%d,k=%d,dtype=%s,ta=%s,tb=%s,batch=%d,order=row", m, c, k, dtype, letter(ta), letter(tb), batch)
	if epilogue != "" {
		s += ",epilogue=" + epilogue
	}
	l.step(n, what, "%s", s)
}

// matrices are the sizes of a product of activations.
func (n *Node) matrices() (m, c, k, batch int64) {
	x, o := n.In[0].Shape, n.Out.Shape
	m, k, c = int64(x[len(x)-2]), int64(x[len(x)-1]), int64(o[len(o)-1])
	return m, c, k, n.Out.Elements() / m / c
}
