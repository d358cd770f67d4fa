package cpu

import (
	"fmt"

	"gpusim/workloads"
)

// Instructions per vector of functions that no instruction computes: range
// reduction and a polynomial for fp32, as Cephes' single-precision functions and
// SLEEF have them.
const (
	expInsts  = 11 // scale, round, two-step reduction, polynomial of degree 5, exponent
	logInsts  = 14 // split, polynomial of degree 8, sum
	tanhInsts = 14 // rational function of degrees 13 over 6 (Eigen), and a division
	erfInsts  = 18 // rational function, and a division
)

// function is what an element-wise operation costs on one vector.
type function struct{ arith, div float64 }

var functions = map[string]function{
	"relu": {1, 0}, "relu6": {2, 0}, "leakyrelu": {2, 0}, "gelu": {erfInsts + 3, 1}, "gelu_tanh": {tanhInsts + 5, 1},
	"sigmoid": {expInsts + 1, 1}, "silu": {expInsts + 2, 1}, "tanh": {tanhInsts, 1}, "exp": {expInsts, 0}, "log": {logInsts, 0},
	"sqrt": {0, 1}, "rsqrt": {0, 2}, "abs": {1, 0}, "neg": {1, 0}, "square": {1, 0},
	"add": {1, 0}, "sub": {1, 0}, "mul": {1, 0}, "div": {0, 1}, "pow": {expInsts + logInsts + 1, 0}, "max": {1, 0}, "min": {1, 0},
	"addu": {1, 0}, "subu": {1, 0}, "mulu": {1, 0}, "divu": {0, 1}, "powu": {expInsts + logInsts + 1, 0}, "maxu": {1, 0}, "minu": {1, 0},
	"bias": {1, 0}, "copy": {0, 0}, "cast": {1, 0}, "mask": {1, 0}, "dropout": {8, 0}, // a counter-based generator, less than cuRAND's Philox
}

// sweepsOf lists the loops that compute a layer. Tensors of every type lie in
// memory as the type that the machine computes in, elem bytes an element.
func sweepsOf(l *workloads.Layer, elem float64) ([]sweep, error) {
	switch l.Kind {
	case workloads.KindElementwise:
		return elementwise(l, elem)
	case workloads.KindSoftmax:
		return softmax(float64(l.Rows), float64(l.Cols), elem, l.Pass == workloads.PassBackward), nil
	case workloads.KindLayerNorm:
		return norm("layernorm", float64(l.Rows)*float64(l.Cols), float64(l.Rows), elem, l.Pass == workloads.PassBackward), nil
	case workloads.KindBatchNorm:
		n := points(l)
		if l.Phase != "train" {
			return []sweep{flat("batchnorm", n, elem, 1, 1, insts{fma: 1}, 0)}, nil
		}
		out := norm("batchnorm", n, float64(l.C), elem, l.Pass == workloads.PassBackward)
		switch { // ReLU costs no pass; a sum reads another tensor, and its gradient is one more
		case l.Op != "add+relu":
		case l.Pass == workloads.PassBackward:
			out = append(out, flat("batchnorm_add", n, elem, 0, 1, insts{}, 0))
		default:
			out = append(out, flat("batchnorm_add", n, elem, 1, 0, insts{fma: 1}, 0))
		}
		return out, nil
	case workloads.KindPool:
		return pool(l, elem), nil
	case workloads.KindLRN:
		// The window's sum slides along the channels; x^-0.75 is two square roots and a
		// division (as MKL-DNN has it).
		in, arith := 1.0, 6.0
		if l.Pass == workloads.PassBackward {
			in, arith = 3, 12
		}
		return []sweep{flat("lrn", points(l), elem, in, 1, insts{fma: arith}, 3)}, nil
	case workloads.KindReduce:
		n := float64(l.Rows) * float64(l.Cols)
		s := flat("reduce_"+l.Op, n, elem, 1, 0, insts{fma: 1}, 0)
		if l.Axis != "rows" {
			s.pieces = float64(l.Rows)
		}
		return []sweep{s}, nil
	case workloads.KindEmbedding:
		n := float64(l.Rows) * float64(l.Cols)
		table := float64(l.Vocab) * float64(l.Cols) * elem
		s := sweep{name: "embedding", elems: n, pieces: float64(l.Rows), streams: []stream{{bytes: elem, size: table, jumps: true}, write(elem, n*elem)}}
		if l.Pass == workloads.PassBackward {
			s.streams = []stream{read(elem, n*elem), {bytes: elem, size: table, jumps: true, write: true, update: true}}
			s.work.fma = 1
		}
		return []sweep{s}, nil
	case workloads.KindLayout:
		// Square blocks are transposed in registers.
		return []sweep{flat("layout", points(l), elem, 1, 1, insts{shuffle: 4}, 0)}, nil
	case workloads.KindConcat:
		return []sweep{flat("concat", float64(l.Size), elem, 1, 1, insts{}, 0)}, nil
	case workloads.KindLSTMCell:
		// Three sigmoids, two tanh, and the new state.
		return []sweep{cell(l, elem, 4+2, 2, insts{fma: 3*(expInsts+1) + 2*tanhInsts + 8}, 5)}, nil
	case workloads.KindGRUCell:
		return []sweep{cell(l, elem, 6+1, 1, insts{fma: 2*(expInsts+1) + tanhInsts + 8}, 3)}, nil
	case workloads.KindRNNCell:
		return []sweep{cell(l, elem, 2, 1, insts{fma: tanhInsts + 1}, 1)}, nil
	case workloads.KindOptimizer:
		s := float64(l.Size)
		switch l.Op {
		case "adam":
			return []sweep{update("adam", s, elem, 1, 3, insts{fma: 8}, 2)}, nil
		case "momentum":
			return []sweep{update("momentum", s, elem, 1, 2, insts{fma: 2}, 0)}, nil
		}
		return []sweep{update("sgd", s, elem, 1, 1, insts{fma: 1}, 0)}, nil
	}
	return nil, fmt.Errorf("no loop is known for %s", l.Kind)
}

func points(l *workloads.Layer) float64 {
	return float64(l.N) * float64(l.C) * float64(l.H) * float64(l.W)
}

// flat is a loop over elements with a number of tensors of as many.
func flat(name string, n, elem, in, out float64, work insts, div float64) sweep {
	s := sweep{name: name, elems: n, work: work, div: div}
	size := n * elem * (in + out)
	for range int(in) {
		s.streams = append(s.streams, read(elem, size))
	}
	for range int(out) {
		s.streams = append(s.streams, write(elem, size))
	}
	return s
}

// update is a loop that changes tensors in place.
func update(name string, n, elem, in, both float64, work insts, div float64) sweep {
	s := flat(name, n, elem, in, both, work, div)
	for i := range s.streams {
		s.streams[i].update = s.streams[i].write
	}
	return s
}

func cell(l *workloads.Layer, elem, in, out float64, work insts, div float64) sweep {
	return flat(l.Kind, float64(l.Batch)*float64(l.Hidden), elem, in, out, work, div)
}

func elementwise(l *workloads.Layer, elem float64) ([]sweep, error) {
	chain, err := l.Chain()
	if err != nil {
		return nil, err
	}
	var work insts
	in, div, byteStreams := 1.0, 0.0, 0.0
	for _, o := range chain {
		f, ok := functions[o.Name]
		if !ok {
			return nil, fmt.Errorf("no loop is known for op=%s", o.Name)
		}
		work.fma += f.arith
		div += f.div
		if o.Tensor {
			in++
		}
		if o.Name == "mask" || o.Name == "dropout" {
			byteStreams++
		}
		if o.Name == "bias" && l.Inner == 1 {
			work.vecLoad++ // the vector of the channels is in L1
		}
	}
	s := flat("elementwise_"+l.Op, float64(l.Size), elem, in, 1, work, div)
	for range int(byteStreams) {
		s.streams = append(s.streams, read(1, s.streams[0].size))
	}
	return []sweep{s}, nil
}

// softmax looks for the maximum of a row, adds up exponentials and divides. The
// second and the third time a row is found where it fits.
func softmax(rows, cols, elem float64, back bool) []sweep {
	n, row := rows*cols, cols*elem
	if back {
		// Sum of the products of gradient and output, then their difference.
		return []sweep{
			{name: "softmax_dot", elems: n, pieces: rows, streams: []stream{read(elem, 3*n*elem), read(elem, 3*n*elem)}, work: insts{fma: 1}},
			{name: "softmax_back", elems: n, pieces: rows, streams: []stream{again(elem, row, 2), again(elem, row, 2), write(elem, 3*n*elem)}, work: insts{fma: 2}},
		}
	}
	return []sweep{
		{name: "softmax_max", elems: n, pieces: rows, streams: []stream{read(elem, 2*n*elem)}, work: insts{fma: 1}},
		{name: "softmax_exp", elems: n, pieces: rows, streams: []stream{again(elem, row, 2), write(elem, 2*n*elem)}, work: insts{fma: expInsts + 2}},
		{name: "softmax_scale", elems: n, pieces: rows, streams: []stream{{bytes: elem, size: row * 2, row: true, write: true, update: true}}, work: insts{fma: 1}},
	}
}

// again is a row that was used before, with a number of rows between.
func again(bytes, row, rows float64) stream { return stream{bytes: bytes, size: row * rows, row: true} }

// norm is a normalisation by statistics of groups of elements: sums first, then
// the result.
func norm(name string, n, groups, elem float64, back bool) []sweep {
	group := n / groups * elem
	if back {
		return []sweep{
			{name: name + "_sums", elems: n, pieces: groups, streams: []stream{read(elem, 3*n*elem), read(elem, 3*n*elem)}, work: insts{fma: 4}},
			{name: name + "_back", elems: n, pieces: groups, streams: []stream{again(elem, group, 2), again(elem, group, 2), write(elem, 3*n*elem)}, work: insts{fma: 4}},
		}
	}
	return []sweep{
		{name: name + "_sums", elems: n, pieces: groups, streams: []stream{read(elem, 2*n*elem)}, work: insts{fma: 2}},
		{name: name, elems: n, pieces: groups, streams: []stream{again(elem, group, 1), write(elem, 2*n*elem)}, work: insts{fma: 2}},
	}
}

// pool is a loop over outputs, a vector over channels (nChw16c), with the points of
// the window found in L1.
func pool(l *workloads.Layer, elem float64) []sweep {
	out := float64(l.N) * float64(l.C) * float64(l.P()) * float64(l.Q())
	in := points(l)
	taps := float64(l.R * l.S)
	size := (in + out) * elem
	s := sweep{name: "pool_" + l.Op, elems: out, streams: []stream{read(elem*in/out, size), write(elem, size)}, work: insts{fma: taps}}
	// The points of the window are loaded each time, the lines come once.
	s.work.vecLoad = max(0, taps-in/out)
	if l.Pass == workloads.PassBackward {
		s.streams = []stream{read(elem, size), {bytes: elem * in / out, size: size, write: true, update: true}}
		s.work.store = s.work.vecLoad
		if l.Op == "max" {
			s.streams = append(s.streams, read(4, size))
		}
	}
	return []sweep{s}
}
