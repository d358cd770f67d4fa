package graph

import "fmt"

// Stages cuts a graph into parts that run on devices in a row (pipeline
// parallelism). A cut may lie where one activation alone is handed on; among such
// places those are taken that share the multiply-adds most evenly. The
// activation is an input of the later part; its gradient goes back.
func (g *Graph) Stages(n int) ([]*Graph, error) {
	if n == 1 {
		return []*Graph{g}, nil
	}
	cuts := g.cuts()
	done, total := make([]int64, len(g.Nodes)), int64(0) // multiply-adds up to a node
	for i, node := range g.Nodes {
		total += node.MACs()
		done[i] = total
	}
	out := make([]*Graph, 0, n)
	from := 0
	var input *Tensor
	for s := 1; s <= n; s++ {
		at := len(g.Nodes) - 1
		if s < n {
			at = -1
			for i := from; i < len(g.Nodes)-1; i++ {
				if cuts[i] == nil || done[i] == done[from] && from > 0 || done[i] == total {
					continue
				}
				if at < 0 || distance(done[i], total*int64(s)/int64(n)) < distance(done[at], total*int64(s)/int64(n)) {
					at = i
				}
			}
			if at < 0 {
				return nil, fmt.Errorf("it cannot be cut into %d stages: there are too few places where one activation alone is handed on", n)
			}
		}
		part := &Graph{Name: g.Name, Batch: g.Batch, Nodes: g.Nodes[from : at+1]}
		if input != nil {
			part.Inputs = []*Tensor{input}
		}
		if s < n {
			part.Outputs = []*Tensor{cuts[at]}
			input = cuts[at]
		} else {
			part.Outputs = g.Outputs
		}
		part.Inputs = append(part.Inputs, part.given(g.Inputs)...)
		out = append(out, part)
		from = at + 1
	}
	return out, nil
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// given are the network's inputs that a part reads.
func (g *Graph) given(inputs []*Tensor) (out []*Tensor) {
	reads := g.consumers()
	for _, t := range inputs {
		if len(reads[t]) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// cuts gives for each node the activation that alone is handed on behind it; nil
// where there are several or an output of the network lies before.
func (g *Graph) cuts() []*Tensor {
	s := schedule{g: g}
	root := s.roots()
	last := map[*Tensor]int{} // reader of what holds the values
	for i, n := range g.Nodes {
		for _, t := range n.In {
			if t.Role == Activation {
				last[root(t)] = i
			}
		}
	}
	for _, t := range g.Outputs {
		last[root(t)] = len(g.Nodes)
	}
	out := make([]*Tensor, len(g.Nodes))
	alive := map[*Tensor]*Tensor{} // what holds the values: what later nodes read
	for i, n := range g.Nodes {
		if r := root(n.Out); last[r] > i {
			alive[r] = n.Out
		}
		for t := range alive {
			if last[t] <= i {
				delete(alive, t)
			}
		}
		if len(alive) == 1 && i < len(g.Nodes)-1 {
			for _, t := range alive {
				if t == n.Out { // and not an earlier view of it
					out[i] = t
				}
			}
		}
	}
	return out
}
