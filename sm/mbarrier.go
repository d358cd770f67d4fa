package sm

import (
	"fmt"
	"slices"

	"gpusim/workloads/tile"
)

// mbar is one barrier in shared memory, see tile.MBarrier. What it gets may be
// announced before its time.
type mbar struct {
	left    int32  // arrivals that the phase still waits for
	bytes   int32  // and bytes; below zero while a box is faster than whoever expects it
	phase   int32  // phases that are complete
	latest  uint64 // when the latest of what the phase has got takes effect
	done    uint64 // when the latest phase was complete
	waiting []*warp
}

// warpAsync is what a warp has under way on the asynchronous units.
type warpAsync struct {
	target  uint32 // it waits for this phase, or for so many matrix instructions
	math    uint32 // matrix instructions issued
	groups  uint32 // groups of them that have ended
	ends    [maxGroups]uint32
	stores  int32 // box stores issued that have not read all of shared memory
	allowed int32 // of them when it may go on
	own     tile.CTA
}

// maxGroups bounds the groups of matrix instructions that a warp tells apart.
const maxGroups = 8

// ring gives the barrier that an instruction means, for an iteration some before the
// warp's own.
func (c *Core) ring(w *warp, u *uop, iteration int32) int {
	b := &c.kernel.Barriers[u.access]
	return c.async.barAt[u.access] + int(iteration)%b.Stages
}

// signal brings arrivals, and bytes expected (positive) or come (negative), to a
// barrier of a CTA. What it completes wakes the warps that wait for it.
func (c *Core) signal(b *cta, i int, arrivals, bytes int32, at uint64) {
	m := &b.bars[i]
	m.left -= arrivals
	m.bytes += bytes
	m.latest = max(m.latest, at)
	if m.left != 0 || m.bytes != 0 {
		return
	}
	m.phase++
	m.left, m.done = c.async.arrivals[i], m.latest
	kept := m.waiting[:0]
	for _, w := range m.waiting {
		if int32(w.async.target) > m.phase {
			kept = append(kept, w)
			continue
		}
		c.unblock(w, m.done+uint64(c.spec.MIO.SharedLatency))
	}
	m.waiting = kept
}

// unblock lets a warp go on at a cycle that waited for others of its SM.
func (c *Core) unblock(w *warp, at uint64) {
	c.sub[w.sub].blocked--
	c.wake(w, max(w.ready, at))
}

// blockFor keeps a warp until unblock.
func (s *subcore) blockFor(w *warp, why Reason, next uint64) {
	s.block(w, why, next)
	s.blocked++
}

// mbarrier issues an operation on a barrier, which goes the way of a shared-memory
// access: it takes effect there when the unit begins it, and a warp knows after the
// latency of a load.
func (c *Core) mbarrier(s *subcore, w *warp, u *uop, t, next uint64) {
	active := w.guarded(u)
	cycles := uint64(0)
	if active {
		cycles = 1
	}
	start := c.send(s, t, cycles)
	c.advanceAsync(s, w, u, active, start, next)
}

func (c *Core) advanceAsync(s *subcore, w *warp, u *uop, active bool, start, next uint64) {
	seq, b := w.seq, w.cta
	switch {
	case !active:
	case u.class == clMBTX:
		c.signal(b, c.ring(w, u, seq), 1, int32(c.kernel.Barriers[u.access].Bytes), start)
	case u.class == clMBARRIVE:
		i := c.ring(w, u, seq-int32(u.imm))
		c.signal(b, i, 1, 0, start)
		c.tellPeers(b, i, 1, 0, start)
	case u.class == clMBWAIT:
		seq += int32(u.steps)
		stages := int32(c.kernel.Barriers[u.access].Stages)
		c.advance(s, w)
		c.await(s, w, c.ring(w, u, seq), seq/stages+1-int32(u.imm), start, next)
		return
	}
	c.advance(s, w)
	s.prepare(w, next, Wait)
}

// awaited names the barrier whose phase a warp waits for, for the deadlock report.
func (c *Core) awaited(w *warp) string {
	for i := range w.cta.bars {
		m := &w.cta.bars[i]
		if !slices.Contains(m.waiting, w) {
			continue
		}
		ring := 0
		for ring+1 < len(c.async.barAt) && c.async.barAt[ring+1] <= i {
			ring++
		}
		return fmt.Sprintf("; barrier %s[%d] lacks %d arrivals and %d B of its phase %d",
			c.kernel.Barriers[ring].Name, i-c.async.barAt[ring], m.left, m.bytes, m.phase)
	}
	return ""
}

// await takes a warp to a barrier's phase: phases that are complete then.
func (c *Core) await(s *subcore, w *warp, i int, phases int32, start, next uint64) {
	m := &w.cta.bars[i]
	latency := uint64(c.spec.MIO.SharedLatency)
	next = max(next, start+latency)
	switch {
	case m.phase < phases:
		w.async.target = uint32(phases)
		m.waiting = append(m.waiting, w)
		s.blockFor(w, MBarrier, next)
	case m.phase == phases:
		s.prepare(w, max(next, m.done+latency), MBarrier)
	default:
		s.prepare(w, next, MBarrier)
	}
}
