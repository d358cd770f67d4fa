package gpusim

import (
	"slices"

	"gpusim/sm"
	"gpusim/workloads/tile"
)

// A part of a GPU that takes the first columns of a grid, all rows of them, runs as many
// CTAs side by side that load the same of the operand that goes with columns as the whole
// does, where a part that takes the first CTAs has fewer rows of them in flight. What goes
// with rows it loads as often as the whole, with a part of the channels.
const (
	columnsLeast = 8  // columns of a part at least
	columnsMore  = .1 // times a kernel's bytes that parts load more, all together, unless it computes far longer than DRAM moves them
)

// byColumns says whether a kernel takes as long on the part as on the whole if it takes the
// first columns, and of which tensors the part then touches the beginning only.
func (p *part) byColumns(k *tile.Kernel) (begun []int, ok bool) {
	row := k.Grid[0]
	switch {
	case k.Streams || k.Splits > 1 || k.Tiles > 0 || k.Cluster > 1 || k.Semaphores > 0 || !p.drifts(k) || !inRows(k):
		return nil, false
	case row < columnsLeast*p.of || k.CTAs() == row:
		return nil, false
	}
	columns := []int{0, row / 4, row / 2, row - 1}
	var first, other tile.CTA
	k.Place(0, &first)
	for _, x := range columns {
		if k.Place(x, &other); other.Trips != first.Trips {
			return nil, false
		}
	}
	more, known := 0, make([]bool, len(k.Tensors))
	for i := range k.Accesses {
		a := &k.Accesses[i]
		n := k.Tensors[a.Tensor].Bytes
		if a.Space != tile.Global || known[a.Tensor] || n < int64(p.L2.Size)/partSmall {
			continue
		}
		var at []uint64
		near := true
		for _, x := range columns {
			if addr, ok := touched(k, a, x); ok {
				at = append(at, addr)
				near = near && nearby(k, a, addr, float64(x)/float64(row))
			}
		}
		switch same := len(slices.Compact(at)) == 1; {
		case len(at) < 3: // in the padding
			continue
		case near:
			begun = append(begun, a.Tensor)
		case same:
			more += (p.of - 1) * int(n)
		default:
			return nil, false
		}
		known[a.Tensor] = true
	}
	prepared, err := sm.Prepare(k, p.GPU)
	if err != nil || len(begun) == 0 {
		return nil, false
	}
	return begun, float64(more) <= columnsMore*float64(k.Bytes()) || work(prepared, p.GPU) > dramBound
}

// columns is a kernel whose CTAs are numbered so that those of the first columns of its
// grid, one of so many parts of all, come first. They stay in order.
func columns(k *tile.Kernel, of int) *tile.Kernel {
	c := *k
	n, row := k.CTAs(), k.Grid[0]
	c.Place = func(index int, cta *tile.CTA) { k.Place(column(index, n, row, of), cta) }
	return &c
}

// column is the place in a grid of n CTAs, with so many in a row, of one that is numbered
// by parts. Rows give a part one CTA more or less, so that it has its share of all.
func column(index, n, row, of int) int {
	mine := func(y int) int { return (y*row + of - 1) / of } // of all rows before
	ran := mine(n / row)
	if index < ran {
		y := index * of / row
		return y*row + index - mine(y)
	}
	index -= ran
	y := ((index+1)*of - 1) / ((of - 1) * row)
	return y*row + mine(y+1) - mine(y) + index - (y*row - mine(y))
}
