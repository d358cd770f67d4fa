package workloads

import "gpusim/workloads/graph"

// Flow is a tensor on its way to a layer.
type Flow struct {
	From     int   // layer that computes it, by its place in Network.Layers; -1: input of the network
	Tensor   int   // number of the tensor: a layer that reads it too names the same
	Elements int64 // of it, each time
	Times    int   // that a pass over the network sends it: once, or in every step of a recurrence
}

// connect says of each layer which activations it reads. Where a layer of the
// network is several library calls, each reads what the one before has computed.
func (n *Network) connect(g *graph.Graph, steps []graph.Step) {
	from := map[*graph.Tensor]*graph.Node{}
	last := map[*graph.Node]int{} // its last step
	for i, s := range steps {
		last[s.Node] = i
	}
	for _, node := range g.Nodes {
		from[node.Out] = node
	}
	ids := map[*graph.Tensor]int{}
	id := func(t *graph.Tensor) int {
		if _, ok := ids[t]; !ok {
			ids[t] = len(ids)
		}
		return ids[t]
	}
	// sources follows nodes that compute nothing, such as reshapes and parts in
	// place, to where the values come from.
	var sources func(t *graph.Tensor, part int64) []Flow
	sources = func(t *graph.Tensor, part int64) []Flow {
		node := from[t]
		if node == nil {
			return []Flow{{From: -1, Tensor: id(t), Elements: part, Times: 1}}
		}
		if i, ok := last[node]; ok {
			return []Flow{{From: i, Tensor: id(t), Elements: part, Times: 1}}
		}
		var out []Flow
		for _, in := range node.In {
			size := in.Elements()
			if len(node.In) == 1 {
				size = min(size, part)
			}
			out = append(out, sources(in, size)...)
		}
		return out
	}
	next := 1 << 20 // numbers of tensors inside a layer of several calls
	for i, s := range steps {
		l := &n.Layers[i]
		inner := i > 0 && steps[i-1].Node == s.Node
		if !inner {
			for _, t := range s.Node.In {
				l.Reads = append(l.Reads, sources(t, t.Elements())...)
			}
		} else {
			l.Reads = append(l.Reads, Flow{From: i - 1, Tensor: next, Elements: Outputs(n.Layers[i-1].Work), Times: n.Layers[i-1].Count})
			next++
		}
		if l.Count == 1 {
			continue
		}
		// Of a recurrence the product reads what the cell has made of the one before.
		if j := last[s.Node]; j > i && n.Layers[j].Count == l.Count {
			if i > 0 && inner { // the product of all inputs goes to the cells
				n.Layers[j].Reads = append(n.Layers[j].Reads, l.Reads...)
				l.Reads = nil
			}
			state := min(Outputs(n.Layers[j].Work), Inputs(l.Work)) // what the cell keeps for itself stays there
			l.Reads = append(l.Reads, Flow{From: j, Tensor: next, Elements: state, Times: l.Count})
			next++
		}
	}
}

// chain connects the layers of a table: nothing says more than that each follows
// the one before.
func (n *Network) chain() {
	for i := range n.Layers {
		l := &n.Layers[i]
		f := Flow{From: i - 1, Tensor: i, Times: 1, Elements: Inputs(l.Work)}
		if i > 0 {
			f.Elements = min(f.Elements, Outputs(n.Layers[i-1].Work))
		}
		l.Reads = []Flow{f}
	}
}

// Outputs is the elements that a forward pass of a workload computes.
func Outputs(w Workload) int64 {
	switch {
	case w.GEMM != nil:
		g := w.GEMM
		return int64(g.M) * int64(g.N) * int64(max(1, g.Batch))
	case w.Conv != nil:
		c := w.Conv
		switch c.Pass {
		case PassData:
			return int64(c.N) * int64(c.C) * int64(c.H) * int64(c.W)
		case PassWeight:
			return int64(c.K) * int64(c.C/c.Groups) * int64(c.R) * int64(c.S)
		}
		return int64(c.N) * int64(c.K) * int64(c.P()) * int64(c.Q())
	case w.Custom != nil:
		return int64(w.Custom.Rows) * int64(w.Custom.Cols)
	case w.Layer != nil:
		return w.Layer.outputs()
	}
	return 0
}

// Inputs is the activations that it reads: parameters stay with who computes with
// them. Of a product they are the matrix B.
func Inputs(w Workload) int64 {
	switch {
	case w.GEMM != nil:
		g := w.GEMM
		return int64(g.K)*int64(g.N)*int64(max(1, g.Batch)) + int64(added(g.Epilogue))*Outputs(w)
	case w.Conv != nil:
		c := w.Conv
		in := int64(c.N) * int64(c.C) * int64(c.H) * int64(c.W)
		out := int64(c.N) * int64(c.K) * int64(c.P()) * int64(c.Q())
		switch c.Pass {
		case PassData:
			return out
		case PassWeight:
			return in + out
		}
		return in + int64(added(c.Epilogue))*out
	case w.Custom != nil:
		var n int64
		for _, in := range w.Custom.Inputs {
			if in.Shape == "" {
				n += Outputs(w)
			}
		}
		return n
	case w.Layer != nil:
		return w.Layer.inputs()
	}
	return 0
}

// added is the further tensors that an epilogue adds.
func added(epilogue string) int {
	if HasStep(epilogue, EpilogueAdd) {
		return 1
	}
	return 0
}

func (l *Layer) outputs() int64 {
	rows, points := int64(l.Rows)*int64(l.Cols), int64(l.points())
	switch l.Kind {
	case KindElementwise, KindConcat, KindOptimizer:
		return int64(l.Size)
	case KindPool:
		if l.Pass == PassBackward {
			return points
		}
		return int64(l.N) * int64(l.C) * int64(l.P()) * int64(l.Q())
	case KindConvPool:
		return int64(l.N) * int64(l.K) * int64(l.P()) * int64(l.Q())
	case KindReduce:
		if l.Axis == "rows" {
			return int64(l.Cols)
		}
		return int64(l.Rows)
	case KindAttention:
		return int64(l.Batch) * int64(l.Heads) * int64(l.Seq) * int64(l.Dim)
	case KindLSTMCell:
		return 2 * int64(l.Batch) * int64(l.Hidden) // with the cell's state
	case KindGRUCell, KindRNNCell:
		return int64(l.Batch) * int64(l.Hidden)
	case KindBatchNorm, KindLRN, KindLayout:
		return points
	}
	return rows
}

func (l *Layer) inputs() int64 {
	out := l.outputs()
	unit := int64(l.Batch) * int64(l.Hidden)
	switch l.Kind {
	case KindBatchNorm:
		if l.Op == "add+relu" && l.Pass != PassBackward {
			return 2 * out
		}
		return out
	case KindElementwise:
		n := out
		chain, _ := l.Chain() // checked when the layer was made
		for _, o := range chain {
			if o.Tensor {
				n += out
			}
		}
		return n
	case KindPool:
		if l.Pass == PassBackward {
			return int64(l.N) * int64(l.C) * int64(l.P()) * int64(l.Q())
		}
		return int64(l.points())
	case KindConvPool:
		return int64(l.points())
	case KindReduce:
		return int64(l.Rows) * int64(l.Cols)
	case KindEmbedding:
		return int64(l.Rows)
	case KindAttention:
		return int64(l.Batch) * int64(l.Heads) * int64(l.Dim) * int64(l.Seq+2*l.Keys())
	case KindLSTMCell:
		return 5 * unit
	case KindGRUCell:
		return 7 * unit
	case KindRNNCell:
		return 2 * unit
	}
	if l.Pass == PassBackward {
		return 2 * out
	}
	return out
}
