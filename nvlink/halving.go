package nvlink

import "fmt"

// halvingAllReduce is recursive halving and doubling (Thakur, Rabenseifner and
// Gropp 2005): ranks that differ in one bit exchange halves of what they are
// still responsible for and add, from the far bit to the near one; then the
// sums go back the same way.
func halvingAllReduce(p *plan) (*program, error) {
	n := p.ranks
	if n&(n-1) != 0 {
		return nil, fmt.Errorf("algo=halving needs a power of two ranks, not %d", n)
	}
	prog := &program{ranks: n, bytes: p.bytes}
	for c := range p.rings {
		to := make([]map[int]int, n) // connection by partner
		for r := range n {
			to[r] = map[int]int{}
			for bit := 1; bit < n; bit <<= 1 {
				to[r][r^bit] = prog.connect(r, r^bit, c)
			}
		}
		for r := range n {
			w := prog.work(r, c, "")
			mine := p.part(c)
			var gave []Segment
			for bit := n / 2; bit > 0; bit >>= 1 {
				low, high := halves(mine)
				give, keep := high, low
				if r&bit != 0 {
					give, keep = low, high
				}
				w.exchange(p, to, r, r^bit, give, keep, true)
				mine, gave = keep, append(gave, give)
			}
			for bit, i := 1, len(gave)-1; bit < n; bit, i = bit<<1, i-1 {
				w.exchange(p, to, r, r^bit, mine, gave[i], false)
				mine = Segment{min(mine.Lo, gave[i].Lo), max(mine.Hi, gave[i].Hi)}
			}
		}
	}
	return prog, nil
}

// halves cuts a segment in two at a multiple of 16.
func halves(s Segment) (low, high Segment) {
	mid := min(s.Hi, s.Lo+roundUp(ceilDiv(s.size(), 2), 16))
	return Segment{s.Lo, mid}, Segment{mid, s.Hi}
}

// exchange sends one segment and takes another, slice about slice, so that
// neither side runs out of room.
func (w *worker) exchange(p *plan, to []map[int]int, rank, partner int, give, take Segment, add bool) {
	cut := func(s Segment) (out []Segment) {
		for lo := s.Lo; lo < s.Hi; lo += p.chunk {
			out = append(out, slicesOf(Segment{lo, min(s.Hi, lo+p.chunk)}, p.pieces, p.least)...)
		}
		return out
	}
	out, in := cut(give), cut(take)
	for i := range max(len(out), len(in)) {
		if i < len(out) {
			w.add(op{to: []int{to[rank][partner]}, seg: out[i], own: true})
		}
		if i < len(in) {
			w.add(op{from: []int{to[partner][rank]}, seg: in[i], own: add, keep: true})
		}
	}
}
