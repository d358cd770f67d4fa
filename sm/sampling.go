package sm

import (
	"fmt"

	"gpusim/memory"
)

// Plan says which main-loop iterations of every CTA are left out. Windows of
// iterations are simulated; between them the loop counter jumps, all warps of
// all CTAs at the same iteration, so that their relative phase is kept.
//
// What a jump would have cost is a matter of the SM, not of the CTA: residents
// share its issue slots in whatever proportion the scheduler gives them. So
// the unit of progress is the SM's memory instructions in main loops, of all
// residents; a jump of n of them takes n times the cycles that the SM took for
// each of them in the windows before and after it.
type Plan struct {
	Windows []Window
	Tiles   TileJump
	Phases  Phases // of main loops that windows leave iterations out of
}

// TileJump leaves tiles of a persistent CTA out: behind tile To-1 it goes on with tile
// To+Skip, and what that would have cost follows from tiles [From, To).
type TileJump struct {
	From, To, Skip int32
}

// Window is a run of simulated iterations [From, To) followed by a jump of
// Skip iterations. Pace is measured over [Settle, To): the first iterations
// of a window are left to settle. What comes before the first jump of a Lead
// never settles: the jump is worth the pace behind it alone.
type Window struct {
	From, Settle, To, Skip int32
	Lead                   bool
}

// Check refuses windows that do not follow each other or measure nothing.
func (p *Plan) Check() error {
	if len(p.Windows) > MaxWindows {
		return fmt.Errorf("sampling plan has %d windows, at most %d", len(p.Windows), MaxWindows)
	}
	for i := range p.Windows {
		w := &p.Windows[i]
		// The clock is read when an iteration ends, so a window that begins
		// behind a jump needs one iteration to settle.
		if w.Settle < w.From || i > 0 && w.Settle == w.From || w.To <= w.Settle || w.Skip < 0 {
			return fmt.Errorf("sampling window %+v is out of order", *w)
		}
		if i > 0 && p.Windows[i-1].To+p.Windows[i-1].Skip != w.From {
			return fmt.Errorf("sampling window %+v does not begin where the jump before it lands", *w)
		}
	}
	return nil
}

// skip caps a jump for a CTA with fewer iterations than the plan was made
// for, such as the last slice of split-K: its last iteration is always run.
func (w *Window) skip(trips int32) int32 { return max(0, min(w.Skip, trips-1-w.To)) }

// Simulated is the number of iterations that the plan does not skip, of n.
func (p *Plan) Simulated(n int) int {
	for _, w := range p.Windows {
		n -= int(w.Skip)
	}
	return n
}

// MaxWindows is the most windows that a plan can have.
const MaxWindows = 16

// sampler follows one CTA through a plan.
type sampler struct {
	inLoop  bool
	from    progress           // of the SM when the present window had settled
	slots   [NumReasons]uint64 // of the SM then
	jumped  uint64             // memory instructions of the jump before the present window
	charged uint64             // cycles charged for it, by the pace before it
	held    int                // CTAs on the SM then
	loose   bool               // whether the pace before it is loose

	tileFrom uint64             // when the first tile that a jump rests on began, in time that includes skipped iterations
	tileLast uint64             // and the last
	tileOwn  [NumReasons]uint64 // issue slots of the SM then
}

// progress is how far an SM has come at a moment, in sums over its CTAs since
// the launch.
type progress struct {
	at         uint64
	sends      uint64 // memory instructions in main loops
	loops      uint64 // cycles in main loops
	resides    uint64 // cycles on the SM
	fullSends  uint64 // sends in cycles in which all CTAs were in their main loops
	fullCycles uint64 // those cycles
}

// skipped is the sum of their cycles.
func (c *Core) skipped() (n int64) {
	for i := range c.jumps {
		n += c.jumps[i].Cycles
	}
	return n
}

// Spread is how far the paces that jumps rest on lie apart, in cycles.
func (c *Core) Spread() uint64 { return uint64(c.spread) }

// LastExit is when the latest CTA was gone.
func (c *Core) LastExit() uint64 { return c.lastExit }

// mark notes that the CTA's first warp has finished iteration it-1, and
// charges the SM for the jump that follows if there is one.
func (c *Core) mark(b *cta, it int32, t uint64) {
	s := &b.sampler
	c.tick(t)
	if !s.inLoop {
		s.inLoop = true
		c.looping++
	}
	for i := range c.plan.Windows {
		w := &c.plan.Windows[i]
		if apart := c.plan.Phases.Beside > 0; it == w.Settle && (i > 0 || !apart) || it == 1 && apart {
			s.from, s.slots = c.progress(), c.slots()
		}
		if it != w.To {
			continue
		}
		cycles, n, loose := c.pace(&s.from)
		// The jump before is worth the mean of the paces around it.
		off := int64(s.jumped*cycles/n) - int64(s.charged)
		if i == 0 || !c.plan.Windows[i-1].Lead {
			off /= 2
			c.spread += max(off, -off)
			c.jumps[s.held].Doubt += uint64(off*off) * uint64(s.held) // residents err alike
		}
		c.jumps[s.held].adjust(s, off, loose)
		s.jumped = uint64(w.skip(b.Trips)) * c.sendsPerTrip
		s.charged = s.jumped * cycles / n
		s.held, s.loose = c.resident, loose
		c.jumps[s.held].charge(s)
		c.skipSlots(int64(s.charged)+off, &s.slots)
		if c.kernel.Streams && s.jumped > 0 {
			c.tellJump(uint64(i+1), t)
		}
	}
	if it == b.Trips {
		s.inLoop = false
		c.looping--
	}
}

// tellJump tells L2 of the SM's n-th jump, once.
func (c *Core) tellJump(n, t uint64) {
	if n <= c.told {
		return
	}
	c.told = n
	c.out = append(c.out, memory.Request{Cycle: t + uint64(c.l1.HitLatency), Line: n, Kind: memory.Jump})
}

// pace is the cycles that the SM takes for a number of memory instructions
// while all its CTAs are in their main loops, by what it did since a moment.
//
// Jumps take no time, so a CTA is outside its main loop for a larger part of a
// window of another than of that other's whole loop, and all residents are in
// their loops while others jump. Where the scheduler serves all alike, CTAs
// keep in step and those outside their loops are taken to hold their share of
// the SM. A greedy one keeps no CTA in step with another, and what a CTA does
// not use goes to the next: only the time counts in which all are in their
// loops, of which it is the median of the latest steps that is taken if CTAs have phases
// of their own. A window with hardly any of that is taken as it is, but is loose.
func (c *Core) pace(since *progress) (cycles, sends uint64, loose bool) {
	now := c.progress()
	cycles, sends = now.at-since.at, now.sends-since.sends
	if c.policy.Even() {
		cycles = cycles * (now.loops - since.loops) / (now.resides - since.resides)
	} else if n := c.steps.median(c.resident); n > 0 && c.plan.Phases.Beside > 0 {
		return n, c.steps.each, false
	} else if full := now.fullSends - since.fullSends; full > sends/4 {
		cycles, sends = now.fullCycles-since.fullCycles, full
	} else {
		loose = true
	}
	return cycles, max(1, sends), loose
}

// progress is that at the latest tick.
func (c *Core) progress() progress {
	return progress{at: c.tickedAt, sends: c.loopSends, loops: c.loopCycles, resides: c.ctaCycles, fullSends: c.fullSends, fullCycles: c.fullCycles}
}

// finished notes that the CTA's first warp is through with a tile at cycle t, n tiles
// in all, and charges the SM for the tiles that it jumps over now.
func (c *Core) finished(b *cta, n int32, t uint64) {
	j, s := &c.plan.Tiles, &b.sampler
	if j.Skip == 0 {
		return
	}
	now := t + uint64(max(0, c.skipped()))
	switch n {
	case j.From:
		s.tileFrom, s.tileOwn = now, c.slots()
	case j.To - 1:
		s.tileLast = now
	case j.To:
		each := (now - s.tileFrom) / uint64(j.To-j.From)
		last := now - max(s.tileLast, s.tileFrom)
		cycles := each * uint64(j.Skip)
		off := int64(max(each, last)-min(each, last)) * int64(j.Skip)
		held := &c.jumps[c.resident]
		held.Sends += uint64(j.Skip) * uint64(b.Trips) * c.sendsPerTrip
		held.Cycles += int64(cycles)
		held.Doubt += uint64(off * off)
		c.spread += off
		c.skipSlots(int64(cycles), &s.tileOwn)
	}
}

// tick brings the times of CTAs up to date.
func (c *Core) tick(t uint64) {
	switch {
	case c.looping != uint64(c.resident):
		c.fullFrom = never
	case c.fullFrom == never:
		c.fullFrom = c.loopSends
	case c.loopSends-c.fullFrom >= cleanTrips*c.looping*c.sendsPerTrip:
		c.fullCycles += t - c.tickedAt
		c.fullSends += c.loopSends - c.tickedSends
		c.steps.add(t-c.tickedAt, c.loopSends-c.tickedSends, c.sendsPerTrip*c.looping, c.resident)
	}
	if c.lastExit > 0 && c.resident == len(c.overlap)-1 {
		c.overlap[c.looping].note(c, t)
	}
	c.tickedSends = c.loopSends
	c.loopCycles += c.looping * (t - c.tickedAt)
	c.ctaCycles += uint64(c.resident) * (t - c.tickedAt)
	c.tickedAt = t
}

// skipSlots gives the issue slots of cycles left out the reasons of those since
// a count of them.
func (c *Core) skipSlots(cycles int64, since *[NumReasons]uint64) {
	slots, all := c.slots(), int64(0)
	for i := range slots {
		slots[i] -= since[i]
		all += int64(slots[i])
	}
	if all == 0 {
		return
	}
	held := int64(0) // sub-cores without a warp count nothing until they get one: they were idle
	for i := range c.sub {
		held += int64(min(1, len(c.sub[i].warps)))
	}
	for i, n := range slots {
		c.counts.SkippedSlots[i] += cycles * held * int64(n) / all
	}
	c.counts.SkippedSlots[Idle] += cycles * (int64(len(c.sub)) - held)
}

// slots counts the issue slots of all sub-cores by reason.
func (c *Core) slots() (n [NumReasons]uint64) {
	for i := range c.sub {
		for r, k := range c.sub[i].slots {
			n[r] += k
		}
	}
	return n
}

// skipAt is the number of iterations that a CTA of so many trips jumps on
// reaching iteration it.
func (p *Plan) skipAt(it, trips int32) int32 {
	for i := range p.Windows {
		if p.Windows[i].To == it {
			return p.Windows[i].skip(trips)
		}
	}
	return 0
}
