package graph

// MACs is the multiply-adds of the products of a node, counted directly: of a
// convolution with the taps that fall into the padding.
func (n *Node) MACs() int64 {
	switch n.Op {
	case Conv:
		w := n.Params[0].Shape
		return n.Out.Elements() * int64(w[1]) * int64(w[2]) * int64(w[3])
	case Gemm:
		r, _ := rows(n.Out)
		return r * n.Params[0].Elements()
	case Local:
		points, taps, maps := n.locals()
		return int64(n.Out.Shape[0]) * points * taps * maps
	case MatMul:
		_, k := rows(n.In[0])
		return n.Out.Elements() * k
	case Attention:
		_, seq, _ := n.attention()
		return 2 * seq * n.Out.Elements() // both products, the full square also where a mask leaves half
	case LSTM, GRU, RNN:
		steps := n.In[0].Elements() / int64(n.In[0].Shape[2])
		m := steps * n.Params[0].Elements()
		if len(n.Params) > 2 {
			m += steps * n.Params[2].Elements()
		}
		return m
	}
	return 0
}

// MACs of a forward pass.
func (g *Graph) MACs() int64 {
	total := int64(0)
	for _, n := range g.Nodes {
		total += n.MACs()
	}
	return total
}

// Parameters counts what is learnt; a tensor that nodes share counts once.
func (g *Graph) Parameters() int64 { return g.stored(Parameter) }

func (g *Graph) stored(role Role) (total int64) {
	seen := map[*Tensor]bool{}
	for _, n := range g.Nodes {
		for _, p := range n.Params {
			if p.Role == role && !seen[p] {
				seen[p] = true
				total += p.Elements()
			}
		}
	}
	return total
}
