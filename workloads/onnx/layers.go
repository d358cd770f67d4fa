package onnx

import (
	"slices"

	"gpusim/workloads/graph"
)

// operators are those that are known, by name.
var operators map[string]operator

func init() {
	operators = map[string]operator{
		"Conv": conv, "Gemm": gemm, "MatMul": matmul, "BatchNormalization": batchNorm, "LayerNormalization": layerNorm,
		"MaxPool": pool("max"), "AveragePool": pool("avg"), "GlobalMaxPool": globalPool("max"), "GlobalAveragePool": globalPool("avg"),
		"LRN": lrn, "Softmax": softmax, "LogSoftmax": softmax, "Dropout": dropout,
		"LSTM": recurrent(graph.LSTM), "GRU": recurrent(graph.GRU), "RNN": recurrent(graph.RNN),
		"ReduceMean": reduce("mean"), "ReduceSum": reduce("sum"), "ReduceMax": reduce("max"),
		"Relu": unary("relu"), "LeakyRelu": unary("leakyrelu"), "PRelu": unary("leakyrelu"), "Elu": unary("leakyrelu"), "Clip": unary("relu6"),
		"Sigmoid": unary("sigmoid"), "HardSigmoid": unary("relu6"), "HardSwish": unary("silu"), "Tanh": unary("tanh"), "Gelu": unary("gelu"),
		// The error function is the costly part of GELU.
		"Erf": unary("gelu"), "Exp": unary("exp"), "Log": unary("log"), "Sqrt": unary("sqrt"), "Reciprocal": unary("rsqrt"), "Abs": unary("abs"), "Neg": unary("neg"),
		"Add": pairwise("add"), "Sub": pairwise("sub"), "Mul": pairwise("mul"), "Div": pairwise("div"), "Pow": pairwise("pow"),
		"Max": variadic("max"), "Min": variadic("min"), "Sum": variadic("add"),
		"Concat": concat, "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose,
		"Slice": slice, "Split": split, "Pad": pad, "Gather": gather, "Identity": identity, "Cast": cast,
		"Constant": constantNode, "ConstantOfShape": constantOfShape, "Shape": shapeOf, "Expand": expand,
	}
}

func conv(c *call) ([]*value, error) {
	x, w := c.images(0), c.weight(1)
	if c.err != nil {
		return nil, c.err
	}
	if len(w.Shape) != 4 {
		c.fail("wants filters of K x C x R x S, has %s", w.Dims())
		return nil, c.err
	}
	a := c.window(x, w.Shape[2:])
	g := c.int("group", 1)
	if g < 1 || g > maxSide {
		c.fail("group=%d is out of range", g)
	}
	a.Groups = int(g)
	var bias *graph.Tensor
	if c.has(2) {
		bias = c.weight(2)
	}
	if c.err != nil {
		return nil, c.err
	}
	return result(c.r.b.ConvWith(c.n.name, x, w, bias, a)), nil
}

func gemm(c *call) ([]*value, error) {
	x := c.act(0)
	if c.err != nil {
		return nil, c.err
	}
	if c.int("transA", 0) != 0 {
		x = c.r.b.Transpose(c.n.name+".transpose", x, 1, 0)
	}
	transB := c.int("transB", 0) != 0
	if c.arg(1).t != nil {
		return result(c.r.b.MatMul(c.n.name, x, c.act(1), transB)), c.err
	}
	var bias *graph.Tensor
	if c.has(2) {
		bias = c.weight(2)
	}
	w := c.weight(1)
	if c.err != nil {
		return nil, c.err
	}
	return result(c.r.b.Gemm(c.n.name, x, w, bias, transB)), nil
}

func matmul(c *call) ([]*value, error) {
	if c.arg(0).t == nil && c.arg(1).t == nil {
		return c.unfolded()
	}
	x := c.act(0)
	if c.err != nil {
		return nil, c.err
	}
	if v := c.arg(1); v.t == nil {
		if len(v.shape) != 2 {
			c.fail("weights of %d sides", len(v.shape))
			return nil, c.err
		}
		return result(c.r.b.Gemm(c.n.name, x, c.weight(1), nil, false)), c.err
	}
	return result(c.r.b.MatMul(c.n.name, x, c.act(1), false)), c.err
}

// unfolded is the result of constants whose values are not worth knowing: a
// constant of the shape of the first.
func (c *call) unfolded() ([]*value, error) {
	return folded(slices.Clone(c.arg(0).shape), nil), c.err
}

func batchNorm(c *call) ([]*value, error) {
	x := c.act(0)
	if c.err != nil {
		return nil, c.err
	}
	return result(c.r.b.BatchNorm(c.n.name, x)), nil
}

func layerNorm(c *call) ([]*value, error) {
	x := c.act(0)
	if c.err != nil {
		return nil, c.err
	}
	if a := c.axis(c.int("axis", -1), len(x.Shape)); a != len(x.Shape)-1 {
		c.fail("axis %d is not the last one", a)
	}
	return result(c.r.b.LayerNorm(c.n.name, x)), c.err
}

func pool(fn string) operator {
	return func(c *call) ([]*value, error) {
		x := c.images(0)
		if c.err != nil {
			return nil, c.err
		}
		kernel := c.ints("kernel_shape", 2, 0)
		a := c.window(x, kernel)
		if c.err != nil {
			return nil, c.err
		}
		return result(c.r.b.Pool(c.n.name, fn, x, a, c.int("ceil_mode", 0) != 0)), nil
	}
}

func globalPool(fn string) operator {
	return func(c *call) ([]*value, error) {
		x := c.images(0)
		if c.err != nil {
			return nil, c.err
		}
		return result(c.r.b.GlobalPool(c.n.name, fn, x)), nil
	}
}

func lrn(c *call) ([]*value, error) {
	x, size := c.images(0), c.int("size", 0)
	if size < 1 || size > maxSide {
		c.fail("size=%d is out of range", size)
	}
	if c.err != nil {
		return nil, c.err
	}
	return result(c.r.b.LRN(c.n.name, x, int(size))), nil
}

// softmax is over the last side, or, in files before opset 13, over all sides
// from the axis on.
func softmax(c *call) ([]*value, error) {
	x := c.act(0)
	if c.err != nil {
		return nil, c.err
	}
	b, sides := c.r.b, len(x.Shape)
	if c.r.m.opset < 13 {
		a := c.axis(c.int("axis", 1), sides)
		if c.err != nil || a == sides-1 {
			return result(b.Softmax(c.n.name, x)), c.err
		}
		outer := 1
		for _, d := range x.Shape[:a] {
			outer *= d
		}
		y := b.Softmax(c.n.name, b.Reshape(c.n.name+".rows", x, outer, int(x.Elements())/outer))
		return result(b.Reshape(c.n.name+".shape", y, x.Shape...)), nil
	}
	a := c.axis(c.int("axis", -1), sides)
	if c.err != nil || a == sides-1 {
		return result(b.Softmax(c.n.name, x)), c.err
	}
	perm := make([]int, sides)
	for i := range perm {
		perm[i] = i
	}
	perm[a], perm[sides-1] = perm[sides-1], perm[a]
	y := b.Softmax(c.n.name, b.Transpose(c.n.name+".transpose", x, perm...))
	return result(b.Transpose(c.n.name+".back", y, perm...)), nil
}

func dropout(c *call) ([]*value, error) {
	if c.arg(0).t == nil {
		return c.unfolded()
	}
	return result(c.r.b.Dropout(c.n.name, c.act(0))), c.err
}

// recurrent takes X, W [directions, gates*hidden, input] and R; its results are
// all outputs [steps, directions, batch, hidden], and the last ones.
func recurrent(op graph.Op) operator {
	return func(c *call) ([]*value, error) {
		x, w := c.act(0), c.arg(1)
		if c.err != nil {
			return nil, c.err
		}
		b := c.r.b
		if len(x.Shape) != 3 || len(w.shape) != 3 {
			c.fail("wants steps x batch x features, has %s", x.Dims())
			return nil, c.err
		}
		if c.int("layout", 0) != 0 {
			x = b.Transpose(c.n.name+".transpose", x, 1, 0, 2)
		}
		dirs, hidden := w.shape[0], w.shape[1]/graph.Gates(op)
		if dirs < 1 || dirs > 2 || hidden < 1 {
			c.fail("%d directions of %d units", dirs, hidden)
			return nil, c.err
		}
		var ys []*graph.Tensor
		for d := range dirs {
			name := c.n.name
			if d == 1 {
				name += ".reverse"
			}
			y := b.Recurrent(name, op, x, hidden, true)
			if y == nil {
				return nil, nil
			}
			ys = append(ys, b.Reshape(name+".direction", y, y.Shape[0], 1, y.Shape[1], hidden))
		}
		y := ys[0]
		if dirs == 2 {
			y = b.Concat(c.n.name+".both", 1, ys...)
		}
		last := b.Slice(c.n.name+".last", y, 0, x.Shape[0]-1, 1)
		if last == nil {
			return nil, nil
		}
		last = b.Reshape(c.n.name+".last_shape", last, dirs, x.Shape[1], hidden)
		return append(append(result(y), result(last)...), result(last)...), nil
	}
}

func reduce(fn string) operator {
	return func(c *call) ([]*value, error) {
		x := c.act(0)
		if c.err != nil {
			return nil, c.err
		}
		axes, given := c.list(1, "axes")
		sides := len(x.Shape)
		var list []int
		if !given || len(axes) == 0 {
			for i := range sides {
				list = append(list, i)
			}
		}
		for _, a := range axes {
			list = append(list, c.axis(a, sides))
		}
		slices.Sort(list)
		list = slices.Compact(list)
		keep := c.int("keepdims", 1) != 0
		if c.err != nil || len(list) == 0 {
			return nil, c.err
		}
		b := c.r.b
		// Sides that are not the last come there first.
		if list[0] != sides-len(list) {
			perm := slices.DeleteFunc(sequence(sides), func(i int) bool { return slices.Contains(list, i) })
			x = b.Transpose(c.n.name+".transpose", x, append(perm, list...)...)
		}
		y := b.Reduce(c.n.name, fn, x, len(list))
		if y == nil {
			return nil, nil
		}
		var shape []int
		for i, d := range c.arg(0).shape {
			switch in := slices.Contains(list, i); {
			case !in:
				shape = append(shape, d)
			case keep:
				shape = append(shape, 1)
			}
		}
		return result(b.Reshape(c.n.name+".shape", y, shape...)), nil
	}
}

func sequence(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func unary(fn string) operator {
	return func(c *call) ([]*value, error) {
		if c.arg(0).t == nil {
			return c.unfolded()
		}
		return result(c.r.b.Unary(c.n.name, fn, c.act(0))), c.err
	}
}

// skip leaves a node out: its results are its first operand that depends on an
// input.
func skip(c *call) ([]*value, error) {
	for _, v := range c.in {
		if v != nil && v.t != nil {
			t := c.r.b.Skip(c.n.name, v.t)
			var out []*value
			for range c.n.out {
				out = append(out, result(t)...)
			}
			return out, nil
		}
	}
	c.fail("cannot be left out: none of its operands depends on an input")
	return nil, c.err
}
