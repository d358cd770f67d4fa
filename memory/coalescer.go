package memory

// coalescer joins reads of one line by the SMs of a GPC: one that comes while an
// earlier one is looked up in L2 gets a share of its answer, which takes the slice's
// data array and the GPC's reply port once. SMs whose CTAs work on neighbouring tiles
// ask for the same operands at nearly the same time.
//
// A read joins one that is not ready yet or arrived less than a hit's latency before
// it, and has its data no sooner than a hit of its own would: so the outcome does not
// depend on how far replies have been simulated.
type coalescer struct {
	window uint64 // 0: there is none
	gpcs   [][]reading
}

// reading is the latest read of a line that went to L2 itself.
type reading struct {
	line    uint64
	at      uint64 // arrival
	ready   uint64 // when its data are there, as far as L2 has them
	sectors uint8
}

// readings is the number of lines that a GPC's coalescer remembers.
const readings = 1 << 12

func newCoalescer(on bool, window, gpcs int) coalescer {
	if !on {
		return coalescer{}
	}
	c := coalescer{window: uint64(window), gpcs: make([][]reading, gpcs)}
	for i := range c.gpcs {
		c.gpcs[i] = make([]reading, readings)
	}
	return c
}

func (c *coalescer) reset() {
	for _, g := range c.gpcs {
		clear(g)
	}
}

// find gives the place of a line.
func (c *coalescer) find(gpc uint8, line uint64) *reading {
	return &c.gpcs[gpc][scatter(line>>lineShift)%readings]
}

// join lets a read that arrives at cycle t share an earlier one's answer if it can.
func (s *System) join(f *flight, t uint64) {
	if s.lrc.window == 0 || f.kind != Read {
		return
	}
	r := s.lrc.find(f.gpc, f.line)
	if r.line == f.line && r.sectors != 0 && t < max(r.at+s.lrc.window, r.ready) && f.sectors&^r.sectors == 0 {
		f.joined = true
		f.ready = r.ready
		s.count.Coalesced++
	}
}

// lead notes a read that goes to L2 itself, for others to join.
func (s *System) lead(f *flight, t uint64) {
	if s.lrc.window > 0 && f.kind == Read && f.way != errand {
		*s.lrc.find(f.gpc, f.line) = reading{line: f.line, at: t, ready: f.ready, sectors: f.sectors}
	}
}
