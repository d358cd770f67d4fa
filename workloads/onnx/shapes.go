package onnx

import (
	"slices"

	"gpusim/workloads/graph"
)

func concat(c *call) ([]*value, error) {
	c.arg(0)
	var parts []*graph.Tensor
	var ints []int64
	known, constants := true, 0
	sides := 0
	for i := range c.in {
		v := c.arg(i)
		if c.err != nil {
			return nil, c.err
		}
		if sides = len(v.shape); v.t == nil {
			constants++
		}
		parts = append(parts, v.t)
		// Lists that are put together over and over would grow without end.
		known = known && v.ints != nil && sides == 1 && len(ints)+len(v.ints) <= maxValues
		if known {
			ints = append(ints, v.ints...)
		}
	}
	a := c.axis(c.int("axis", 0), sides)
	switch {
	case c.err != nil:
		return nil, c.err
	case known:
		return folded([]int{len(ints)}, ints), nil
	case constants == len(parts):
		shape := slices.Clone(c.in[0].shape)
		for _, v := range c.in[1:] {
			if len(v.shape) == sides {
				shape[a] += v.shape[a]
			}
		}
		return folded(shape, nil), nil
	case constants > 0:
		c.fail("a constant among activations")
		return nil, c.err
	}
	return result(c.r.b.Concat(c.n.name, a, parts...)), nil
}

// toShape gives a value another shape, which costs nothing.
func (c *call) toShape(v *value, shape []int) ([]*value, error) {
	if v.t == nil {
		return folded(shape, v.ints), c.err
	}
	if c.err != nil {
		return nil, c.err
	}
	return result(c.r.b.Reshape(c.n.name, v.t, shape...)), nil
}

func reshape(c *call) ([]*value, error) {
	v := c.arg(0)
	to, ok := c.list(1, "shape")
	if !ok {
		c.fail("no shape is given")
	}
	if c.err != nil {
		return nil, c.err
	}
	shape := make([]int, len(to))
	known, open := int64(1), -1
	for i, d := range to {
		switch {
		case d == 0 && i < len(v.shape) && c.int("allowzero", 0) == 0:
			d = int64(v.shape[i])
		case d == -1 && open < 0:
			open = i
			continue
		case d < 1 || d > 1<<40:
			c.fail("shape %v", to)
			return nil, c.err
		}
		if known > (1<<40)/d {
			c.fail("shape %v is too large", to)
			return nil, c.err
		}
		shape[i], known = int(d), known*d
	}
	n := v.elements()
	// A batch that is written into the file's shapes becomes the one asked for.
	if r := c.r; v.t != nil && r.batch != r.was && len(shape) > 0 && open != 0 && to[0] == int64(r.was) {
		scaled := known / int64(r.was) * int64(r.batch)
		if open < 0 && scaled == n || open >= 0 && n%scaled == 0 {
			shape[0], known = r.batch, scaled
		}
	}
	if open >= 0 {
		if known == 0 || n%known != 0 {
			c.fail("shape %v does not hold %d elements", to, n)
			return nil, c.err
		}
		shape[open] = int(n / known)
	}
	return c.toShape(v, shape)
}

func flatten(c *call) ([]*value, error) {
	v := c.arg(0)
	a := c.int("axis", 1)
	if a < 0 {
		a += int64(len(v.shape))
	}
	if a < 0 || a > int64(len(v.shape)) {
		c.fail("axis %d is none of %d sides", a, len(v.shape))
		return nil, c.err
	}
	outer, inner := 1, 1
	for i, d := range v.shape {
		if int64(i) < a {
			outer *= d
		} else {
			inner *= d
		}
	}
	return c.toShape(v, []int{outer, inner})
}

func squeeze(c *call) ([]*value, error) {
	v := c.arg(0)
	axes, given := c.list(1, "axes")
	drop := map[int]bool{}
	for _, a := range axes {
		drop[c.axis(a, len(v.shape))] = true
	}
	shape := []int{}
	for i, d := range v.shape {
		if d == 1 && (!given || drop[i]) {
			continue
		}
		shape = append(shape, d)
	}
	return c.toShape(v, shape)
}

func unsqueeze(c *call) ([]*value, error) {
	v := c.arg(0)
	axes, _ := c.list(1, "axes")
	sides := len(v.shape) + len(axes)
	one := map[int]bool{}
	for _, a := range axes {
		one[c.axis(a, sides)] = true
	}
	if c.err != nil {
		return nil, c.err
	}
	shape := make([]int, 0, sides)
	at := 0
	for i := range sides {
		switch {
		case one[i]:
			shape = append(shape, 1)
		case at < len(v.shape):
			shape = append(shape, v.shape[at])
			at++
		}
	}
	return c.toShape(v, shape)
}

func transpose(c *call) ([]*value, error) {
	v := c.arg(0)
	sides := len(v.shape)
	perm := sequence(sides)
	slices.Reverse(perm)
	if a, ok := c.n.attrs["perm"]; ok {
		perm = perm[:0]
		for _, p := range a.ints {
			perm = append(perm, c.axis(p, sides))
		}
	}
	if c.err != nil {
		return nil, c.err
	}
	if v.t != nil {
		return result(c.r.b.Transpose(c.n.name, v.t, perm...)), nil
	}
	if len(perm) != sides {
		c.fail("order %v does not fit %d sides", perm, sides)
		return nil, c.err
	}
	shape := make([]int, sides)
	for i, p := range perm {
		shape[i] = v.shape[p]
	}
	return folded(shape, nil), nil
}

// slice takes parts along axes, with steps of 1.
func slice(c *call) ([]*value, error) {
	v := c.arg(0)
	starts, _ := c.list(1, "starts")
	ends, _ := c.list(2, "ends")
	axes, given := c.list(3, "axes")
	if steps, ok := c.list(4, "steps"); ok {
		for _, s := range steps {
			if s != 1 {
				c.fail("steps of %d", s)
			}
		}
	}
	if !given {
		axes = nil
		for i := range starts {
			axes = append(axes, int64(i))
		}
	}
	if len(starts) != len(ends) || len(axes) != len(starts) {
		c.fail("%d starts, %d ends, %d axes", len(starts), len(ends), len(axes))
	}
	t, ints, shape := v.t, v.ints, slices.Clone(v.shape)
	for i := range starts {
		if c.err != nil {
			return nil, c.err
		}
		a := c.axis(axes[i], len(shape))
		if c.err != nil {
			return nil, c.err
		}
		size := int64(shape[a])
		clamp := func(x int64) int64 {
			if x < 0 {
				x += size
			}
			return min(max(x, 0), size)
		}
		from, to := clamp(starts[i]), clamp(ends[i])
		if to <= from {
			c.fail("the output is empty: elements %d to %d of %d along axis %d", starts[i], ends[i], size, a)
			return nil, c.err
		}
		if t != nil {
			if to-from < size {
				if t = c.r.b.Slice(c.n.name, t, a, int(from), int(to-from)); t == nil {
					return nil, nil
				}
			}
		} else if len(shape) == 1 && ints != nil {
			ints = ints[from:to]
		} else {
			ints = nil
		}
		shape[a] = int(to - from)
	}
	if t != nil {
		return result(t), nil
	}
	return folded(shape, ints), nil
}

func split(c *call) ([]*value, error) {
	v := c.arg(0)
	a := c.axis(c.int("axis", 0), len(v.shape))
	sizes, given := c.list(1, "split")
	if c.err != nil {
		return nil, c.err
	}
	if !given {
		parts := int64(len(c.n.out))
		if parts == 0 || int64(v.shape[a])%parts != 0 {
			c.fail("%d elements in %d parts", v.shape[a], parts)
			return nil, c.err
		}
		for range parts {
			sizes = append(sizes, int64(v.shape[a])/parts)
		}
	}
	var out []*value
	at := int64(0)
	for _, s := range sizes {
		if s < 1 || at+s > int64(v.shape[a]) || at+s < at {
			c.fail("parts %v of %d elements", sizes, v.shape[a])
			return nil, c.err
		}
		if v.t != nil {
			out = append(out, result(c.r.b.Slice(c.n.name, v.t, a, int(at), int(s)))...)
		} else {
			shape := slices.Clone(v.shape)
			shape[a] = int(s)
			out = append(out, &value{shape: shape})
		}
		at += s
	}
	return out, nil
}

// pad writes a larger tensor.
func pad(c *call) ([]*value, error) {
	x := c.act(0)
	pads, _ := c.list(1, "pads")
	if c.err != nil {
		return nil, c.err
	}
	sides := len(x.Shape)
	if len(pads) != 2*sides {
		c.fail("%d pads for %d sides", len(pads), sides)
		return nil, c.err
	}
	shape, changed := slices.Clone(x.Shape), false
	for i := range shape {
		for _, p := range []int64{pads[i], pads[sides+i]} {
			if p < 0 || p > maxSide {
				c.fail("pads of %d", p)
				return nil, c.err
			}
			shape[i] += int(p)
			changed = changed || p > 0
		}
	}
	if !changed {
		return result(x), nil
	}
	return result(c.r.b.Pad(c.n.name, x, shape...)), nil
}

// expand repeats sides of 1; what reads it repeats them itself.
func expand(c *call) ([]*value, error) {
	v := c.arg(0)
	if v.t != nil {
		to, _ := c.list(1, "shape")
		same := len(to) == len(v.shape)
		for i := range to {
			same = same && i < len(v.shape) && (to[i] == 1 || to[i] == int64(v.shape[i]))
		}
		if !same {
			c.fail("repeats an activation: not supported")
		}
		return identity(c)
	}
	to, _ := c.list(1, "shape")
	out, err := constant(&tensor{dims: to})
	return []*value{out}, err
}
