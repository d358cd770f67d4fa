package nvdla

import (
	"slices"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/sim"
)

// fraction is the part of a cycle in which the memory's time is counted, so
// that rates that are no whole number of bytes a cycle stay exact enough.
const fraction = 1 << 10

// Clients of the memory, in the order in which they take turns.
const (
	clientData = iota
	clientWeight
	clientRead
	clientWrite
	clients
)

// request is a run of bytes that a client asks for at once.
type request struct {
	bytes int
	done  func(cycle uint64) // called in the cycle in which the last byte has arrived
}

// memory is the interface to DRAM: one request at a time at the sustained rate,
// clients in turn, each answered a latency after its bytes have moved.
type memory struct {
	comp    *sim.Component
	queues  [clients][]request
	turn    int
	perByte uint64 // cycles of a byte, times fraction
	latency uint64
	free    uint64 // times fraction: when the bus is
	replies []reply
	read    uint64
	written uint64
}

type reply struct {
	cycle uint64
	done  func(uint64)
}

func newMemory(e *sim.Engine, d *sim.Domain, bytesPerCycle float64, latency int) *memory {
	m := &memory{perByte: uint64(fraction/bytesPerCycle + 0.5), latency: uint64(latency)}
	m.comp = sim.NewComponent("Memory", e, d, sim.PhaseServe, m)
	return m
}

// ask queues a request in the present cycle.
func (m *memory) ask(client int, r request) {
	m.queues[client] = append(m.queues[client], r)
	if client == clientWrite {
		m.written += uint64(r.bytes)
	} else {
		m.read += uint64(r.bytes)
	}
	m.comp.WakeAt(max(m.comp.Engine.Cycle(), m.free/fraction))
}

// askAt queues a request at a later cycle.
func (m *memory) askAt(cycle uint64, client int, r request) {
	m.later(reply{cycle, func(uint64) { m.ask(client, r) }})
	m.comp.WakeAt(cycle)
}

// later keeps what is to be done in the order of cycles, then of asking.
func (m *memory) later(r reply) {
	i := len(m.replies)
	for i > 0 && m.replies[i-1].cycle > r.cycle {
		i--
	}
	m.replies = slices.Insert(m.replies, i, r)
}

// Wake answers what is due and serves the next request.
func (m *memory) Wake(cycle uint64) {
	for len(m.replies) > 0 && m.replies[0].cycle <= cycle {
		r := m.replies[0]
		m.replies = m.replies[1:]
		r.done(cycle)
	}
	if m.free <= (cycle+1)*fraction-1 {
		m.serve(cycle)
	}
	next := ^uint64(0)
	if len(m.replies) > 0 {
		next = m.replies[0].cycle
	}
	if m.waiting() {
		next = min(next, max(cycle+1, m.free/fraction))
	}
	if next != ^uint64(0) {
		m.comp.WakeAt(next)
	}
}

func (m *memory) waiting() bool {
	for i := range m.queues {
		if len(m.queues[i]) > 0 {
			return true
		}
	}
	return false
}

// serve begins the next request: of the client whose turn it is.
func (m *memory) serve(cycle uint64) {
	for i := range clients {
		c := (m.turn + i) % clients
		if len(m.queues[c]) == 0 {
			continue
		}
		r := m.queues[c][0]
		m.queues[c] = m.queues[c][1:]
		m.turn = (c + 1) % clients
		m.free = max(m.free, cycle*fraction) + uint64(r.bytes)*m.perByte
		at := (m.free+fraction-1)/fraction + m.latency
		if c == clientWrite { // a write is acknowledged when it has been taken
			at = (m.free + fraction - 1) / fraction
		}
		m.later(reply{max(at, cycle+1), r.done})
		return
	}
}

// Receive is not used: requests are calls.
func (m *memory) Receive(uint64, akita.Port, akita.Msg) {}

// Waiting names what has not been answered.
func (m *memory) Waiting() (out []string) {
	if m.waiting() {
		out = append(out, "Memory has requests that were not served")
	}
	return out
}
