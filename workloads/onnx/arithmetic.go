package onnx

import (
	"slices"

	"gpusim/workloads/graph"
)

// pairwise combines two operands, one of which may be a constant; constants alone
// are computed where they are known integers, as shapes are.
func pairwise(fn string) operator {
	return func(c *call) ([]*value, error) {
		x, y := c.arg(0), c.arg(1)
		if c.err != nil {
			return nil, c.err
		}
		b := c.r.b
		switch {
		case x.t == nil && y.t == nil:
			return c.fold(fn, x, y)
		case y.t == nil:
			return result(c.withConstant(fn, x.t, y)), c.err
		case x.t == nil:
			return result(c.withConstant(fn, y.t, x)), c.err
		}
		return result(b.Binary(c.n.name, fn, x.t, y.t)), nil
	}
}

// withConstant combines an activation with a constant: a scalar, or a parameter
// that is repeated.
func (c *call) withConstant(fn string, x *graph.Tensor, v *value) *graph.Tensor {
	if v.elements() == 1 {
		return c.r.b.Unary(c.n.name, fn+"u", x)
	}
	if v.elements() > x.Elements() {
		c.fail("constant %q is larger than what it goes with", v.name)
		return nil
	}
	return c.r.b.WithParam(c.n.name, fn, x, c.param(v))
}

func (c *call) fold(fn string, x, y *value) ([]*value, error) {
	if x.ints == nil || y.ints == nil || len(x.ints) != len(y.ints) && len(x.ints) != 1 && len(y.ints) != 1 {
		return c.unfolded()
	}
	shape := x.shape
	if len(y.ints) > len(x.ints) {
		shape = y.shape
	}
	out := make([]int64, max(len(x.ints), len(y.ints)))
	for i := range out {
		a, b := x.ints[min(i, len(x.ints)-1)], y.ints[min(i, len(y.ints)-1)]
		switch fn {
		case "add":
			out[i] = a + b
		case "sub":
			out[i] = a - b
		case "mul":
			out[i] = a * b
		case "div":
			if b == 0 {
				c.fail("divides by 0")
				return nil, c.err
			}
			out[i] = a / b
		default:
			return c.unfolded()
		}
	}
	return folded(slices.Clone(shape), out), nil
}

// variadic combines any number of operands, one after another.
func variadic(fn string) operator {
	return func(c *call) ([]*value, error) {
		v := c.arg(0)
		for i := 1; i < len(c.in) && c.err == nil; i++ {
			two := &call{r: c.r, n: c.n, in: []*value{v, c.in[i]}}
			out, err := pairwise(fn)(two)
			if err != nil || len(out) == 0 {
				return nil, err
			}
			v = out[0]
		}
		return []*value{{t: v.t, shape: v.shape, ints: v.ints, param: v.param}}, c.err
	}
}
