package memory

import (
	"math/bits"

	"gpusim/configs"
)

// partitions are the two halves of an L2 with half of the slices each. An SM
// reaches the slices of its own one; a line whose home lies in the other half
// has a twin slice in this one, which keeps copies of what is read. A read
// that finds sectors missing there sends for them to the home slice, and what
// comes back stays as a copy. Writes and atomics go to the home slice and drop
// the copy of what they write. Copies are clean, compete for the ways of their
// set like any other line, and go without a write-back. So data that SMs of
// both sides read are held twice.
//
// A copy's entry is taken when the read comes by, with its sectors marked as
// asked for, just as a miss does for DRAM; the errand's fetch stands in the
// line's list of fills. Hence all changes are made in the time order of the
// slices, whenever the sectors' arrival is announced. Half of the way out
// delays an arrival at the home slice, the way back a reply: both are later
// than the bounds of System ask for.
type partitions struct {
	half     int    // slices of each, 0 = there is only one
	to, back uint64 // cycles on the way to the other half and from there
}

// What a flight does beyond its SM's own partition.
const (
	onSpot = iota // nothing
	across        // it has gone to the other one itself, and so must its answer
	errand        // it fetches sectors of a copy; value is the fetch that stands for it
)

// copied marks a copy's line number; a home slice's own lines have none so large.
const copied = 1 << 40

func newPartitions(l *configs.L2) partitions {
	if l.Partitions < 2 {
		return partitions{}
	}
	far := uint64(l.FarLatency)
	return partitions{half: l.Slices / 2, to: far - far/2, back: far / 2}
}

// twin is the slice of the other partition that copies a slice's lines.
func (p *partitions) twin(slice int) int {
	if slice < p.half {
		return slice + p.half
	}
	return slice - p.half
}

// crosses handles a request at cycle t if it concerns the other partition than
// its SM's: GPCs belong to partitions in turn. What is left is to be served by
// the home slice now.
func (s *System) crosses(i int32, t uint64, home int, local uint64) bool {
	f := &s.flights[i]
	side := 0
	if home >= s.parts.half {
		side = 1
	}
	switch {
	case f.way != onSpot || int(f.gpc&1) == side:
		if f.kind != Read {
			s.drop(s.parts.twin(home), local|copied, f.sectors)
		}
		return false
	case f.kind != Read:
		f.way = across
		s.arrivals.put(t+s.parts.to, i)
	default:
		s.readCopy(i, t, s.parts.twin(home), local|copied)
	}
	return true
}

// readCopy serves a read from a copy, as far as there is one, and sends for
// the rest. The lookup takes the slice a cycle, sectors that it gives as many
// as any others. Each sector counts as read once, where it is found.
func (s *System) readCopy(i int32, t uint64, slice int, local uint64) {
	start := max(t, s.cache.free[slice])
	if s.flights[i].joined {
		start = t
	}
	e, gone := s.slot(slice, local, start+uint64(s.l2.MissLatency))
	l, f := &s.cache.lines[e], &s.flights[i]
	missing := f.sectors &^ (l.valid | l.asked)
	n := uint64(bits.OnesCount8(f.sectors &^ missing))
	cycles := s.sliceCycles[n]
	hit := start + uint64(s.l2.HitLatency)
	if !f.joined {
		s.cache.free[slice] = start + cycles
		s.count.SliceBusy += cycles
		s.count.L2ReadSectors += n
		s.count.L2Hits += n
		hit += cycles - 1
	}
	if n > 0 || missing == 0 {
		f.ready = max(f.ready, hit)
	}
	if !f.joined {
		s.lead(f, t)
	}
	s.awaitYoung(f, l, e, f.sectors, t, start, hit)
	f.merged = false // counted at home
	if want := f.sectors & l.asked; want != 0 {
		s.awaitAsked(i, l, want)
	}
	if missing != 0 {
		d, q := s.fetches.add()
		*q = fetch{sectors: missing, channel: -1, first: i, waiters: -1, line: int32(e), older: l.fills}
		l.fills = d
		l.asked |= missing
		f.missing++
		s.send(i, d, missing, start+s.parts.to)
	}
	s.bufferAll(gone, i)
	if f := &s.flights[i]; f.missing == 0 {
		s.replies.put(f.ready, i)
	}
}

// send lets an errand for sectors of a flight's line reach the home slice at a
// cycle.
func (s *System) send(i, d int32, sectors uint8, at uint64) {
	j := s.takeFlight()
	f := &s.flights[i]
	s.flights[j] = flight{line: f.line, order: f.order, value: d, sectors: sectors, kind: Read, gpc: f.gpc, way: errand, translated: true, aside: f.aside}
	s.arrivals.put(at, j)
}

// comeBack brings what a flight has got in the other partition to its own.
func (s *System) comeBack(i int32) {
	f := &s.flights[i]
	ready := f.ready + s.parts.back
	if f.way == across {
		s.replies.put(ready, i)
		return
	}
	d := f.value
	if f.merged {
		s.flights[s.fetches.all[d].first].merged = true
	}
	s.free = append(s.free, i)
	s.filled(d, ready)
}

// drop forgets sectors of a copy, those on their way included: who waits for
// them gets them, but they do not stay.
func (s *System) drop(slice int, local uint64, sectors uint8) {
	e := s.cache.find(slice, local)
	if e < 0 {
		return
	}
	l := &s.cache.lines[e]
	l.valid &^= sectors
	l.asked &^= sectors
	l.young &^= sectors
	empty := l.valid|l.asked == 0
	for d := l.fills; d >= 0; d = s.fetches.all[d].older {
		q := &s.fetches.all[d]
		q.sectors &^= sectors
		if empty {
			q.line = -1
		}
	}
	if empty {
		s.cache.tags[e] = 0
		*l = line{fills: -1}
	}
}
