package memory

import "math/bits"

// A calendar keeps the cycles of two epochs in buckets of one cycle, those of the
// next coarseEpochs in a list each, and what lies further ahead in one list. A
// loaded DRAM answers thousands of flights many thousands of cycles later, so
// none of them may be looked at before its epoch comes near.
const (
	calendarSpan = 8192 // cycles in buckets; covers the latency of a memory without queues
	epochCycles  = calendarSpan / 2
	coarseEpochs = 64
)

// calendar is a queue of flights by cycle; those of one cycle keep the order in
// which they were put. Buckets and lists are linked through link, so that nothing
// is allocated; a bitmap finds the next bucket that holds anything.
type calendar struct {
	buckets [calendarSpan]bucket
	link    []int32  // of a flight to the next in its bucket or list, -1 ends
	cycle   []uint64 // of a flight in a coarse list
	used    [calendarSpan / 64]uint64
	now     uint64 // first cycle that has not been taken
	near    int    // items in buckets
	coarse  [coarseEpochs]bucket
	later   int // items in coarse lists
	far     []farItem
	farMin  uint64
	past    []farItem // put before now, by who was behind what is decided already
	batch   []int32
}

type bucket struct{ head, tail int32 }

type farItem struct {
	cycle  uint64
	flight int32
}

func (c *calendar) reset() {
	c.used = [calendarSpan / 64]uint64{}
	for i := range c.coarse {
		c.coarse[i] = bucket{-1, -1}
	}
	c.now, c.near, c.later, c.far, c.farMin, c.past = 0, 0, 0, c.far[:0], never, c.past[:0]
}

// put adds a flight at a cycle. One that has been taken already comes next, as late
// as it is.
func (c *calendar) put(cycle uint64, i int32) {
	for int(i) >= len(c.link) {
		c.link, c.cycle = append(c.link, -1), append(c.cycle, 0)
	}
	switch ahead := cycle/epochCycles - c.now/epochCycles; {
	case cycle < c.now:
		c.past = append(c.past, farItem{cycle, i})
	case ahead < 2:
		c.soon(cycle, i)
	case ahead < coarseEpochs:
		c.link[i], c.cycle[i] = -1, cycle
		l := &c.coarse[cycle/epochCycles%coarseEpochs]
		if l.head < 0 {
			l.head = i
		} else {
			c.link[l.tail] = i
		}
		l.tail = i
		c.later++
	default:
		c.far = append(c.far, farItem{cycle, i})
		c.farMin = min(c.farMin, cycle)
	}
}

// soon puts a flight of this epoch or the next into its bucket.
func (c *calendar) soon(cycle uint64, i int32) {
	at := cycle % calendarSpan
	b := &c.buckets[at]
	c.link[i] = -1
	if w := &c.used[at/64]; *w>>(at%64)&1 == 0 {
		*w |= 1 << (at % 64)
		b.head = i
	} else {
		c.link[b.tail] = i
	}
	b.tail = i
	c.near++
}

// next is the cycle of the first item, never if there is none.
func (c *calendar) next() uint64 {
	if len(c.past) > 0 {
		return c.firstPast()
	}
	if c.near == 0 {
		return c.nextCoarse()
	}
	from := c.now % calendarSpan
	w := from / 64
	word := c.used[w] &^ (1<<(from%64) - 1)
	for word == 0 {
		w = (w + 1) % uint64(len(c.used))
		word = c.used[w]
	}
	b := w*64 + uint64(bits.TrailingZeros64(word))
	return c.now + (b-from+calendarSpan)%calendarSpan
}

// nextCoarse is the cycle of the first item where no bucket holds any.
func (c *calendar) nextCoarse() uint64 {
	if c.later == 0 {
		return c.farMin
	}
	e := c.now/epochCycles + 2
	for c.coarse[e%coarseEpochs].head < 0 {
		e++
	}
	first := uint64(never)
	for i := c.coarse[e%coarseEpochs].head; i >= 0; i = c.link[i] {
		first = min(first, c.cycle[i])
	}
	return first
}

func (c *calendar) firstPast() uint64 {
	first := uint64(never)
	for _, f := range c.past {
		first = min(first, f.cycle)
	}
	return first
}

// take empties the first bucket before limit. Without one, ok is false and
// everything before limit counts as taken. The items are valid until the next
// take.
func (c *calendar) take(limit uint64) (items []int32, cycle uint64, ok bool) {
	cycle = c.next()
	if cycle >= limit {
		c.advance(max(c.now, limit))
		return nil, 0, false
	}
	if len(c.past) > 0 {
		return c.takePast(cycle), cycle, true
	}
	c.advance(cycle)
	b := cycle % calendarSpan
	c.used[b/64] &^= 1 << (b % 64)
	c.batch = c.batch[:0]
	for i := c.buckets[b].head; i >= 0; i = c.link[i] {
		c.batch = append(c.batch, i)
	}
	c.near -= len(c.batch)
	c.advance(cycle + 1)
	return c.batch, cycle, true
}

func (c *calendar) takePast(cycle uint64) []int32 {
	c.batch = c.batch[:0]
	kept := c.past[:0]
	for _, f := range c.past {
		if f.cycle == cycle {
			c.batch = append(c.batch, f.flight)
		} else {
			kept = append(kept, f)
		}
	}
	c.past = kept
	return c.batch
}

// advance moves the present forward and pulls in what has come near.
func (c *calendar) advance(now uint64) {
	from, to := c.now/epochCycles+2, now/epochCycles+2 // first epochs that were, and are, not in buckets
	c.now = now
	if from == to || c.later+len(c.far) == 0 {
		return
	}
	for e := from; e < to && c.later > 0; e++ {
		l := &c.coarse[e%coarseEpochs]
		for i := l.head; i >= 0; {
			next := c.link[i]
			c.soon(c.cycle[i], i)
			c.later--
			i = next
		}
		l.head = -1
	}
	if c.farMin == never || c.farMin/epochCycles-now/epochCycles >= coarseEpochs {
		return
	}
	kept := c.far[:0]
	c.farMin = never
	for _, f := range c.far {
		if f.cycle/epochCycles-now/epochCycles < coarseEpochs {
			c.put(f.cycle, f.flight)
		} else {
			kept = append(kept, f)
			c.farMin = min(c.farMin, f.cycle)
		}
	}
	c.far = kept
}
