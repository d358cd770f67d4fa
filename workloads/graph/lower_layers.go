package graph

import (
	"fmt"
	"strings"
)

// eltwise lowers an element-wise node: what is repeated costs next to no bytes.
func (l *lowering) eltwise(n *Node) {
	size := n.Out.Elements()
	fn := n.Attr.Fn
	first, rest, _ := strings.Cut(fn, "+")
	small := len(n.Params) > 0
	if len(n.In) == 2 && min(n.In[0].Elements(), n.In[1].Elements()) < size {
		small = true
	}
	switch {
	case small && n.perChannel():
		// A vector over the channels: the traffic of a bias, whatever is computed.
		op := "bias"
		if rest != "" {
			op += "+" + rest
		}
		l.vector(n, "", op, n.Out)
		return
	case small:
		if scalar, ok := withScalar[first]; ok {
			fn = strings.Replace(fn, first, scalar, 1)
		}
	}
	parts := composed[fn]
	if !l.o.Eager || parts == nil {
		l.elementwise(n, "", fn, size)
	}
	for i, op := range parts {
		if l.o.Eager {
			l.elementwise(n, fmt.Sprintf("%d_%s", i+1, op), op, size)
		}
	}
}

// composed are functions that are several kernels in frameworks. The tanh form of
// GELU is 0.5 * x * (1 + tanh(c * (x + 0.044715 * x^3))) as GPT-2's code has it.
var composed = map[string][]string{"gelu_tanh": {"powu", "mulu", "add", "mulu", "tanh", "addu", "mulu", "mul"}}

// withScalar names the form of an operation whose second operand is (nearly)
// free.
var withScalar = map[string]string{"add": "addu", "sub": "subu", "mul": "mulu", "div": "divu", "pow": "powu", "max": "maxu", "min": "minu"}

// perChannel says whether the repeated operand is a value per channel of images.
func (n *Node) perChannel() bool {
	var small *Tensor
	switch {
	case len(n.Params) > 0:
		small = n.Params[0]
	case n.In[0].Elements() < n.In[1].Elements():
		small = n.In[0]
	default:
		small = n.In[1]
	}
	o := n.Out.Shape
	if len(o) == 4 {
		s := small.Shape
		return len(s) >= 3 && s[len(s)-1] == 1 && s[len(s)-2] == 1 && s[len(s)-3] == o[1]
	}
	return len(o) > 0 && small.Elements() == int64(o[len(o)-1])
}

// MaxByteWindow is the points of the largest window that is pooled in bytes: a thread
// holds all of them.
const MaxByteWindow = 49

func (l *lowering) pool(n *Node, pass string) {
	a, x := n.Attr, n.In[0].Shape
	if a.StrideH != a.StrideW {
		l.err = fmt.Errorf("strides %d and %d of a pooling layer differ", a.StrideH, a.StrideW)
		return
	}
	h, padH := symmetric(x[2], a.PadT, a.PadB)
	w, padW := symmetric(x[3], a.PadL, a.PadR)
	pad := min(padH, padW)
	h, w = h+2*(padH-pad), w+2*(padW-pad)
	what, key, dtype, order := "", "", l.plain, l.order()
	if pass != "" {
		what, key = pass, ",pass="+pass
	}
	if l.matrix == "int8" && l.layout == "nchw_vect_c" && a.R*a.S <= MaxByteWindow { // whatever stands before them
		dtype, order = l.matrix, ",layout="+l.layout
	}
	l.step(n, what, "pool:op=%s,n=%d,c=%d,h=%d,w=%d,r=%d,s=%d,stride=%d,pad=%d,dtype=%s%s%s",
		a.Fn, x[0], x[1], h, w, a.R, a.S, a.StrideH, pad, dtype, key, order)
}

func (l *lowering) reduce(n *Node) {
	r := n.Out.Elements()
	l.step(n, "", "reduce:op=%s,rows=%d,cols=%d,dtype=%s", n.Attr.Fn, r, n.In[0].Elements()/r, l.plain)
}

// transpose is a copy; one that takes the innermost side away goes through
// shared memory, as a change of layout does.
func (l *lowering) transpose(n *Node, what string) {
	p, x := n.Attr.Perm, n.In[0].Shape
	moved := len(p) - 1
	for moved >= 0 && p[moved] == moved {
		moved--
	}
	if moved < 0 {
		return // the order stays
	}
	if len(p) == 0 || p[len(p)-1] == len(p)-1 {
		l.elementwise(n, what, "copy", n.Out.Elements())
		return
	}
	inner := x[len(x)-1]
	outer := 1
	for i := 0; i < len(p) && p[len(p)-1-i] != len(x)-1; i++ {
		outer *= x[p[len(p)-1-i]]
	}
	l.step(n, what, "layout:n=%d,c=%d,h=1,w=%d,from=nchw,to=nhwc,dtype=%s", n.Out.Elements()/int64(inner)/int64(outer), outer, inner, l.plain)
}

// attention gives the sizes of a fused attention node from its output, batch x
// seq rows of heads x dim.
func (n *Node) attention() (batch, seq, dim int64) {
	r, c := rows(n.Out)
	return r / int64(n.Attr.Size), int64(n.Attr.Size), c / int64(n.Attr.Heads)
}

// recurrent is a product for the inputs of all steps, where there is a
// projection, and a product and a cell for each step.
func (l *lowering) recurrent(n *Node) {
	steps, batch, in := n.In[0].Shape[0], int64(n.In[0].Shape[1]), int64(n.In[0].Shape[2])
	h := int64(n.Attr.Size)
	g := int64(Gates(n.Op)) * h
	if len(n.Params) > 2 {
		l.product(n, "input", int64(steps)*batch, g, in, false, true, 1, "")
	}
	l.product(n, "step", batch, g, h, false, true, 1, "")
	l.steps[len(l.steps)-1].Count = steps
	l.times(steps, n, "cell", "%scell:batch=%d,hidden=%d,dtype=%s", n.Op, batch, h, l.plain)
}
