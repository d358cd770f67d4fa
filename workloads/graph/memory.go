package graph

// Memory is the bytes that a network holds on a device at its peak.
type Memory struct {
	Weights     int64 // parameters and buffers as they are computed with
	Activations int64 // inputs, and activations that are alive at the same time
	Gradients   int64 // of parameters; those of activations count as activations
	Optimizer   int64 // its states, and fp32 parameters where the computation has copies
}

// Total is the sum.
func (m Memory) Total() int64 { return m.Weights + m.Activations + m.Gradients + m.Optimizer }

const indexBytes = 8 // of a token number, as frameworks keep it

// Memory gives the footprint: for inference activations live from the node that
// computes them to the last one that reads them, for training until the backward
// pass has used them. Workspaces of libraries are not in it.
func (g *Graph) Memory(o Options) Memory {
	bits := typeBits(o.DType)
	var m Memory
	m.Weights = bytesOf(g.stored(Parameter), bits) + 4*g.stored(Buffer)
	act := bits
	if bits < 16 {
		act = max(8, bits) // of less than 8 bits: products write integers of 8 bits for the next
	}
	s := schedule{g: g, size: func(t *Tensor) int64 {
		if t.Index {
			return indexBytes * t.Elements()
		}
		return bytesOf(t.Elements(), act)
	}}
	if !o.Train {
		m.Activations = s.inference()
		return m
	}
	m.Activations = s.training(g.gradients())
	p := g.Parameters()
	m.Gradients = bytesOf(p, bits)
	states := map[string]int64{NoOptimizer: 0, "sgd": 0, "momentum": 4, "adam": 8}
	opt := o.optimizer(g)
	m.Optimizer = states[opt] * p
	if bits < 32 && opt != NoOptimizer {
		m.Optimizer += 4 * p // the parameters themselves, in fp32
	}
	return m
}

func bytesOf(elements, bits int64) int64 { return (elements*bits + 7) / 8 }

func typeBits(dtype string) int64 {
	switch dtype {
	case "fp16", "bf16":
		return 16
	case "int8":
		return 8
	case "int4":
		return 4
	case "int1":
		return 1
	}
	return 32
}

// schedule finds the peak of what is alive over the order of nodes. The passes
// of training are times 0 to n-1 forward and n to 2n-1 backward.
type schedule struct {
	g    *Graph
	size func(*Tensor) int64
}

// root follows views to the tensor that holds the values.
func (s *schedule) roots() func(*Tensor) *Tensor {
	from := s.g.producers()
	return func(t *Tensor) *Tensor {
		for {
			n := from[t]
			if n == nil || len(n.In) == 0 || !n.view() {
				return t
			}
			t = n.In[0]
		}
	}
}

// view says whether a node's result is its operand's memory.
func (n *Node) view() bool {
	return n.Op == Reshape || n.Op == Skipped || n.Op == AllReduce || n.Op == Slice && n.Attr.InPlace
}

func (s *schedule) inference() int64 {
	g := s.g
	root := s.roots()
	last := map[*Tensor]int{}
	for i, n := range g.Nodes {
		for _, t := range n.In {
			last[root(t)] = i
		}
	}
	for _, t := range g.Outputs {
		last[root(t)] = len(g.Nodes)
	}
	p := newPeak(len(g.Nodes) + 1)
	for _, t := range g.Inputs {
		p.alive(s.size(t), 0, max(0, last[t]))
	}
	for i, n := range g.Nodes {
		// In training-only and in-place nodes nothing new is written.
		if n.view() || n.Op == Dropout {
			continue
		}
		p.alive(s.size(n.Out), i, max(i, last[n.Out]))
	}
	return p.most()
}

// training keeps what the backward pass reads; gradients of activations live
// from the backward step of their last reader to that of their producer.
func (s *schedule) training(needs map[*Tensor]bool) int64 {
	g := s.g
	n := len(g.Nodes)
	back := func(i int) int { return 2*n - 1 - i }
	root := s.roots()
	last := map[*Tensor]int{} // time of the last use
	grad := map[*Tensor]int{} // time when the gradient appears
	use := func(t *Tensor, at int) { last[root(t)] = max(last[root(t)], at) }
	for i, node := range g.Nodes {
		for k, t := range node.In {
			use(t, i)
			if needs[node.Out] && node.keepsInput(k) {
				use(t, back(i))
			}
			if needs[t] {
				if at, ok := grad[root(t)]; !ok || back(i) < at {
					grad[root(t)] = back(i)
				}
			}
		}
		if needs[node.Out] && node.keepsOutput() {
			use(node.Out, back(i))
		}
	}
	p := newPeak(2 * n)
	for _, t := range g.Inputs {
		p.alive(s.size(t), 0, last[t])
	}
	for i, node := range g.Nodes {
		if node.view() {
			continue
		}
		p.alive(s.size(node.Out), i, max(i, last[node.Out]))
		if needs[node.Out] {
			at, ok := grad[node.Out]
			if !ok {
				at = back(i)
			}
			p.alive(s.size(node.Out), at, back(i))
		}
		if node.Op == Dropout {
			p.alive(node.Out.Elements(), i, back(i)) // a byte of mask for each
		}
	}
	return p.most()
}

// keepsInput says whether the gradients of a node need its operand.
func (n *Node) keepsInput(k int) bool {
	switch n.Op {
	case Conv, Gemm, MatMul, BatchNorm, LayerNorm, LRN, LSTM, GRU, RNN, Embedding, Attention:
		return true
	case Pool:
		return n.Attr.Fn == "max"
	case Eltwise:
		switch n.Attr.Fn {
		case "add", "addu", "sub", "subu", "mulu", "divu", "copy", "cast", "relu", "sigmoid", "tanh":
			return false
		}
		return true
	}
	return false
}

// keepsOutput says whether the gradients of a node need its result.
func (n *Node) keepsOutput() bool {
	switch n.Op {
	case Softmax, LSTM, GRU, RNN:
		return true
	case Eltwise:
		switch n.Attr.Fn {
		case "relu", "sigmoid", "tanh":
			return true
		}
	}
	return false
}

// peak adds bytes up over time.
type peak struct{ delta []int64 }

func newPeak(times int) *peak { return &peak{make([]int64, times+1)} }

func (p *peak) alive(bytes int64, from, to int) {
	p.delta[from] += bytes
	p.delta[min(to+1, len(p.delta)-1)] -= bytes
}

func (p *peak) most() (best int64) {
	now := int64(0)
	for _, d := range p.delta {
		now += d
		best = max(best, now)
	}
	return best
}
