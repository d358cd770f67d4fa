package fft

import "gpusim/workloads/tile/emit"

// graph is straight-line arithmetic: nodes in the order in which they are made,
// of which only those are emitted that a result depends on.
type graph struct{ nodes []*node }

type nodeOp uint8

const (
	opInput nodeOp = iota
	opAdd          // a + b
	opSub          // a - b
	opMul          // a * c
	opFMA          // a*c + b
)

type node struct {
	op   nodeOp
	a, b *node
	c    float64
	reg  int
	uses int
}

// value is a node, with its sign, or zero.
type value struct {
	n   *node
	neg bool
}

func (v value) zero() bool    { return v.n == nil }
func (v value) minus() value  { return value{v.n, !v.neg} }
func (g *graph) input() *node { return g.make(opInput, nil, nil, 0).n }
func (n *node) value() value  { return value{n, false} }
func sign(neg bool) (s float64) {
	if neg {
		return -1
	}
	return 1
}

func (g *graph) make(op nodeOp, a, b *node, c float64) value {
	n := &node{op: op, a: a, b: b, c: c}
	g.nodes = append(g.nodes, n)
	return n.value()
}

func (g *graph) add(x, y value) value {
	switch {
	case x.zero():
		return y
	case y.zero():
		return x
	case x.neg == y.neg:
		v := g.make(opAdd, x.n, y.n, 0)
		v.neg = x.neg
		return v
	case y.neg:
		return g.make(opSub, x.n, y.n, 0)
	}
	return g.make(opSub, y.n, x.n, 0)
}

// scale is x*c.
func (g *graph) scale(x value, c float64) value {
	if x.zero() || c == 0 {
		return value{}
	}
	if c < 0 {
		x, c = x.minus(), -c
	}
	if c == 1 {
		return x
	}
	v := g.make(opMul, x.n, nil, c)
	v.neg = x.neg
	return v
}

// fma is x*c + y.
func (g *graph) fma(x value, c float64, y value) value {
	if x.zero() || c == 0 {
		return y
	}
	if y.zero() || c == 1 || c == -1 {
		return g.add(g.scale(x, c), y)
	}
	v := g.make(opFMA, x.n, y.n, c*sign(x.neg != y.neg))
	v.neg = y.neg
	return v
}

// emit writes what the results need and hands over each as soon as it is there.
// Inputs are in their registers, which are given back after their last use.
func (g *graph) emit(e *emit.Emitter, out []value, done func(i, reg int)) {
	results := map[*node][]int{}
	for i, v := range out {
		if !v.zero() {
			v.n.uses++
			results[v.n] = append(results[v.n], i)
		}
	}
	for i := len(g.nodes) - 1; i >= 0; i-- {
		if n := g.nodes[i]; n.uses > 0 {
			for _, from := range []*node{n.a, n.b} {
				if from != nil {
					from.uses++
				}
			}
		}
	}
	drop := func(n *node) {
		if n == nil {
			return
		}
		if n.uses--; n.uses == 0 {
			e.Release(n.reg)
		}
	}
	for _, n := range g.nodes {
		if n.uses == 0 {
			if n.op == opInput {
				e.Release(n.reg)
			}
			continue
		}
		switch n.op {
		case opAdd, opSub:
			n.reg = e.Reg()
			e.Add(emit.Sum(n.reg, n.a.reg, n.op == opSub, n.b.reg))
		case opMul:
			n.reg = e.Reg()
			e.Add(e.Scaled(n.reg, n.a.reg, n.c, noRegister))
		case opFMA:
			n.reg = e.Reg()
			e.Add(e.Scaled(n.reg, n.a.reg, n.c, n.b.reg))
		}
		for _, i := range results[n] {
			reg := n.reg
			if out[i].neg {
				reg = e.Reg()
				e.Add(e.Scaled(reg, n.reg, -1, noRegister))
			}
			done(i, reg)
			if reg != n.reg {
				e.Release(reg)
			}
		}
		drop(n.a)
		drop(n.b)
		for range results[n] {
			drop(n)
		}
	}
	for i, v := range out { // what is always zero
		if v.zero() {
			reg := e.Reg()
			e.Add(emit.Move(reg, noRegister))
			done(i, reg)
			e.Release(reg)
		}
	}
}
