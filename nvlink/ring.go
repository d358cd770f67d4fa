package nvlink

import "slices"

// plan is what the generators of programs need: who takes part, in how many
// channels, and how slices are cut.
type plan struct {
	ranks   int
	bytes   int64
	rings   [][]int // of each channel
	boxes   [][]int // ranks of each box
	chunk   int64   // most bytes that one rank passes on at a time
	pieces  int     // slices of a chunk
	least   int64   // bytes of a slice at least
	grain   int64   // chunks are multiples of this
	root    int
	uneven  bool                   // the buffer need not be a multiple of an element for each rank
	gathers func(rank int) *gather // of the switch, nil where there is none
	fold    *treeFold              // of trees over many boxes, nil: all are there
}

// part is a channel's part of the buffer.
func (p *plan) part(channel int) Segment {
	each := roundUp(ceilDiv(p.bytes, int64(len(p.rings))), 16)
	return Segment{min(p.bytes, int64(channel)*each), min(p.bytes, int64(channel+1)*each)}
}

// loops cuts a segment into rounds and each round into n chunks, one for every
// place in a ring; chunks may be empty.
func (p *plan) loops(s Segment, n int) [][]Segment {
	var out [][]Segment
	for lo := s.Lo; lo < s.Hi; {
		each := min(p.chunk, roundUp(ceilDiv(s.Hi-lo, int64(n)), p.grain))
		round := make([]Segment, n)
		for i := range round {
			round[i] = Segment{min(s.Hi, lo), min(s.Hi, lo+each)}
			lo = round[i].Hi
		}
		out = append(out, round)
	}
	return out
}

// connectRing makes the connections of a ring: of each place to the next.
func connectRing(p *program, ring []int, channel int) []int {
	out := make([]int, len(ring))
	for i, r := range ring {
		out[i] = p.connect(r, ring[(i+1)%len(ring)], channel)
	}
	return out
}

// onRings writes a program in which each rank has a worker on each ring, which sends
// to the next rank and receives from the one before. of is what one worker does, at
// a place of a ring.
func onRings(p *plan, of func(c int, ring []int) func(at int, w *worker, to, from []int)) *program {
	prog := &program{ranks: p.ranks, bytes: p.bytes}
	for c, ring := range p.rings {
		next := connectRing(prog, ring, c)
		work := of(c, ring)
		for at, r := range ring {
			work(at, prog.work(r, c, ""), []int{next[at]}, []int{next[(at+p.ranks-1)%p.ranks]})
		}
	}
	return prog
}

// ringAllReduce goes round twice: a chunk collects the sum on its way and
// is then handed on. In the library's words: send, n-2 times recvReduceSend,
// recvReduceCopySend, n-2 times recvCopySend, recv.
func ringAllReduce(p *plan) *program {
	n := p.ranks
	return onRings(p, func(c int, _ []int) func(int, *worker, []int, []int) {
		rounds := p.loops(p.part(c), n)
		return func(at int, w *worker, to, from []int) {
			for _, chunks := range rounds {
				w.each(p, chunks[(at+n-1)%n], op{to: to, own: true})
				for j := 2; j < n; j++ {
					w.each(p, chunks[(at+n-j)%n], op{from: from, to: to, own: true})
				}
				w.each(p, chunks[at], op{from: from, to: to, own: true, keep: true})
				for j := 1; j < n-1; j++ {
					w.each(p, chunks[(at+n-j)%n], op{from: from, to: to, keep: true})
				}
				w.each(p, chunks[(at+1)%n], op{from: from, keep: true})
			}
		}
	})
}

// each adds an op for every slice of a chunk.
func (w *worker) each(p *plan, chunk Segment, o op) {
	for _, s := range slicesOf(chunk, p.pieces, p.least) {
		o.seg = s
		w.add(o)
	}
}

// blocks cuts the buffer into one block for each rank, and each channel's part
// of every block into rounds of chunks by rank.
func (p *plan) blocks(channel int) [][]Segment {
	block := ceilDiv(p.bytes, int64(p.ranks))
	if p.uneven { // whole elements; of the other operations the workload's size sees to it
		block = roundUp(block, 16)
	}
	each := roundUp(ceilDiv(block, int64(len(p.rings))), 16)
	var out [][]Segment
	for off := each * int64(channel); off < min(block, each*int64(channel+1)); off += p.chunk {
		round := make([]Segment, p.ranks)
		for r := range round {
			lo := min(p.bytes, int64(r)*block+off)
			end := min(p.bytes, int64(r)*block+min(block, each*int64(channel+1)))
			round[r] = Segment{min(lo, end), min(end, lo+p.chunk)}
		}
		out = append(out, round)
	}
	return out
}

// ringReduceScatter leaves each rank the sum of its block.
func ringReduceScatter(p *plan) *program {
	n := p.ranks
	return onRings(p, func(c int, ring []int) func(int, *worker, []int, []int) {
		rounds := p.blocks(c)
		return func(at int, w *worker, to, from []int) {
			for _, chunks := range rounds {
				w.each(p, chunks[ring[(at+n-1)%n]], op{to: to, own: true})
				for j := 2; j < n; j++ {
					w.each(p, chunks[ring[(at+n-j)%n]], op{from: from, to: to, own: true})
				}
				w.each(p, chunks[ring[at]], op{from: from, own: true, keep: true})
			}
		}
	})
}

// ringAllGather brings every rank's block to all.
func ringAllGather(p *plan) *program {
	n := p.ranks
	return onRings(p, func(c int, ring []int) func(int, *worker, []int, []int) {
		rounds := p.blocks(c)
		return func(at int, w *worker, to, from []int) {
			for _, chunks := range rounds {
				w.each(p, chunks[ring[at]], op{to: to, own: true})
				for j := 1; j < n-1; j++ {
					w.each(p, chunks[ring[(at+n-j)%n]], op{from: from, to: to, keep: true})
				}
				w.each(p, chunks[ring[(at+1)%n]], op{from: from, keep: true})
			}
		}
	})
}

// ringBroadcast passes the root's buffer down a chain, chunk by chunk.
func ringBroadcast(p *plan) *program {
	n := p.ranks
	return onRings(p, func(c int, ring []int) func(int, *worker, []int, []int) {
		first := slices.Index(ring, p.root)
		return func(at int, w *worker, to, from []int) {
			for _, chunk := range p.loops(p.part(c), 1) {
				switch place := (at - first + n) % n; place {
				case 0:
					w.each(p, chunk[0], op{to: to, own: true})
				case n - 1:
					w.each(p, chunk[0], op{from: from, keep: true})
				default:
					w.each(p, chunk[0], op{from: from, to: to, keep: true})
				}
			}
		}
	})
}
