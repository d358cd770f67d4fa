package graph

import (
	"fmt"
	"strings"
)

// maxElements bounds a tensor, so that counts of bytes and operations fit
// 64-bit integers.
const maxElements = 1 << 40

// Check finds what is wrong with a graph and puts its nodes into an order in
// which they can run: the given one as far as it goes.
func (g *Graph) Check() error {
	known := map[*Tensor]bool{}
	for _, t := range g.Inputs {
		if err := checkShape(t); err != nil {
			return fmt.Errorf("input %q: %w", t.Name, err)
		}
		known[t] = true
	}
	from := map[*Tensor]*Node{}
	for _, n := range g.Nodes {
		if n.Out == nil {
			return fmt.Errorf("%s has no output", n.label())
		}
		if other := from[n.Out]; other != nil {
			return fmt.Errorf("%s and %s both compute tensor %q", other.label(), n.label(), n.Out.Name)
		}
		if known[n.Out] {
			return fmt.Errorf("%s computes %q, which is an input", n.label(), n.Out.Name)
		}
		from[n.Out] = n
		for _, t := range append([]*Tensor{n.Out}, n.Params...) {
			if err := checkShape(t); err != nil {
				return fmt.Errorf("%s: tensor %q: %w", n.label(), t.Name, err)
			}
		}
	}
	for _, n := range g.Nodes {
		for _, t := range n.In {
			if !known[t] && from[t] == nil {
				return fmt.Errorf("%s reads %q, which nothing computes", n.label(), t.Name)
			}
		}
	}
	if len(g.Outputs) == 0 {
		return fmt.Errorf("the graph has no outputs")
	}
	for _, t := range g.Outputs {
		if !known[t] && from[t] == nil {
			return fmt.Errorf("output %q: nothing computes it", t.Name)
		}
	}
	return g.sort()
}

func checkShape(t *Tensor) error {
	n := int64(1)
	for _, d := range t.Shape {
		if d < 1 {
			return fmt.Errorf("shape %s is empty", t.Dims())
		}
		if n > maxElements/int64(d) {
			return fmt.Errorf("shape %s has more than 2^40 elements", t.Dims())
		}
		n *= int64(d)
	}
	return nil
}

// sort puts each node behind those that it reads from, and keeps an order that
// has them so.
func (g *Graph) sort() error {
	at := make(map[*Tensor]int, len(g.Nodes))
	for i, n := range g.Nodes {
		at[n.Out] = i
	}
	order, cycle := Order(len(g.Nodes), func(i int) []int {
		var deps []int
		for _, t := range g.Nodes[i].In {
			if k, ok := at[t]; ok {
				deps = append(deps, k)
			}
		}
		return deps
	})
	if cycle != nil {
		names := make([]string, len(cycle))
		for i, c := range cycle {
			names[i] = g.Nodes[c].Name
		}
		return fmt.Errorf("the graph has a cycle: %s", PathText(names))
	}
	out := make([]*Node, len(order))
	for i, k := range order {
		out[i] = g.Nodes[k]
	}
	g.Nodes = out
	return nil
}

// Order puts each of n things behind those that it depends on and keeps an order
// that has them so. If that cannot be, cycle is a way from a thing along what
// depends on it back to itself. It does not recurse: a file may hold a chain of
// any length.
func Order(n int, needs func(i int) []int) (order, cycle []int) {
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, n)
	type frame struct {
		i    int
		left []int // of what it needs, to be looked at
	}
	for first := range n {
		if state[first] != unseen {
			continue
		}
		state[first] = open
		stack := []frame{{first, needs(first)}}
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if len(f.left) == 0 {
				state[f.i] = done
				order = append(order, f.i)
				stack = stack[:len(stack)-1]
				continue
			}
			d := f.left[0]
			f.left = f.left[1:]
			switch state[d] {
			case open:
				cycle = []int{d}
				for k := len(stack) - 1; stack[k].i != d; k-- {
					cycle = append(cycle, stack[k].i)
				}
				// Everything on the stack needs what stands above it, so this runs
				// along the data.
				return nil, append(cycle, d)
			case unseen:
				state[d] = open
				stack = append(stack, frame{d, needs(d)})
			}
		}
	}
	return order, nil
}

// PathText gives the names along a path, the middle of a long one left out.
func PathText(names []string) string {
	const most = 8
	if len(names) > most {
		names = append(append(names[:most-2:most-2], "..."), names[len(names)-1])
	}
	return strings.Join(names, " -> ")
}
