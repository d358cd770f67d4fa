package graph

import "fmt"

// backward lowers both gradient passes, from the outputs to the inputs.
func (l *lowering) backward(g *Graph) error {
	needs := g.gradients()
	uses := map[*Tensor]int{} // gradients of a tensor that have been computed
	left := map[*Tensor]int{} // nodes of a parameter whose part of its gradient is not computed yet
	for _, n := range g.Nodes {
		for _, p := range n.weights() {
			left[p]++
		}
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if !needs[n.Out] {
			continue
		}
		if u := uses[n.Out]; u > 1 { // each further use of a tensor adds to its gradient
			for k := 1; k < u; k++ {
				l.elementwise(n, "accumulate", "add", n.Out.Elements())
			}
		}
		if err := l.gradient(n, needs); err != nil {
			return fmt.Errorf("%s: %w", n.label(), err)
		}
		for _, p := range n.weights() {
			if left[p]--; left[p] == 0 {
				l.steps[len(l.steps)-1].Grad += p.Elements()
			}
		}
		for _, t := range n.In {
			if needs[t] {
				uses[t]++
			}
		}
	}
	return l.err
}

// gradients are the tensors that a parameter has a part in: those whose
// gradients the backward pass computes.
func (g *Graph) gradients() map[*Tensor]bool {
	needs := map[*Tensor]bool{}
	for _, t := range g.Inputs {
		needs[t] = t.Role == Activation // of an earlier stage
	}
	for _, n := range g.Nodes {
		need := len(n.weights()) > 0
		for _, t := range n.In {
			need = need || needs[t]
		}
		if need {
			needs[n.Out] = true
		}
	}
	return needs
}

// gradient lowers the gradients of a node's operands and parameters.
func (l *lowering) gradient(n *Node, needs map[*Tensor]bool) error {
	out := n.Out
	data := func(i int) bool { return needs[n.In[i]] }
	switch n.Op {
	case Conv:
		if len(n.Params) > 1 {
			l.columnSums(n, "bwd_bias", out)
		}
		l.conv(n, "bwd_weight", "bwd_weight")
		if data(0) {
			l.conv(n, "bwd_data", "bwd_data")
		}
	case Gemm:
		r, c := rows(out)
		_, k := rows(n.In[0])
		if len(n.Params) > 1 {
			l.columnSums(n, "bwd_bias", out)
		}
		if n.Attr.TransW {
			l.product(n, "bwd_weight", c, k, r, true, false, 1, "")
		} else {
			l.product(n, "bwd_weight", k, c, r, true, false, 1, "")
		}
		if data(0) {
			l.product(n, "bwd_data", r, k, c, false, !n.Attr.TransW, 1, "")
		}
	case MatMul:
		m, c, k, batch := n.matrices()
		if data(0) {
			l.product(n, "bwd_a", m, k, c, false, !n.Attr.TransB, batch, "")
		}
		if data(1) {
			if n.Attr.TransB {
				l.product(n, "bwd_b", c, k, m, true, false, batch, "")
			} else {
				l.product(n, "bwd_b", k, c, m, true, false, batch, "")
			}
		}
	case Eltwise:
		l.eltwiseGradient(n, needs)
	case BatchNorm, LayerNorm, LRN, Softmax, Embedding:
		l.alike(n, "bwd", ",pass=bwd")
	case Pool:
		if data(0) {
			l.pool(n, "bwd")
		}
	case Reduce:
		l.elementwise(n, "bwd", "copy", n.In[0].Elements())
	case Concat:
		l.step(n, "bwd", "concat:size=%d,parts=%d,dtype=%s", out.Elements(), min(len(n.In), maxParts), l.plain)
	case Slice:
		if n.Attr.InPlace { // its part of the whole's gradient
			l.elementwise(n, "bwd", "copy", out.Elements())
		} else { // into zeros of the whole
			l.elementwise(n, "bwd", "copy", n.In[0].Elements())
		}
	case Transpose:
		l.transpose(n, "bwd")
	case Dropout:
		l.elementwise(n, "bwd", "mask", out.Elements())
	case LSTM, GRU, RNN:
		l.recurrentGradient(n, data(0))
	case Local:
		points, taps, maps := n.locals()
		images := int64(out.Shape[0])
		l.product(n, "bwd_weight", taps, maps, images, true, false, points, "")
		if data(0) {
			l.product(n, "bwd_data", images, taps, maps, false, true, points, "")
		}
	case Halo:
		if data(0) {
			l.halo(n, "bwd")
		}
	case AllReduce:
		if n.Attr.Fn == OfGradients {
			l.allReduce(n, "bwd")
		}
	case Attention:
		return fmt.Errorf("fused attention has no gradient here; use fused=false")
	}
	return l.err
}

// columnSums is the gradient of a bias: sums over everything but the channels.
func (l *lowering) columnSums(n *Node, what string, t *Tensor) {
	_, c, _, _ := images(t)
	if len(t.Shape) != 4 {
		_, last := rows(t)
		c = int(last)
	}
	r := t.Elements() / int64(c)
	if len(t.Shape) == 4 && l.layout == "nchw" {
		l.step(n, what, "reduce:op=sum,rows=%d,cols=%d,dtype=%s", c, r, l.plain)
		return
	}
	l.step(n, what, "reduce:op=sum,rows=%d,cols=%d,axis=rows,dtype=%s", r, c, l.plain)
}

// eltwiseGradient: sums hand their gradient on, products multiply it by the
// other operand, functions by their slope, which they compute from what the
// forward pass has kept.
func (l *lowering) eltwiseGradient(n *Node, needs map[*Tensor]bool) {
	size := n.Out.Elements()
	switch fn := n.Attr.Fn; fn {
	case "add", "addu", "sub", "subu", "copy", "cast":
		for i, t := range n.In {
			if needs[t] && t.Elements() < size { // was repeated: sums
				l.step(n, fmt.Sprintf("bwd_%d", i), "reduce:op=sum,rows=%d,cols=%d,dtype=%s", t.Elements(), size/t.Elements(), l.plain)
			}
		}
	case "mul", "div":
		for i, t := range n.In {
			if !needs[t] {
				continue
			}
			l.elementwise(n, fmt.Sprintf("bwd_%d", i), "mul", size)
			if t.Elements() < size {
				l.step(n, fmt.Sprintf("bwd_%d_sum", i), "reduce:op=sum,rows=%d,cols=%d,dtype=%s", t.Elements(), size/t.Elements(), l.plain)
			}
		}
	case "mulu", "divu":
		l.elementwise(n, "bwd", "mulu", size)
	case "relu", "relu6", "leakyrelu":
		l.elementwise(n, "bwd", "mul", size)
	default:
		parts := composed[fn]
		if parts == nil || !l.o.Eager {
			l.elementwise(n, "bwd", fn+"+mul", size)
			break
		}
		for i := len(parts) - 1; i >= 0; i-- {
			l.composedGradient(n, i, parts[i], size)
		}
	}
	for _, p := range n.weights() {
		l.step(n, "bwd_weight", "reduce:op=sum,rows=%d,cols=%d,dtype=%s", p.Elements(), max(1, size/p.Elements()), l.plain)
	}
}

// composedGradient is the gradient of one kernel of a composed function: sums
// hand theirs on, and two that meet are added.
func (l *lowering) composedGradient(n *Node, i int, op string, size int64) {
	kernels := map[string][]string{"mul": {"mul", "mul"}, "mulu": {"mulu"}, "add": {"add"}, "powu": {"powu+mul", "add"}, "tanh": {"mul"}}[op]
	for k, fn := range kernels {
		l.elementwise(n, fmt.Sprintf("bwd_%d_%d", i+1, k+1), fn, size)
	}
}

// recurrentGradient runs the steps backwards; weights get one product over all
// steps. The cell's gradient reads and writes the tensors of its forward pass.
func (l *lowering) recurrentGradient(n *Node, input bool) {
	steps, batch, in := n.In[0].Shape[0], int64(n.In[0].Shape[1]), int64(n.In[0].Shape[2])
	h := int64(n.Attr.Size)
	g := int64(Gates(n.Op)) * h
	all := int64(steps) * batch
	l.times(steps, n, "bwd_cell", "%scell:batch=%d,hidden=%d,dtype=%s", n.Op, batch, h, l.plain)
	l.product(n, "bwd_step", batch, h, g, false, false, 1, "")
	l.steps[len(l.steps)-1].Count = steps
	l.product(n, "bwd_weight_hh", g, h, all, true, false, 1, "")
	if len(n.Params) > 2 {
		l.product(n, "bwd_weight_ih", g, in, all, true, false, 1, "")
		if input {
			l.product(n, "bwd_data", all, in, g, false, false, 1, "")
		}
	}
	l.step(n, "bwd_bias", "reduce:op=sum,rows=%d,cols=%d,axis=rows,dtype=%s", all, g, l.plain)
}

// update changes the parameters, all in one kernel as frameworks' multi-tensor
// updates do, in fp32; with 16-bit types a copy for the next step follows.
func (l *lowering) update(g *Graph) {
	size, opt := g.Parameters(), l.o.optimizer(g)
	if size == 0 || opt == NoOptimizer {
		return
	}
	n := &Node{Name: "update"}
	l.step(n, opt, "optimizer:op=%s,size=%d,dtype=fp32", opt, size)
	if l.plain != "fp32" {
		l.step(n, "cast", "elementwise:op=cast,size=%d,dtype=fp32,to=%s", size, l.plain)
	}
}

// optimizer is the one that a graph is trained with.
func (o *Options) optimizer(g *Graph) string {
	if o.Optimizer != "" {
		return o.Optimizer
	}
	return g.DefaultOptimizer()
}

// DefaultOptimizer is the usual one: momentum for networks with convolutions, else Adam.
// Stages take that of the whole network.
func (g *Graph) DefaultOptimizer() string {
	for _, n := range g.Nodes {
		if n.Op == Conv {
			return "momentum"
		}
	}
	return "adam"
}
