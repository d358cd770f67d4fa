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

	added    int // bytes that have been read for the stripe in front
	reading  bool
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
	if need := a.points * o.addBytes; need > 0 && s.added < need {
		if !s.reading {
			s.reading = true
			s.core.mem.ask(clientRead, request{need, func(cycle uint64) {
				s.reading, s.added = false, need
				s.comp.WakeAt(cycle + 1)
			}})
		}
		return
	}
	bytes := a.points * o.atomOut
	if s.writing > 0 && s.writing+bytes > max(s.core.cdma.window, bytes) {
		return // a write that is acknowledged wakes it
	}
	s.added = 0
	s.queue = s.queue[1:]
	step := uint64(ceilDiv(s.core.atomK, s.core.n.SDP.Rate))
	if o.addBytes > 0 && s.core.n.SDP.ElementwiseRate > 0 {
		step = uint64(ceilDiv(s.core.atomK, s.core.n.SDP.ElementwiseRate))
	}
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

func (s *sdp) Receive(uint64, akita.Port, akita.Msg) {}

// Waiting names stripes that were not taken.
func (s *sdp) Waiting() []string {
	if len(s.queue) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("SDP has %d stripes waiting, %d bytes are being written", len(s.queue), s.writing)}
}
