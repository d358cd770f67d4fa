package sm

// pairLanes are a sub-core's share in lanes that it has in common with its
// neighbour, see configs.SM.PairLanes. They take the second of two fp32
// instructions that a warp issues in one cycle. If the neighbour's is on them,
// the sub-core's second dispatch unit holds the instruction for a cycle, in which
// no other can be the second of a pair.
type pairLanes struct {
	other *subcore // nil: there are none
	free  uint64   // cycle from which nothing is on the lanes
	held  uint64   // cycle from which the dispatch unit is free
}

// take says whether the second of a pair can be issued at cycle t.
func (p *pairLanes) take(t uint64) bool { return p.held <= t && p.free <= t+1 }

// joinLanes makes neighbours share lanes.
func (c *Core) joinLanes() {
	for i := range c.sub {
		c.sub[i].lanes.other = &c.sub[i^1]
	}
}

// paired issues an instruction that is, or could have been, the second of a
// pair, and returns when it is executed: alone it goes to the sub-core's own
// lanes.
func (c *Core) paired(s *subcore, u *uop, t uint64, second bool) uint64 {
	if !second {
		s.pipeFree[pipeFP32] = t + uint64(u.busy)
		return t
	}
	at := max(t, s.lanes.free)
	s.lanes.held, s.lanes.free = at+1, at+c.pairCycles
	o := s.lanes.other
	o.lanes.free = s.lanes.free
	if o.pair >= 0 {
		o.evaluate()
	}
	return at
}
