// Package graph holds networks as graphs of layers and tensors, whatever
// machine runs them: their operations, parameters and memory, the fusions of an
// inference compiler, and the list of workloads that a pass over them is.
package graph

import (
	"fmt"
	"strings"
)

// Role says where the values of a tensor come from.
type Role uint8

// Roles.
const (
	Activation Role = iota // computed by a node
	Input                  // of the network
	Parameter              // learnt
	Buffer                 // kept with the parameters but not learnt, such as the statistics of a batch norm
)

// Tensor is an array of numbers. A nil producer and role Activation do not go
// together, see Graph.Check.
type Tensor struct {
	Name  string
	Shape []int
	Role  Role
	Index bool // integers that select, 8 bytes each, rather than numbers of the network's type
}

// Elements is the product of the sides.
func (t *Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= int64(d)
	}
	return n
}

// Dims gives the sides as frameworks print them, such as 1x3x224x224.
func (t *Tensor) Dims() string { return dims(t.Shape) }

func dims(shape []int) string {
	s := make([]string, len(shape))
	for i, d := range shape {
		s[i] = fmt.Sprint(d)
	}
	if len(s) == 0 {
		return "scalar"
	}
	return strings.Join(s, "x")
}

// Op is what a node computes.
type Op string

// Operators. Images are N x C x H x W.
const (
	Conv      Op = "conv"      // x; filters [K, C/groups, R, S], perhaps a bias [K]
	Gemm      Op = "gemm"      // rows of x times weights; Attr.TransW, perhaps a bias
	MatMul    Op = "matmul"    // products of two activations, [..., m, k] x [..., k, n]; Attr.TransB
	Eltwise   Op = "eltwise"   // Attr.Fn of one or two tensors, or of one and a parameter
	BatchNorm Op = "batchnorm" // x; gamma, beta and running mean and variance
	LayerNorm Op = "layernorm" // over the last side; gamma, beta
	LRN       Op = "lrn"       // across Attr.Size channels
	Softmax   Op = "softmax"   // over the last side
	Pool      Op = "pool"      // Attr.Fn max or avg
	Reduce    Op = "reduce"    // Attr.Fn over the last sides
	Embedding Op = "embedding" // indices; table [vocab, columns]
	Concat    Op = "concat"    // along Attr.Axis
	Slice     Op = "slice"     // a part along Attr.Axis
	Reshape   Op = "reshape"   // the same values in the same order: costs nothing
	Transpose Op = "transpose" // a copy in another order
	Dropout   Op = "dropout"   // of training only
	LSTM      Op = "lstm"      // x [steps, batch, input]; weights of input and hidden state, biases
	GRU       Op = "gru"
	RNN       Op = "rnn"
	Attention Op = "attention" // q, k, v in one kernel; made by Fuse
	AllReduce Op = "allreduce" // the sum over Attr.Size devices that share a layer, in place: Attr.Fn OfOutputs or OfGradients
	Local     Op = "local"     // x; weights of each point [points, taps, maps]
	Halo      Op = "halo"      // a device's block of images with what lies around it; Attr.Size devices
	Skipped   Op = "skipped"   // an operator that the reader was told to leave out
)

// What an AllReduce node sums: results on the way forward, with gradients that
// each device has whole, or gradients on the way back, with results that each has
// whole (g and f of Shoeybi et al., Megatron-LM, 2019).
const (
	OfOutputs   = "outputs"
	OfGradients = "gradients"
)

// Attr holds what shapes do not tell. Each operator uses some of it.
type Attr struct {
	R, S, StrideH, StrideW, DilH, DilW int
	PadT, PadB, PadL, PadR             int
	Groups                             int

	TransW, TransB bool
	Fn             string // of Eltwise, Pool, Reduce; steps joined by plus signs
	Axis, Size     int
	At             int // first index of a Slice
	Heads          int
	Causal         bool
	Perm           []int

	// Of fused graphs.
	Epilogue string // steps that Conv and Gemm do before they write, such as bias+add+relu; the tensor to add is the last of In
	InPlace  bool   // a Concat or Slice whose neighbours write and read strided: costs nothing
	Apart    bool   // a Slice of a joint product that writes its parts to places of their own
}

// Node is one layer: it computes Out.
type Node struct {
	Name   string
	Op     Op
	In     []*Tensor // activations
	Params []*Tensor // parameters and buffers
	Out    *Tensor
	Attr   Attr
}

// Graph is a network for a number of samples. Nodes stand in an order in which
// they can run once Check has passed.
type Graph struct {
	Name    string
	Batch   int // samples
	Nodes   []*Node
	Inputs  []*Tensor
	Outputs []*Tensor
	// Skipped names the nodes that the reader left out because it does not
	// know their operator.
	Skipped []string
}

// weights of a node without its buffers.
func (n *Node) weights() (out []*Tensor) {
	for _, p := range n.Params {
		if p.Role == Parameter {
			out = append(out, p)
		}
	}
	return out
}

// label is how errors call a node.
func (n *Node) label() string { return fmt.Sprintf("node %q (%s)", n.Name, n.Op) }

// consumers lists the nodes that read each activation, a node once for each of
// its operands that is the tensor.
func (g *Graph) consumers() map[*Tensor][]*Node {
	out := make(map[*Tensor][]*Node, len(g.Nodes))
	for _, n := range g.Nodes {
		for _, t := range n.In {
			out[t] = append(out[t], n)
		}
	}
	return out
}

// producers gives the node that computes each tensor.
func (g *Graph) producers() map[*Tensor]*Node {
	out := make(map[*Tensor]*Node, len(g.Nodes))
	for _, n := range g.Nodes {
		out[n.Out] = n
	}
	return out
}

func (g *Graph) isOutput(t *Tensor) bool {
	for _, o := range g.Outputs {
		if o == t {
			return true
		}
	}
	return false
}

// channels, pixels of an N x C x H x W tensor; tensors of fewer sides have one
// pixel, and their last side counts as channels.
func images(t *Tensor) (n, c, h, w int) {
	s := t.Shape
	switch len(s) {
	case 4:
		return s[0], s[1], s[2], s[3]
	case 3:
		return s[0], s[1], 1, s[2]
	case 2:
		return s[0], s[1], 1, 1
	}
	return 1, int(t.Elements()), 1, 1
}

// rows splits a tensor into rows of its last side.
func rows(t *Tensor) (r, c int64) {
	if len(t.Shape) == 0 {
		return 1, 1
	}
	c = int64(t.Shape[len(t.Shape)-1])
	return t.Elements() / c, c
}
