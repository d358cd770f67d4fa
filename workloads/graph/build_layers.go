package graph

import "slices"

// BatchNorm normalises each channel over all images.
func (b *Builder) BatchNorm(name string, x *Tensor) *Tensor {
	n := &Node{Name: name, Op: BatchNorm, In: []*Tensor{x}}
	if !b.ok(n) {
		return nil
	}
	if len(x.Shape) < 2 {
		return b.fail(n, "want channels, have %s", x.Dims())
	}
	c := x.Shape[1]
	n.Params = []*Tensor{b.Param(name+".weight", c), b.Param(name+".bias", c), b.Buffer(name+".mean", c), b.Buffer(name+".var", c)}
	return b.add(n, x.Shape...)
}

// LayerNorm normalises each row of the last side.
func (b *Builder) LayerNorm(name string, x *Tensor) *Tensor {
	n := &Node{Name: name, Op: LayerNorm, In: []*Tensor{x}}
	if !b.ok(n) {
		return nil
	}
	_, c := rows(x)
	n.Params = []*Tensor{b.Param(name+".weight", int(c)), b.Param(name+".bias", int(c))}
	return b.add(n, x.Shape...)
}

// LRN normalises across size channels.
func (b *Builder) LRN(name string, x *Tensor, size int) *Tensor {
	n := &Node{Name: name, Op: LRN, In: []*Tensor{x}, Attr: Attr{Size: size}}
	if !b.ok(n) {
		return nil
	}
	return b.add(n, x.Shape...)
}

// Softmax is over the last side.
func (b *Builder) Softmax(name string, x *Tensor) *Tensor {
	n := &Node{Name: name, Op: Softmax, In: []*Tensor{x}}
	if !b.ok(n) {
		return nil
	}
	return b.add(n, x.Shape...)
}

// Dropout masks elements while training.
func (b *Builder) Dropout(name string, x *Tensor) *Tensor {
	n := &Node{Name: name, Op: Dropout, In: []*Tensor{x}}
	if !b.ok(n) {
		return nil
	}
	return b.add(n, x.Shape...)
}

// Reduce sums, averages or takes the maximum over the last sides, which stay as 1.
func (b *Builder) Reduce(name, fn string, x *Tensor, sides int) *Tensor {
	n := &Node{Name: name, Op: Reduce, In: []*Tensor{x}, Attr: Attr{Fn: fn, Size: sides}}
	if !b.ok(n) {
		return nil
	}
	shape := slices.Clone(x.Shape)
	for i := range shape {
		if i >= len(shape)-sides {
			shape[i] = 1
		}
	}
	return b.add(n, shape...)
}

// Embedding picks rows of a table.
func (b *Builder) Embedding(name string, x, table *Tensor) *Tensor {
	n := &Node{Name: name, Op: Embedding, In: []*Tensor{x}, Params: []*Tensor{table}}
	if !b.ok(n) {
		return nil
	}
	if len(table.Shape) != 2 {
		return b.fail(n, "want a table of rows, have %s", table.Dims())
	}
	x.Index = true
	return b.add(n, append(slices.Clone(x.Shape), table.Shape[1])...)
}

// Gates is the number of matrices of a recurrent cell.
func Gates(op Op) int {
	switch op {
	case LSTM:
		return 4
	case GRU:
		return 3
	}
	return 1
}

// Recurrent runs a cell over steps x batch x input. Without a projection the
// input goes straight into the gates, as DeepBench measures it.
func (b *Builder) Recurrent(name string, op Op, x *Tensor, hidden int, projected bool) *Tensor {
	n := &Node{Name: name, Op: op, In: []*Tensor{x}, Attr: Attr{Size: hidden}}
	if !b.ok(n) {
		return nil
	}
	if len(x.Shape) != 3 {
		return b.fail(n, "want steps x batch x features, have %s", x.Dims())
	}
	g := Gates(op) * hidden
	n.Params = []*Tensor{b.Param(name+".weight_hh", g, hidden), b.Param(name+".bias", g)}
	if projected {
		n.Params = append(n.Params, b.Param(name+".weight_ih", g, x.Shape[2]))
	} else if x.Shape[2] != hidden {
		return b.fail(n, "features of %d go without a projection into gates of %d", x.Shape[2], hidden)
	}
	return b.add(n, x.Shape[0], x.Shape[1], hidden)
}

// Skip stands for an operator that the reader does not know and was told to
// leave out: its result has the shape of its first operand.
func (b *Builder) Skip(name string, x *Tensor) *Tensor {
	n := &Node{Name: name, Op: Skipped, In: []*Tensor{x}}
	if !b.ok(n) {
		return nil
	}
	t := b.add(n, x.Shape...)
	if t != nil {
		b.g.Skipped = append(b.g.Skipped, n.Name)
	}
	return t
}

// Masked adds a mask, repeated, to scores; causal says that it leaves out what
// comes later. The mask is an input or a buffer.
func (b *Builder) Masked(name string, x, mask *Tensor, causal bool) *Tensor {
	n := &Node{Name: name, Op: Eltwise, In: []*Tensor{x}, Attr: Attr{Fn: "add", Causal: causal}}
	if mask != nil && mask.Role == Input {
		n.In = append(n.In, mask)
	} else {
		n.Params = []*Tensor{mask}
	}
	if !b.ok(n) {
		return nil
	}
	if _, err := broadcast(x.Shape, mask.Shape); err != nil {
		return b.fail(n, "%v", err)
	}
	return b.add(n, x.Shape...)
}
