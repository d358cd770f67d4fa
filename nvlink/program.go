package nvlink

// Segment is a part of a buffer in bytes.
type Segment struct{ Lo, Hi int64 }

func (s Segment) size() int64 { return s.Hi - s.Lo }

// op is one step of a worker: it waits for a slice from each connection of
// from and for room in each of to, makes the slice and passes it on.
//
//	value = sum of what was received (+ its own, if own is set)
//
// Its own are those of in, if input is set, else of out, which begins as a copy
// of the input. keep stores the value into out at seg (of kept, if that is set).
type op struct {
	from, to []int // connections
	seg      Segment
	own      bool
	input    bool
	keep     bool
	kept     Segment // where to; zero: seg
	gather   *gather // data that a switch collects and spreads; nil mostly
}

// gather is a slice that a switch adds up over all ranks, hands to one, and
// spreads from that one to all.
type gather struct{ reduce, spread *way }

// worker runs ops one after another: a group of warps of one channel's CTA.
type worker struct {
	rank, channel int
	name          string // up, down, send ...; empty when it is the only one
	ops           []op
}

// conn carries slices in order from one worker to another.
type conn struct {
	from, to int // ranks
	channel  int
	loop     bool // to the rank of the next node, which stands folded into this one
	// partners is how many connections like it each end has, where nodes are folded;
	// zero: one.
	partners [2]float64
}

// program is a collective as the channels of all ranks run it.
type program struct {
	ranks   int
	workers []*worker
	conns   []conn
	bytes   int64 // of each rank's buffers
}

// connect makes a connection.
func (p *program) connect(from, to, channel int) int {
	p.conns = append(p.conns, conn{from: from, to: to, channel: channel})
	return len(p.conns) - 1
}

// work makes a worker.
func (p *program) work(rank, channel int, name string) *worker {
	w := &worker{rank: rank, channel: channel, name: name}
	p.workers = append(p.workers, w)
	return w
}

// add appends an op unless its slice is empty.
func (w *worker) add(o op) {
	if o.seg.size() > 0 {
		w.ops = append(w.ops, o)
	}
}

// slices cuts a segment into at most n pieces of at least least bytes, each a
// multiple of 16 but the last.
func slicesOf(s Segment, n int, least int64) []Segment {
	if s.size() <= 0 {
		return nil
	}
	each := max(least, roundUp(ceilDiv(s.size(), int64(n)), 16))
	var out []Segment
	for lo := s.Lo; lo < s.Hi; lo += each {
		out = append(out, Segment{lo, min(s.Hi, lo+each)})
	}
	return out
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

func roundUp(a, b int64) int64 { return ceilDiv(a, b) * b }
