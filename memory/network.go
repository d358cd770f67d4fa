package memory

import "math/bits"

// Submit takes requests of one SM. Their cycles must not decrease from one to
// the next nor from call to call, and none may lie before a frontier that
// Advance has been given.
//
// The injection port takes SMRequestBytes per cycle: a header for each
// request, and the data of writes and atomics. A slice begins with a request
// when its header has come, but no earlier than would let it run out of data.
func (s *System) Submit(sm int, reqs []Request) {
	width := uint64(s.xbar.SMRequestBytes)
	p := &s.ports[sm]
	for k := range reqs {
		r := &reqs[k]
		if r.Kind == Jump { // nothing that the hardware sends
			s.arrivals.put(r.Cycle+uint64(s.xbar.RequestLatency), s.newFlight(r, sm))
			s.inFlight++
			continue
		}
		size := uint64(s.xbar.RequestHeader)
		n := uint64(0)
		switch r.Kind {
		case Read:
			s.count.Reads++
		case Write:
			s.count.Writes++
			n = uint64(bits.OnesCount8(r.Sectors & allSectors))
		case Atomic:
			s.count.Atomics++
			n = uint64(bits.OnesCount8(r.Sectors & allSectors))
		case Signal:
			s.count.Signals++
		case Wait:
			s.count.Waits++
		}
		s.count.Requests++
		s.count.RequestSectors += n
		size += n * sectorBytes
		s.count.RequestBytes += size

		begin := max(p.inject, r.Cycle*width)
		p.inject = begin + size
		head := (begin + uint64(s.xbar.RequestHeader) - 1) / width
		last := (p.inject - 1) / width
		if n > 0 && last > head {
			head = max(head, last-min(last, s.sliceCycles[n]-1))
		}
		i := s.newFlight(r, sm)
		s.arrivals.put(head+uint64(s.xbar.RequestLatency), i)
		s.inFlight++
	}
}

// port is the state of one SM's ports. Times are in bytes: cycle x width.
type port struct {
	inject uint64 // request port is free
	reply  uint64 // reply port is free
	seq    uint32
	gpc    uint8
}

// reply sends an item whose last sector is ready at cycle t through the ports
// of its GPC and its SM, or SMs if a peer gets it too. A line's earlier
// sectors leave while its last one is still being read, so a port that is
// free adds nothing; items pass a port in the order in which they are ready.
// Acknowledgements take no data bandwidth.
func (s *System) reply(i int32, t uint64, emit func(int, Reply)) {
	f := &s.flights[i]
	sm := int(f.order >> 32)
	if f.kind == Read {
		n := uint64(bits.OnesCount8(f.sectors))
		size := sectorBytes * n
		s.count.ReplySectors += n
		s.count.ReplyBytes += size
		if !f.joined {
			t = pass(&s.gpcPort[f.gpc], size, t, uint64(s.xbar.GPCReplyBytes))
		}
		if f.peer > 0 {
			p := int(f.peer) - 1
			at := pass(&s.ports[p].reply, size, t, uint64(s.xbar.SMReplyBytes))
			emit(p, Reply{Ready: at + uint64(s.xbar.ReplyLatency), Tag: uint32(f.value) | PeerTag, Bytes: f.bytes})
		}
		t = pass(&s.ports[sm].reply, size, t, uint64(s.xbar.SMReplyBytes))
	}
	if f.merged {
		s.count.L2Merges++
	}
	emit(sm, Reply{Ready: t + uint64(s.xbar.ReplyLatency), Tag: f.tag, Bytes: f.bytes})
	s.free = append(s.free, i)
	s.inFlight--
}

// pass gives the cycle in which the last byte of an item leaves a port that
// has its last byte at cycle t.
func pass(free *uint64, size, t, width uint64) uint64 {
	*free = max(*free+size, (t+1)*width)
	return (*free - 1) / width
}
