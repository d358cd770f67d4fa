package memory

import (
	"slices"
	"testing"

	"gpusim/configs"
)

// quiet has no constraint but those that a burst of two clocks makes.
func quiet(t testing.TB) configs.DRAM {
	g, _ := machine(t, "volta")
	d := g.DRAM
	d.Timing = configs.Timing{RCDRD: 1, RCDWR: 1, RP: 1, RAS: 1, CL: 1, CWL: 1, CCDS: 2, CCDL: 2, RRDS: 1, RRDL: 1, FAW: 1,
		WTRS: 1, WTRL: 1, RTP: 1, WR: 1, RTW: 1, REFI: 1 << 30, RFC: 1}
	d.Refresh = "all_bank"
	return d
}

// Directed cases: one constraint decides when a command comes. Banks 0 and 1
// are in one group, 4 and 8 in others. A mask of 3 is one burst.
func TestCommandsComeAtTheEarliestCycle(t *testing.T) {
	open := func(banks ...int) (a []access) { // rows 1 opened long before
		for _, b := range banks {
			a = append(a, access{arrive: 10, bank: b, row: 1, mask: 3})
		}
		return a
	}
	for _, c := range []struct {
		name string
		set  func(*configs.Timing, int) // the timing that is probed
		list []access
		// from and to are the kind and number of the commands; to comes
		// as much later as set says, and add.
		from  byte
		fromN int
		to    byte
		toN   int
		add   int
	}{
		{"tRCDRD", func(t *configs.Timing, n int) { t.RCDRD = n }, open(0), 'A', 0, 'R', 0, 0},
		{"tRCDWR", func(t *configs.Timing, n int) { t.RCDWR = n }, []access{{10, 0, 1, 0, 3, true}}, 'A', 0, 'W', 0, 0},
		{"tRP", func(t *configs.Timing, n int) { t.RP = n }, append(open(0), access{200, 0, 2, 0, 3, false}), 'P', 0, 'A', 1, 0},
		{"tRAS", func(t *configs.Timing, n int) { t.RAS = n }, append(open(0), access{12, 0, 2, 0, 3, false}), 'A', 0, 'P', 0, 0},
		{"tRTP", func(t *configs.Timing, n int) { t.RTP = n }, append(open(0), access{12, 0, 2, 0, 3, false}), 'R', 0, 'P', 0, 0},
		{"tWR", func(t *configs.Timing, n int) { t.WR, t.CWL = n, 7 },
			[]access{{10, 0, 1, 0, 3, true}, {12, 0, 2, 0, 3, false}}, 'W', 0, 'P', 0, 7 + 2},
		{"tCWL to precharge", func(t *configs.Timing, n int) { t.WR, t.CWL = 7, n },
			[]access{{10, 0, 1, 0, 3, true}, {12, 0, 2, 0, 3, false}}, 'W', 0, 'P', 0, 7 + 2},
		{"tCCD_S reads", func(t *configs.Timing, n int) { t.CCDS, t.CCDL = n, n+5 },
			append(open(0, 4), access{200, 0, 1, 0, 3, false}, access{200, 4, 1, 0, 3, false}), 'R', 2, 'R', 3, 0},
		{"tCCD_L reads", func(t *configs.Timing, n int) { t.CCDL = n },
			append(open(0, 1), access{200, 0, 1, 0, 3, false}, access{200, 1, 1, 0, 3, false}), 'R', 2, 'R', 3, 0},
		{"tCCD_L within a bank", func(t *configs.Timing, n int) { t.CCDL = n }, []access{{10, 0, 1, 0, 15, false}}, 'R', 0, 'R', 1, 0},
		{"tCCD_S writes", func(t *configs.Timing, n int) { t.CCDS, t.CCDL = n, n+5 },
			append(open(0, 4), access{200, 0, 1, 0, 3, true}, access{200, 4, 1, 0, 3, true}), 'W', 0, 'W', 1, 0},
		{"tCCD_L writes", func(t *configs.Timing, n int) { t.CCDL = n },
			append(open(0, 1), access{200, 0, 1, 0, 3, true}, access{200, 1, 1, 0, 3, true}), 'W', 0, 'W', 1, 0},
		{"tRRD_S", func(t *configs.Timing, n int) { t.RRDS, t.RRDL = n, n+5 }, open(0, 4), 'A', 0, 'A', 1, 0},
		{"tRRD_L", func(t *configs.Timing, n int) { t.RRDL = n }, open(0, 1), 'A', 0, 'A', 1, 0},
		{"tFAW", func(t *configs.Timing, n int) { t.FAW = n }, open(0, 4, 8, 12, 1), 'A', 0, 'A', 4, 0},
		{"tFAW, the sixth", func(t *configs.Timing, n int) { t.FAW, t.RRDS = n, 2 }, open(0, 4, 8, 12, 1, 5), 'A', 1, 'A', 5, 0},
		{"tWTR_S", func(t *configs.Timing, n int) { t.WTRS, t.WTRL, t.CWL = n, n+5, 3 },
			append(open(0, 4), access{200, 0, 1, 0, 3, true}, access{201, 4, 1, 0, 3, false}), 'W', 0, 'R', 2, 3 + 2},
		{"tWTR_L", func(t *configs.Timing, n int) { t.WTRL, t.CWL = n, 3 },
			append(open(0, 1), access{200, 0, 1, 0, 3, true}, access{201, 1, 1, 0, 3, false}), 'W', 0, 'R', 2, 3 + 2},
		{"tRTW", func(t *configs.Timing, n int) { t.RTW = n },
			append(open(0, 4), access{200, 0, 1, 0, 3, false}, access{201, 4, 1, 0, 3, true}), 'R', 2, 'W', 0, 0},
		{"data bus, read to write", func(t *configs.Timing, n int) { t.CL = n },
			append(open(0, 4), access{200, 0, 1, 0, 3, false}, access{201, 4, 1, 0, 3, true}), 'R', 2, 'W', 0, 2 - 1},
		{"tRFC", func(t *configs.Timing, n int) { t.REFI, t.RFC = 1000, n }, []access{{1001, 0, 1, 0, 3, false}}, 'F', 0, 'A', 0, 0},
		{"tREFI", func(t *configs.Timing, n int) { t.REFI = 100 * n }, open(0), 'F', 1, 'F', 2, 0},
		{"tRP before refresh", func(t *configs.Timing, n int) { t.REFI, t.RP = 1000, n }, open(0, 4), 'P', 0, 'F', 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n := 20; n < 26; n++ {
				d := quiet(t)
				c.set(&d.Timing, n)
				b := newBench(t, d)
				b.c.p.high, b.c.p.low = 1, 0 // writes at once
				b.run(c.list, 9000)
				want := uint64(n + c.add)
				if c.name == "tREFI" {
					want = uint64(100 * n)
				}
				if got := b.nth(t, c.to, c.toN) - b.nth(t, c.from, c.fromN); got != want {
					t.Fatalf("at %d: %c comes %d after %c, want %d: %v", n, c.to, got, c.from, want, b.cmds)
				}
				j := newJEDEC(&d)
				j.check(b.cmds)
				j.report(t)
			}
		})
	}
}

// TestLatencyOfRowStates: hit, closed bank and conflict differ by tRCD and tRP.
func TestLatencyOfRowStates(t *testing.T) {
	g, _ := machine(t, "volta")
	tm := &g.DRAM.Timing
	served := func(list []access) uint64 { // of the last access
		b := newBench(t, g.DRAM)
		f := b.run(list, 3000)
		return b.s.flights[f[len(f)-1]].ready - list[len(list)-1].arrive
	}
	first := access{100, 5, 1, 0, 1, false}
	hit := served([]access{first, {500, 5, 1, 3, 1, false}})
	miss := served([]access{first})
	conflict := served([]access{first, {500, 5, 2, 3, 1, false}})
	if want := uint64(tm.CL + g.DRAM.BurstLength/2 + g.DRAM.PHYLatency); hit != want {
		t.Errorf("row hit: %d, want tCL + burst + PHY = %d", hit, want)
	}
	if miss-hit != uint64(tm.RCDRD) || conflict-miss != uint64(tm.RP) {
		t.Errorf("hit %d, closed bank %d, conflict %d: want steps of tRCD = %d and tRP = %d", hit, miss, conflict, tm.RCDRD, tm.RP)
	}
	full := first
	full.mask = 15 // two bursts, tCCD_L apart in one bank
	if whole := served([]access{full}); whole-miss != uint64(tm.CCDL) {
		t.Errorf("whole line %d, one sector %d: want tCCD_L = %d between", whole, miss, tm.CCDL)
	}
}

// TestReadsEndWithTheirLastBurst: alternating with a mate, or back to back.
func TestReadsEndWithTheirLastBurst(t *testing.T) {
	for name, c := range map[string]struct {
		set   func(*configs.DRAM)
		banks []int
		ends  []uint64 // last burst of each, after the first
	}{
		"one bank":       {func(*configs.DRAM) {}, []int{0}, []uint64{4}},
		"mates":          {func(*configs.DRAM) {}, []int{0, 4}, []uint64{4, 6}},
		"no bank groups": {func(d *configs.DRAM) { d.Timing.CCDL = 2 }, []int{0, 4}, []uint64{2, 6}},
		"three":          {func(*configs.DRAM) {}, []int{0, 4, 8}, []uint64{4, 6, 12}},
	} {
		d := quiet(t)
		d.Timing.CCDL, d.Timing.CL = 4, 20
		c.set(&d)
		var list []access
		for _, at := range []uint64{10, 500} { // the second time rows are open
			for _, b := range c.banks {
				list = append(list, access{at, b, 1, 0, 15, false})
			}
		}
		b := newBench(t, d)
		f := b.run(list, 2000)
		begin := 500 + 20 + 2 + uint64(d.PHYLatency)
		for i, end := range c.ends {
			if got := b.s.flights[f[len(c.banks)+i]].ready - begin; got != end {
				t.Errorf("%s: read %d ends %d after the first burst, want %d", name, i, got, end)
			}
		}
	}
}

// TestFirstComeFirstServed among those that are equally ready: activates,
// then column commands, go by age, and late arrivals do not hold up early ones.
func TestFirstComeFirstServed(t *testing.T) {
	order := []int{12, 1, 8, 5, 4}
	b := newBench(t, quiet(t))
	b.push(access{30, 3, 1, 0, 3, false}) // queued first, but arrives last
	for _, at := range []uint64{10, 20} {
		for i := range order {
			bank := order[i]
			if at == 20 {
				bank = order[len(order)-1-i]
			}
			b.push(access{at, bank, 1, 0, 3, false})
		}
	}
	b.c.run(1000)
	var acts, reads []int
	for _, c := range b.cmds {
		switch {
		case c.kind == 'A':
			acts = append(acts, c.bank)
		case c.kind == 'R':
			reads = append(reads, c.bank)
		}
	}
	wantActs := append(append([]int(nil), order...), 3)
	wantReads := append(append(append([]int(nil), order...), 4, 5, 8, 1, 12), 3)
	if !slices.Equal(acts, wantActs) || !slices.Equal(reads, wantReads) {
		t.Errorf("activates %v, want %v; reads %v, want %v", acts, wantActs, reads, wantReads)
	}
	if at := b.nth(t, 'A', 0); at != 10 {
		t.Errorf("the first access begins at %d, want 10", at)
	}
}

// TestRefreshIsOnTime: an idle channel refreshes at every tREFI; channels
// take turns; a busy one is late by no more than the commands under way.
func TestRefreshIsOnTime(t *testing.T) {
	g, core := machine(t, "volta")
	g.DRAM.Refresh = "all_bank"
	s := build(t, g, core)
	refi := uint64(g.DRAM.Timing.REFI)
	times := make([][]uint64, g.DRAM.Channels)
	for i := range s.channels {
		s.channels[i].trace = func(c command) { times[i] = append(times[i], c.at) }
	}
	s.Advance(100000, func(int, Reply) {})
	for i, at := range times {
		first := refi + refi*uint64(i)/uint64(len(times))
		for k, got := range at {
			if want := first + uint64(k)*refi; got != want {
				t.Fatalf("channel %d, refresh %d at %d, want %d", i, k, got, want)
			}
		}
		if len(at) < 15 {
			t.Fatalf("channel %d: %d refreshes", i, len(at))
		}
	}
}
