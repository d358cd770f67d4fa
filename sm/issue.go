package sm

import "math/bits"

// Run advances the SM through all cycles before horizon.
//
// Instructions that share something with other sub-cores (memory, barriers,
// misses of the instruction cache, exits) are issued in the order of time,
// and in the order of the sub-cores within a cycle. All others are local: a
// sub-core goes ahead of the rest with them, up to whatever may change what
// it could issue:
//
//   - a CTA launch, known to come, which adds warps;
//   - if a warp of its waits at a barrier, the release of it. That takes an
//     instruction of another sub-core, none of which comes before the
//     earliest of their next issues, or a step of the TMA, and lets the warp
//     issue a barrier latency later;
//   - a reply. Those come between windows.
//
// A warp that waits for its own stores or for data is freed by replies alone.
// Where a sampling plan reads the progress of the SM, branches come in order
// too.
func (c *Core) Run(horizon uint64) {
	for {
		s, turn, others := c.earliest()
		if len(c.launches) > 0 && c.launches[0].cycle <= s.next {
			if c.launches[0].cycle >= horizon {
				return
			}
			c.start(c.launches[0])
			c.launches = append(c.launches[:0], c.launches[1:]...)
			continue
		}
		if c.async.next <= s.next && c.async.next < horizon {
			c.moveBoxes(min(horizon-1, s.next))
			continue
		}
		if s.next >= horizon {
			return
		}
		turn, others = min(turn, c.async.next), min(others, c.async.next)
		ahead := horizon
		if len(c.launches) > 0 {
			ahead = min(ahead, c.launches[0].cycle)
		}
		if s.blocked > 0 && others != never {
			ahead = min(ahead, others+c.leastWake)
		}
		c.issue(s, min(turn, ahead), ahead)
	}
}

// earliest is the sub-core that issues next, the cycle before which it is
// still its turn, and the next issue of the others.
func (c *Core) earliest() (s *subcore, turn, others uint64) {
	at := 0
	turn, others = never, never
	for i := 1; i < len(c.sub); i++ {
		n := c.sub[i].next
		switch was := c.sub[at].next; {
		case n < was: // the sub-cores before have the first say when it is level
			at, turn, others = i, was, was
		case n < others:
			turn, others = n+1, n
		}
	}
	return &c.sub[at], turn, others
}

// issue issues instructions of a sub-core: any before cycle turn, local ones
// before cycle ahead.
func (c *Core) issue(s *subcore, turn, ahead uint64) {
	for s.next < ahead {
		t := s.next
		pick := bits.TrailingZeros64(s.mask)
		if s.mask&(s.mask-1) != 0 {
			pick = c.policy.Pick(s.mask, s.last)
		}
		h := &s.heads[pick]
		u := &s.ops[h.pc]
		if t >= turn && (u.class > lastLocal || u.class == clBRA && c.plan != nil) {
			return
		}
		if u.fetch && h.had&hadLine == 0 && !s.l0.has(u.line, t) {
			if t >= turn {
				return
			}
			h.dep, h.why, h.had = c.fetch(s, u.line, t), NoInst, h.had|hadLine
			s.evaluate()
			continue
		}
		if u.konst != 0 && u.class != clLDC && h.had&hadConst == 0 && !s.consts[0].has(uint16(u.konst-1), t) {
			if t >= turn {
				return
			}
			h.dep, h.why, h.had = c.constant(&s.consts[0], uint16(u.konst-1), t), Constant, h.had|hadConst
			s.evaluate()
			continue
		}
		if u.run > 0 && s.pair < 0 && c.streak(s, pick, ahead) {
			continue
		}
		if u.class == clSTG || u.class == clRED {
			if at := c.storeAt(); at > t {
				c.holdStore(s, s.warps[pick], at)
				s.evaluate()
				continue
			}
		}
		second := t < s.counted // of a pair: it takes no slot
		if t > s.counted {
			c.charge(s, t, s.reason(h, t))
		}
		if !second {
			s.slots[Issued] += uint64(u.slots)
			s.counted = t + 1
		}
		c.counts.WarpInsts++
		s.last, s.pair = pick, -1
		if u.stall == 0 {
			s.pair = pick
		}

		w := s.warps[pick]
		next := t + uint64(u.stall)
		switch u.class {
		case clALU, clShared:
			s.pipeFree[u.pipe%numPipes] = t + uint64(u.busy)
			if u.class == clShared {
				c.occupy(u.pipe, t+uint64(u.busy))
			}
			if u.wr != 0 {
				w.hold(u.wr, t+uint64(c.spec.Pipes.SFU.Latency), Wait)
			}
			c.advance(s, w)
		case clPaired:
			if at := c.paired(s, u, t, second); u.stall > 1 { // the next one needs a result
				next += at - t
			}
			c.advance(s, w)
		case clHMMA:
			s.pipeFree[pipeTensor] = s.unit.Issue(t, u.steps)
			c.advance(s, w)
		case clBRA:
			next = c.branch(s, w, next)
		case clLDS, clSTS:
			c.shared(s, w, u, t)
			c.advance(s, w)
		case clLDG, clSTG, clRED, clCopy:
			c.global(s, w, u, t)
			c.advance(s, w)
		case clLDC:
			c.loadConstant(s, w, u, t)
			c.advance(s, w)
		default:
			c.synchronize(s, w, u, t, next)
			return
		}
		s.prepare(w, next, Wait)
		s.evaluate()
	}
}

// synchronize issues an instruction that waits for other warps or for memory,
// or that others wait for.
func (c *Core) synchronize(s *subcore, w *warp, u *uop, t, next uint64) {
	switch u.class {
	case clBAR:
		c.barrier(s, w, t, next)
	case clCommit:
		c.commit(s, w, next)
	case clDepBar:
		c.settle(s, w, u, next)
	case clMEMBAR:
		c.membar(s, w, next)
	case clWAITSEM, clSIGSEM:
		c.semaphore(s, w, u, t, next)
	case clEXIT:
		c.exit(s, w, t)
	default:
		c.asynchronous(s, w, u, t, next)
	}
	s.evaluate()
}

// charge gives the slots between the last issue and cycle t their reason.
func (c *Core) charge(s *subcore, t uint64, why Reason) {
	if t <= s.counted {
		return
	}
	idle := t - s.counted - s.unit.HeldIn(s.counted-1, t)
	s.slots[why] += idle
	s.counted = t
}

// reason says what held a warp back that now issues after a gap.
func (s *subcore) reason(h *head, t uint64) Reason {
	if h.dep < t {
		switch {
		case s.pipeFree[h.pipe%numPipes] == t:
			return pipeReason(h.pipe)
		case h.dep < s.counted:
			return Dispatch
		}
	}
	return h.why
}

func pipeReason(p pipe) Reason {
	switch p {
	case pipeTensor:
		return TensorPipe
	case pipeMIO:
		return MIOThrottle
	}
	return MathPipe
}

// occupy keeps a pipe that serves all sub-cores until a cycle.
func (c *Core) occupy(p pipe, until uint64) {
	for i := range c.sub {
		s := &c.sub[i]
		s.pipeFree[p%numPipes] = until
		s.evaluate()
	}
}
