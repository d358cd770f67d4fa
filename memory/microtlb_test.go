package memory

import (
	"testing"

	"gpusim/configs"
)

// TestMicroTLBSharesAPort: rows that lie a page apart or more go on at the pace of the
// GPC's port, whichever of its SMs asks; requests that stay in pages held, and SMs of
// another GPC, do not wait.
func TestMicroTLBSharesAPort(t *testing.T) {
	const page = 1 << 17
	spec := configs.MicroTLB{Page: page, Entries: 4, Interval: 1.5}
	for _, c := range []struct {
		name        string
		pitch, rows uint64
		last        uint64 // when the last of the requests of two SMs goes on that came at cycle 0
	}{
		{"a page each", page, 64, 190}, // 127 turns of 1.5 cycles before it
		{"two pages each", 2 * page, 64, 190},
		{"two rows a page", page / 2, 64, 94},
	} {
		m := newMicroTLB(&spec, 3, 2)
		m.reset()
		last := uint64(0)
		for row := range c.rows {
			for sm := range 2 {
				last = max(last, m.pass(sm, 0, row*c.pitch, 0))
			}
		}
		if last != c.last {
			t.Errorf("%s: the last goes on at cycle %d, want %d", c.name, last, c.last)
		}
		if at := m.pass(0, 0, (c.rows-1)*c.pitch, 7); at != 7 {
			t.Errorf("%s: a page that is held waits until %d", c.name, at)
		}
		if at := m.pass(2, 1, 1<<40, 7); at != 7 {
			t.Errorf("%s: another GPC waits until %d", c.name, at)
		}
	}
	if m := newMicroTLB(&configs.MicroTLB{}, 1, 1); m != nil {
		t.Error("a machine without one has one")
	}
}
