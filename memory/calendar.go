package memory

import "math/bits"

// calendarSpan is the number of cycles that a calendar holds in buckets; it
// covers the latency of a loaded memory. What lies further ahead waits in an
// unordered list and moves into the buckets as time comes near.
const calendarSpan = 8192

// calendar is a queue of flights by cycle. Buckets are linked lists, so that
// nothing is allocated; a bitmap finds the next bucket that holds anything.
type calendar struct {
	buckets [calendarSpan]bucket
	link    []int32 // of a flight to the next in its bucket, -1 ends
	used    [calendarSpan / 64]uint64
	now     uint64 // first cycle that has not been taken
	near    int    // items in buckets
	far     []farItem
	farMin  uint64
	batch   []int32
}

type bucket struct{ head, tail int32 }

type farItem struct {
	cycle  uint64
	flight int32
}

func (c *calendar) reset() {
	c.used = [calendarSpan / 64]uint64{}
	c.now, c.near, c.far, c.farMin = 0, 0, c.far[:0], never
}

// put adds a flight at a cycle, which must not have been taken yet.
func (c *calendar) put(cycle uint64, i int32) {
	if cycle-c.now >= calendarSpan {
		c.far = append(c.far, farItem{cycle, i})
		c.farMin = min(c.farMin, cycle)
		return
	}
	at := cycle % calendarSpan
	b := &c.buckets[at]
	for int(i) >= len(c.link) {
		c.link = append(c.link, -1)
	}
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
	if c.near == 0 {
		return c.farMin
	}
	from := c.now % calendarSpan
	w := from / 64
	word := c.used[w] &^ (1<<(from%64) - 1)
	for word == 0 {
		w = (w + 1) % uint64(len(c.used))
		word = c.used[w]
	}
	b := w*64 + uint64(bits.TrailingZeros64(word))
	return min(c.farMin, c.now+(b-from+calendarSpan)%calendarSpan)
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

// advance moves the present forward and pulls in what has come near.
func (c *calendar) advance(now uint64) {
	c.now = now
	if c.farMin == never || c.farMin-now >= calendarSpan {
		return
	}
	kept := c.far[:0]
	c.farMin = never
	for _, f := range c.far {
		if f.cycle-now < calendarSpan {
			c.put(f.cycle, f.flight)
		} else {
			kept = append(kept, f)
			c.farMin = min(c.farMin, f.cycle)
		}
	}
	c.far = kept
}
