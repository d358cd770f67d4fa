package sm

import "gpusim/workloads/tile"

// copyGroups is the groups of copies that a warp can have under way.
const copyGroups = 16

// copyGroup is copies from global to shared memory that end together.
type copyGroup struct {
	pend  int32  // lines not announced yet
	ready uint64 // when those announced are there
}

// open is where the lines of the warp's next copies are counted, see missEntry.
func (w *warp) open() uint8 { return tile.NumBars + uint8(w.commits%copyGroups) }

// expect counts a line to come that a dependence barrier or a group waits for.
func (w *warp) expect(b uint8) {
	if b >= tile.NumBars {
		w.copies[b-tile.NumBars].pend++
		return
	}
	w.pend[b]++
	w.barWhy[b] = LongBoard
}

// due notes that something that a barrier or a group waits for is there at a
// cycle.
func (w *warp) due(b uint8, at uint64) {
	if b >= tile.NumBars {
		g := &w.copies[b-tile.NumBars]
		g.ready = max(g.ready, at)
		return
	}
	w.hold(b+1, at, LongBoard)
}

// commit closes the warp's open group of copies. The place of the next one is
// that of a group long done: no program has as many under way.
func (c *Core) commit(s *subcore, w *warp, next uint64) {
	c.advance(s, w)
	w.commits++
	w.copies[w.commits%copyGroups] = copyGroup{}
	s.prepare(w, next, Wait)
}

// settle lets the warp wait until no more than u.imm of its groups are under way.
func (c *Core) settle(s *subcore, w *warp, u *uop, next uint64) {
	c.advance(s, w)
	w.target = w.commits - min(w.commits, uint32(u.imm))
	at, all := w.landed()
	switch {
	case !all:
		s.block(w, LongBoard, next)
		w.draining = true
	case at > next:
		s.prepare(w, at, LongBoard)
	default:
		s.prepare(w, next, Wait)
	}
}

// landed says whether all data of the groups before the target are announced,
// and when they are there.
func (w *warp) landed() (at uint64, all bool) {
	for i := w.settled; i < w.target; i++ {
		g := &w.copies[i%copyGroups]
		if g.pend > 0 {
			return 0, false
		}
		at = max(at, g.ready)
	}
	w.settled = max(w.settled, w.target)
	return at, true
}

// copied notes that a line of a group is there at a cycle.
func (c *Core) copied(w *warp, group uint8, ready uint64) {
	g := &w.copies[group]
	g.pend--
	g.ready = max(g.ready, ready)
	if g.pend > 0 || !w.draining {
		return
	}
	if at, all := w.landed(); all {
		w.draining = false
		c.wake(w, max(w.ready, at))
	}
}
