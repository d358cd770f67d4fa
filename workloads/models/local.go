package models

import "gpusim/workloads/graph"

// localNets are networks of receptive fields whose weights are not shared.
func localNets() []Model {
	return []Model{{
		Name: "le2012", Meaning: "1.2 billion parameters in local receptive fields that found cats (Le et al., ICML 2012): three times fields of 18x18 with 8 maps, L2 pooling of 5x5, contrast normalisation",
		Aliases: []string{"cats"}, Blocks: true, def: Spec{Batch: 100}, build: le2012,
	}}
}

// block is the part of images that one of so many devices holds, which are
// laid out as nearly square as they divide.
func block(side, devices int) (h, w int) {
	rows := 1
	for r := 2; r*r <= devices; r++ {
		if devices%r == 0 {
			rows = r
		}
	}
	cols := devices / rows
	return (side + rows - 1) / rows, (side + cols - 1) / cols
}

// le2012 is the network of one device that holds a block of every layer; for each
// layer it gets what lies around its block from the others. All strides are one;
// with 8 maps that makes 1.2 billion weights, of which Le et al. say a billion. Borders
// count as insides.
func le2012(b *graph.Builder, s Spec) *graph.Tensor {
	const field, pool, norm, maps = 18, 5, 5, 8
	side := 200
	h, w := block(side, s.Tensor)
	x := b.Input("frames", s.Batch, 3, h, w)
	grown := func(n string, x *graph.Tensor, out, r int) *graph.Tensor {
		h, w := block(out, s.Tensor)
		return b.Halo(n, x, h+r-1, w+r-1, s.Tensor)
	}
	for i := range 3 {
		n := name("layer%d", i+1)
		x = b.Local(n+".filter", grown(n+".around", x, side-field+1, field), maps, field)
		side -= field - 1
		x = b.Unary(n+".square", "square", grown(n+".around_pool", x, side-pool+1, pool))
		x = b.Unary(n+".root", "sqrt", b.Pool(n+".pool", "avg", x, graph.Square(pool, 1, 0), false))
		side -= pool - 1
		// What the norm takes of the neighbours is a tenth of what the fields do: left out.
		mean := b.Pool(n+".mean", "avg", x, graph.Square(norm, 1, norm/2), false)
		x = b.Binary(n+".centre", "sub", x, mean)
		power := b.Unary(n+".power", "square", x)
		x = b.Binary(n+".scale", "div", x, b.Unary(n+".deviation", "sqrt", b.Pool(n+".variance", "avg", power, graph.Square(norm, 1, norm/2), false)))
	}
	return x
}
