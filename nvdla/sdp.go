package nvdla

import (
	"fmt"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/sim"
)

// arrival is a stripe that leaves the accumulators.
type arrival struct {
	op, group, points int
	cycle             uint64 // of its first point, the others follow one a cycle
	lastOfOp          bool
}

// sdp is the single-point processor on the fly: it takes the points of stripes in
// order, reads what is added to them, and writes the results.
type sdp struct {
	core  *core
	comp  *sim.Component
	queue []arrival
	free  uint64 // when it can take the next point

	addOp    int // op whose tensor to add is read, plus one
	addLeft  int // bytes of it that have not been asked for
	ahead    int // asked for and not used
	have     int // of these, bytes that are there
	writing  int // bytes on their way to memory
	finished uint64
	done     int // ops that are written
}

// take queues a stripe.
func (s *sdp) take(a arrival) {
	s.queue = append(s.queue, a)
	s.comp.WakeAt(max(a.cycle, s.free))
}

// creditReturn is the way of a credit from the delivery buffer to the sequence
// controller.
const creditReturn = 12

// Wake takes the stripe in front.
func (s *sdp) Wake(cycle uint64) {
	if len(s.queue) == 0 {
		return
	}
	a := s.queue[0]
	if at := max(a.cycle, s.free); cycle < at {
		s.comp.WakeAt(at)
		return
	}
	o := &s.core.ops[a.op]
	need := a.points * o.addBytes
	if need > 0 {
		s.readAhead(a.op, need)
		if s.have < need {
			return // what arrives wakes it
		}
	}
	bytes := a.points * o.atomOut
	if s.writing > 0 && s.writing+bytes > max(s.core.cdma.window, bytes) {
		return // a write that is acknowledged wakes it
	}
	s.have, s.ahead = s.have-need, s.ahead-need
	s.queue = s.queue[1:]
	if need > 0 {
		s.readAhead(a.op, need)
	}
	step := uint64(o.pointCycles(s.core.n, s.core.atomK))
	s.free = cycle + uint64(a.points)*step
	s.core.counts.sdpPoints += uint64(a.points)
	t := s.core.csc
	t.taken = append(t.taken, span{a.points, cycle + creditReturn, step})
	t.nudge()
	s.writing += bytes
	s.core.mem.askAt(s.free+uint64(s.core.n.Pipeline.SDP), clientWrite, request{bytes, func(cycle uint64) {
		s.writing -= bytes
		s.finished = max(s.finished, cycle)
		if a.lastOfOp {
			s.done++
		}
		s.comp.WakeAt(cycle + 1)
	}})
	if len(s.queue) > 0 {
		s.comp.WakeAt(max(s.queue[0].cycle, s.free))
	}
}

// readAhead asks for the tensor that an op adds as far as the read port's buffers
// cover the way from memory, and for what a stripe needs.
func (s *sdp) readAhead(at, need int) {
	o := &s.core.ops[at]
	if s.addOp != at+1 {
		points := 0
		for _, n := range o.atoms {
			points += n * o.spread
		}
		s.addOp, s.addLeft = at+1, points*len(o.kernels)*o.addBytes
	}
	window := max(s.core.cdma.window, need)
	for s.addLeft > 0 && s.ahead < window {
		n := min(s.addLeft, s.core.cdma.chunk, window-s.ahead)
		s.addLeft -= n
		s.ahead += n
		s.core.mem.ask(clientRead, request{n, func(cycle uint64) {
			s.have += n
			s.comp.WakeAt(cycle + 1)
		}})
	}
}

func (s *sdp) Receive(uint64, akita.Port, akita.Msg) {}

// Waiting names stripes that were not taken.
func (s *sdp) Waiting() []string {
	if len(s.queue) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("SDP has %d stripes waiting, %d bytes are being written", len(s.queue), s.writing)}
}
