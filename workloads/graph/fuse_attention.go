package graph

// attentions replaces the products, the scaling, the mask and the softmax of
// attention, with the copies that put heads apart and together, by one kernel
// that reads and writes rows of tokens.
func (f *fusion) attentions() {
	readers, from := f.g.consumers(), f.g.producers()
	for _, n := range f.g.Nodes {
		if n.Op == Softmax {
			f.attention(n, readers, from)
		}
	}
	f.sweep()
}

// attention tries to replace what stands around a softmax.
func (f *fusion) attention(soft *Node, readers map[*Tensor][]*Node, from map[*Tensor]*Node) {
	gone := []*Node{soft}
	context := only(f.g, readers, soft.Out)
	if context == nil || context.Op != MatMul || context.In[0] != soft.Out || context.Attr.TransB {
		return
	}
	causal := false
	p := from[soft.In[0]]
	for p != nil && p.Op == Eltwise && len(p.In)+len(p.Params) <= 2 && only(f.g, readers, p.Out) != nil {
		causal = causal || p.Attr.Causal
		gone = append(gone, p)
		p = from[p.In[0]]
	}
	if p == nil || p.Op != MatMul || !p.Attr.TransB || only(f.g, readers, p.Out) == nil || len(p.Out.Shape) != 4 {
		return
	}
	scores := p
	batch, heads, seq := scores.Out.Shape[0], scores.Out.Shape[1], scores.Out.Shape[2]
	dim := context.Out.Shape[3]
	if scores.Out.Shape[3] != seq || scores.In[0].Shape[3] != dim {
		return
	}
	var operands []*Tensor
	for _, t := range []*Tensor{scores.In[0], scores.In[1], context.In[1]} {
		apart := from[t]
		if apart == nil || !apart.swapsHeads() || only(f.g, readers, t) == nil {
			return
		}
		view := from[apart.In[0]]
		if view == nil || view.Op != Reshape || only(f.g, readers, view.Out) == nil {
			return
		}
		operands = append(operands, view.In[0])
		gone = append(gone, apart, view)
	}
	together := only(f.g, readers, context.Out)
	if together == nil || !together.swapsHeads() {
		return
	}
	rowsOf := only(f.g, readers, together.Out)
	if rowsOf == nil || rowsOf.Op != Reshape || int64(batch*seq)*int64(heads*dim) != rowsOf.Out.Elements() {
		return
	}
	if s := rowsOf.Out.Shape; s[len(s)-1] != heads*dim {
		return
	}
	for _, g := range append(gone, scores, together, rowsOf) {
		if g != context {
			if g == rowsOf {
				context.Out = g.Out
			}
			g.Out = nil
		}
	}
	context.Op, context.In = Attention, operands
	context.Attr = Attr{Heads: heads, Size: seq, Causal: causal}
	// Parts of a joint projection are read where they are.
	for _, t := range operands {
		if n := from[t]; n != nil && n.Op == Slice && len(readers[t]) == 1 {
			n.Attr.InPlace = true
		}
	}
}

// swapsHeads says whether a node exchanges the second and the third of four sides.
func (n *Node) swapsHeads() bool {
	p := n.Attr.Perm
	return n.Op == Transpose && len(p) == 4 && p[0] == 0 && p[1] == 2 && p[2] == 1 && p[3] == 3
}
