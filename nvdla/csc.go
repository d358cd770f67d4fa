package nvdla

import (
	"fmt"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/sim"
)

// csc is the sequence controller: it sends stripes to the MAC array, kernel
// group by kernel group. The last package of a stripe needs as many credits as
// it has atoms: room in the delivery buffer behind the accumulators.
type csc struct {
	core    *core
	comp    *sim.Component
	credits int // of the delivery buffer

	news           []news // from CDMA
	inputs, loaded int    // ops whose input, and kernel groups over all ops, that are complete

	op, group, stripe int
	groups            int    // kernel groups begun, over all ops
	at                uint64 // when the controller is free for the next stripe
	waiting           bool   // for input, weights or credits
	began             uint64 // when the stripe that waits for credits began
	beginning         bool
	sent              int    // atoms sent to the delivery buffer
	taken             []span // when the single-point processor took atoms, oldest first
	takenFrom         int    // atoms before the first span
}

// news is what CDMA has completed.
type news struct {
	cycle          uint64
	inputs, groups int
}

// span is atoms that are taken at a steady rate.
type span struct {
	count       int
	first, step uint64
}

// nudge looks again whether the next stripe can begin.
func (s *csc) nudge() {
	if s.waiting {
		s.comp.WakeAt(s.comp.Engine.Cycle() + 1)
	}
}

// Wake sends the next stripe if all that it needs is there.
func (s *csc) Wake(cycle uint64) {
	s.waiting = false
	for len(s.news) > 0 && s.news[0].cycle <= cycle {
		s.inputs, s.loaded = s.inputs+s.news[0].inputs, s.loaded+s.news[0].groups
		s.news = s.news[1:]
	}
	if s.op == len(s.core.ops) {
		return
	}
	o := &s.core.ops[s.op]
	if s.inputs <= s.op || s.loaded <= s.groups {
		s.waiting = true
		if len(s.news) > 0 {
			s.comp.WakeAt(s.news[0].cycle)
		}
		return
	}
	if cycle < s.at {
		s.comp.WakeAt(s.at)
		return
	}
	if !s.beginning {
		s.began, s.beginning = cycle, true
	}
	atoms, kernels := o.atoms[s.stripe], o.kernels[s.group]
	cost := uint64(packageCycles(atoms, kernels, s.core.atomK))
	last := s.began + uint64(o.packages-1)*cost // when its last package can go
	need := s.sent + (atoms-s.credits)*o.spread // the delivery buffer counts atoms
	if need > 0 {
		when, known := s.takenAt(need)
		if !known {
			s.waiting = true // the single-point processor nudges
			return
		}
		last = max(last, when+1)
	}
	s.beginning = false
	c := &s.core.counts
	c.atoms += uint64(o.packages * atoms)
	c.busy += uint64(o.packages * atoms)
	c.cbufRead += uint64(o.packages) * uint64(atoms*int(s.core.n.CBUF.Width)+kernels*s.core.n.AtomicC)
	s.sent += atoms * o.spread
	s.core.sdp.take(arrival{op: s.op, group: s.group, points: atoms * o.spread,
		cycle: max(last, cycle) + uint64(s.core.n.Pipeline.CSC+s.core.n.Pipeline.CMAC+s.core.n.Pipeline.CACC), lastOfOp: s.group == len(o.kernels)-1 && s.stripe == len(o.atoms)-1})
	s.at = max(last+cost, cycle+1)
	s.advance(o)
	s.comp.WakeAt(s.at)
}

// advance goes to the next stripe; behind the last of a kernel group its weights
// are released, behind the last of an op its input.
func (s *csc) advance(o *op) {
	if s.stripe++; s.stripe < len(o.atoms) {
		return
	}
	s.stripe = 0
	if !o.keep {
		bytes := o.kernels[s.group] * o.kernBytes
		s.core.cdma.release(s.at, bytes)
	}
	s.group++
	s.groups++
	if s.group < len(o.kernels) {
		return
	}
	s.group = 0
	s.core.cdma.release(s.at, o.dataBytes)
	s.op++
	s.at += flushCycles
}

// takenAt is the cycle in which atom n was taken, the first being 1.
func (s *csc) takenAt(n int) (uint64, bool) {
	for len(s.taken) > 0 && s.takenFrom+s.taken[0].count < n {
		s.takenFrom += s.taken[0].count
		s.taken = s.taken[1:]
	}
	if len(s.taken) == 0 {
		return 0, false
	}
	i := max(0, n-s.takenFrom-1)
	return s.taken[0].first + uint64(i)*s.taken[0].step, true
}

func (s *csc) Receive(uint64, akita.Port, akita.Msg) {}

// Waiting says what the controller could not begin.
func (s *csc) Waiting() []string {
	if s.op == len(s.core.ops) {
		return nil
	}
	return []string{fmt.Sprintf("CSC waits with stripe %d of kernel group %d of op %d: %d inputs and %d groups are loaded", s.stripe, s.group, s.op, s.inputs, s.loaded)}
}
