package nvlink

// treeNode is a place in a tree: its parent and children, -1 and none at the
// ends.
type treeNode struct {
	up   int
	down []int
}

// binaryTree gives the tree of NCCL over n places: odd numbers are leaves, and
// clearing the lowest bit that is set, while setting the next, leads to the
// parent (src/graph/trees.cc). Place 0 is the root and has one child.
func binaryTree(n int) []treeNode {
	t := make([]treeNode, n)
	for i := range t {
		t[i].up = -1
	}
	for i := 1; i < n; i++ {
		bit := i & -i
		up := (i ^ bit) | bit<<1
		if up >= n {
			up = i ^ bit
		}
		t[i].up = up
		t[up].down = append(t[up].down, i)
	}
	return t
}

// doubleTree gives two trees such that leaves of one are inner places of the
// other, so that both together use what every place can send: the second
// is the first mirrored for an even number of places, else shifted by one.
func doubleTree(n int) [2][]treeNode {
	first := binaryTree(n)
	second := make([]treeNode, n)
	at := func(i int) int {
		switch {
		case i < 0:
			return -1
		case n%2 == 0:
			return n - 1 - i
		}
		return (i + 1) % n
	}
	for i, t := range first {
		s := treeNode{up: at(t.up)}
		for _, d := range t.down {
			s.down = append(s.down, at(d))
		}
		second[at(i)] = s
	}
	return [2][]treeNode{first, second}
}

// ranksTree is a tree over ranks: boxes form a double binary tree, the ranks of
// a box a chain below its first.
func (p *plan) ranksTree(channel int) []treeNode {
	trees := doubleTree(len(p.boxes))
	tree := trees[channel%2]
	out := make([]treeNode, p.ranks)
	for b, t := range tree {
		up := -1
		if t.up >= 0 {
			up = p.chain(channel, t.up)[0]
		}
		for _, r := range p.chain(channel, b) {
			out[r].up = up
			if up >= 0 {
				out[up].down = append(out[up].down, r)
			}
			up = r
		}
	}
	return out
}

// chain is the order of a box's ranks in a channel: that of its ring.
func (p *plan) chain(channel, box int) (out []int) {
	first := 0
	for _, b := range p.boxes[:box] {
		first += len(b)
	}
	return p.rings[channel][first : first+len(p.boxes[box])]
}

// treeAllReduce sums up the tree and hands the sum down, with one group of warps
// for each way.
func treeAllReduce(p *plan) *program {
	prog := &program{ranks: p.ranks, bytes: p.bytes}
	for c := range p.rings {
		tree, like := p.ranksTree(c), []float64(nil)
		if p.fold != nil {
			tree, like = p.foldedRanks(c)
		}
		rise, fall := make([]int, p.ranks), make([]int, p.ranks)
		for r, t := range tree {
			if t.up >= 0 {
				rise[r], fall[r] = prog.connect(r, t.up, c), prog.connect(t.up, r, c)
				if like != nil {
					prog.conns[rise[r]].partners, prog.conns[fall[r]].partners = [2]float64{1, like[r]}, [2]float64{like[r], 1}
				}
			}
		}
		rounds := p.loops(p.part(c), 1)
		for r, t := range tree {
			var from, to []int
			for _, d := range t.down {
				from, to = append(from, rise[d]), append(to, fall[d])
			}
			up := prog.work(r, c, "up")
			if t.up < 0 {
				for _, chunk := range rounds {
					up.each(p, chunk[0], op{from: from, to: to, own: true, keep: true})
				}
				continue
			}
			down := prog.work(r, c, "down")
			for _, chunk := range rounds {
				up.each(p, chunk[0], op{from: from, to: []int{rise[r]}, own: true})
				down.each(p, chunk[0], op{from: []int{fall[r]}, to: to, keep: true})
			}
		}
	}
	return prog
}
