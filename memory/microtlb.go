package memory

import "gpusim/configs"

// microTLB stands before the first level: a few small pages beside each L1. Its
// misses take turns at what the SMs of a GPC share, which serves one in so many
// cycles; what it delays is nothing but that turn.
type microTLB struct {
	page     divider
	entries  int
	interval uint64   // between two lookups of a GPC, in parts of a cycle
	pages    []recent // of each SM
	free     []uint64 // of each GPC: when it takes up the next, in parts of a cycle
}

// partsOfCycle are those that a microTLB counts in.
const partsOfCycle = 1 << 10

// newMicroTLB gives nil for a machine without one.
func newMicroTLB(spec *configs.MicroTLB, sms, gpcs int) *microTLB {
	if spec.Entries == 0 {
		return nil
	}
	m := &microTLB{page: newDivider(int(spec.Page)), entries: spec.Entries, interval: uint64(spec.Interval * partsOfCycle), pages: make([]recent, sms), free: make([]uint64, gpcs)}
	for i := range m.pages {
		m.pages[i] = make(recent, 0, spec.Entries)
	}
	return m
}

func (m *microTLB) reset() {
	if m == nil {
		return
	}
	clear(m.free)
	for i := range m.pages {
		m.pages[i] = m.pages[i][:0]
	}
}

// pass gives the cycle from which a request of an SM at cycle now can go on.
func (m *microTLB) pass(sm int, gpc uint8, addr, now uint64) uint64 {
	page, _ := m.page.div(addr)
	if _, held := m.pages[sm].touch(page, m.entries); held {
		return now
	}
	start := max(now*partsOfCycle, m.free[gpc])
	m.free[gpc] = start + m.interval
	return start / partsOfCycle
}
