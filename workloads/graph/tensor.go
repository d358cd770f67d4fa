package graph

// AllReduce sums a tensor over devices that share a layer: its values on the way
// forward, or its gradient on the way back. Of one device it is the tensor.
func (b *Builder) AllReduce(name, what string, x *Tensor, devices int) *Tensor {
	if devices < 2 || b.err != nil {
		return x
	}
	n := &Node{Name: name, Op: AllReduce, In: []*Tensor{x}, Attr: Attr{Fn: what, Size: devices}}
	if !b.ok(n) {
		return nil
	}
	return b.add(n, x.Shape...)
}

// allReduce is the collective of a node.
func (l *lowering) allReduce(n *Node, what string) {
	l.step(n, what, "allreduce:bytes=%d,gpus=%d,dtype=%s", bytesOf(n.Out.Elements(), typeBits(l.plain)), n.Attr.Size, l.plain)
}
