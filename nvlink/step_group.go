package nvlink

import (
	"fmt"
	"slices"

	"gpusim/configs"
	"gpusim/workloads"
)

// groupKey tells collectives apart that need a program of their own.
type groupKey struct {
	ranks string
	nodes int
	work  workloads.Collective
}

// team is a group of GPUs with a collective, ready to run any number of times.
type team struct {
	ranks   []int // of Step.Class
	u       *setup
	wires   []wireUp
	closed  bool // whether its closed form has been asked for: what follows
	seconds float64
	carried carried
	counted bool // whether carried is known
}

// teams makes the programs of a step's ops; ops that are alike share them.
type teams struct {
	sys   *configs.System
	all   *graph // of all GPUs of the step
	box   *graph // of one node
	per   int    // GPUs of a node
	fold  int
	tree  *treeFold // of Folded steps
	trees bool      // some op is a folded tree
	known map[groupKey]*team
	ways  []*way
	plain bool // closed forms are asked for, not programs
}

func newTeams(s *configs.System, step *Step) (*teams, error) {
	t := &teams{sys: s, per: PerNode(s), fold: max(1, step.Folded), known: map[groupKey]*team{}}
	n := len(step.Class)
	if n > t.per*s.Nodes || t.fold > s.Nodes {
		return nil, fmt.Errorf("gpus=%d, but the system has %d", n*t.fold, t.per*s.Nodes)
	}
	if tree := foldTree(max(2, t.fold)); t.fold > 2 && tree.boxes() <= s.Nodes { // nodes for trees, of which rings use the first
		t.tree, n = tree, tree.boxes()*t.per
	}
	var err error
	if t.all, err = build(s, n, nil); err != nil {
		return nil, err
	}
	if step.Memory > 0 {
		t.all.contend(step.Memory)
	}
	t.box = t.all
	if t.all.boxes > 1 {
		t.box, err = build(s, t.per, nil)
	}
	return t, err
}

// of gives the team of a group of an op.
func (t *teams) of(o *Op, ranks []int) (*team, error) {
	work := o.Work
	nodes := max(1, o.Nodes)
	work.GPUs = len(ranks) * nodes
	key := groupKey{fmt.Sprint(ranks), nodes, work}
	if m := t.known[key]; m != nil {
		return m, nil
	}
	m := &team{ranks: ranks}
	var err error
	if work.Op == workloads.PointToPoint {
		m.u, err = t.transfer(&work, ranks)
	} else {
		err = t.collective(m, &work, ranks, nodes)
	}
	if err == nil && !t.plain {
		m.wires, err = m.u.wires()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	}
	if !t.plain {
		t.ways = append(t.ways, m.u.ways(m.wires)...)
	}
	t.known[key] = m
	return m, nil
}

// collective sets a collective up: its channels are found on its part of one
// node, which must be alike on all.
func (t *teams) collective(m *team, c *workloads.Collective, ranks []int, nodes int) error {
	var local []int // places in a node
	boxes := map[int]int{}
	for _, r := range ranks {
		if r < 0 || r >= len(t.all.gpus) {
			return fmt.Errorf("there is no GPU %d", r)
		}
		boxes[r/t.per]++
		if len(boxes) == 1 {
			local = append(local, r%t.per)
		}
	}
	for i, r := range ranks {
		if len(boxes)*len(local) != len(ranks) || r%t.per != local[i%len(local)] {
			return fmt.Errorf("its GPUs are not the same ones of each node")
		}
	}
	box := *t.box
	box.gpus = make([]int, len(local))
	for i, l := range local {
		box.gpus[i] = t.box.gpus[l]
	}
	u, err := setupOn(t.sys, c, &box, len(local), len(boxes)*nodes)
	if err != nil {
		return err
	}
	m.u, u.all = u, t.all
	switch {
	case nodes == 1:
	case u.folds(): // onto the first node
		g := *t.all
		g.gpus = nil
		for _, r := range ranks {
			g.gpus = append(g.gpus, t.all.gpus[r])
		}
		u.g, u.routes = &g, map[routeKey]*route{}
		if t.plain {
			return nil
		}
		return u.prepare()
	case u.pick.algo == Tree && t.tree != nil: // onto a node of each height
		t.trees, u.foldAll = true, true
		m.ranks = nil
		for b := range t.tree.boxes() {
			for _, l := range local {
				m.ranks = append(m.ranks, b*t.per+l)
			}
		}
	default:
		return fmt.Errorf("%s over %d nodes with %s is not folded (allowed: algo=ring, algo=tree)", c.Op, nodes, u.pick.algo)
	}
	for _, r := range m.ranks {
		u.nodes = append(u.nodes, t.all.gpus[r])
	}
	switch {
	case t.plain:
		return nil
	case u.foldAll:
		return u.foldedTree()
	}
	return u.whole()
}

// transfer sets a transfer up: as many channels as fill its route, as a library's
// point-to-point kernels take them.
func (t *teams) transfer(c *workloads.Collective, ranks []int) (*setup, error) {
	g := *t.all
	g.gpus = []int{t.all.gpus[ranks[0]], t.all.gpus[ranks[1]]}
	r, err := g.find(g.gpus[0], g.gpus[1], "")
	if err != nil {
		return nil, err
	}
	u := &setup{fold: 1, coarse: 1, c: c, lib: &t.sys.Library, g: &g, per: 2, boxes: 1, routes: map[routeKey]*route{}, class: r.class}
	u.pick = choice{algo: Ring, proto: Simple}
	alone := &way{all: g.uses(r, Stores), limit: 1e15, flows: 1}
	alone.lean = alone.all
	newSharer(&g).share([]*way{alone})
	n := min(u.lib.Channels, max(1, int(alone.rate/u.limit(r)+0.99)))
	u.rings = slices.Repeat([][]int{{0, 1}}, n)
	u.cut()
	u.prog = sendReceive(&u.plan)
	return u, nil
}

// sendReceive hands a buffer from rank 0 to rank 1.
func sendReceive(p *plan) *program {
	prog := &program{ranks: 2, bytes: p.bytes}
	for c := range p.rings {
		conn := prog.connect(0, 1, c)
		send, receive := prog.work(0, c, "send"), prog.work(1, c, "receive")
		for _, chunk := range p.loops(p.part(c), 1) {
			send.each(p, chunk[0], op{to: []int{conn}, own: true})
			receive.each(p, chunk[0], op{from: []int{conn}, keep: true})
		}
	}
	return prog
}
