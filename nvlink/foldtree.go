package nvlink

import (
	"math/bits"
	"slices"
)

// Trees over many nodes are folded by what nodes do: in a double binary tree of
// n nodes half are inner places of the first tree, by their height above its
// leaves, and leaves of the second; the other half are the same the other way
// round. One node of each height is simulated for all of them. What a node exchanges with
// several others of one height goes over one connection, which takes the links of
// the one end as often as it has such partners.

// treeFold is the nodes that stand for all.
type treeFold struct {
	heights int       // of inner places; the highest is the root
	count   []float64 // nodes of each height, from 1 on, in either half
}

// foldTree folds a double tree of nodes.
func foldTree(nodes int) *treeFold {
	t := &treeFold{heights: bits.Len(uint(nodes - 1))}
	for h := 1; h < t.heights; h++ {
		t.count = append(t.count, float64((nodes-1)>>h-(nodes-1)>>(h+1)))
	}
	t.count = append(t.count, 1)
	return t
}

// boxes are the nodes of the program: those inner in the first tree by height,
// then those inner in the second.
func (t *treeFold) boxes() int { return 2 * t.heights }

// stands is how many nodes a node of the program stands for.
func (t *treeFold) stands(box int) float64 { return t.count[box%t.heights] }

// mark says of links, two for each bundle of the graph, how many they stand for.
func (t *treeFold) mark(g *graph, links []LinkUse) {
	for i := range links {
		e := g.edge(i)
		links[i].Stands = t.stands(max(0, g.nodes[e.a].box, g.nodes[e.b].box))
	}
}

// parent of a node in the first or second tree, and how many like it the parent
// has for children; -1 at the root.
func (t *treeFold) parent(tree, box int) (up int, like float64) {
	half, h := box/t.heights, box%t.heights
	switch {
	case half != tree: // a leaf: below one of height 1
		return tree * t.heights, t.count[h] / t.count[0]
	case h == t.heights-1:
		return -1, 0
	}
	return box + 1, min(2, t.count[h]/t.count[h+1]) // some are below one yet higher
}

// foldsTree says whether trees are folded: where there are more ranks than are
// simulated one by one.
func (u *setup) foldsTree() bool {
	return u.pick.algo == Tree && u.boxes > 2 && u.c.GPUs%u.per == 0 && (u.c.GPUs > maxRanks || u.foldAll)
}

// foldedTree makes the program of the nodes that stand for all.
func (u *setup) foldedTree() error {
	t := foldTree(u.boxes)
	n := t.boxes() * u.per
	if u.all == nil {
		g, err := build(u.g.sys, n, nil)
		if err != nil {
			return err
		}
		u.g = g
	} else {
		g := *u.all
		g.gpus = u.nodes
		u.g = &g
	}
	u.routes = map[routeKey]*route{}
	u.cut()
	u.rings = spread(u.rings, u.per, n)
	p := &u.plan
	p.rings, p.ranks, p.boxes = u.rings, n, make([][]int, t.boxes())
	for r := range n {
		p.boxes[r/u.per] = append(p.boxes[r/u.per], r)
	}
	p.fold = t
	u.prog = treeAllReduce(p)
	return nil
}

// foldedRanks is the tree over the ranks of the nodes that stand for all, and how
// many like it the parent of each has for children.
func (p *plan) foldedRanks(channel int) (tree []treeNode, like []float64) {
	tree, like = make([]treeNode, p.ranks), slices.Repeat([]float64{1}, p.ranks)
	for i := range tree {
		tree[i].up = -1
	}
	for b := range p.boxes {
		parent, n := p.fold.parent(channel%2, b)
		up := -1
		if parent >= 0 {
			up = p.chain(channel, parent)[0]
		}
		for i, r := range p.chain(channel, b) {
			tree[r].up = up
			if i == 0 {
				like[r] = n
			}
			if up >= 0 {
				tree[up].down = append(tree[up].down, r)
			}
			up = r
		}
	}
	return tree, like
}
