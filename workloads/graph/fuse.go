package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Fuse gives the graph that an inference compiler makes of one: what only
// training needs is gone, batch norms are folded into convolutions, biases,
// residual sums and activations are done by the product before them, products
// that share their input are one, results are written where a concatenation
// wants them, element-wise nodes that follow each other are one kernel, and
// attention is one kernel where the type has such kernels. The graph itself stays.
func (g *Graph) Fuse(dtype string) (*Graph, error) {
	f := fusion{g: g.clone()}
	f.dropIdentities()
	f.foldBatchNorms()
	if dtype != "fp32" && dtype != "tf32" {
		f.attentions()
	}
	f.epilogues()
	f.horizontal()
	f.concatenations()
	f.chains()
	if err := f.g.Check(); err != nil {
		return nil, fmt.Errorf("after fusion: %w", err)
	}
	return f.g, nil
}

// clone copies nodes; tensors are shared, as fusion makes new ones where it
// needs others.
func (g *Graph) clone() *Graph {
	c := *g
	c.Nodes = make([]*Node, len(g.Nodes))
	for i, n := range g.Nodes {
		m := *n
		m.In, m.Params = slices.Clone(n.In), slices.Clone(n.Params)
		c.Nodes[i] = &m
	}
	c.Outputs = slices.Clone(g.Outputs)
	return &c
}

// fusion rewrites a graph. Passes mark nodes as gone by clearing Out and sweep.
type fusion struct{ g *Graph }

func (f *fusion) sweep() {
	f.g.Nodes = slices.DeleteFunc(f.g.Nodes, func(n *Node) bool { return n.Out == nil })
}

// redirect lets all readers of tensors read others instead.
func (f *fusion) redirect(to map[*Tensor]*Tensor) {
	if len(to) == 0 {
		return
	}
	end := func(t *Tensor) *Tensor {
		for to[t] != nil {
			t = to[t]
		}
		return t
	}
	for _, n := range f.g.Nodes {
		for i, t := range n.In {
			n.In[i] = end(t)
		}
	}
	for i, t := range f.g.Outputs {
		f.g.Outputs[i] = end(t)
	}
}

// only gives the one node that reads a tensor, nil if there are others or it is
// an output of the network.
func only(g *Graph, readers map[*Tensor][]*Node, t *Tensor) *Node {
	if r := readers[t]; len(r) == 1 && !g.isOutput(t) {
		return r[0]
	}
	return nil
}

func (f *fusion) dropIdentities() {
	to := map[*Tensor]*Tensor{}
	for _, n := range f.g.Nodes {
		if n.Op == Dropout || n.Op == Eltwise && n.Attr.Fn == "copy" && n.Attr.Size == 0 {
			to[n.Out] = n.In[0]
			n.Out = nil
		}
	}
	f.sweep()
	f.redirect(to)
}

// foldBatchNorms scales filters and gives them a bias.
func (f *fusion) foldBatchNorms() {
	readers := f.g.consumers()
	for _, n := range f.g.Nodes {
		if n.Op != Conv {
			continue
		}
		bn := only(f.g, readers, n.Out)
		if bn == nil || bn.Op != BatchNorm {
			continue
		}
		if len(n.Params) == 1 {
			n.Params = append(n.Params, &Tensor{Name: n.Name + ".folded", Shape: []int{n.Out.Shape[1]}, Role: Parameter})
		}
		n.Out, bn.Out = bn.Out, nil
	}
	f.sweep()
}

// epilogues moves what follows a product into it.
func (f *fusion) epilogues() {
	readers := f.g.consumers()
	place := map[*Tensor]int{}
	for i, n := range f.g.Nodes {
		place[n.Out] = i
	}
	for i, n := range f.g.Nodes {
		if n.Op != Conv && n.Op != Gemm || n.Out == nil {
			continue
		}
		var steps []string
		if len(n.Params) > 1 {
			steps = append(steps, "bias")
		}
		next := only(f.g, readers, n.Out)
		if next != nil && next.residual() {
			other := next.In[0]
			if other == n.Out {
				other = next.In[1]
			}
			// Of two products the later one adds, when the other's result is there.
			if place[other] < i {
				steps = append(steps, "add")
				n.In = append(n.In, other)
				for k, r := range readers[other] {
					if r == next {
						readers[other][k] = n
					}
				}
				n.Out, next.Out = next.Out, nil
				next = only(f.g, readers, n.Out)
			}
		}
		if next != nil && next.Op == Eltwise && len(next.In) == 1 && len(next.Params) == 0 {
			if act, ok := activations[next.Attr.Fn]; ok {
				steps = append(steps, act)
				n.Out, next.Out = next.Out, nil
			}
		}
		n.Attr.Epilogue = strings.Join(steps, "+")
	}
	f.sweep()
}

// activations that products do before they write, by the step of that name.
// Libraries have the tanh form of GELU.
var activations = map[string]string{"relu": "relu", "gelu": "gelu", "gelu_tanh": "gelu"}

// residual says whether a node is the sum of two different tensors of one shape.
func (n *Node) residual() bool {
	return n.Op == Eltwise && n.Attr.Fn == "add" && len(n.In) == 2 && n.In[0] != n.In[1] && slices.Equal(n.In[0].Shape, n.In[1].Shape)
}

// horizontal makes one product of those that read the same input: 1x1
// convolutions of the same geometry, and matrix products.
func (f *fusion) horizontal() {
	type key struct {
		in   *Tensor
		op   Op
		attr string
	}
	groups := map[key][]*Node{}
	var order []key
	for _, n := range f.g.Nodes {
		if n.Op != Conv && n.Op != Gemm || len(n.In) != 1 || n.Op == Conv && (n.Attr.R != 1 || n.Attr.S != 1 || n.Attr.Groups != 1) {
			continue
		}
		k := key{n.In[0], n.Op, fmt.Sprint(n.Attr, len(n.Params))}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], n)
	}
	var added []*Node
	for _, k := range order {
		if ns := groups[k]; len(ns) > 1 {
			added = append(added, join(ns)...)
		}
	}
	f.g.Nodes = append(f.g.Nodes, added...)
	f.sweep()
}

// join makes the first of several products compute all, and gives the views
// that the others' results become.
func join(ns []*Node) (views []*Node) {
	first := ns[0]
	axis := 1
	if first.Op == Gemm {
		axis = len(first.Out.Shape) - 1
	}
	var names []string
	total := 0
	for _, n := range ns {
		names = append(names, n.Name)
		total += n.Out.Shape[axis]
	}
	whole := &Tensor{Name: strings.Join(names, "|"), Shape: slices.Clone(first.Out.Shape)}
	whole.Shape[axis] = total
	at := 0
	for _, n := range ns {
		size := n.Out.Shape[axis]
		views = append(views, &Node{
			Name: n.Name + ".part", Op: Slice, In: []*Tensor{whole}, Out: n.Out,
			Attr: Attr{Axis: axis, At: at, Size: size, InPlace: true, Apart: true},
		})
		at += size
		n.Out = nil
	}
	first.Name, first.Out = whole.Name, whole
	w := *first.Params[0]
	w.Shape = slices.Clone(w.Shape)
	side := 0
	if first.Op == Gemm && !first.Attr.TransW {
		side = 1
	}
	w.Shape[side] = total
	first.Params[0] = &w
	if len(first.Params) > 1 {
		first.Params[1] = &Tensor{Name: whole.Name + ".bias", Shape: []int{total}, Role: Parameter}
	}
	return views
}

// concatenations lets nodes write their results where they belong. A result
// can stand in one place only.
func (f *fusion) concatenations() {
	from := f.g.producers()
	placed := map[*Tensor]bool{}
	for _, n := range f.g.Nodes {
		if n.Op != Concat {
			continue
		}
		ok := true
		for _, t := range n.In {
			p := from[t]
			ok = ok && !placed[t] && p != nil && (!p.view() || p.Attr.Apart)
		}
		if !ok {
			continue
		}
		for _, t := range n.In {
			placed[t] = true
		}
		n.Attr.InPlace = true
	}
}

// maxChain is the operations that the workload language takes in one kernel.
const maxChain = 8

// chains makes one kernel of element-wise nodes that follow each other.
func (f *fusion) chains() {
	readers := f.g.consumers()
	for _, n := range f.g.Nodes {
		if n.Out == nil || !n.chains() {
			continue
		}
		for {
			next := only(f.g, readers, n.Out)
			if next == nil || !next.chains() || !slices.Equal(next.Out.Shape, n.Out.Shape) {
				break
			}
			fn := n.resolved() + "+" + next.resolved()
			if strings.Count(fn, "+") >= maxChain {
				break
			}
			n.Attr.Fn = fn
			n.Attr.Causal = n.Attr.Causal || next.Attr.Causal
			for _, t := range next.In {
				if t != n.Out {
					n.In = append(n.In, t)
					for k, r := range readers[t] {
						if r == next {
							readers[t][k] = n
						}
					}
				}
			}
			n.Params = append(n.Params, next.Params...)
			n.Name += "|" + next.Name
			n.Out, next.Out = next.Out, nil
		}
	}
	f.sweep()
}

// chains says whether a node can be part of a chain: element-wise, and no
// operand that is repeated per channel.
func (n *Node) chains() bool {
	if n.Op != Eltwise || len(n.In) == 2 && n.In[0] == n.In[1] {
		return false
	}
	return !n.small() || !n.perChannel()
}

// small says whether a node has an operand that is repeated.
func (n *Node) small() bool {
	if len(n.Params) > 0 {
		return true
	}
	for _, t := range n.In {
		if t.Elements() < n.Out.Elements() {
			return true
		}
	}
	return false
}

// resolved is the operations of a node with repeated operands taken for
// scalars, and may be called again.
func (n *Node) resolved() string {
	if s, ok := withScalar[n.Attr.Fn]; ok && n.small() {
		return s
	}
	return n.Attr.Fn
}
