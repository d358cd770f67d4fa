package nvlink

import (
	"fmt"

	"gpusim/configs"
)

// graph is a system's parts and bundles of links.
type graph struct {
	sys   *configs.System
	nodes []node
	edges []edge
	adj   [][]hop // per node
	gpus  []int   // nodes of the ranks, in their order
	boxes int     // nodes of the system that hold ranks
	// memory is the bandwidth of the memory of each rank's GPU, if collectives
	// are to contend for it with something else; nil: they never wait for it.
	memory map[int]memoryOf
}

// node is one part.
type node struct {
	name string
	part *configs.Part
	box  int // which node of the system; -1: shared by all
}

// edge is a bundle of equal links between two nodes.
type edge struct {
	a, b  int
	typ   *configs.LinkType
	count int
}

// hop is a bundle in one direction: resource 2 x edge, plus one from b to a.
type hop struct{ res, to int }

func (g *graph) edge(res int) *edge { return &g.edges[res/2] }

// from is the node at which a resource begins.
func (g *graph) from(res int) int {
	if res%2 == 0 {
		return g.edges[res/2].a
	}
	return g.edges[res/2].b
}

func (g *graph) to(res int) int { return g.from(res ^ 1) }

// PerNode is the number of GPUs of one node of a system.
func PerNode(s *configs.System) (n int) {
	for i := range s.Parts {
		if s.Parts[i].Kind == configs.PartGPU {
			n += s.Parts[i].Number()
		}
	}
	return n
}

// build makes the graph of the boxes that the first gpus GPUs stand in. ranks
// says which of them is which rank; nil: in their order.
func build(s *configs.System, gpus int, ranks []int) (*graph, error) {
	per := PerNode(s)
	if total := per * s.Nodes; gpus > total {
		return nil, fmt.Errorf("gpus=%d, but the system has %d", gpus, total)
	}
	g := &graph{sys: s, boxes: (gpus + per - 1) / per}
	index := map[configs.End]int{} // port holds the box here
	var all []int
	for box := range g.boxes {
		for i := range s.Parts {
			p := &s.Parts[i]
			if p.Shared && box > 0 {
				continue
			}
			for k := range p.Number() {
				n := node{name: p.Label(k), part: p, box: box}
				if p.Shared {
					n.box = -1
				} else if s.Nodes > 1 {
					n.name = fmt.Sprintf("N%d.%s", box, n.name)
				}
				index[configs.End{Part: i, Index: k, Port: max(0, n.box)}] = len(g.nodes)
				if p.Kind == configs.PartGPU {
					all = append(all, len(g.nodes))
				}
				g.nodes = append(g.nodes, n)
			}
		}
	}
	g.adj = make([][]hop, len(g.nodes))
	for i := range s.Links {
		if err := g.wire(&s.Links[i], index); err != nil {
			return nil, err
		}
	}
	for r := range gpus {
		at := r
		if ranks != nil {
			at = ranks[r]
		}
		g.gpus = append(g.gpus, all[at])
	}
	return g, nil
}

// wire adds the links of one entry, in every box.
func (g *graph) wire(w *configs.Wire, index map[configs.End]int) error {
	a, err := g.sys.Ends(w.A)
	if err != nil {
		return err
	}
	b, err := g.sys.Ends(w.B)
	if err != nil {
		return err
	}
	at := func(e configs.End, box int) int {
		if g.sys.Parts[e.Part].Shared {
			box = 0
		}
		return index[configs.End{Part: e.Part, Index: e.Index, Port: box}]
	}
	for box := range g.boxes {
		for _, x := range a {
			for _, y := range b {
				g.join(at(x, box), at(y, box), g.sys.LinkType(w.Type), max(1, w.Count))
			}
		}
	}
	return nil
}

// join adds links to the bundle between two nodes.
func (g *graph) join(a, b int, t *configs.LinkType, count int) {
	for _, h := range g.adj[a] {
		if e := g.edge(h.res); h.to == b && e.typ == t {
			e.count += count
			return
		}
	}
	e := len(g.edges)
	g.edges = append(g.edges, edge{a, b, t, count})
	g.adj[a] = append(g.adj[a], hop{2 * e, b})
	g.adj[b] = append(g.adj[b], hop{2*e + 1, a})
}

// linkName is how links.csv calls a bundle.
func (g *graph) linkName(e *edge) string {
	s := g.nodes[e.a].name + "-" + g.nodes[e.b].name + " " + e.typ.Name
	if e.count > 1 {
		s += fmt.Sprintf(" x%d", e.count)
	}
	return s
}
