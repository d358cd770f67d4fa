package memory

// buffered is a place in a channel's write buffer: the write that holds it, or
// since when it has been free.
type buffered struct {
	fetch int32 // -1 = free
	since uint64
}

// buffer finds a place in the write buffer for a write-back. The request whose
// line took the place of the dirty one is complete only when there is one: when
// the write that is as many before as the buffer holds has left. So a stream of
// writes goes at DRAM's speed, and so does a stream of reads that evicts what
// has been written.
func (s *System) buffer(write, flight int32) {
	if write < 0 {
		return
	}
	q := &s.fetches.all[write]
	c := &s.channels[q.channel]
	q.place = int16(c.written)
	b := &c.writes[c.written]
	if c.written++; c.written == len(c.writes) {
		c.written = 0
	}
	f := &s.flights[flight]
	if b.fetch >= 0 {
		s.fetches.wait(b.fetch, flight)
		f.missing++
	} else {
		f.ready = max(f.ready, b.since)
	}
	*b = buffered{fetch: write}
}

// emptied frees the place of a write that has left for DRAM, unless a later one
// has been promised it already, and tells who waits for it.
func (c *channel) emptied(d int32, ready uint64) {
	s := c.sys
	if b := &c.writes[s.fetches.all[d].place]; b.fetch == d {
		*b = buffered{fetch: -1, since: ready}
	}
	for w := s.fetches.all[d].waiters; w >= 0; w = s.fetches.waits[w].next {
		s.arrived(s.fetches.waits[w].flight, ready, false)
	}
	s.fetches.release(d)
}
