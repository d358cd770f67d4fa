package nvlink

// allToAll sends block j of each rank to rank j, where it becomes block i. Each
// channel sends and receives with warps of their own, to and from the
// ranks at growing distance, so that at any time every rank is sent to once;
// channels begin at different distances, so that all links are in use.
func allToAll(p *plan) *program {
	prog := &program{ranks: p.ranks, bytes: p.bytes}
	n := p.ranks
	for c := range p.rings {
		rounds := p.blocks(c)
		to := make([][]int, n)
		for r := range n {
			to[r] = make([]int, n)
			for d := 1; d < n; d++ {
				to[r][(r+d)%n] = prog.connect(r, (r+d)%n, c)
			}
		}
		for r := range n {
			send, recv := prog.work(r, c, "send"), prog.work(r, c, "recv")
			own := prog.work(r, c, "own")
			for _, blocks := range rounds {
				own.each(p, blocks[r], op{own: true, input: true, keep: true})
			}
			for k := range n - 1 {
				d := 1 + (k+c)%(n-1)
				dst, src := (r+d)%n, (r+n-d)%n
				for _, blocks := range rounds {
					send.each(p, blocks[dst], op{to: []int{to[r][dst]}, own: true, input: true})
					// What src sends from its block r arrives as block src here.
					into := slicesOf(blocks[src], p.pieces, p.least)
					for i, s := range slicesOf(blocks[r], p.pieces, p.least) {
						recv.add(op{from: []int{to[src][r]}, seg: s, keep: true, kept: shifted(into, i, s)})
					}
				}
			}
		}
	}
	return prog
}

// shifted is where slice i lands. The last block may be shorter than the
// others, so that what is received from it, or for it, is cut.
func shifted(into []Segment, i int, s Segment) Segment {
	if i >= len(into) {
		return Segment{}
	}
	return Segment{into[i].Lo, into[i].Lo + s.size()}
}
