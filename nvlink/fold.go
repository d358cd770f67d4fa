package nvlink

import (
	"fmt"
	"strings"

	"gpusim/configs"
	"gpusim/workloads"
)

// Many nodes are folded into one where they all do the same: on a ring through
// equal nodes each is where its neighbour is, turned by its number of ranks. So one
// node is simulated, and what it sends to the next node comes back to itself
// through the network's switch. Its links stand for those of all.

// foldable says whether an operation may be folded.
func foldable(c *workloads.Collective, algo string) bool {
	switch c.Op {
	case workloads.AllReduce:
		return algo == Ring
	case workloads.ReduceScatter, workloads.AllGather:
		return true
	}
	return false
}

// loop is the way from one rank to another of the next node, in the graph of
// one node: up to what nodes share and down again.
func (g *graph) loop(from, to int) (*route, error) {
	for i := range g.nodes {
		if !g.nodes[i].part.Shared {
			continue
		}
		up, err := g.find(from, i, configs.ClassNet)
		if err != nil {
			continue
		}
		down, err := g.find(i, to, configs.ClassNet)
		if err != nil {
			continue
		}
		r := &route{from: from, to: to, class: configs.ClassNet, latency: up.latency + uint64(g.nodes[i].part.Latency) + down.latency}
		for _, a := range up.paths {
			for _, b := range down.paths {
				r.paths = append(r.paths, path{hops: append(append([]int(nil), a.hops...), b.hops...), links: a.links * b.links})
			}
		}
		return r, nil
	}
	return nil, fmt.Errorf("no route from %s to the next node", g.nodes[from].name)
}

// turned rotates the ring of each channel: it is cut where that loads the node's
// adapters least, and among such places where the hop that is left out is the longest.
func (g *graph) turned(rings [][]int) ([][]int, error) {
	out, in := map[string]int{}, map[string]int{} // channels that leave and enter by an adapter
	adapters := make([]string, len(g.gpus))
	for r, at := range g.gpus {
		way, err := g.loop(at, at)
		if err != nil {
			return nil, err
		}
		adapters[r] = g.adaptersOf(way)
	}
	turned := make([][]int, len(rings))
	for c, ring := range rings {
		best, least, longest := 0, 0, uint64(0)
		for by := range ring {
			first, last := ring[by], ring[(by+len(ring)-1)%len(ring)]
			load, hop := out[adapters[last]]+in[adapters[first]], uint64(0)
			if first != last {
				r, err := g.find(g.gpus[last], g.gpus[first], "")
				if err != nil {
					return nil, err
				}
				hop = r.latency
			}
			if by == 0 || load < least || load == least && hop > longest {
				best, least, longest = by, load, hop
			}
		}
		turned[c] = append(append([]int(nil), ring[best:]...), ring[:best]...)
		out[adapters[turned[c][len(ring)-1]]]++
		in[adapters[turned[c][0]]]++
	}
	return turned, nil
}

// adaptersOf names the adapters at which a way to the next node begins.
func (g *graph) adaptersOf(r *route) (names string) {
	for _, p := range r.paths {
		for _, h := range p.hops {
			if n := &g.nodes[g.to(h)]; n.part.Kind == configs.PartNIC && !strings.Contains(names, n.name+" ") {
				names += n.name + " "
			}
			if g.nodes[g.to(h)].part.Shared {
				break
			}
		}
	}
	return names
}

// spread repeats the ring of a node over all of them; the last may have fewer ranks.
func spread(rings [][]int, per, ranks int) [][]int {
	out := make([][]int, len(rings))
	for c, ring := range rings {
		for first := 0; first < ranks; first += per {
			for _, r := range ring {
				if first+r < ranks {
					out[c] = append(out[c], first+r)
				}
			}
		}
	}
	return out
}

// foldedRing is the program of one node's ranks on rings through all nodes: each sends
// so often, and receives as often.
func foldedRing(p *plan, sends int, coarse float64, rounds func(channel int) []int64) *program {
	prog := &program{ranks: len(p.rings[0]), bytes: p.bytes}
	for c, ring := range p.rings {
		m := len(ring)
		next := make([]int, m)
		for i, r := range ring {
			next[i] = prog.connect(r, ring[(i+1)%m], c)
			prog.conns[next[i]].loop = i == m-1
		}
		for i, r := range ring {
			w := prog.work(r, c, "")
			to, from := []int{next[i]}, []int{next[(i+m-1)%m]}
			for _, size := range rounds(c) {
				slices := slicesOf(Segment{0, size}, p.pieces, p.least)
				each := func(o op, by float64) {
					for _, s := range slices {
						o.seg = Segment{0, max(1, int64(float64(s.size())*by))}
						w.add(o)
					}
				}
				each(op{to: to, own: true}, coarse)
				for range sends - 1 {
					each(op{from: from, to: to, own: true}, coarse)
				}
				each(op{from: from, keep: true}, 1)
			}
		}
	}
	return prog
}

// sends is how often a rank sends in each round on a ring.
func (u *setup) sends() int {
	if u.c.Op == workloads.AllReduce {
		return 2 * (u.c.GPUs - 1)
	}
	return u.c.GPUs - 1
}

// folded makes the program of a folded operation.
func (u *setup) folded(sends int) *program {
	p := &u.plan
	return foldedRing(p, sends, u.coarse, func(channel int) (out []int64) {
		if u.c.Op != workloads.AllReduce { // as blocks does
			block := ceilDiv(p.bytes, int64(p.ranks))
			each := roundUp(ceilDiv(block, int64(len(p.rings))), 16)
			for left := min(block, each*int64(channel+1)) - each*int64(channel); left > 0; left -= p.chunk {
				out = append(out, min(left, p.chunk))
			}
			return out
		}
		part := p.part(channel)
		for left := part.size(); left > 0; { // as loops does, but with the mean of the last round's chunks
			each := min(p.chunk, ceilDiv(left, int64(p.ranks)))
			out = append(out, each)
			left -= each * int64(p.ranks)
		}
		return out
	})
}
