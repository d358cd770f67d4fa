package graph

import (
	"fmt"
	"slices"
)

// broadcast is the shape of an operation on two tensors of which sides of 1 are
// repeated.
func broadcast(a, b []int) ([]int, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i, d := range b {
		o := &out[len(a)-len(b)+i]
		switch {
		case d == *o || d == 1:
		case *o == 1:
			*o = d
		default:
			return nil, fmt.Errorf("shapes %s and %s do not go together", dims(a), dims(b))
		}
	}
	return out, nil
}

// Concat puts tensors behind each other along an axis.
func (b *Builder) Concat(name string, axis int, parts ...*Tensor) *Tensor {
	n := &Node{Name: name, Op: Concat, In: parts, Attr: Attr{Axis: axis}}
	if !b.ok(n) {
		return nil
	}
	if len(parts) == 0 || axis < 0 || axis >= len(parts[0].Shape) {
		return b.fail(n, "axis %d is not one of its operands'", axis)
	}
	shape := slices.Clone(parts[0].Shape)
	for _, p := range parts[1:] {
		if len(p.Shape) != len(shape) {
			return b.fail(n, "shapes %s and %s do not go together", parts[0].Dims(), p.Dims())
		}
		for i, d := range p.Shape {
			if i != axis && d != shape[i] {
				return b.fail(n, "shapes %s and %s do not go together", parts[0].Dims(), p.Dims())
			}
		}
		shape[axis] += p.Shape[axis]
	}
	return b.add(n, shape...)
}

// Slice is a part of a tensor along an axis.
func (b *Builder) Slice(name string, x *Tensor, axis, from, size int) *Tensor {
	n := &Node{Name: name, Op: Slice, In: []*Tensor{x}, Attr: Attr{Axis: axis, At: from, Size: size}}
	if !b.ok(n) {
		return nil
	}
	if axis < 0 || axis >= len(x.Shape) || from < 0 || size < 1 || from > x.Shape[axis]-size {
		return b.fail(n, "%d elements from %d along axis %d are not all in %s", size, from, axis, x.Dims())
	}
	shape := slices.Clone(x.Shape)
	shape[axis] = size
	return b.add(n, shape...)
}

// Part is a Slice that its readers take strided from where it is, so that it
// costs nothing.
func (b *Builder) Part(name string, x *Tensor, axis, from, size int) *Tensor {
	t := b.Slice(name, x, axis, from, size)
	if t != nil {
		b.g.Nodes[len(b.g.Nodes)-1].Attr.InPlace = true
	}
	return t
}

// Reshape gives the values another shape.
func (b *Builder) Reshape(name string, x *Tensor, shape ...int) *Tensor {
	n := &Node{Name: name, Op: Reshape, In: []*Tensor{x}}
	if !b.ok(n) {
		return nil
	}
	t := Tensor{Shape: shape}
	if err := checkShape(&t); err != nil {
		return b.fail(n, "%v", err)
	}
	if t.Elements() != x.Elements() {
		return b.fail(n, "%s has %d elements, %s has %d", x.Dims(), x.Elements(), t.Dims(), t.Elements())
	}
	return b.add(n, shape...)
}

// Flatten keeps the first side and joins the others.
func (b *Builder) Flatten(name string, x *Tensor) *Tensor {
	if x == nil || len(x.Shape) == 0 {
		return b.Reshape(name, x)
	}
	return b.Reshape(name, x, x.Shape[0], int(x.Elements())/x.Shape[0])
}

// Transpose puts the sides into another order.
func (b *Builder) Transpose(name string, x *Tensor, perm ...int) *Tensor {
	n := &Node{Name: name, Op: Transpose, In: []*Tensor{x}, Attr: Attr{Perm: perm}}
	if !b.ok(n) {
		return nil
	}
	shape := make([]int, len(perm))
	seen := make([]bool, len(x.Shape))
	for i, p := range perm {
		if p < 0 || p >= len(x.Shape) || seen[p] || len(perm) != len(x.Shape) {
			return b.fail(n, "order %v does not fit %s", perm, x.Dims())
		}
		seen[p] = true
		shape[i] = x.Shape[p]
	}
	return b.add(n, shape...)
}

// Pad writes a tensor into a larger one.
func (b *Builder) Pad(name string, x *Tensor, shape ...int) *Tensor {
	n := &Node{Name: name, Op: Eltwise, In: []*Tensor{x}, Attr: Attr{Fn: "copy", Size: 1}}
	if !b.ok(n) {
		return nil
	}
	return b.add(n, shape...)
}
