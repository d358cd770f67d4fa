package nvlink

import (
	"fmt"
	"slices"

	"gpusim/configs"
)

// route is the way of data from one node to another: over all shortest paths
// at once where there are several, since addresses are interleaved over links.
type route struct {
	from, to int
	class    string // of the farthest-reaching link: nvlink, pcie, net
	paths    []path
	latency  uint64 // ps, of the longest path
}

// path is one way, in resources, and its share of the data.
type path struct {
	hops  []int
	links int // fewest parallel links of a bundle on the way
}

// maxPaths bounds the paths that a route keeps.
const maxPaths = 64

// classes are the sets of links that a route may take, tried in turn: GPUs
// reach each other over NVLink alone if they can, else over PCIe and the
// sockets, else over the network.
var classes = []struct {
	name  string
	takes []string
}{
	{configs.ClassNVLink, []string{configs.ClassNVLink}},
	{configs.ClassPCIe, []string{configs.ClassPCIe, configs.ClassSMP}},
	{configs.ClassPCIe, []string{configs.ClassNVLink, configs.ClassPCIe, configs.ClassSMP}},
	{configs.ClassNet, []string{configs.ClassNet, configs.ClassPCIe, configs.ClassSMP}},
	{configs.ClassNet, []string{configs.ClassNet, configs.ClassNVLink, configs.ClassPCIe, configs.ClassSMP}},
}

// find gives the route between two nodes; only restricts it to one class.
// GPUs never forward.
func (g *graph) find(from, to int, only string) (*route, error) {
	for _, c := range classes {
		if only != "" && c.name != only {
			continue
		}
		if paths := g.shortest(from, to, c.name, c.takes); len(paths) > 0 {
			r := &route{from: from, to: to, class: c.name, paths: paths}
			for _, p := range paths {
				r.latency = max(r.latency, g.latency(p.hops))
			}
			return r, nil
		}
	}
	return nil, fmt.Errorf("no route from %s to %s (GPUs do not forward)", g.nodes[from].name, g.nodes[to].name)
}

// shortest gives all paths with the fewest hops. NVLink paths do not go through CPUs:
// such a path is one of the host's.
func (g *graph) shortest(from, to int, class string, takes []string) []path {
	dist := make([]int, len(g.nodes))
	for i := range dist {
		dist[i] = -1
	}
	dist[to] = 0
	queue := []int{to}
	through := func(n int) bool {
		switch k := g.nodes[n].part.Kind; k {
		case configs.PartGPU:
			return n == to
		case configs.PartCPU:
			return class != configs.ClassNVLink || n == to
		}
		return true
	}
	for len(queue) > 0 && dist[from] < 0 {
		n := queue[0]
		queue = queue[1:]
		if !through(n) {
			continue
		}
		for _, h := range g.adj[n] {
			if slices.Contains(takes, g.edge(h.res).typ.Class) && dist[h.to] < 0 {
				dist[h.to] = dist[n] + 1
				queue = append(queue, h.to)
			}
		}
	}
	if dist[from] < 0 {
		return nil
	}
	var out []path
	var walk func(n int, hops []int)
	walk = func(n int, hops []int) {
		if n == to {
			p := path{hops: slices.Clone(hops), links: 1 << 30}
			for _, h := range hops {
				p.links = min(p.links, g.edge(h).count)
			}
			out = append(out, p)
			return
		}
		for _, h := range g.adj[n] {
			if len(out) < maxPaths && dist[h.to] == dist[n]-1 && slices.Contains(takes, g.edge(h.res).typ.Class) && (h.to == to || through(h.to)) {
				walk(h.to, append(hops, h.res))
			}
		}
	}
	walk(from, nil)
	return out
}

// latency of a path in picoseconds: of its links and of what forwards between them.
func (g *graph) latency(hops []int) (ps uint64) {
	for i, h := range hops {
		ps += uint64(g.edge(h).typ.Latency)
		if i > 0 {
			ps += uint64(g.nodes[g.from(h)].part.Latency)
		}
	}
	return ps
}

// use is what a byte of a flow's data takes of a resource.
type use struct {
	res    int
	weight float64 // bytes on the wire per byte of data
	share  float64 // of the data that go this way, 0 for what only answers
}

// uses gives what data of a kind take on a route. Resources behind those of
// the links are the limits of parts that forward less than their links carry.
func (g *graph) uses(r *route, kind Traffic) []use { return g.usesOf(r, kind, [2]float64{1, 1}) }

// usesOf is uses where each end has so many flows like it: on its side of what
// nodes share, links carry as many times the data.
func (g *graph) usesOf(r *route, kind Traffic, partners [2]float64) []use {
	total := 0
	for _, p := range r.paths {
		total += p.links
	}
	var out []use
	add := func(res int, weight, share float64) {
		if weight > 0 {
			out = append(out, use{res, weight, share})
		}
	}
	for _, p := range r.paths {
		share := float64(p.links) / float64(total) * partners[0]
		for i, h := range p.hops {
			if i > 0 && g.nodes[g.from(h)].part.Shared {
				share = float64(p.links) / float64(total) * partners[1]
			}
			forward, back := wire(g.edge(h).typ, kind)
			add(h, forward*share, share)
			add(h^1, back*share, 0)
			if i > 0 && g.nodes[g.from(h)].part.Forward > 0 {
				add(g.forward(h), share, share)
			}
		}
	}
	return merged(out)
}

// forward is the resource of what a part forwards into a bundle.
func (g *graph) forward(res int) int { return 2*len(g.edges) + res }

// capacity of a resource in bytes per second.
func (g *graph) capacity(res int) float64 {
	if n := 4 * len(g.edges); res >= n {
		for _, m := range g.memory {
			if m.res == res {
				return m.rate
			}
		}
	}
	if n := 2 * len(g.edges); res >= n {
		return float64(g.nodes[g.from(res-n)].part.Forward)
	}
	e := g.edge(res)
	return rate(e.typ) * float64(e.count)
}

// resources is their number.
func (g *graph) resources() int { return 4*len(g.edges) + len(g.memory) }
