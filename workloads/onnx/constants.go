package onnx

import "slices"

// gather picks values out of a shape, rows out of a table of weights, or a part
// of an activation by constant indices.
func gather(c *call) ([]*value, error) {
	v, idx := c.arg(0), c.arg(1)
	a := c.axis(c.int("axis", 0), len(v.shape))
	if c.err != nil {
		return nil, c.err
	}
	switch {
	case v.t == nil && idx.t == nil:
		shape := slices.Concat(v.shape[:a], idx.shape, v.shape[a+1:])
		if v.ints == nil || idx.ints == nil || len(v.shape) != 1 {
			return folded(shape, nil), nil
		}
		out := make([]int64, len(idx.ints))
		for i, k := range idx.ints {
			if k < 0 {
				k += int64(len(v.ints))
			}
			if k < 0 || k >= int64(len(v.ints)) {
				c.fail("index %d of %d", k, len(v.ints))
				return nil, c.err
			}
			out[i] = v.ints[k]
		}
		return folded(shape, out), nil
	case v.t == nil && a == 0 && len(v.shape) == 2:
		return result(c.r.b.Embedding(c.n.name, idx.t, c.weight(0))), c.err
	case v.t != nil && idx.t == nil && idx.elements() >= 1 && idx.elements() <= int64(v.shape[a]):
		at := 0
		if len(idx.ints) > 0 && idx.ints[0] >= 0 && idx.ints[0]+idx.elements() <= int64(v.shape[a]) {
			at = int(idx.ints[0])
		}
		t := c.r.b.Slice(c.n.name, v.t, a, at, int(idx.elements()))
		return result(c.r.b.Reshape(c.n.name+".shape", t, slices.Concat(v.shape[:a], idx.shape, v.shape[a+1:])...)), nil
	}
	c.fail("indices that depend on an input pick from %d sides along axis %d: not supported", len(v.shape), a)
	return nil, c.err
}

func identity(c *call) ([]*value, error) {
	v := c.arg(0)
	return []*value{{t: v.t, shape: v.shape, ints: v.ints, param: v.param}}, c.err
}

// cast is a copy in another type, which networks of one type do without.
func cast(c *call) ([]*value, error) { return identity(c) }

func constantNode(c *call) ([]*value, error) {
	a := c.n.attrs
	switch {
	case a["value"].t != nil:
		v, err := constant(a["value"].t)
		return []*value{v}, err
	case a["value_ints"].ints != nil:
		l := a["value_ints"].ints
		return folded([]int{len(l)}, l), nil
	}
	if _, ok := a["value_int"]; ok {
		return folded([]int{}, []int64{a["value_int"].i}), nil
	}
	return folded([]int{}, nil), nil
}

// constantOfShape is how files without weights stand in for them.
func constantOfShape(c *call) ([]*value, error) {
	v := c.arg(0)
	if v.ints == nil {
		c.fail("its shape, %q, is not known before the network runs", v.name)
		return nil, c.err
	}
	out, err := constant(&tensor{dims: v.ints})
	return []*value{out}, err
}

func shapeOf(c *call) ([]*value, error) {
	v := c.arg(0)
	out := make([]int64, len(v.shape))
	for i, d := range v.shape {
		out[i] = int64(d)
	}
	return folded([]int{len(out)}, out), c.err
}
