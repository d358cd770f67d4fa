package memory

import (
	"math/bits"
	"math/rand"
	"testing"

	"gpusim/configs"
)

// dirtySectors is what L2 has yet to write.
func dirtySectors(s *System) (n uint64) {
	for i := range s.cache.lines {
		n += uint64(bits.OnesCount8(s.cache.lines[i].dirty))
	}
	return n
}

// stores writes lines with sectors of a mask, one after another, and waits for all; change
// may make something else of a request.
func stores(t *testing.T, s *System, g *configs.GPU, core configs.Freq, lines int, mask uint8, change func(r *Request)) {
	t.Helper()
	traffic := flood(g.SM.Count, lines, 8, 0, Request{Sectors: mask, Kind: Write}, func(i int) uint64 { return uint64(i) })
	if change != nil {
		for sm := range traffic {
			for i := range traffic[sm] {
				change(&traffic[sm][i])
			}
		}
	}
	retag(traffic)
	readyByTag(t, traffic, drive(t, s, traffic, by(180), nil))
	drain(s, g, core)
}

// TestStreamingWrites: what does not fit in L2 goes to DRAM, each sector once;
// nothing is read for it. Partial lines move their own sectors only.
func TestStreamingWrites(t *testing.T) {
	for _, mask := range []uint8{15, 1, 6, 7} {
		g, core := machine(t, "volta")
		g.L2.Size /= 16
		s := build(t, g, core)
		lines := 3 * int(g.L2.Size) / 128
		stores(t, s, g, core, lines, mask, nil)
		c := s.Counters()
		sectors := uint64(lines * bits.OnesCount8(mask))
		if c.DRAMWriteSectors+dirtySectors(s) != sectors || c.L2WriteSectors != sectors || c.DRAMReadSectors != 0 {
			t.Errorf("mask %x: %d sectors written, %d to DRAM, %d still dirty, %d read", mask, sectors, c.DRAMWriteSectors, dirtySectors(s), c.DRAMReadSectors)
		}
		kept := uint64(g.L2.Size) / 128 * uint64(bits.OnesCount8(mask))
		if dirtySectors(s) > kept || c.L2Evictions*uint64(bits.OnesCount8(mask)) != c.DRAMWriteSectors {
			t.Errorf("mask %x: %d evictions, %d sectors to DRAM, %d kept of %d", mask, c.L2Evictions, c.DRAMWriteSectors, dirtySectors(s), kept)
		}
		// Reading twice the cache pushes the rest out; only clean lines stay.
		far := uint64(1 << 24)
		push := flood(g.SM.Count, 4*int(g.L2.Size)/128, 4, s.frontier, Request{Sectors: 1, Kind: Read}, func(i int) uint64 { return far + uint64(i) })
		drive(t, s, push, by(180), nil)
		drain(s, g, core)
		if c := s.Counters(); c.DRAMWriteSectors != sectors || dirtySectors(s) != 0 {
			t.Errorf("mask %x: %d of %d sectors reached DRAM, %d dirty", mask, c.DRAMWriteSectors, sectors, dirtySectors(s))
		}
	}
}

// TestWritesRunAtDRAMSpeed: a long stream of writes is bound by DRAM, as reads
// are, and batches them: turnarounds are few.
func TestWritesRunAtDRAMSpeed(t *testing.T) {
	g, core := machine(t, "volta")
	g.L2.Size /= 16
	s := build(t, g, core)
	done := uint64(0)
	for i := range s.channels {
		s.channels[i].trace = func(c command) {
			if c.kind == 'W' {
				done = max(done, c.at)
			}
		}
	}
	lines := 40000
	drive(t, s, flood(g.SM.Count, lines, 8, 0, Request{Sectors: 15, Kind: Write}, func(i int) uint64 { return uint64(i) }), by(180), nil)
	drain(s, g, core)
	got := float64(s.Counters().DRAMWriteSectors*32) / (float64(done) * float64(core) / float64(g.DRAM.Clock))
	t.Logf("sequential writes: %.0f B/clk, %.0f %% of peak less refresh", got, 100*got/dramPeak(g, core))
	if got < 0.8*dramPeak(g, core) || got > 1.08*dramPeak(g, core) {
		t.Errorf("%.0f B/clk of %.0f", got, dramPeak(g, core))
	}
}

// TestCopyTurnsRarely: reads and writes mixed evenly change direction only
// after a batch.
func TestCopyTurnsRarely(t *testing.T) {
	g, core := machine(t, "volta")
	g.L2.Size /= 16
	s := build(t, g, core)
	traffic := flood(g.SM.Count, 60000, 4, 0, Request{Sectors: 15}, func(i int) uint64 { return uint64(i/2 + i%2*(1<<22)) })
	for sm := range traffic {
		for i := range traffic[sm] {
			if traffic[sm][i].Line >= 1<<28 {
				traffic[sm][i].Kind = Write
			}
		}
	}
	drive(t, s, traffic, by(180), nil)
	drain(s, g, core)
	c := s.Counters()
	per := float64(c.ColumnAccesses) / float64(c.DRAMTurnarounds)
	t.Logf("copy: %.1f accesses per turnaround", per)
	if per < 10 || c.DRAMTurnarounds < uint64(2*g.DRAM.Channels) {
		t.Errorf("%.1f accesses per turnaround: %+v", per, c)
	}
}

// TestPartialSectors follows one line through reads and writes of parts.
func TestPartialSectors(t *testing.T) {
	g, core := machine(t, "volta")
	s := build(t, g, core)
	step := func(kind Kind, sectors uint8, want Counters) {
		t.Helper()
		before := s.Counters()
		lone(t, s, Request{Cycle: s.frontier + 2000, Line: 1 << 20, Sectors: sectors, Kind: kind})
		got := s.Counters().Sub(before)
		got = Counters{L2Hits: got.L2Hits, L2Misses: got.L2Misses, DRAMReadSectors: got.DRAMReadSectors, DRAMWriteSectors: got.DRAMWriteSectors}
		if got != want {
			t.Errorf("%v of %04b: %+v, want %+v", kind, sectors, got, want)
		}
	}
	step(Write, 0b0010, Counters{})
	step(Read, 0b0011, Counters{L2Hits: 1, L2Misses: 1, DRAMReadSectors: 1})
	step(Read, 0b0011, Counters{L2Hits: 2})
	step(Atomic, 0b0101, Counters{L2Hits: 1, L2Misses: 1, DRAMReadSectors: 1})
	step(Read, 0b1111, Counters{L2Hits: 3, L2Misses: 1, DRAMReadSectors: 1})
	if n := dirtySectors(s); n != 3 {
		t.Errorf("%d dirty sectors, want 3", n)
	}
	// A write to a sector on its way makes what DRAM brings stale, not the line invalid.
	w := [][]Request{{{Cycle: s.frontier, Line: 1 << 21, Sectors: 15, Kind: Read, Tag: 1}, {Cycle: s.frontier + 20, Line: 1 << 21, Sectors: 6, Kind: Write, Tag: 2}}}
	readyByTag(t, w, drive(t, s, w, by(10), nil))
	before := s.Counters()
	lone(t, s, Request{Line: 1 << 21, Sectors: 15, Kind: Read})
	if d := s.Counters().Sub(before); d.L2Hits != 4 || dirtySectors(s) != 5 {
		t.Errorf("after a write during a fill: %d hits, %d dirty", d.L2Hits, dirtySectors(s))
	}
}

// TestLineEvictedDuringItsFill: those who wait get their data all the same,
// and the line is fetched again for those who come later.
func TestLineEvictedDuringItsFill(t *testing.T) {
	g, core := machine(t, "volta")
	g.L2.Slices, g.DRAM.Channels, g.L2.Hash, g.L2.Ways, g.L2.Size = 1, 1, "modulo", 1, 128 // a single line
	s := build(t, g, core)
	traffic := [][]Request{{
		{Cycle: 10, Line: 0, Sectors: 1, Kind: Read}, {Cycle: 11, Line: 0, Sectors: 3, Kind: Read},
		{Cycle: 12, Line: 128, Sectors: 1, Kind: Read}, {Cycle: 13, Line: 0, Sectors: 1, Kind: Read}, {Cycle: 14, Line: 0, Sectors: 1, Kind: Write},
		{Cycle: 15, Line: 256, Sectors: 4, Kind: Atomic}, {Cycle: 16, Line: 0, Sectors: 3, Kind: Read},
	}}
	n := retag(traffic)
	if ready := readyByTag(t, traffic, drive(t, s, traffic, by(5), nil)); len(ready) != n {
		t.Errorf("%d replies", len(ready))
	}
	drain(s, g, core)
	c := s.Counters()
	if c.L2Evictions != 4 || c.L2Misses != 2+1+1+1+2 || c.L2Hits != 1 || c.DRAMWriteSectors != 2 || c.DRAMReadSectors != c.L2Misses {
		t.Errorf("%+v", c)
	}
}

// TestWarm: what fits hits, dirty or clean; of more only the last counts; time
// does not pass.
func TestWarm(t *testing.T) {
	g, core := machine(t, "volta")
	s := build(t, g, core)
	s.Warm(1<<30, int64(g.L2.Size), true)
	if n := dirtySectors(s) * 32; n != uint64(g.L2.Size) {
		t.Errorf("%d bytes dirty of %d", n, g.L2.Size)
	}
	s.Warm(0, 4*int64(g.L2.Size), false)
	if dirtySectors(s) != 0 || s.Counters().DRAMWriteSectors != 0 {
		t.Errorf("%d sectors dirty, %d written", dirtySectors(s), s.Counters().DRAMWriteSectors)
	}
	r := rand.New(rand.NewSource(1))
	begin := 3 * uint64(g.L2.Size)
	traffic := flood(g.SM.Count, 2000, 8, 0, Request{Sectors: 15, Kind: Read}, func(int) uint64 { return begin/128 + uint64(r.Int63n(int64(g.L2.Size)/128)) })
	drive(t, s, traffic, by(180), nil)
	if c := s.Counters(); c.L2Misses != 0 || c.L2Hits != 8000 {
		t.Errorf("%d misses, %d hits", c.L2Misses, c.L2Hits)
	}
	s.Warm(5, 0, true)
	if dirtySectors(s) != 0 {
		t.Error("nothing made something dirty")
	}
	s.Warm(130, 2, true)
	if dirtySectors(s) != 4 {
		t.Errorf("%d sectors dirty after one line", dirtySectors(s))
	}
}

// TestRenumberedStampsKeepTheOrder: when the counter of recency is full, the
// order within each set stays.
func TestRenumberedStampsKeepTheOrder(t *testing.T) {
	run := func(jump bool) Counters {
		g, core := machine(t, "volta")
		g.L2.Size /= 16
		s := build(t, g, core)
		traffic := chaos{sms: g.SM.Count, each: 60, lines: 6000, gap: 20, kinds: []Kind{Read, Write}}.draw(rand.New(rand.NewSource(1)))
		if jump {
			half := func(from, to int) [][]Request {
				part := make([][]Request, len(traffic))
				for sm := range traffic {
					for _, q := range traffic[sm][from:to] {
						q.Cycle += uint64(from) * 1000
						part[sm] = append(part[sm], q)
					}
				}
				return part
			}
			drive(t, s, half(0, 30), by(100), nil)
			s.cache.clock = 1<<32 - 5
			drive(t, s, half(30, 60), by(100), nil)
			drain(s, g, core)
			return s.Counters()
		}
		for sm := range traffic {
			for i := 30; i < 60; i++ {
				traffic[sm][i].Cycle += 30 * 1000
			}
		}
		drive(t, s, traffic, by(100), nil)
		drain(s, g, core)
		return s.Counters()
	}
	a, b := run(false), run(true)
	a.Refreshes, b.Refreshes, a.Precharges, b.Precharges = 0, 0, 0, 0 // one is drained for longer
	if a != b {
		t.Errorf("%+v\n%+v", a, b)
	}
}
