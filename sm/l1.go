package sm

import (
	"math/bits"

	"gpusim/configs"
	"gpusim/workloads/tile"
)

// l1cache is the sectored L1 data cache: write-through, no write allocation,
// LRU. Sectors become valid when their fill is announced and can be used from
// the announced cycle on.
type l1cache struct {
	sets  uint64
	ways  int
	lines []l1line                 // ways of a set are adjacent, to be searched fast
	times [][sectorsPerLine]uint64 // of each line's sectors: from which cycle a valid one can be used, or the miss that one in flight waits for
	clock uint32
	hits  uint64
	miss  uint64
}

type l1line struct {
	tag    uint64 // line address | 1, 0 = empty
	used   uint32
	valid  uint8
	flying uint8 // asked for, not announced yet
}

// sectorsPerLine is what the memory protocol's masks hold.
const sectorsPerLine, lineBytes = 4, 128

// lookupResult says what a lookup found.
type lookupResult struct {
	slot     int
	ready    uint64 // when the valid sectors can be used
	missing  uint8
	inFlight uint8
}

// reset empties the cache and gives it the SRAM that shared memory leaves.
func (l *l1cache) reset(spec *configs.L1, size int64) {
	ways := spec.Ways
	sets := uint64(1)
	if n := size / int64(spec.LineBytes*ways); n > 1 {
		sets = 1 << (bits.Len64(uint64(n)) - 1)
	}
	if l.sets != sets || l.ways != ways {
		l.sets, l.ways = sets, ways
		l.lines = make([]l1line, sets*uint64(ways))
		l.times = make([][sectorsPerLine]uint64, sets*uint64(ways))
	}
	clear(l.lines)
	l.clock, l.hits, l.miss = 0, 0, 0
}

func (l *l1cache) set(addr uint64) int {
	n := addr >> 7
	return int((n^n>>7)&(l.sets-1)) * l.ways
}

// find gives the index of a line, or -1.
func (l *l1cache) find(addr uint64) int {
	base := l.set(addr)
	for i := base; i < base+l.ways; i++ {
		if l.lines[i].tag == addr|1 {
			return i
		}
	}
	return -1
}

// lookup finds the sectors of a line, allocating the line if it is new.
func (l *l1cache) lookup(ln tile.Line) (r lookupResult) {
	l.clock++
	base := l.set(ln.Addr)
	victim := base
	for i := base; i < base+l.ways; i++ {
		e := &l.lines[i]
		if e.tag == ln.Addr|1 {
			e.used = l.clock
			r.slot = i
			r.inFlight = ln.Sectors & e.flying
			r.missing = ln.Sectors &^ (e.valid | e.flying)
			for m := ln.Sectors & e.valid; m != 0; m &= m - 1 {
				r.ready = max(r.ready, l.times[i][bits.TrailingZeros8(m)])
			}
			n := uint64(bits.OnesCount8(r.missing))
			l.miss += n
			l.hits += uint64(bits.OnesCount8(ln.Sectors)) - n
			return r
		}
		if e.used < l.lines[victim].used {
			victim = i
		}
	}
	l.lines[victim] = l1line{tag: ln.Addr | 1, used: l.clock}
	l.miss += uint64(bits.OnesCount8(ln.Sectors))
	return lookupResult{missing: ln.Sectors, slot: victim}
}

// pending marks sectors as asked for.
func (l *l1cache) pending(slot int, sectors uint8, tag uint32) {
	l.lines[slot].flying |= sectors
	at := &l.times[slot]
	for m := sectors; m != 0; m &= m - 1 {
		at[bits.TrailingZeros8(m)%sectorsPerLine] = uint64(tag)
	}
}

// fill makes sectors usable from a cycle on, if they still wait for this miss:
// the line may have gone meanwhile, or gone and come back.
func (l *l1cache) fill(slot int32, sectors uint8, tag uint32, ready uint64) {
	e, at := &l.lines[slot], &l.times[slot]
	for m := sectors & e.flying; m != 0; m &= m - 1 {
		b := bits.TrailingZeros8(m) % sectorsPerLine
		if at[b] == uint64(tag) {
			at[b] = ready
			e.flying &^= 1 << b
			e.valid |= 1 << b
		}
	}
}

// invalidate drops written sectors: a store goes through to L2.
func (l *l1cache) invalidate(ln tile.Line) {
	if i := l.find(ln.Addr); i >= 0 {
		l.lines[i].valid &^= ln.Sectors
		l.lines[i].flying &^= ln.Sectors
	}
}
