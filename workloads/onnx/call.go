package onnx

import (
	"fmt"
	"slices"

	"gpusim/workloads/graph"
)

// call is one node with the values of its operands. The first mistake sticks.
type call struct {
	r   *reader
	n   *node
	in  []*value
	err error
}

// operator adds a node to the graph, or computes a constant.
type operator func(c *call) ([]*value, error)

// known gives the operator of a node, nil if there is none.
func (n *node) known() operator {
	if n.domain != "" && n.domain != "ai.onnx" {
		return nil
	}
	return operators[n.op]
}

func (c *call) fail(format string, a ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, a...)
	}
}

// arg gives an operand that must be there.
func (c *call) arg(i int) *value {
	if i >= len(c.in) || c.in[i] == nil {
		c.fail("operand %d is missing", i+1)
		return &value{shape: []int{1}}
	}
	return c.in[i]
}

// has says whether an operand is given.
func (c *call) has(i int) bool { return i < len(c.in) && c.in[i] != nil }

// act gives an operand that must be computed from an input.
func (c *call) act(i int) *graph.Tensor {
	v := c.arg(i)
	if v.t == nil && c.err == nil {
		c.fail("operand %d, %q, is a constant where values that depend on an input are expected", i+1, v.name)
	}
	return v.t
}

// weight gives an operand that must be a constant, as a parameter.
func (c *call) weight(i int) *graph.Tensor {
	v := c.arg(i)
	if v.t != nil {
		c.fail("operand %d, %q, depends on an input where weights are expected", i+1, v.name)
	}
	return c.param(v)
}

// param makes a parameter of a constant, once.
func (c *call) param(v *value) *graph.Tensor {
	if v.param == nil {
		v.param = c.r.b.Param(v.name, v.shape...)
	}
	return v.param
}

// result is the value of a tensor that was added.
func result(t *graph.Tensor) []*value {
	if t == nil {
		return nil
	}
	return []*value{{t: t, shape: t.Shape}}
}

func folded(shape []int, ints []int64) []*value { return []*value{{shape: shape, ints: ints}} }

func (c *call) int(name string, def int64) int64 {
	if a, ok := c.n.attrs[name]; ok {
		return a.i
	}
	return def
}

func (c *call) text(name, def string) string {
	if a, ok := c.n.attrs[name]; ok && a.s != "" {
		return a.s
	}
	return def
}

// maxSide bounds attributes that are sizes.
const maxSide = 1 << 24

// ints gives a list of n sizes out of an attribute, the default for each where
// it is not given.
func (c *call) ints(name string, n int, def int64) []int {
	a, ok := c.n.attrs[name]
	out := make([]int, n)
	for i := range out {
		v := def
		if ok && len(a.ints) > 0 {
			if len(a.ints) != n {
				c.fail("%s has %d numbers where %d are expected", name, len(a.ints), n)
				return out
			}
			v = a.ints[i]
		}
		if v < 0 || v > maxSide {
			c.fail("%s=%d is out of range", name, v)
			return out
		}
		out[i] = int(v)
	}
	return out
}

// axis turns a side counted from the end into one counted from the beginning.
func (c *call) axis(v int64, sides int) int {
	if v < 0 {
		v += int64(sides)
	}
	if v < 0 || v >= int64(sides) {
		c.fail("axis %d is none of %d sides", v, sides)
		return 0
	}
	return int(v)
}

// list gives integers from an operand (newer files) or an attribute (older).
func (c *call) list(operand int, name string) ([]int64, bool) {
	if c.has(operand) {
		v := c.in[operand]
		if v.ints == nil {
			c.fail("%s, %q, is not known before the network runs", name, v.name)
		}
		return v.ints, true
	}
	a, ok := c.n.attrs[name]
	return a.ints, ok
}

// window reads the attributes of a sliding window over images.
func (c *call) window(x *graph.Tensor, kernel []int) graph.Attr {
	s, d := c.ints("strides", 2, 1), c.ints("dilations", 2, 1)
	if slices.Contains(s, 0) || slices.Contains(d, 0) || slices.Contains(kernel, 0) {
		c.fail("a stride, dilation or side of the window is 0")
		return graph.Attr{}
	}
	a := graph.Attr{R: kernel[0], S: kernel[1], StrideH: s[0], StrideW: s[1], DilH: d[0], DilW: d[1]}
	pads := c.ints("pads", 4, 0)
	a.PadT, a.PadL, a.PadB, a.PadR = pads[0], pads[1], pads[2], pads[3]
	switch mode := c.text("auto_pad", "NOTSET"); mode {
	case "NOTSET", "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		same := func(size, k, stride, dil int) (int, int) {
			total := max(0, ((size+stride-1)/stride-1)*stride+dil*(k-1)+1-size)
			if mode == "SAME_LOWER" {
				return total - total/2, total / 2
			}
			return total / 2, total - total/2
		}
		a.PadT, a.PadB = same(x.Shape[2], a.R, a.StrideH, a.DilH)
		a.PadL, a.PadR = same(x.Shape[3], a.S, a.StrideW, a.DilW)
	default:
		c.fail("auto_pad=%s", mode)
	}
	return a
}

// images gives an operand that must be images of N x C x H x W.
func (c *call) images(i int) *graph.Tensor {
	x := c.act(i)
	if c.err == nil && len(x.Shape) != 4 {
		c.fail("wants images of N x C x H x W, has %s", x.Dims())
	}
	if c.err != nil {
		return nil
	}
	return x
}
