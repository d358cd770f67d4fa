package memory

import "math/bits"

// cache is the storage of all L2 slices: set-associative, write-back, with
// valid and dirty bits for each sector. A write of whole sectors needs no fill
// (write-validate).
type cache struct {
	tags  []uint64 // local line number + 1, 0 = empty; ways of a set are adjacent
	lines []line
	last  []int32     // per set: the entry touched last
	ready [][4]uint64 // per sector: cycle at which its fill is there, if young
	sets  divider
	ways  int
	clock uint32
	evict victim
	free  []uint64 // per slice: cycle at which the data array is free
}

// line is the state of one line; its sectors are bit masks.
type line struct {
	used  uint32 // LRU time stamp
	fills int32  // latest DRAM read under way for this line, -1 = none
	valid uint8
	dirty uint8
	asked uint8 // on the way from DRAM, time not known yet
	young uint8 // valid, but perhaps not there yet: see ready
}

// victim chooses the entry of a full set that must go; clock counts accesses.
type victim func(set []line, clock uint32) int

// victims by name. The choice among equals is fixed, so that runs repeat.
var victims = map[string]victim{
	"lru":    leastRecent,
	"random": scattered,
}

func leastRecent(set []line, _ uint32) int {
	v := 0
	for w := range set {
		if set[w].used < set[v].used {
			v = w
		}
	}
	return v
}

// scattered takes any entry. A loop over a little more than the cache holds
// then hits most of it, where LRU would always evict what comes next.
func scattered(set []line, clock uint32) int {
	return int(uint64(clock*0x9e3779b1) * uint64(len(set)) >> 32)
}

func newCache(slices, sets, ways int, evict victim) cache {
	n := slices * sets * ways
	c := cache{tags: make([]uint64, n), lines: make([]line, n), last: make([]int32, slices*sets), ready: make([][4]uint64, n),
		sets: newDivider(sets), ways: ways, evict: evict, free: make([]uint64, slices)}
	c.reset()
	return c
}

func (c *cache) reset() {
	clear(c.tags)
	clear(c.free)
	for i := range c.last {
		c.last[i] = int32(i * c.ways)
	}
	for i := range c.lines {
		c.lines[i] = line{fills: -1}
	}
	c.clock = 0
}

// set is the number of a line's set. Neighbours lie in different sets; beyond
// that the index is scattered, because an XOR of address bits would cancel with
// the slice hash for some pitches and leave most sets empty.
func (c *cache) set(slice int, local uint64) int {
	q, i := c.sets.div(local)
	_, i = c.sets.div(i + scatter(q))
	return slice*int(c.sets.n) + int(i)
}

// touch finds the entry of a line and makes it the most recent. Without one
// it returns an empty entry of the set or the one to evict, not changed yet.
func (c *cache) touch(slice int, local uint64) (i int, found bool) {
	if c.clock == 1<<32-1 {
		c.renumber()
	}
	c.clock++
	set := c.set(slice, local)
	last := &c.last[set]
	if e := int(*last); c.tags[e] == local+1 { // SMs that share data ask for it one after another
		c.lines[e].used = c.clock
		return e, true
	}
	base := set * c.ways
	empty := -1
	for w, t := range c.tags[base : base+c.ways] {
		if t == local+1 {
			c.lines[base+w].used = c.clock
			*last = int32(base + w)
			return base + w, true
		}
		if t == 0 && empty < 0 {
			empty = w
		}
	}
	i = base + empty
	if empty < 0 {
		i = base + c.evict(c.lines[base:base+c.ways], c.clock)
	}
	*last = int32(i)
	return i, false
}

// find is the entry of a line, or -1; nobody has asked for it.
func (c *cache) find(slice int, local uint64) int {
	base := c.set(slice, local) * c.ways
	for w, t := range c.tags[base : base+c.ways] {
		if t == local+1 {
			return base + w
		}
	}
	return -1
}

// renumber makes room for time stamps when the counter is full: an entry's
// new stamp is its rank within its set.
func (c *cache) renumber() {
	rank := make([]uint32, c.ways)
	for base := 0; base < len(c.lines); base += c.ways {
		set := c.lines[base : base+c.ways]
		for i := range set {
			rank[i] = 0
			for j := range set {
				if set[j].used < set[i].used {
					rank[i]++
				}
			}
		}
		for i := range set {
			set[i].used = rank[i]
		}
	}
	c.clock = uint32(c.ways)
}

// slot gives the entry of a line, allocated if need be, and the write to DRAM
// of a dirty line that must go for it, -1 if there is none; at is the cycle at
// which that reaches its channel, or never if it is to be forgotten. What goes along of
// its DRAM row is left in cleaned: bufferAll takes both.
func (s *System) slot(slice int, local, at uint64) (i int, gone int32) {
	gone = -1
	i, found := s.cache.touch(slice, local)
	if found {
		return i, gone
	}
	l := &s.cache.lines[i]
	if s.cache.tags[i] != 0 {
		s.count.L2Evictions++
		if l.dirty != 0 && at != never {
			gone = s.queue(slice, s.cache.tags[i]-1, l.dirty, at, true)
			if s.rows {
				s.cleanRow(slice, s.cache.tags[i]-1, at)
			}
		}
		// Fills on their way still answer those who wait for them.
		for d := l.fills; d >= 0; d = s.fetches.all[d].older {
			s.fetches.all[d].line = -1
		}
	}
	s.cache.tags[i] = local + 1
	*l = line{used: s.cache.clock, fills: -1}
	return i, gone
}

// access handles a request that arrives at its slice at cycle t.
func (s *System) access(i int32, t uint64) {
	f := &s.flights[i]
	if f.kind >= Signal {
		if f.kind == Jump {
			s.jump(i)
			return
		}
		s.semaphore(i, t)
		return
	}
	if !f.translated {
		f.translated = true
		if at := s.tlb.translate(int(f.order>>32), f.gpc, f.line, t); at > t {
			s.arrivals.put(at, i)
			return
		}
	}
	if f.way == onSpot {
		s.join(f, t)
	}
	slice, local := s.hash.Map(f.line >> lineShift)
	if s.parts.half != 0 && s.crosses(i, t, slice, local) {
		return
	}
	sectors := f.sectors
	n := uint64(bits.OnesCount8(sectors))
	start := max(t, s.cache.free[slice])
	cycles := s.sliceCycles[n]
	if f.kind == Atomic {
		cycles = max(1, n*uint64(s.l2.AtomicCycles))
	}
	if f.joined {
		start, n = t, 0
		f.ready = max(f.ready, t+uint64(s.l2.HitLatency))
	} else {
		s.cache.free[slice] = start + cycles
		s.count.SliceBusy += cycles
		f.ready = start + cycles - 1 + uint64(s.l2.HitLatency)
		s.lead(f, t)
	}

	toDRAM := start + uint64(s.l2.MissLatency)
	e, gone := s.slot(slice, local, toDRAM)
	l := &s.cache.lines[e]
	if f.kind == Write {
		s.count.L2WriteSectors += n
		l.valid |= sectors
		l.dirty |= sectors
		l.asked &^= sectors // what DRAM still brings is stale
		l.young &^= sectors
		s.bufferAll(gone, i)
		if f.missing == 0 {
			s.done(i)
		}
		return
	}
	missing := sectors &^ (l.valid | l.asked)
	lost := uint64(bits.OnesCount8(missing))
	s.count.L2ReadSectors += n
	s.count.L2Misses += lost
	s.count.L2Hits += n - min(n, lost)
	if f.aside {
		s.count.AsideMisses += lost
	}
	if f.kind == Atomic {
		s.count.L2WriteSectors += n
		l.dirty |= sectors
	}
	hit := f.ready
	if lost == n && n > 0 {
		f.ready = 0 // only DRAM's time counts
	}
	s.awaitYoung(f, l, e, sectors, t, start, hit)
	if want := sectors & l.asked; want != 0 {
		s.awaitAsked(i, l, want)
	}
	if missing != 0 {
		// DRAM moves whole bursts: the rest of one comes along.
		missing = s.widen[missing] &^ (l.valid | l.asked)
		l.asked |= missing
		f.missing++
		l.fills = s.fill(slice, local, missing, toDRAM, i, int32(e), l.fills)
	}
	s.bufferAll(gone, i)
	if f.missing == 0 {
		s.done(i)
	}
}

// done passes on a flight that waits for nothing more: to the reply network,
// or to the partition that it came from.
func (s *System) done(i int32) {
	f := &s.flights[i]
	if f.way != onSpot {
		s.comeBack(i)
		return
	}
	s.replies.put(f.ready, i)
}

// awaitAsked holds a request until sectors are there that are on their way.
func (s *System) awaitAsked(i int32, l *line, want uint8) {
	for d := l.fills; d >= 0; d = s.fetches.all[d].older {
		if s.fetches.all[d].sectors&want != 0 {
			s.fetches.wait(d, i)
			s.flights[i].missing++
		}
	}
}

// awaitYoung holds a request until sectors are there whose arrival is
// announced. Whether that was announced before or after the request came
// depends on how far DRAM has been simulated; the result does not.
func (s *System) awaitYoung(f *flight, l *line, e int, sectors uint8, t, start, hit uint64) {
	late := uint64(0)
	for m := sectors & l.young; m != 0; m &= m - 1 {
		b := bits.TrailingZeros8(m)
		if at := s.cache.ready[e][b]; at > start {
			late = max(late, at)
		} else if at <= t { // no later request begins before
			l.young &^= 1 << b
		}
	}
	if late > hit {
		f.merged = true
	}
	f.ready = max(f.ready, late)
}

// filled takes the sectors of DRAM read (or errand) d, which will be at the slice at a
// cycle, and frees the requests that waited for them.
func (s *System) filled(d int32, ready uint64) {
	q := &s.fetches.all[d]
	if q.line >= 0 {
		l := &s.cache.lines[q.line]
		s.fetches.unlink(l, d)
		here := q.sectors & l.asked // not those written meanwhile
		l.asked &^= here
		l.valid |= here
		l.young |= here
		for m := here; m != 0; m &= m - 1 {
			s.cache.ready[q.line][bits.TrailingZeros8(m)] = ready
		}
	}
	s.arrived(q.first, ready, false)
	for w := q.waiters; w >= 0; w = s.fetches.waits[w].next {
		s.arrived(s.fetches.waits[w].flight, ready, q.channel >= 0)
	}
	s.fetches.release(d)
}

// arrived tells a flight of sectors that it waited for.
func (s *System) arrived(i int32, ready uint64, other bool) {
	f := &s.flights[i]
	if other && ready > f.ready {
		f.merged = true
	}
	f.ready = max(f.ready, ready)
	if f.missing--; f.missing == 0 {
		s.done(i)
	}
}
