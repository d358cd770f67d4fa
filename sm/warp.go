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
	work   *tile.CTA // the tile that it works on
	seq    int32     // main-loop iterations that it has gone through, of all tiles
	tile   int32     // number of the tile among its CTA's
	async  warpAsync

	copies   [copyGroups]copyGroup
	commits  uint32 // groups committed
	settled  uint32 // groups known to have landed
	target   uint32 // groups that it waits or has waited for
	draining bool   // waits for them
}

// hold raises a dependence barrier until a known cycle.
func (w *warp) hold(bar uint8, until uint64, why Reason) {
	b := bar - 1
	if until > w.bar[b] || until == w.bar[b] && why < w.barWhy[b] { // of two that end together the first of the Reasons
		w.bar[b], w.barWhy[b] = until, why
	}
}

// advance moves a warp to the next instruction, into the next segment if need be.
func (c *Core) advance(s *subcore, w *warp) {
	h := &s.heads[w.slot]
	h.pc++
	if h.pc == w.end {
		c.counts.Segments[w.role][w.seg]++
		c.follows(s, w, s.counted)
	}
}

// follows takes a warp from the end of a segment at a cycle to the next, which is the
// first of the next tile at the end of one.
func (c *Core) follows(s *subcore, w *warp, at uint64) {
	seg := int(w.seg) + 1
	if seg == w.code.tiled && c.nextTile(w, at) {
		seg = w.code.tileFirst
	}
	s.enter(w, seg)
}

// enter starts a segment; a loop of no iterations is passed over.
func (s *subcore) enter(w *warp, seg int) {
	for w.code.segs[seg].loop && w.work.Trips == 0 {
		seg++
	}
	sg := &w.code.segs[seg]
	w.seg, w.end = int16(seg), sg.end
	w.iter = 0
	s.heads[w.slot].pc = sg.start
}

// nextTile gives a warp the next tile of its CTA, if there is one.
func (c *Core) nextTile(w *warp, at uint64) bool {
	n := w.tile + 1
	if p := c.plan; p != nil {
		if w.id == 0 {
			c.finished(w.cta, n, at)
		}
		if n == p.Tiles.To {
			n += p.Tiles.Skip
		}
	}
	index := w.cta.Index + int(n)*c.kernel.CTAs()
	if index >= c.kernel.Tiles {
		return false
	}
	w.tile = n
	c.kernel.Place(index, &w.async.own)
	w.work = &w.async.own
	return true
}

// branch ends a loop iteration.
func (c *Core) branch(s *subcore, w *warp, next uint64) uint64 {
	c.counts.Segments[w.role][w.seg]++
	w.iter++
	w.seq++
	if c.plan != nil {
		if w.id == 0 {
			c.mark(w.cta, w.iter, next)
		}
		if by := c.plan.skipAt(w.iter, w.work.Trips); by > 0 {
			w.iter += by
			c.counts.SkippedInsts += uint64(by) * uint64(w.end-w.code.segs[w.seg].start)
		}
	}
	if w.iter < w.work.Trips {
		s.heads[w.slot].pc = w.code.segs[w.seg].start
		return next + uint64(c.spec.BranchLatency) - 1
	}
	c.follows(s, w, next)
	return next
}
