package sm

import (
	"math/bits"

	"gpusim/memory"
	"gpusim/workloads/tile"
)

// send puts a memory instruction of a sub-core into its queue at cycle t and
// returns when the shared load/store unit starts it; the unit is then busy
// for `cycles`. The sub-core cannot issue another one while its queue is full.
// The unit takes instructions in the order of their issue; one whose address is
// not there by then begins later without holding up those of other sub-cores.
func (c *Core) send(s *subcore, t, cycles uint64) (start uint64) {
	start = max(t, c.lsuFree)
	if cycles > 0 {
		cycles = max(cycles, uint64(c.spec.MIO.UnitInterval))
	}
	c.lsuFree = start + cycles
	if every := uint64(c.spec.MIO.AddressInterval); every > 0 {
		at := max(t, s.address)
		s.address = at + every
		start = max(start, at)
	}
	s.mio[s.mioHead] = start + uint64(c.spec.MIO.QueueLatency)
	if s.mioHead++; s.mioHead == len(s.mio) {
		s.mioHead = 0
	}
	// A place in the queue is free once the oldest of the latest
	// QueueDepth instructions has started.
	s.pipeFree[pipeMIO] = max(t+uint64(c.spec.MIO.IssueInterval), s.mio[s.mioHead])
	return start
}

// shared issues a load from or store to shared memory.
func (c *Core) shared(s *subcore, w *warp, u *uop, t uint64) {
	passes, latency := uint64(1), uint64(c.spec.MIO.SharedLatency)
	if u.access >= 0 {
		a := &c.kernel.Accesses[u.access]
		if a.Uniform {
			latency -= uint64(c.spec.MIO.UniformShared)
		}
		passes = uint64(a.Passes[w.id])
		if !w.guarded(u) {
			passes = 0
		} else {
			c.counts.shared(a, w.id)
		}
		passes *= c.passCycles
		if u.class == clLDS && passes > 0 {
			// Lanes that read the same word share a pass, but each gets its data.
			passes = max(passes, uint64(a.LaneBytes()*32/c.spec.MIO.ReturnBytesClk))
		}
	}
	start := c.send(s, t, passes)
	c.loopSends += uint64(u.inLoop)
	if u.rd != 0 {
		w.hold(u.rd, start+uint64(u.read), ShortBoard)
	}
	if u.wr == 0 {
		return
	}
	if u.class == clLDS && u.access >= 0 && passes > 0 && c.kernel.Accesses[u.access].Peer != 0 {
		c.askPeer(w, u, start+passes-1)
		return
	}
	w.hold(u.wr, start+passes+latency-1, ShortBoard)
}

// guarded says whether the instruction's guard holds.
func (w *warp) guarded(u *uop) bool {
	switch u.guard {
	case tile.GuardMore:
		return w.iter+1 < w.work.Trips
	case tile.GuardFirst:
		return w.work.Split == 0
	case tile.GuardNotFirst:
		return w.work.Split != 0
	case tile.GuardLast:
		return w.work.Split == w.work.Splits-1
	case tile.GuardNotLast:
		return w.work.Split != w.work.Splits-1
	case tile.GuardAgain:
		return w.iter > 0
	case tile.GuardLeader:
		return w.id%tile.GroupWarps == 0
	}
	return true
}

// global issues a load from or store to global memory: address generation,
// coalescing into lines, L1 lookup, requests for what is missing.
func (c *Core) global(s *subcore, w *warp, u *uop, t uint64) {
	acc := &c.kernel.Accesses[u.access]
	c.lines = c.lines[:0]
	if w.guarded(u) {
		c.lines = c.lineGen.Lines(int(u.access), w.work, int(w.id), w.reads(u), c.lines)
	}
	n := len(c.lines)
	cycles := uint64(0)
	if n > 0 {
		per := uint64(c.l1.TagsPerClk)
		tags := (uint64(n) + per - 1) / per
		if c.l1.FirstAlone { // the next access can begin within the last cycle of this one
			c.tagsLeft += uint64(n - 1)
			tags = 1 + c.tagsLeft/per
			c.tagsLeft %= per
		}
		cycles = max(tags, uint64(acc.Bytes*32/c.l1.BytesClk), 1)
	}
	var start uint64
	if u.class == clLDG && !c.l1.Unified {
		// The texture unit, as it is called where L1 is apart from shared
		// memory, takes loads off the load/store unit's hands.
		start = max(c.send(s, t, min(cycles, 1)), c.texFree)
		c.texFree = start + cycles
	} else {
		start = c.send(s, t, cycles)
	}
	c.loopSends += uint64(u.inLoop)
	if u.rd != 0 {
		free := start + uint64(u.read)
		if c.spec.MIO.Operands.BytesClk == 0 { // then as long as the store takes of L1
			free += cycles
		}
		w.hold(u.rd, free, ShortBoard)
	}
	switch u.class {
	case clLDG:
		sent := len(c.out)
		c.load(w, u, u.wr-1, start, cycles)
		if c.aside[u.access] {
			for _, l := range c.lines {
				c.counts.AsideSectors += uint64(bits.OnesCount8(l.Sectors))
			}
			for i := range c.out[sent:] {
				c.out[sent+i].Aside = true
			}
		}
		return
	case clCopy:
		if n > 0 {
			c.counts.shared(&c.kernel.Accesses[u.into], w.id)
		}
		c.load(w, u, w.open(), start, cycles)
		return
	}
	kind := memory.Write
	if u.class == clRED {
		kind = memory.Atomic
	}
	place := c.queueStore(len(c.lines))
	for i, l := range c.lines {
		c.cache.invalidate(l)
		tag := c.newMiss(missEntry{kind: missStore, warp: w, gen: w.gen, slot: place})
		w.stores++
		c.stores++
		c.out = append(c.out, memory.Request{
			Cycle: start + uint64(i/c.l1.TagsPerClk) + uint64(c.l1.HitLatency), Line: l.Addr,
			Tag: tag, Sectors: l.Sectors, Kind: kind,
		})
	}
}

// load looks the lines of a load up in L1 and asks L2 for what is missing. b is
// the dependence barrier or the group of copies that waits for them.
func (c *Core) load(w *warp, u *uop, b uint8, start, cycles uint64) {
	hit := start + uint64(c.l1.HitLatency) + cycles
	if cycles > 0 {
		hit--
	}
	a := &c.kernel.Accesses[u.access]
	if more := uint64(c.spec.MIO.CopyLatency); more > 0 && u.class == clCopy {
		hit = max(hit, start+uint64(c.l1.HitLatency)+more)
	}
	if a.Uniform {
		hit -= uint64(c.spec.MIO.UniformGlobal)
	}
	w.due(b, hit)
	bypass := !c.l1.Global || a.Bypass
	misses := len(c.out)
	for i, l := range c.lines {
		at := start + uint64(i/c.l1.TagsPerClk)
		if bypass {
			c.fetchLine(w, at, l, b)
			continue
		}
		r := c.cache.lookup(l)
		c.counts.L1Accesses++
		if r.missing != 0 {
			tag := c.newMiss(missEntry{kind: missLoad, warp: w, gen: w.gen, bar: b, slot: int32(r.slot), sectors: r.missing})
			w.expect(b)
			c.cache.pending(r.slot, r.missing, tag)
			c.loads++
			c.out = append(c.out, memory.Request{
				Cycle: at + uint64(c.l1.HitLatency), Line: l.Addr, Tag: tag, Sectors: r.missing, Kind: memory.Read,
			})
		}
		if r.ready > hit {
			w.due(b, r.ready)
		}
		// Other loads have asked for some of the sectors; sectors of one miss
		// come together.
		for m, last := r.inFlight, int64(-1); m != 0; m &= m - 1 {
			tag := int64(c.cache.times[r.slot][bits.TrailingZeros8(m)])
			if tag == last {
				continue
			}
			last = tag
			w.expect(b)
			c.follow(uint32(tag), w, b)
		}
	}
	if len(c.out) != misses || len(c.lines) == 0 {
		return
	}
	// All from L1: its banks count, a word of each in a cycle.
	if conflicts := uint64(c.lineGen.Passes()); conflicts > cycles {
		if c.l1.Unified {
			c.lsuFree += conflicts - cycles
		} else {
			c.texFree += conflicts - cycles
		}
		w.due(b, hit+conflicts-cycles)
	}
}

// fetchLine asks L2 for what a load wants of a line, past L1.
func (c *Core) fetchLine(w *warp, at uint64, l tile.Line, bar uint8) {
	tag := c.newMiss(missEntry{kind: missLoad, warp: w, gen: w.gen, bar: bar, slot: noSlot, sectors: l.Sectors})
	w.expect(bar)
	c.loads++
	c.out = append(c.out, memory.Request{
		Cycle: at + uint64(c.l1.HitLatency), Line: l.Addr, Tag: tag, Sectors: l.Sectors, Kind: memory.Read,
	})
}
