package sm

// stored is a store instruction under way: its lines that L2 has not
// acknowledged, and the latest acknowledgement of the others.
type queuedStore struct {
	left int
	done uint64
}

// storeQueue bounds the store instructions under way. Places are used in turn:
// a store can go when the one as many before as there are places is done.
type storeQueue struct {
	places  []queuedStore
	next    int
	waiting []*warp
}

// reset empties the queue.
func (q *storeQueue) reset(places int) {
	if len(q.places) != places {
		q.places = make([]queuedStore, places)
	}
	clear(q.places)
	q.next, q.waiting = 0, q.waiting[:0]
}

// storeAt is the earliest cycle at which the next store can go, never if that
// depends on an acknowledgement yet to come.
func (c *Core) storeAt() uint64 {
	p := &c.queue.places[c.queue.next]
	if p.left > 0 {
		return never
	}
	return p.done
}

// queueStore takes the next place for a store of so many lines.
func (c *Core) queueStore(lines int) int32 {
	q := &c.queue
	at := q.next
	if q.next++; q.next == len(q.places) {
		q.next = 0
	}
	q.places[at] = queuedStore{left: lines}
	return int32(at)
}

// holdStore lets a warp wait until its store has a place. If that is known to
// be so at a cycle, it can try then.
func (c *Core) holdStore(s *subcore, w *warp, at uint64) {
	h := &s.heads[w.slot]
	if at != never {
		h.dep, h.why = at, MIOThrottle
		return
	}
	s.block(w, MIOThrottle, h.dep)
	c.queue.waiting = append(c.queue.waiting, w)
}

// stored counts an acknowledged line of a store; warps that wait for a place
// try again.
func (c *Core) stored(place int32, ready uint64) {
	if place == noSlot {
		return
	}
	p := &c.queue.places[place]
	p.left--
	p.done = max(p.done, ready)
	if p.left > 0 || len(c.queue.waiting) == 0 {
		return
	}
	for _, w := range c.queue.waiting {
		c.wake(w, max(w.ready, p.done))
	}
	c.queue.waiting = c.queue.waiting[:0]
}
