package sm

import (
	"gpusim/memory"
	"gpusim/workloads/tile"
)

// What an outstanding request is for.
const (
	missLoad = iota
	missStore
	missSemaphore
	missBox // lines of a box: slot is its place among those on their way
)

// noSlot is the place in L1 of a load that goes past it.
const noSlot = -1

// missEntry is an outstanding request to L2; its index is the request's tag.
// Several loads can wait for one miss: they follow in a list.
type missEntry struct {
	warp    *warp
	gen     uint32 // of the warp: a store may outlive it
	next    int32  // follower, or next free entry; -1 ends
	slot    int32  // of L1, or noSlot; of a store: its place in the store queue, or noSlot
	bar     uint8  // dependence barrier, or from tile.NumBars on a group of copies
	sectors uint8
	kind    uint8
}

func (c *Core) newMiss(e missEntry) uint32 {
	e.next = -1
	if c.missFree > 0 {
		i := c.missFree - 1
		c.missFree = c.miss[i].next + 1
		c.miss[i] = e
		return uint32(i)
	}
	c.miss = append(c.miss, e)
	return uint32(len(c.miss) - 1)
}

func (c *Core) freeMiss(i uint32) {
	c.miss[i] = missEntry{next: c.missFree - 1}
	c.missFree = int32(i) + 1
}

// follow lets a warp's barrier wait for a miss that is already outstanding.
func (c *Core) follow(tag uint32, w *warp, bar uint8) {
	n := c.newMiss(missEntry{kind: missLoad, warp: w, gen: w.gen, bar: bar})
	at := tag
	for c.miss[at].next >= 0 {
		at = uint32(c.miss[at].next)
	}
	c.miss[at].next = int32(n)
}

// Reply applies a reply that the memory system announced. Its cycle is never
// in the SM's past.
func (c *Core) Reply(r memory.Reply) {
	if r.Tag&memory.PeerTag != 0 {
		c.fromPeer(r)
		return
	}
	e := c.miss[r.Tag]
	switch e.kind {
	case missBox:
		c.landed(r, &e)
		return
	case missLoad:
		c.loads--
		if e.slot != noSlot {
			c.cache.fill(e.slot, e.sectors, r.Tag, r.Ready)
		}
		at := int32(r.Tag)
		for at >= 0 {
			f := c.miss[at]
			c.freeMiss(uint32(at))
			c.arrive(&f, r.Ready)
			at = f.next
		}
		return
	case missStore:
		c.stores--
		c.stored(e.slot, r.Ready)
		c.lastAck = max(c.lastAck, r.Ready)
		if w := e.warp; w.gen == e.gen {
			w.stores--
			w.ack = max(w.ack, r.Ready)
			if w.stores == 0 && w.wait && c.why(w) == Membar && !w.sem && w.async.allowed < 0 {
				c.wake(w, max(w.ready, w.ack))
			}
		}
	case missSemaphore:
		e.warp.sem = false
		c.wake(e.warp, max(e.warp.ready, r.Ready))
	}
	c.freeMiss(r.Tag)
}

// arrive completes one line of a load.
func (c *Core) arrive(f *missEntry, ready uint64) {
	w := f.warp
	if w.gen != f.gen {
		return // the warp did not wait for its last loads
	}
	if f.bar >= tile.NumBars {
		c.copied(w, f.bar-tile.NumBars, ready)
		return
	}
	w.pend[f.bar]--
	w.hold(f.bar+1, ready, LongBoard)
	if w.wait && w.pend[f.bar] == 0 && !w.draining && c.why(w) == LongBoard {
		s := &c.sub[w.sub]
		s.prepare(w, w.ready, w.base)
		if !w.wait {
			s.evaluate()
		}
	}
}

// why is what a warp waits for.
func (c *Core) why(w *warp) Reason { return c.sub[w.sub].heads[w.slot].why }

// wake lets a warp that waited for the outside go on at a cycle.
func (c *Core) wake(w *warp, at uint64) {
	s := &c.sub[w.sub]
	s.prepare(w, at, s.heads[w.slot].why)
	s.evaluate()
}
