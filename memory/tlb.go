package memory

import "gpusim/configs"

// tlb translates addresses. Each SM has a first level; its misses go to the
// GPU's second level, one a cycle, and from there to a few page-table walkers.
// Both levels replace the least recently used page.
//
// Translation stands at the slices, where requests come in the order of time;
// its latency is the same as if it stood in the SM.
type tlb struct {
	micro   *microTLB // nil: none
	spec    *configs.TLB
	page    divider
	l2Page  divider
	first   []firstLevel
	second  map[uint64]*secondEntry
	clock   uint64
	walkers []uint64 // cycles at which they are free
}

// recent are pages, most recent first.
type recent []uint64

// touch puts a page first, if need be in place of the last of so many; at is where it
// or what it replaces stood, or the end.
func (r *recent) touch(page uint64, most int) (at int, held bool) {
	for at < len(*r) && (*r)[at] != page {
		at++
	}
	if held = at < len(*r); !held {
		if at < most {
			*r = append(*r, 0)
		} else {
			at--
		}
	}
	copy((*r)[1:at+1], (*r)[:at])
	(*r)[0] = page
	return at, held
}

// firstLevel is the TLB of an SM: pages, and from which cycle each can be used.
type firstLevel struct {
	pages recent
	ready []uint64
	free  uint64 // cycle at which the next miss can be taken up
}

type secondEntry struct{ used, ready uint64 }

func newTLB(spec *configs.TLB, sms, gpcs int) tlb {
	return tlb{micro: newMicroTLB(&spec.Micro, sms, gpcs), spec: spec, page: newDivider(int(spec.Page)), l2Page: newDivider(int(spec.L2Page)), first: make([]firstLevel, sms)}
}

func (t *tlb) reset() {
	t.micro.reset()
	for i := range t.first {
		t.first[i] = firstLevel{pages: t.first[i].pages[:0], ready: t.first[i].ready[:0]}
	}
	t.second = make(map[uint64]*secondEntry)
	t.clock = 0
	t.walkers = make([]uint64, t.spec.Walkers)
}

// translate gives the cycle from which a request of an SM at cycle now can go
// on.
func (t *tlb) translate(sm int, gpc uint8, addr, now uint64) uint64 {
	if t.micro != nil {
		now = t.micro.pass(sm, gpc, addr, now)
	}
	f := &t.first[sm]
	page, _ := t.page.div(addr)
	if len(f.pages) > 0 && f.pages[0] == page {
		return max(now, f.ready[0])
	}
	at, held := f.pages.touch(page, t.spec.Entries)
	if at == len(f.ready) {
		f.ready = append(f.ready, 0)
	}
	ready := f.ready[at]
	if !held {
		start := max(now, f.free)
		ready = t.lookup(addr, start) + uint64(t.spec.Latency)
		f.free = start + 1
	}
	copy(f.ready[1:at+1], f.ready[:at])
	f.ready[0] = ready
	return max(now, ready)
}

// lookup finds a page in the second level, or walks the page table.
func (t *tlb) lookup(addr, now uint64) uint64 {
	page, _ := t.l2Page.div(addr)
	t.clock++
	if e := t.second[page]; e != nil {
		e.used = t.clock
		return max(now, e.ready)
	}
	if len(t.second) >= t.spec.L2Entries {
		oldest, used := uint64(0), uint64(never)
		for p, e := range t.second {
			if e.used < used {
				oldest, used = p, e.used
			}
		}
		delete(t.second, oldest)
	}
	w := 0
	for i := range t.walkers {
		if t.walkers[i] < t.walkers[w] {
			w = i
		}
	}
	done := max(now, t.walkers[w]) + uint64(t.spec.WalkLatency)
	t.walkers[w] = done
	t.second[page] = &secondEntry{t.clock, done}
	return done
}

// warm installs what a preceding launch leaves in the second level, used in this order:
// of pages equally old a map would give up any.
func (t *tlb) warm(addr uint64, bytes int64) {
	for a := addr; a < addr+uint64(bytes); a += uint64(t.spec.L2Page) {
		page, _ := t.l2Page.div(a)
		if len(t.second) < t.spec.L2Entries && t.second[page] == nil {
			t.clock++
			t.second[page] = &secondEntry{used: t.clock}
		}
	}
}
