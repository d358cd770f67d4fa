package sm

import "math/bits"

// streak issues instructions of a sub-core whose pipe is all that they have
// to wait for, with none of the search that other instructions take. pick is
// the choice for cycle s.next.
//
// It begins where all warps that can issue are at plain instructions of one
// pipe. A plain instruction waits for nothing but its predecessor, and that
// is over before the pipe is free again. So when it is, the same warps can
// issue, until one of them comes to another kind of instruction or line of
// code, or another warp, or one of another sub-core, has a say.
func (c *Core) streak(s *subcore, pick int, ahead uint64) bool {
	t, mask := s.next, s.mask
	p := s.heads[pick].pipe % numPipes
	for m := mask; m != 0; m &= m - 1 {
		h := &s.heads[bits.TrailingZeros64(m)]
		if h.pipe != p || !s.ops[h.pc].plain {
			return false
		}
	}
	limit := min(ahead, s.rest)
	insts, slots := uint64(0), uint64(0)
	for {
		h := &s.heads[pick%maxWarps]
		u := &s.ops[h.pc]
		if u.fetch && !s.l0.has(u.line, t) {
			break
		}
		if t > s.counted {
			c.charge(s, t, s.reason(h, t))
		}
		insts++
		slots += uint64(u.slots)
		s.counted, s.last = t+1, pick
		h.dep, h.why = t+uint64(u.stall), Wait
		h.pc++
		if u.class == clHMMA {
			t = s.unit.Issue(t, u.steps)
		} else {
			t += uint64(u.busy)
		}
		s.pipeFree[p] = t
		if u = &s.ops[h.pc]; !u.plain || u.pipe != p {
			s.prepare(s.warps[pick], h.dep, Wait)
			break
		}
		if t >= limit || s.unit.Holds(t) {
			break
		}
		if mask&(mask-1) != 0 {
			pick = c.policy.Pick(mask, s.last)
		}
	}
	c.counts.WarpInsts += insts
	c.counts.Slots[Issued] += slots
	s.evaluate()
	return true
}
