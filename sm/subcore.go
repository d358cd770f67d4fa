package sm

import (
	"math/bits"
	"slices"

	"gpusim/tensorcore"
	"gpusim/workloads/tile"
)

// maxWarps is what the masks of ready warps hold.
const maxWarps = 64

// subcore is one warp scheduler with its pipes.
type subcore struct {
	next     uint64  // earliest issue
	mask     uint64  // warps that can issue then
	rest     uint64  // before this cycle no other warp can
	counted  uint64  // slots before this cycle are over and have a reason
	warps    []*warp // oldest first
	ops      []uop
	last     int
	pair     int // warp that may issue once more in the cycle of its last issue, or -1
	blocked  int // warps that wait at a barrier
	mioHead  int
	pipeFree [numPipes]uint64
	unit     tensorcore.Unit
	l0       l0cache
	consts   [2]l0cache // of constants that are operands, and of those that are loaded
	address  uint64     // its address unit is free
	mio      []uint64   // start times of the latest memory instructions, ring
	slots    [NumReasons]uint64
	lanes    pairLanes
	heads    [maxWarps]head
}

// head is what the sub-core needs of a warp to choose among them, next to
// those of the others.
type head struct {
	dep  uint64 // earliest issue as far as the warp itself is concerned
	pc   int32  // next instruction
	pipe pipe   // that it needs
	why  Reason // what decides dep
	had  uint8  // what it has waited for, see hadLine
}

// What a warp has waited for it issues with, even if others have driven it out of a
// cache since: else two warps could do so for ever.
const (
	hadLine  = 1 << iota // the line of its next instruction
	hadConst             // that of the instruction's constant
)

// add makes a warp the youngest of the sub-core.
func (s *subcore) add(w *warp) {
	w.slot = uint8(len(s.warps))
	s.warps = append(s.warps, w)
}

// remove takes a warp that has exited away.
func (s *subcore) remove(w *warp) {
	at := int(w.slot)
	s.warps = slices.Delete(s.warps, at, at+1)
	copy(s.heads[at:], s.heads[at+1:])
	s.pair = -1
	for _, o := range s.warps[at:] {
		o.slot--
	}
	s.last = -1
}

// block keeps a warp from issuing until something outside the sub-core happens.
func (s *subcore) block(w *warp, why Reason, ready uint64) {
	h := &s.heads[w.slot]
	h.dep, h.why = never, why
	w.wait, w.ready = true, ready
}

// prepare works out when the warp's next instruction may issue. It is not
// ready before cycle ready for the reason base.
func (s *subcore) prepare(w *warp, ready uint64, base Reason) {
	h := &s.heads[w.slot]
	u := &s.ops[h.pc]
	h.pipe = u.pipe
	h.dep, h.why, h.had = ready, base, 0
	w.wait = false
	for m := u.wait; m != 0; m &= m - 1 {
		b := bits.TrailingZeros8(m) % tile.NumBars
		if w.pend[b] != 0 {
			w.base = base
			s.block(w, LongBoard, ready) // only what comes from outside is pending
			return
		}
		if w.bar[b] > h.dep {
			h.dep, h.why = w.bar[b], w.barWhy[b]
		}
	}
}

// evaluate finds the earliest cycle at which a warp of the sub-core can issue
// and the warps that can issue in it: all that could by then if the issue
// slots were free.
func (s *subcore) evaluate() {
	heads := s.heads[:len(s.warps)]
	if s.pair >= 0 && s.second() {
		return
	}
	best := uint64(never)
	for i := range heads {
		h := &heads[i]
		best = min(best, max(h.dep, s.pipeFree[h.pipe%numPipes]))
	}
	if best == never {
		s.next, s.mask, s.rest = never, 0, never
		return
	}
	best = s.unit.Open(max(best, s.counted))
	mask, bit, rest := uint64(0), uint64(1), uint64(never)
	for i := range heads {
		h := &heads[i]
		if e := max(h.dep, s.pipeFree[h.pipe%numPipes]); e <= best {
			mask |= bit
		} else {
			rest = min(rest, e)
		}
		bit += bit
	}
	s.next, s.mask, s.rest = best, mask, rest
}

// second says whether the warp that has just issued can issue the other
// instruction of a pair in the same cycle, and if so makes it the only choice.
func (s *subcore) second() bool {
	h := &s.heads[s.pair]
	t := s.counted - 1
	free := s.pipeFree[h.pipe%numPipes]
	if s.ops[h.pc].class == clPaired {
		free = t
		if !s.lanes.take(t) {
			free = t + 1
		}
	}
	if max(h.dep, free) > t {
		s.pair = -1
		return false
	}
	s.next, s.mask, s.rest = t, 1<<uint(s.pair), t
	return true
}
