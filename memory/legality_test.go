package memory

import (
	"fmt"
	"math/rand"
	"testing"

	"gpusim/configs"

	"pgregory.net/rapid"
)

// patterns of accesses to one channel; each gives the i-th access.
var patterns = map[string]func(r *rand.Rand, d *configs.DRAM, i int) access{
	"sequential reads": func(r *rand.Rand, d *configs.DRAM, i int) access { return walk(d, i, false) },
	"sequential copy":  func(r *rand.Rand, d *configs.DRAM, i int) access { return walk(d, i/2+i%2*4000, i%2 == 1) },
	"random rows": func(r *rand.Rand, d *configs.DRAM, i int) access {
		return access{bank: r.Intn(d.Ranks * d.BankGroups * d.BanksPerGroup), row: uint32(r.Intn(1000)), mask: 1 << r.Intn(4)}
	},
	"one bank": func(r *rand.Rand, d *configs.DRAM, i int) access {
		return access{bank: 0, row: uint32(r.Intn(3)), mask: 1 << r.Intn(4), write: r.Intn(4) == 0}
	},
	"one group": func(r *rand.Rand, d *configs.DRAM, i int) access {
		return access{bank: r.Intn(d.BanksPerGroup), row: uint32(r.Intn(2)), mask: 15, write: r.Intn(3) == 0}
	},
	"mixed": func(r *rand.Rand, d *configs.DRAM, i int) access {
		return access{bank: r.Intn(d.Ranks * d.BankGroups * d.BanksPerGroup), row: uint32(r.Intn(4)), col: uint16(r.Intn(16)),
			mask: uint8(1 + r.Intn(15)), write: r.Intn(2) == 0}
	},
	"random writes": func(r *rand.Rand, d *configs.DRAM, i int) access {
		return access{bank: r.Intn(d.Ranks * d.BankGroups * d.BanksPerGroup), row: uint32(r.Intn(50)), mask: 15, write: true}
	},
}

// walk goes through the rows of all banks, a line at a time, groups first.
func walk(d *configs.DRAM, i int, write bool) access {
	lines := int(d.RowBytes) >> lineShift
	rows := i / lines
	bank := rows%d.BankGroups*d.BanksPerGroup + rows/d.BankGroups%d.BanksPerGroup
	return access{bank: bank, row: uint32(rows / d.BankGroups / d.BanksPerGroup), col: uint16(i % lines), mask: 15, write: write}
}

// stream is n accesses of a pattern whose arrivals are gap tCK apart on average,
// in bursts.
func stream(r *rand.Rand, d *configs.DRAM, pattern string, n, gap int) []access {
	var list []access
	at := uint64(1 + r.Intn(50))
	for i := range n {
		if r.Intn(8) == 0 {
			at += uint64(r.Intn(16*gap + 1))
		}
		a := patterns[pattern](r, d, i)
		a.arrive = at
		list = append(list, a)
	}
	return list
}

// finish runs a channel until everything is served, and long enough for
// writes that nobody waits for.
func (b *bench) finish(t fataler, list []access) []int32 {
	t.Helper()
	flights := b.run(list, list[len(list)-1].arrive)
	limit := list[len(list)-1].arrive + uint64(b.d.AgeLimit) + 10000*uint64(len(list)+10)
	for step := list[len(list)-1].arrive + 5000; b.c.nextDecision() != never && step < limit; step += 5000 {
		b.c.run(step)
	}
	if at := b.c.nextDecision(); at != never {
		t.Fatalf("not idle after %d tCK: next decision at %d, %d reads and %d writes wait", limit, at, b.c.waiting[0], b.c.waiting[1])
	}
	for i, f := range flights {
		if f >= 0 && b.s.flights[f].missing != 0 {
			t.Fatalf("read %d was never served", i)
		}
	}
	return flights
}

// served compares the data that moved with the data that were asked for, by
// bank, row and direction, and with the counters.
func (b *bench) served(t fataler, list []access) {
	t.Helper()
	type place struct {
		kind byte
		bank int
		row  uint32
	}
	bursts := map[place]int{}
	var want Counters
	size := b.d.ChannelBits / 8 * b.d.BurstLength
	for _, a := range list {
		n := 0
		for at := 0; at < 128; at += size { // bursts that touch a wanted sector, or parts of one
			for s := range 4 {
				if a.mask>>s&1 == 1 && s*32 < at+size && at < s*32+32 {
					n++
					break
				}
			}
		}
		sectors := uint64(0)
		for s := range 4 {
			sectors += uint64(a.mask >> s & 1)
		}
		kind := byte('R')
		if a.write {
			kind = 'W'
			want.DRAMWriteSectors += sectors
		} else {
			want.DRAMReadSectors += sectors
		}
		bursts[place{kind, a.bank, a.row}] += n
		want.ColumnAccesses++
	}
	moved, last := 0, byte(0)
	for _, c := range b.cmds {
		switch c.kind {
		case 'R', 'W':
			bursts[place{c.kind, c.bank, c.row}]--
			moved++
			if last != 0 && last != c.kind {
				want.DRAMTurnarounds++
			}
			last = c.kind
		case 'A':
			want.Activates++
		case 'P':
			want.Precharges++
		case 'F', 'f':
			want.Refreshes++
		}
	}
	got := b.c.count
	if !b.d.ECC {
		for p, n := range bursts {
			if n != 0 {
				t.Fatalf("%c bank %d row %d: %d bursts too few", p.kind, p.bank, p.row, n)
			}
		}
	}
	if busy := uint64(moved * b.d.BurstClocks()); got.DRAMBusy != busy {
		t.Errorf("data bus: %d clocks counted, %d bursts take %d", got.DRAMBusy, moved, busy)
	}
	if got.DRAMReadSectors != want.DRAMReadSectors || got.DRAMWriteSectors != want.DRAMWriteSectors || got.ColumnAccesses != want.ColumnAccesses ||
		got.Activates != want.Activates || got.Precharges != want.Precharges || got.Refreshes != want.Refreshes || got.DRAMTurnarounds != want.DRAMTurnarounds {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	if open := got.Activates - got.Precharges; open > uint64(len(b.c.banks)) {
		t.Errorf("%d activates and %d precharges leave %d banks open", got.Activates, got.Precharges, open)
	}
	if got.ColumnAccesses-got.RowHits > got.Activates {
		t.Errorf("%d accesses, %d row hits, but only %d activates", got.ColumnAccesses, got.RowHits, got.Activates)
	}
}

// variants are the machines on which legality is tested.
func variants(t testing.TB) map[string]configs.DRAM {
	g, _ := machine(t, "volta")
	v := map[string]configs.DRAM{"volta": g.DRAM}
	d := g.DRAM // HBM2 pseudo-channel
	d.ChannelBits, d.RowBytes, d.Timing.FAW = 64, 1<<10, 26
	v["pseudo"] = d
	d = g.DRAM // GDDR5 board
	d.ChannelBits, d.BurstLength, d.ECC = 32, 8, true
	d.Timing = configs.Timing{RCDRD: 18, RCDWR: 15, RP: 18, RAS: 42, CL: 18, CWL: 6, CCDS: 4, CCDL: 6, RRDS: 8, RRDL: 9, FAW: 38,
		WTRS: 7, WTRL: 9, RTP: 4, WR: 18, RTW: 10, REFI: 4700, RFC: 160, RFCPB: 80}
	v["gddr"] = d
	d = g.DRAM
	d.Refresh = "all_bank"
	v["all banks"] = d
	for _, name := range configs.DRAMStandards() {
		v[name] = standard(t, name)
	}
	d = g.DRAM
	d.Page, d.AgeLimit, d.QueueDepth = "closed", 100, 16
	v["closed"] = d
	d = g.DRAM // no bank groups
	d.BankGroups, d.BanksPerGroup = 1, 8
	d.Timing.CCDL, d.Timing.RRDL, d.Timing.WTRL = d.Timing.CCDS, d.Timing.RRDS, d.Timing.WTRS
	v["ungrouped"] = d
	return v
}

// standard is a memory of an embedded standard at its fastest grade.
func standard(t testing.TB, name string) configs.DRAM {
	t.Helper()
	s, err := configs.LoadDRAMStandard(name)
	if err != nil {
		t.Fatal(err)
	}
	faw, _ := s.Cycles("tFAW", s.Clock)
	m, err := configs.Load("volta", []string{"gpu.dram.standard=" + name, "gpu.dram.clock=" + s.Clock.String(), fmt.Sprint("gpu.dram.timing.tFAW=", faw)})
	if err != nil {
		t.Fatal(err)
	}
	return m.GPU.DRAM
}

func TestCommandsAreLegal(t *testing.T) {
	for name, d := range variants(t) {
		for pattern := range patterns {
			for seed := range int64(3) {
				t.Run(fmt.Sprintf("%s/%s/%d", name, pattern, seed), func(t *testing.T) {
					b := newBench(t, d)
					list := stream(rand.New(rand.NewSource(seed)), &d, pattern, 1000, 2+int(seed)*8)
					b.finish(t, list)
					j := newJEDEC(&d)
					j.first, j.late = int64(d.Timing.REFI), int64(closing(&d.Timing, d.BurstLength))
					j.check(b.cmds)
					j.report(t)
					b.served(t, list)
				})
			}
		}
	}
}

// closing is how long commands that were begun can hold off a refresh: the
// bursts of a few lines, then a precharge.
func closing(t *configs.Timing, burst int) int {
	return max(t.RAS, t.CWL+burst/2+t.WR, t.RTP) + t.RP + 16*t.CCDL
}

// TestCommandsAreLegalFCFS is the same for the other scheduler.
func TestCommandsAreLegalFCFS(t *testing.T) {
	g, _ := machine(t, "volta")
	for pattern := range patterns {
		b := newBench(t, g.DRAM)
		b.c.p.scheduler = schedulers["fcfs"]
		list := stream(rand.New(rand.NewSource(5)), &g.DRAM, pattern, 600, 4)
		b.finish(t, list)
		j := newJEDEC(&g.DRAM)
		j.check(b.cmds)
		j.report(t)
		b.served(t, list)
	}
}

// TestSystemsCommandsAreLegal: so are those of all channels behind the caches.
func TestSystemsCommandsAreLegal(t *testing.T) {
	g, core := machine(t, "volta")
	g.L2.Size /= 16
	for trace, traffic := range traces(g, 2) {
		s := build(t, g, core)
		cmds := make([][]command, g.DRAM.Channels)
		for i := range s.channels {
			s.channels[i].trace = func(c command) { cmds[i] = append(cmds[i], c) }
		}
		drive(t, s, traffic, by(180), nil)
		drain(s, g, core)
		j := newJEDEC(&g.DRAM)
		j.late = int64(closing(&g.DRAM.Timing, g.DRAM.BurstLength))
		bursts := uint64(0)
		for i := range cmds {
			j.first = int64(g.DRAM.Timing.REFI) * int64(len(cmds)+i) / int64(len(cmds))
			j.check(cmds[i])
			for _, c := range cmds[i] {
				if c.kind == 'R' || c.kind == 'W' {
					bursts++
				}
			}
		}
		j.report(t)
		c := s.Counters()
		if sectors := c.DRAMReadSectors + c.DRAMWriteSectors; bursts*2 < sectors || bursts > sectors || bursts == 0 {
			t.Errorf("%s: %d sectors in %d bursts of two", trace, sectors, bursts)
		}
	}
}

// TestConstraintsBind raises each timing by one in the checker alone: random
// streams then break just that rule. So the checker does look at it, and the
// model issues commands as early as the rule lets it.
func TestConstraintsBind(t *testing.T) {
	g, _ := machine(t, "volta")
	d := g.DRAM
	// Fixed, since not all of a real machine's need bind: here tFAW is beyond
	// four tRRD_L and tRTW beyond what the data bus asks for.
	d.Timing = configs.Timing{RCDRD: 12, RCDWR: 12, RP: 12, RAS: 30, CL: 12, CWL: 4, CCDS: 2, CCDL: 4, RRDS: 4, RRDL: 5, FAW: 22,
		WTRS: 5, WTRL: 7, RTP: 4, WR: 14, RTW: 14, REFI: 3416, RFC: 228, RFCPB: 175}
	var runs [][]command
	for pattern := range patterns {
		for seed := range int64(4) {
			d.Refresh = []string{"all_bank", "per_bank"}[seed%2]
			b := newBench(t, d)
			b.finish(t, stream(rand.New(rand.NewSource(seed)), &d, pattern, 1000, 3))
			runs = append(runs, b.cmds)
		}
	}
	for rule, field := range map[string]func(*configs.Timing) *int{
		"tRCDR":  func(t *configs.Timing) *int { return &t.RCDRD },
		"tRCDW":  func(t *configs.Timing) *int { return &t.RCDWR },
		"tRP":    func(t *configs.Timing) *int { return &t.RP },
		"tRAS":   func(t *configs.Timing) *int { return &t.RAS },
		"tCCD_S": func(t *configs.Timing) *int { return &t.CCDS },
		"tCCD_L": func(t *configs.Timing) *int { return &t.CCDL },
		"tRRD_S": func(t *configs.Timing) *int { return &t.RRDS },
		"tRRD_L": func(t *configs.Timing) *int { return &t.RRDL },
		"tFAW":   func(t *configs.Timing) *int { return &t.FAW },
		"tWTR_S": func(t *configs.Timing) *int { return &t.WTRS },
		"tWTR_L": func(t *configs.Timing) *int { return &t.WTRL },
		"tRTP":   func(t *configs.Timing) *int { return &t.RTP },
		"tWR":    func(t *configs.Timing) *int { return &t.WR },
		"tRTW":   func(t *configs.Timing) *int { return &t.RTW },
		"tRFC":   func(t *configs.Timing) *int { return &t.RFC },
		"tRFCpb": func(t *configs.Timing) *int { return &t.RFCPB },
	} {
		wrong := d
		*field(&wrong.Timing)++
		j := newJEDEC(&wrong)
		for _, r := range runs {
			j.check(r)
		}
		if _, caught := j.found[rule]; !caught {
			t.Errorf("%s: raised by one in the checker, it was never broken: %v", rule, j.found)
		}
	}
}

// TestAnyTimingsAreLegal draws the machine too.
func TestAnyTimingsAreLegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDRAM(t)
		b := newBench(t, d)
		if rapid.Bool().Draw(t, "fcfs") {
			b.c.p.scheduler = schedulers["fcfs"]
		}
		pattern := rapid.SampledFrom(keys(patterns)).Draw(t, "pattern")
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		list := stream(r, &d, pattern, 150, rapid.IntRange(0, 40).Draw(t, "gap"))
		b.finish(t, list)
		j := newJEDEC(&d)
		j.check(b.cmds)
		j.report(t)
		b.served(t, list)
	})
}

// anyDRAM draws a DRAM that the loader would accept.
func anyDRAM(t *rapid.T) configs.DRAM {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	d := configs.DRAM{
		Clock: configs.Freq(n("MHz", 100, 3000)) * 1e6, Channels: 1, Page: rapid.SampledFrom([]string{"open", "closed"}).Draw(t, "page"),
		ChannelBits: 8 << n("width", 0, 4), BurstLength: 2 << n("BL", 0, 2), Ranks: n("ranks", 1, 2), BankGroups: n("groups", 1, 5), BanksPerGroup: n("banks", 1, 5),
		RowBytes: 512 << n("row", 0, 2), Interleave: 128, SpreadChannels: 1, QueueDepth: n("queue", 1, 70), WriteBuffer: n("write buffer", 1, 70), Transfers: 1 << n("transfers", 0, 3), AgeLimit: n("age", 0, 500),
		PHYLatency: n("PHY", 0, 80), ECC: rapid.Bool().Draw(t, "ECC"), Refresh: rapid.SampledFrom([]string{"all_bank", "per_bank"}).Draw(t, "refresh"),
	}
	tm := &d.Timing
	*tm = configs.Timing{RCDRD: n("tRCDRD", 1, 20), RCDWR: n("tRCDWR", 1, 20), RP: n("tRP", 1, 20), RAS: n("tRAS", 20, 50),
		CL: n("tCL", 1, 25), CWL: n("tCWL", 1, 25), RRDS: n("tRRD_S", 1, 8), FAW: n("tFAW", 8, 50), WTRS: n("tWTR_S", 1, 10),
		RTP: n("tRTP", 1, 20), WR: n("tWR", 1, 20), RTW: n("tRTW", 1, 20), RFC: n("tRFC", 1, 300), RFCPB: n("tRFCpb", 1, 150)}
	tm.CCDS = d.BurstClocks() + n("tCCD_S", 0, 3)
	tm.CCDL, tm.RRDL, tm.WTRL = tm.CCDS+n("tCCD_L", 0, 4), tm.RRDS+n("tRRD_L", 0, 4), tm.WTRS+n("tWTR_L", 0, 4)
	tm.REFI = leastREFI(t, d) + n("tREFI", 200, 3000)
	return d
}

// leastREFI is the least tREFI that is allowed with the rest of a DRAM.
func leastREFI(t fataler, d configs.DRAM) int {
	t.Helper()
	d.Timing.REFI = 1 << 30
	p, err := newDRAMParams(&d)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return int(p.leastREFI())
}
