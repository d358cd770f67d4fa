package sm

import "gpusim/configs"

// icache is the SM's instruction cache behind the sub-cores' L0. A line is
// missed once per launch; its successors are prefetched behind it.
type icache struct {
	spec  *configs.ICache
	ready []uint64 // per code line: when L1.5 has it, never = not asked for
	order []uint16 // FIFO of present lines
	cap   int
}

// l0cache is a sub-core's instruction cache, FIFO.
type l0cache struct {
	ready []uint64
	order []uint16
	cap   int
}

func lineTimes(old []uint64, n int) []uint64 {
	if cap(old) < n {
		old = make([]uint64, n)
	}
	old = old[:n]
	for i := range old {
		old[i] = never
	}
	return old
}

func (c *icache) reset(spec *configs.ICache, lines, _ int) {
	c.spec = spec
	c.ready = lineTimes(c.ready, lines)
	c.order = c.order[:0]
	c.cap = int(spec.L1) / spec.LineBytes
}

func (c *l0cache) reset(capacity, lines int) {
	c.ready = lineTimes(c.ready, lines)
	c.order = c.order[:0]
	c.cap = capacity
}

// has says whether a line can be issued from at cycle t.
func (c *l0cache) has(line uint16, t uint64) bool { return c.ready[line] <= t }

// insert notes that a line will be there at a cycle, dropping the oldest.
func insert(ready []uint64, order []uint16, capacity int, line uint16, at uint64) []uint16 {
	if len(order) == capacity {
		ready[order[0]] = never
		order = append(order[:0], order[1:]...)
	}
	ready[line] = at
	return append(order, line)
}

// fetch brings a line into a sub-core's L0 and returns when it is there; the
// following lines are prefetched at one every two cycles.
func (c *Core) fetch(s *subcore, line uint16, t uint64) uint64 {
	if r := s.l0.ready[line]; r != never {
		return r // on its way
	}
	spec := c.icache.spec
	for i := 0; i <= min(spec.PrefetchLines, s.l0.cap-1); i++ {
		n := line + uint16(i)
		if int(n) >= len(s.l0.ready) || s.l0.ready[n] != never {
			break
		}
		if c.icache.ready[n] == never {
			at := t + uint64(spec.L1MissLatency) + uint64(i)*2
			c.icache.order = insert(c.icache.ready, c.icache.order, c.icache.cap, n, at)
		}
		at := max(t, c.icache.ready[n]) + uint64(spec.L0MissLatency) + uint64(i)*2
		s.l0.order = insert(s.l0.ready, s.l0.order, s.l0.cap, n, at)
	}
	return s.l0.ready[line]
}
