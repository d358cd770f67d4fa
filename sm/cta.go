package sm

import (
	"slices"

	"gpusim/memory"
)

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
	*b = cta{gen: gen, waiting: b.waiting[:0]}
	c.kernel.Place(l.cta, &b.CTA)
	b.Index = l.cta
	b.live = c.kernel.Warps()
	c.resident++
	for id := 0; id < b.live; id++ {
		var w *warp
		if n := len(c.warps); n > 0 {
			w, c.warps = c.warps[n-1], c.warps[:n-1]
		} else {
			w = &warp{}
		}
		role := c.kernel.Role[id]
		*w = warp{gen: w.gen + 1, cta: b, id: int16(id), role: role, code: c.codes[role]}
		to := 0
		for i := range c.sub {
			if len(c.sub[i].warps) < len(c.sub[to].warps) {
				to = i
			}
		}
		w.sub = uint8(to)
		w.enter(0)
		w.base = Launch
		w.prepare(l.cycle)
		s := &c.sub[to]
		if len(s.warps) == 0 {
			c.charge(s, l.cycle, Idle)
		}
		s.warps = append(s.warps, w)
	}
	for i := range c.sub {
		c.sub[i].evaluate()
	}
}

// barrier takes a warp to its CTA's barrier; the last one to arrive frees all.
func (c *Core) barrier(s *subcore, w *warp, u *uop, t uint64) {
	b := w.cta
	c.counts.Barriers++
	w.advance(c)
	b.arrived++
	if b.arrived < b.live {
		w.dep, w.wait, w.why = never, true, BarrierWait
		w.ready = t + uint64(u.stall)
		b.waiting = append(b.waiting, w)
		s.evaluate()
		return
	}
	free := t + uint64(c.spec.BarrierLatency)
	for _, o := range b.waiting {
		c.wake(o, max(o.ready, free))
	}
	b.waiting = b.waiting[:0]
	b.arrived = 0
	w.why = BarrierWait
	c.wake(w, max(free, t+uint64(u.stall)))
}

// membar lets the warp go on when its stores are acknowledged.
func (c *Core) membar(s *subcore, w *warp, next uint64) {
	if w.stores > 0 {
		w.ready = next
		w.dep, w.wait, w.why = never, true, Membar
	} else {
		w.why = Membar
		c.wake(w, max(next, w.ack))
	}
	s.evaluate()
}

// semaphore signals the CTA's semaphore or waits for its turn. Both are done
// by the CTA's first warp on behalf of all.
func (c *Core) semaphore(s *subcore, w *warp, u *uop, t, next uint64) {
	w.advance(c)
	if w.id != 0 || (u.class == clWAITSEM && w.cta.Split == 0) || !w.guarded(u) {
		w.prepare(next)
		s.evaluate()
		return
	}
	start := c.send(s, t, 1)
	r := memory.Request{Cycle: start + uint64(c.l1.HitLatency), Line: uint64(w.cta.Tile)}
	if u.class == clSIGSEM {
		r.Kind = memory.Signal
		r.Tag = c.newMiss(missEntry{kind: missStore, warp: w, gen: w.gen})
		w.stores++
		c.stores++
		w.prepare(next)
	} else {
		r.Kind, r.Value = memory.Wait, w.cta.Split
		r.Tag = c.newMiss(missEntry{kind: missSemaphore, warp: w, gen: w.gen})
		w.ready = next
		w.dep, w.wait, w.why, w.sem = never, true, Membar, true
	}
	c.out = append(c.out, r)
	s.evaluate()
}

// exit ends a warp; the last one of a CTA frees the CTA's resources.
func (c *Core) exit(s *subcore, w *warp, pick int, t uint64) {
	c.counts.Segments[w.role][w.seg]++
	s.warps = slices.Delete(s.warps, pick, pick+1)
	s.last = -1
	b := w.cta
	w.gen++
	c.warps = append(c.warps, w)
	b.live--
	if b.live > 0 && b.arrived == b.live { // the others have waited for this one
		b.arrived = 0
		for _, o := range b.waiting {
			c.wake(o, max(o.ready, t+uint64(c.spec.BarrierLatency)))
		}
		b.waiting = b.waiting[:0]
	}
	if b.live == 0 {
		at := t + uint64(c.spec.CTAExitLatency)
		c.done = append(c.done, Done{Cycle: at, Skipped: uint64(max(0, c.skipped)), CTA: b.Index})
		c.resident--
		c.ctas = append(c.ctas, b)
	}
	s.evaluate()
}
