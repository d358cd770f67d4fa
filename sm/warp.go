package sm

import "gpusim/workloads/tile"

// warp is a resident warp. What its sub-core needs to choose among warps, the
// program counter included, is kept there, see head.
type warp struct {
	code   *code
	end    int32
	iter   int32
	seg    int16
	id     int16 // within the CTA
	role   uint8
	base   Reason // while it waits: why it is not ready before cycle ready
	sub    uint8
	slot   uint8 // place in the sub-core
	sem    bool  // waits for a semaphore
	wait   bool  // blocked: dep is never until an event outside the sub-core
	ready  uint64
	pend   [tile.NumBars]uint8
	barWhy [tile.NumBars]Reason
	bar    [tile.NumBars]uint64
	stores int32
	gen    uint32
	ack    uint64
	cta    *cta

	copies   [copyGroups]copyGroup
	commits  uint32 // groups committed
	settled  uint32 // groups known to have landed
	target   uint32 // groups that it waits or has waited for
	draining bool   // waits for them
}

// hold raises a dependence barrier until a known cycle.
func (w *warp) hold(bar uint8, until uint64, why Reason) {
	b := bar - 1
	if until > w.bar[b] {
		w.bar[b], w.barWhy[b] = until, why
	}
}

// advance moves a warp to the next instruction, into the next segment if need be.
func (c *Core) advance(s *subcore, w *warp) {
	h := &s.heads[w.slot]
	h.pc++
	if h.pc == w.end {
		c.counts.Segments[w.role][w.seg]++
		s.enter(w, int(w.seg)+1)
	}
}

// enter starts a segment; a loop of no iterations is passed over.
func (s *subcore) enter(w *warp, seg int) {
	for w.code.segs[seg].loop && w.cta.Trips == 0 {
		seg++
	}
	sg := &w.code.segs[seg]
	w.seg, w.end = int16(seg), sg.end
	w.iter = 0
	s.heads[w.slot].pc = sg.start
}

// branch ends a loop iteration.
func (c *Core) branch(s *subcore, w *warp, next uint64) uint64 {
	c.counts.Segments[w.role][w.seg]++
	w.iter++
	if c.plan != nil {
		if w.id == 0 {
			c.mark(w.cta, w.iter, next)
		}
		if by := c.plan.skipAt(w.iter, w.cta.Trips); by > 0 {
			w.iter += by
			c.counts.SkippedInsts += uint64(by) * uint64(w.end-w.code.segs[w.seg].start)
		}
	}
	if w.iter < w.cta.Trips {
		s.heads[w.slot].pc = w.code.segs[w.seg].start
		return next + uint64(c.spec.BranchLatency) - 1
	}
	s.enter(w, int(w.seg)+1)
	return next
}
