package sm

import "gpusim/memory"

// start makes a CTA resident: each of its warps goes to the sub-core with the
// fewest warps.
func (c *Core) start(l launch) {
	var b *cta
	if n := len(c.ctas); n > 0 {
		b, c.ctas = c.ctas[n-1], c.ctas[:n-1]
	} else {
		b = &cta{}
	}
	gen := b.gen + 1
	*b = cta{gen: gen, waiting: b.waiting[:0], bars: b.bars, groups: b.groups}
	c.kernel.Place(l.cta, &b.CTA)
	b.Index = l.cta
	if c.plan != nil {
		b.shift, b.round = c.plan.Phases.shift(b.Index, b.Trips)
	}
	c.async.prepare(c, b)
	if c.behind > 0 && l.cta >= c.behind {
		c.tellJump(1, l.cycle)
	}
	b.live = c.kernel.Warps()
	c.tick(l.cycle)
	c.resident++
	for id := 0; id < b.live; id++ {
		var w *warp
		if n := len(c.warps); n > 0 {
			w, c.warps = c.warps[n-1], c.warps[:n-1]
		} else {
			w = &warp{}
		}
		role := c.kernel.Role[id]
		*w = warp{gen: w.gen + 1, cta: b, id: int16(id), role: role, code: c.codes[role], work: &b.CTA, async: warpAsync{allowed: -1}}
		to := 0
		for i := range c.sub {
			if len(c.sub[i].warps) < len(c.sub[to].warps) {
				to = i
			}
		}
		w.sub = uint8(to)
		s := &c.sub[to]
		if len(s.warps) == 0 {
			c.charge(s, l.cycle, Idle)
		}
		s.add(w)
		s.enter(w, 0)
		s.prepare(w, l.cycle, Launch)
	}
	for i := range c.sub {
		c.sub[i].evaluate()
	}
}

// barrier takes a warp to its CTA's barrier; the last one to arrive frees all.
func (c *Core) barrier(s *subcore, w *warp, t, next uint64) {
	b := w.cta
	c.counts.Barriers++
	c.advance(s, w)
	b.arrived++
	if b.arrived < b.live {
		s.block(w, BarrierWait, next)
		s.blocked++
		b.waiting = append(b.waiting, w)
		return
	}
	free := t + uint64(c.spec.BarrierLatency)
	c.release(b, free)
	s.prepare(w, max(free, next), BarrierWait)
}

// release opens a CTA's barrier at a cycle.
func (c *Core) release(b *cta, at uint64) {
	for _, w := range b.waiting {
		c.sub[w.sub].blocked--
		c.wake(w, max(w.ready, at))
	}
	b.waiting = b.waiting[:0]
	b.arrived = 0
}

// membar lets the warp go on when its stores are acknowledged.
func (c *Core) membar(s *subcore, w *warp, next uint64) {
	c.advance(s, w)
	if w.stores > 0 {
		s.block(w, Membar, next)
		return
	}
	s.prepare(w, max(next, w.ack), Membar)
}

// semaphore signals the CTA's semaphore or waits for its turn. Both are done
// by the CTA's first warp on behalf of all.
func (c *Core) semaphore(s *subcore, w *warp, u *uop, t, next uint64) {
	c.advance(s, w)
	if w.id != 0 || (u.class == clWAITSEM && w.work.Split == 0) || !w.guarded(u) {
		s.prepare(w, next, Wait)
		return
	}
	start := c.send(s, t, 1)
	r := memory.Request{Cycle: start + uint64(c.l1.HitLatency), Line: uint64(w.cta.Tile)}
	if u.class == clSIGSEM {
		r.Kind = memory.Signal
		r.Tag = c.newMiss(missEntry{kind: missStore, warp: w, gen: w.gen, slot: noSlot})
		w.stores++
		c.stores++
		s.prepare(w, next, Wait)
	} else {
		r.Kind, r.Value = memory.Wait, w.work.Split
		r.Tag = c.newMiss(missEntry{kind: missSemaphore, warp: w, gen: w.gen})
		s.block(w, Membar, next)
		w.sem = true
	}
	c.out = append(c.out, r)
}

// exit ends a warp; the last one of a CTA frees the CTA's resources.
func (c *Core) exit(s *subcore, w *warp, t uint64) {
	c.counts.Segments[w.role][w.seg]++
	s.remove(w)
	b := w.cta
	w.gen++
	c.warps = append(c.warps, w)
	b.live--
	if b.live > 0 && b.arrived == b.live { // the others have waited for this one
		c.release(b, t+uint64(c.spec.BarrierLatency))
	}
	if b.live == 0 {
		at := t + uint64(c.spec.CTAExitLatency)
		c.lastExit = max(c.lastExit, at)
		c.ended++
		c.done = append(c.done, Done{Cycle: at, Skipped: uint64(max(0, c.skipped())), CTA: b.Index})
		c.tick(t)
		c.resident--
		c.async.remove(b)
		c.ctas = append(c.ctas, b)
	}
}
