package memory

import (
	"math/bits"
	"testing"
)

// TestRowsAreWrittenTogether: where a dirty line takes what is dirty of its DRAM row along,
// each sector is still written once, but far fewer rows are opened for it, on machines with
// several slices to a channel and with several channels to a slice.
func TestRowsAreWrittenTogether(t *testing.T) {
	for _, name := range []string{"volta", "turing", "xavier"} {
		var opened [2]uint64
		for i, policy := range []string{"line", "row"} {
			g, core := machine(t, name)
			g.L2.Size /= 4
			g.L2.Replacement, g.L2.WriteBack = "random", policy
			g.DRAM.ECC = false
			s := build(t, g, core)
			lines := 4 * int(g.L2.Size) / 128
			const mask = 0xb
			stores(t, s, g, core, lines, mask, nil)
			c := s.Counters()
			sectors := uint64(lines * bits.OnesCount8(mask))
			if c.DRAMWriteSectors+dirtySectors(s) != sectors || c.DRAMReadSectors != 0 {
				t.Errorf("%s, %s: %d sectors, %d to DRAM, %d still dirty, %d read", name, policy, sectors, c.DRAMWriteSectors, dirtySectors(s), c.DRAMReadSectors)
			}
			opened[i] = c.Activates
		}
		t.Logf("%s: %d and %d rows opened", name, opened[0], opened[1])
		if opened[1] > opened[0]*2/3 {
			t.Errorf("%s: %d rows opened for lines together, %d for lines alone", name, opened[1], opened[0])
		}
	}
}

// TestRowGoesOnlyWhenALineMust: what fits stays dirty.
func TestRowGoesOnlyWhenALineMust(t *testing.T) {
	g, core := machine(t, "volta")
	g.L2.WriteBack = "row"
	s := build(t, g, core)
	drive(t, s, flood(g.SM.Count, 1000, 8, 0, Request{Sectors: 15, Kind: Write}, func(i int) uint64 { return uint64(i) }), by(180), nil)
	drain(s, g, core)
	if c := s.Counters(); c.DRAMWriteSectors != 0 || dirtySectors(s) != 4000 {
		t.Errorf("%d sectors written, %d dirty", c.DRAMWriteSectors, dirtySectors(s))
	}
}

// TestRowLeavesWhatIsNotThere: an atomic whose sectors are on their way from DRAM is written
// back when they have come, not with its row before.
func TestRowLeavesWhatIsNotThere(t *testing.T) {
	g, core := machine(t, "volta")
	g.L2.Size /= 16
	g.L2.Replacement, g.L2.WriteBack = "random", "row"
	s := build(t, g, core)
	lines := 4 * int(g.L2.Size) / 128
	stores(t, s, g, core, lines, 15, func(r *Request) {
		if r.Line>>lineShift%2 == 1 {
			r.Kind = Atomic
		}
	})
	if c := s.Counters(); c.DRAMWriteSectors+dirtySectors(s) != uint64(4*lines) {
		t.Errorf("%d sectors written, %d to DRAM, %d still dirty", 4*lines, c.DRAMWriteSectors, dirtySectors(s))
	}
}
