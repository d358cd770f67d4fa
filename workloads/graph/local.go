package graph

// Local is a layer of receptive fields of r x r points whose weights are not
// shared: each point of the result has maps of its own (Le et al., ICML 2012). The
// layer is one product for each point.
func (b *Builder) Local(name string, x *Tensor, maps, r int) *Tensor {
	n := &Node{Name: name, Op: Local, In: []*Tensor{x}, Attr: Square(r, 1, 0)}
	if !b.ok(n) {
		return nil
	}
	if len(x.Shape) != 4 || x.Shape[2] < r || x.Shape[3] < r {
		return b.fail(n, "fields of %dx%d do not fit %s", r, r, x.Dims())
	}
	p, q := x.Shape[2]-r+1, x.Shape[3]-r+1
	n.Params = []*Tensor{b.Param(name+".weight", p*q, x.Shape[1]*r*r, maps)}
	return b.add(n, x.Shape[0], maps, p, q)
}

// Halo gives a device's block of images the points of its neighbours around it,
// down to h x w in all; their gradients go back the same way. Of one device it
// is the block.
func (b *Builder) Halo(name string, x *Tensor, h, w, devices int) *Tensor {
	n := &Node{Name: name, Op: Halo, In: []*Tensor{x}, Attr: Attr{Size: devices}}
	if !b.ok(n) || devices < 2 || x.Shape[2] >= h && x.Shape[3] >= w {
		return x
	}
	return b.add(n, x.Shape[0], x.Shape[1], max(h, x.Shape[2]), max(w, x.Shape[3]))
}

// locals are the sizes of a Local node's products: points, taps, maps.
func (n *Node) locals() (points, taps, maps int64) {
	s := n.Params[0].Shape
	return int64(s[0]), int64(s[1]), int64(s[2])
}

// halo is the exchange of a Halo node: what a block lacks, half of it from either
// neighbour in a ring.
func (l *lowering) halo(n *Node, what string) {
	missing := n.Out.Elements() - n.In[0].Elements()
	l.step(n, what, "halo:bytes=%d,gpus=%d,dtype=%s", bytesOf(ceilHalf(missing), typeBits(l.plain)), n.Attr.Size, l.plain)
}

func ceilHalf(n int64) int64 { return (n + 1) / 2 }
