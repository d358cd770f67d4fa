package sm

import "math/bits"

// streak issues instructions of a sub-core that have nothing to wait for but
// their common pipe, without looking for the next one each time. pick is the
// choice for cycle s.next, whose line of code is there; false says that there
// is no streak.
//
// It begins where all warps that can issue are at plain instructions of one
// pipe. A plain instruction waits for nothing but its predecessor in the warp,
// and that is over before the pipe is free again. So when it is free the same
// warps can issue and have waited for the pipe, until one of them comes to
// another kind of instruction or to code that must be fetched, or a warp that
// could not issue yet, or another sub-core, has a say.
func (c *Core) streak(s *subcore, pick int, ahead uint64) bool {
	t, mask := s.next, s.mask
	h := &s.heads[pick%maxWarps]
	p := h.pipe % numPipes
	for m := mask; m != 0; m &= m - 1 {
		o := &s.heads[bits.TrailingZeros64(m)%maxWarps]
		if o.pipe != p || s.ops[o.pc].run == 0 {
			return false
		}
	}
	if p != pipeTensor && s.unit.Stepping(t) {
		return false
	}
	c.charge(s, t, s.reason(h, t))
	limit := min(ahead, s.rest)
	insts, slots, idle := uint64(0), uint64(0), uint64(0)
	for {
		u := &s.ops[h.pc]
		insts++
		slots += uint64(u.slots)
		s.counted, s.last = t+1, pick
		h.dep, h.why, h.had = t+uint64(u.stall), Wait, 0
		h.pc++
		free := t + uint64(u.busy)
		if u.class == clHMMA {
			free = s.unit.Issue(t, u.steps)
		}
		s.pipeFree[p] = free
		if u.run == 1 {
			s.prepare(s.warps[pick], h.dep, Wait)
			break
		}
		if free >= limit {
			break
		}
		if mask&(mask-1) != 0 {
			pick = c.policy.Pick(mask, pick)
			h = &s.heads[pick%maxWarps]
		}
		if u := &s.ops[h.pc]; u.fetch && !s.l0.has(u.line, free) {
			break
		}
		idle += free - t - uint64(u.slots)
		t = free
	}
	c.counts.WarpInsts += insts
	s.slots[Issued] += slots
	s.slots[pipeReason(p)] += idle
	s.evaluate()
	return true
}
