package sm

// Jumps are what an SM left out while it held a certain number of CTAs.
type Jumps struct {
	Sends  uint64 // memory instructions
	Cycles int64  // by the SM's own pace
	Doubt  uint64 // the sum of squares of what each jump's cycles may be off by

	// Those of them whose pace is that of windows in which CTAs were hardly ever all in
	// their main loops.
	LooseSends  uint64
	LooseCycles int64
}

// Jumps are those since Load, by the number of CTAs that the SM held.
func (c *Core) Jumps() []Jumps { return c.jumps }

// charge adds a CTA's jump.
func (j *Jumps) charge(s *sampler) {
	j.Sends += s.jumped
	j.Cycles += int64(s.charged)
	if s.loose {
		j.LooseSends += s.jumped
		j.LooseCycles += int64(s.charged)
	}
}

// adjust makes it worth so many cycles more by what is known behind it.
func (j *Jumps) adjust(s *sampler, off int64, loose bool) {
	j.Cycles += off
	switch {
	case s.loose:
		j.LooseCycles += off
	case loose:
		j.LooseSends += s.jumped
		j.LooseCycles += int64(s.charged) + off
	}
}

// Overlap is what an SM did while a certain number of its CTAs were in their main loops.
type Overlap struct {
	Times  uint64 // that it came to this
	Cycles uint64
	Sends  uint64 // memory instructions in main loops
}

// note adds what was done since the latest tick, at cycle t.
func (o *Overlap) note(c *Core, t uint64) {
	if o != c.overlapped {
		o.Times++
		c.overlapped = o
	}
	o.Cycles += t - c.tickedAt
	o.Sends += c.loopSends - c.tickedSends
}

// Overlaps are those since its first CTA ended, while no place was empty.
func (c *Core) Overlaps() []Overlap { return c.overlap }

// Ended is the number of CTAs that have come and gone since Load.
func (c *Core) Ended() int { return c.ended }
