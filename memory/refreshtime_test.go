package memory

import (
	"math/rand"
	"strings"
	"testing"

	"gpusim/configs"

	"pgregory.net/rapid"
)

// TestRefreshLeavesTimeForAccesses: with the least tREFI that is allowed every access is
// still served, however long refreshes are; a clock less is refused. Refreshes whose turns
// fell between a row's activate and its read each time once kept a read from being served
// for ever.
func TestRefreshLeavesTimeForAccesses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, core := anyGPU(t)
		g.DRAM.Timing.REFI = leastREFI(t, g.DRAM)
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		traffic := chaos{sms: g.SM.Count, each: 40, lines: 60, gap: 20, kinds: []Kind{Read, Read, Write}}.draw(r)
		n := retag(traffic)
		s := build(t, g, core)
		if got := drive(t, s, traffic, by(500), nil); len(got) != n || s.inFlight != 0 {
			t.Fatalf("%d requests, %d replies, %d in flight", n, len(got), s.inFlight)
		}
		g.DRAM.Timing.REFI--
		if _, err := New(g, core); err == nil || !strings.Contains(err.Error(), "tREFI") {
			t.Fatalf("a tREFI of %d is allowed: %v", g.DRAM.Timing.REFI, err)
		}
	})
}

// TestRefreshOfKnownDRAM: all machines are far from that limit.
func TestRefreshOfKnownDRAM(t *testing.T) {
	for _, name := range configs.Names() {
		m, err := configs.Load(name, nil)
		if err != nil || m.GPU == nil {
			continue
		}
		if is, least := m.GPU.DRAM.Timing.REFI, leastREFI(t, m.GPU.DRAM); least > is/2 {
			t.Errorf("%s: tREFI of %d clocks, at least %d", name, is, least)
		}
	}
}
