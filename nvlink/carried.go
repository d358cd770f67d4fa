package nvlink

import "math"

// carried is what the links of a graph have carried, in bytes by resource.
type carried struct {
	data []float64 // shares of paths are fractions
	wire []float64 // with headers and answers
}

func carriedBy(g *graph) carried {
	return carried{data: make([]float64, g.resources()), wire: make([]float64, g.resources())}
}

// add counts bytes that take a way.
func (c *carried) add(on *way, bytes float64) {
	for _, u := range on.all {
		c.data[u.res] += u.share * bytes
		c.wire[u.res] += u.weight * bytes
	}
}

// join adds what others have put on the same graph.
func (c *carried) join(o *carried) {
	for res := range o.data {
		c.data[res] += o.data[res]
		c.wire[res] += o.wire[res]
	}
}

// links tells it by direction of a bundle, for a time in which it went.
func (c *carried) links(g *graph, seconds float64) []LinkUse {
	out := make([]LinkUse, 0, 2*len(g.edges))
	for res := range 2 * len(g.edges) {
		e := g.edge(res)
		out = append(out, LinkUse{
			Link: g.linkName(e), Type: e.typ.Name, Dir: g.nodes[g.from(res)].name + ">" + g.nodes[g.to(res)].name,
			Data: math.Round(c.data[res]), Wire: math.Round(c.wire[res]), BusyPct: 100 * c.wire[res] / (g.capacity(res) * seconds), Stands: 1,
		})
	}
	return out
}

// carries is what a collective puts on links by its program, which its closed form has
// made: each slice that is sent, once. It is not ok where there is no program, of
// trees over more ranks than are listed one by one.
func (u *setup) carries() (c carried, ok bool) {
	times := 1.0
	switch {
	case u.foldsTree():
		if err := u.foldedTree(); err != nil {
			return c, false
		}
	case u.prog == nil:
		return c, false
	case u.folds() && u.nodes != nil:
		return u.ringCarries()
	case u.folds(): // one send for all
		times = float64(u.sends())
	}
	wires, err := u.wires()
	if err != nil {
		return c, false
	}
	c = carriedBy(u.g)
	for _, w := range u.prog.workers {
		for i := range w.ops {
			o := &w.ops[i]
			bytes := times * float64(o.seg.size())
			for _, conn := range o.to {
				c.add(wires[conn].on(), bytes)
			}
			if o.gather != nil {
				c.add(o.gather.reduce, bytes)
				c.add(o.gather.spread, bytes)
			}
		}
	}
	return c, true
}

// ringCarries is carries of a ring through nodes that are all in the graph, while the
// program is of one: each rank sends as much, but for blocks that are rounded.
func (u *setup) ringCarries() (c carried, ok bool) {
	sent := make([]float64, len(u.rings)) // by one rank, on each channel
	for _, w := range u.prog.workers {
		for i := range w.ops {
			if o := &w.ops[i]; len(o.to) > 0 && w.rank == u.rings[w.channel][0] {
				sent[w.channel] += float64(u.sends()) * float64(o.seg.size())
			}
		}
	}
	v, g := *u, *u.all
	g.gpus = u.nodes
	v.g, v.routes = &g, map[routeKey]*route{}
	c = carriedBy(v.g)
	for channel, ring := range spread(u.rings, u.per, u.c.GPUs) {
		for i, from := range ring {
			r, err := v.route(routeKey{from: from, to: ring[(i+1)%len(ring)]})
			if err != nil {
				return c, false
			}
			w, err := v.wire(r, [2]float64{})
			if err != nil {
				return c, false
			}
			c.add(w.on(), sent[channel])
		}
	}
	return c, true
}
