package pipe

// memory is the way of a core to its data: caches, buffers for lines on their way,
// and the rates at which lines come.
type memory struct {
	s          *Spec
	shift      uint
	l1, l2, l3 *cache
	fills      *pool // lines on their way to L1
	queue      *pool // lines on their way to L2
	l2Next     float64
	l3Next     float64
	memNext    float64
	ports      *slots
	loadPorts  uint32
	streams    [streamPages]pageStream
	share      [][3]float64 // by stream: what of its lines was found where, for Home
	n          *Counts
}

// Counts are what a run did.
type Counts struct {
	Cycles  int64
	Uops    [NumOps]uint64 // by operation; memory operands are counted in Operands
	Operand uint64         // memory operands of arithmetic
	Lines   [4]uint64      // lines that came to L1 from L1 (hits), to L1 from L2, to L2 from L3, to L2 from memory
	Back    [4]uint64      // likewise lines that are dirty and will go back
	Fetched uint64         // of the lines, those that a prefetcher asked for
	Stalls  [NumReasons]int64
}

// Level of the hierarchy that served an access.
const (
	inL1 = iota
	inL2
	inL3
	inMemory
)

const streamPages = 32

// pageStream is what the L2 prefetcher knows of a page.
type pageStream struct {
	page uint64
	last int64 // line within the page
	dir  int64
	head int64 // furthest line asked for
}

func newMemory(s *Spec, streams int, ports *slots, loadPorts uint32, n *Counts) *memory {
	m := &memory{s: s, ports: ports, loadPorts: loadPorts, n: n,
		l1: newCache(s.L1, s.LineBytes), l2: newCache(s.L2, s.LineBytes), l3: newCache(s.L3, s.LineBytes),
		fills: newPool(s.FillBuffers), queue: newPool(s.Superqueue), share: make([][3]float64, streams)}
	for 1<<m.shift < s.LineBytes {
		m.shift++
	}
	return m
}

// home draws where a new line of a stream is found: the shares are kept exactly
// over any number of lines.
func (m *memory) home(st *Stream, at int) int {
	if st.Home == ([3]float64{}) {
		return inMemory
	}
	acc := &m.share[at]
	for l := inL1; l < inMemory; l++ {
		h := st.Home[l]
		if l > 0 {
			h -= st.Home[l-1]
		}
		acc[l] += h
	}
	for l := inL1; l < inMemory; l++ {
		if acc[l] >= 1-1e-9 {
			acc[l]--
			return l
		}
	}
	return inMemory
}

// access gives the cycle in which the data of an access that starts in cycle t are
// there, and the level that served it.
func (m *memory) access(t int64, addr uint64, st *Stream, at int) (int64, int) {
	line := addr >> m.shift
	if e := m.l1.find(line); e != nil {
		m.n.Lines[inL1]++
		if e.ready > t {
			return e.ready, e.from
		}
		return t + int64(m.s.L1.Latency), inL1
	}
	return m.fill(t, line, st, at, false)
}

// fill brings a line to L1.
func (m *memory) fill(t int64, line uint64, st *Stream, at int, ahead bool) (int64, int) {
	if ahead {
		m.n.Fetched++
	}
	start := m.fills.enter(t)
	ready, level := m.fromL2(start, line, st, at)
	if level == inL1 { // the line was there before the simulation began
		m.l1.put(line, t, inL1)
		m.n.Lines[inL1]++
		return t + int64(m.s.L1.Latency), inL1
	}
	m.n.Lines[inL2]++
	if st.Dirty {
		m.n.Back[inL2]++
	}
	m.fills.hold(ready)
	if m.s.FillTakesPorts {
		m.ports.block(ready-1, m.loadPorts)
	}
	m.l1.put(line, ready, level)
	return ready, level
}

// fromL2 gives the cycle in which L2 delivers a line to L1.
func (m *memory) fromL2(t int64, line uint64, st *Stream, at int) (int64, int) {
	level := inL2
	have := int64(0)
	if e := m.l2.find(line); e != nil {
		if have = e.ready; have > t {
			level = e.from
		}
	} else {
		level = m.home(st, at)
		switch level {
		case inL1:
			return t, inL1
		case inL2:
			m.l2.put(line, t, inL2)
		default:
			have, level = m.beyond(t+int64(m.s.L2.Latency-m.s.L1.Latency), line, st, level, at)
			m.l2.put(line, have, level)
		}
	}
	if m.s.StreamPrefetch > 0 {
		m.observe(t, line, st, at)
	}
	// The line passes the port of L2, once more if it goes back dirty.
	per := m.s.L2.CyclesPerSet
	slot := max(float64(t), m.l2Next)
	m.l2Next = slot + per
	if st.Dirty {
		m.l2Next += per
	}
	ready := max(t+int64(m.s.L2.Latency), int64(slot)+int64(m.s.L2.Latency), have)
	return ready, level
}

// toL2 brings a line to L2 ahead of its use.
func (m *memory) toL2(t int64, line uint64, st *Stream, at int) {
	if m.l2.find(line) != nil {
		return
	}
	if level := m.home(st, at); level > inL2 {
		m.n.Fetched++
		ready, from := m.beyond(t, line, st, level, at)
		m.l2.put(line, ready, from)
	} else {
		m.l2.put(line, t, inL2)
	}
}

// beyond gives the cycle in which a line that L2 lacks is there.
func (m *memory) beyond(t int64, line uint64, st *Stream, level, at int) (int64, int) {
	start := m.queue.enter(t)
	ready, level := m.outer(start, line, st, level)
	m.queue.hold(ready)
	return ready, level
}

// outer is the way through L3 to memory.
func (m *memory) outer(start int64, line uint64, st *Stream, level int) (int64, int) {
	weight := 1.0
	if st.Dirty && !st.Streamed {
		weight = 2
	}
	if m.l3 != nil && level == inMemory {
		if e := m.l3.find(line); e != nil {
			level = inL3
		} else {
			m.l3.put(line, start, inMemory)
		}
	}
	back := int64(m.s.L2.Latency - m.s.L1.Latency) // the part of the latency that t has already
	var ready int64
	if m.s.L3.Latency > 0 {
		slot := max(float64(start), m.l3Next)
		m.l3Next = slot + weight*m.s.L3.CyclesPerSet
		ready = int64(slot) + int64(m.s.L3.Latency) - back
	}
	if level == inMemory {
		m.memNext = max(m.memNext, float64(start)-m.s.MemoryBurst)
		slot := max(float64(start), m.memNext)
		m.memNext += weight * m.s.MemoryCycles
		if st.Streamed { // a whole line leaves: nobody waits for what was there
			ready = max(ready, int64(slot))
		} else {
			ready = max(ready, int64(slot)+int64(m.s.MemoryLatency)-back)
		}
		if !st.Streamed {
			m.n.Lines[inMemory]++
		}
		if st.Dirty {
			m.n.Back[inMemory]++
		}
	} else {
		m.n.Lines[inL3]++
		if st.Dirty {
			m.n.Back[inL3]++
		}
	}
	return ready, level
}

// streamReach is how far apart accesses of one stream may be, in lines: those of an
// unrolled loop do not come in order.
const streamReach = 8

func sign(v int64) int64 {
	if v < 0 {
		return -1
	}
	return 1
}

// observe is the L2 prefetcher: once accesses of a page have moved in one direction
// twice, it runs ahead of them within the page, two lines an access at most
// (Intel's optimization manual on the streamer).
func (m *memory) observe(t int64, line uint64, st *Stream, at int) {
	perPage := int64(4096 >> m.shift)
	page := line / uint64(perPage)
	in := int64(line % uint64(perPage))
	p := &m.streams[0]
	if p.page != page+1 {
		known := 1
		for known < streamPages-1 && m.streams[known].page != page+1 {
			known++
		}
		found := m.streams[known]
		copy(m.streams[1:known+1], m.streams[:known])
		if found.page != page+1 {
			*p = pageStream{page: page + 1, last: in, head: in}
			return
		}
		*p = found
	}
	step := in - p.last
	switch {
	case p.dir == 0 && step != 0 && step <= streamReach && step >= -streamReach:
		p.dir, p.last, p.head = sign(step), in, in
		return
	case p.dir == 0 || step*p.dir > streamReach || step*p.dir < -streamReach:
		p.dir, p.last, p.head = 0, in, in
		return
	case step*p.dir > 0:
		p.last = in
	}
	if (p.head-p.last)*p.dir < 0 {
		p.head = p.last
	}
	in, dir := p.last, p.dir
	for range 2 {
		next := p.head + dir
		if next < 0 || next >= perPage || (next-in)*dir > int64(m.s.StreamPrefetch) {
			return
		}
		target := page*uint64(perPage) + uint64(next)
		if m.l2.find(target) == nil {
			if m.queue.enter(t) > t {
				return // no room: it tries again with the next access
			}
			level := m.home(st, at)
			if level <= inL2 {
				m.l2.put(target, t, inL2)
			} else {
				m.n.Fetched++
				ready, from := m.beyond(t, target, st, level, at)
				m.l2.put(target, ready, from)
			}
		}
		p.head = next
	}
}
