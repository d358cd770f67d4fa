package graph

import (
	"fmt"
	"slices"
)

// FuseNorms gives the graph that a framework with fused batch norms runs: ReLU behind a
// batch norm, and a residual sum between them, are done in its passes. Nothing else is
// fused: in training gradients need what lies between layers. The graph itself stays.
func (g *Graph) FuseNorms(train bool) (*Graph, error) {
	f := fusion{g: g.clone()}
	readers := f.g.consumers()
	place := map[*Tensor]int{}
	for i, n := range f.g.Nodes {
		place[n.Out] = i
	}
	for i, n := range f.g.Nodes {
		if n.Op != BatchNorm || n.Out == nil {
			continue
		}
		_, channels, _, _ := images(n.Out)
		next := only(f.g, readers, n.Out)
		if next == nil || train && channels%4 != 0 { // masks have a byte for four channels
			continue
		}
		var sum *Node
		var other *Tensor
		if next.residual() {
			if other = next.In[0]; other == n.Out {
				other = next.In[1]
			}
			if place[other] > i { // of two batch norms the later one adds
				continue
			}
			sum, next = next, only(f.g, readers, next.Out)
		}
		if next == nil || next.Op != Eltwise || next.Attr.Fn != "relu" {
			continue
		}
		n.Attr.Epilogue = "relu"
		if sum != nil {
			n.Attr.Epilogue = "add+relu"
			n.In = append(n.In, other)
			for k, r := range readers[other] {
				if r == sum {
					readers[other][k] = n
				}
			}
			sum.Out = nil
		}
		n.Out, next.Out = next.Out, nil
	}
	if !slices.ContainsFunc(f.g.Nodes, func(n *Node) bool { return n.Out == nil }) {
		return nil, fmt.Errorf("there is no batch norm with ReLU behind it to fuse")
	}
	f.sweep()
	if err := f.g.Check(); err != nil {
		return nil, fmt.Errorf("after fusion: %w", err)
	}
	return f.g, nil
}
