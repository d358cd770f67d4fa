package memory

import (
	"math/rand"
	"testing"

	"gpusim/configs"
)

// flood lets all SMs ask for lines as fast as they can, in turn, from a cycle
// on; line gives the i-th.
func flood(sms, n int, perCycle float64, from uint64, q Request, line func(i int) uint64) [][]Request {
	traffic := make([][]Request, sms)
	for i := range n {
		r := q
		r.Cycle, r.Line = from+uint64(float64(i)/perCycle), line(i)*128
		traffic[i%sms] = append(traffic[i%sms], r)
	}
	return traffic
}

// span is when the first and the last reply come.
func span(replies []said) (first, last uint64) {
	first = never
	for _, r := range replies {
		first, last = min(first, r.reply.Ready), max(last, r.reply.Ready)
	}
	return first, last
}

// rate is how many replies per cycle come in the middle of a run: over half of
// it or, with a period, over as many whole periods as the run leaves.
func rate(t fataler, replies []said, period uint64) float64 {
	t.Helper()
	first, last := span(replies)
	length := (last - first) / 2
	if period > 0 {
		if length = (last - first) * 9 / 10 / period * period; length == 0 {
			t.Fatalf("the run of %d cycles is too short for %d", last-first, period)
		}
	}
	from, n := first+(last-first-length)/2, 0
	for _, r := range replies {
		if from <= r.reply.Ready && r.reply.Ready < from+length {
			n++
		}
	}
	return float64(n) / float64(length)
}

// refi is the time between refreshes in SM cycles, and settled a time by which
// all channels refresh regularly.
func refi(g *configs.GPU, core configs.Freq) (period, settled uint64) {
	n := uint64(g.DRAM.Timing.REFI) * uint64(core) / uint64(g.DRAM.Clock)
	return n, 3 * n
}

// TestL2Bandwidth: hits of all SMs reach the limit of the GPCs' ports.
func TestL2Bandwidth(t *testing.T) {
	g, core := machine(t, "volta")
	s := build(t, g, core)
	s.Warm(0, 4<<20, false)
	r := rand.New(rand.NewSource(1))
	for name, line := range map[string]func(i int) uint64{
		"sequential": func(i int) uint64 { return uint64(i) & (1<<15 - 1) },
		"random":     func(int) uint64 { return uint64(r.Intn(1 << 15)) },
	} {
		s.Reset()
		s.Warm(0, 4<<20, false)
		replies := drive(t, s, flood(g.SM.Count, 40000, 17, 0, Request{Sectors: 15, Kind: Read}, line), by(180), nil)
		got := 128 * rate(t, replies, 0)
		limit := float64(g.SM.GPCs * g.Crossbar.GPCReplyBytes)
		t.Logf("%s L2 hits: %.0f B/clk of %.0f", name, got, limit)
		if got < 0.97*limit || got > 1.001*limit {
			t.Errorf("%s: %.0f B/clk, want %.0f", name, got, limit)
		}
	}
}

// TestPortLimits: no stage passes more than its width, and a stage that is
// the narrowest passes nearly that.
func TestPortLimits(t *testing.T) {
	g, core := machine(t, "volta")
	one := func(g *configs.GPU, sms, n int, perCycle float64, q Request) float64 {
		s := build(t, g, core)
		s.Warm(0, 1<<20, false)
		return rate(t, drive(t, s, flood(sms, n, perCycle, 0, q, func(i int) uint64 { return uint64(i) & (1<<13 - 1) }), by(180), nil), 0)
	}
	read, write := Request{Sectors: 15, Kind: Read}, Request{Sectors: 15, Kind: Write}
	x := &g.Crossbar
	narrow := *g
	narrow.L2.BytesPerSlice = 8 // all ports can take more
	for _, c := range []struct {
		name  string
		g     *configs.GPU
		sms   int
		offer float64
		q     Request
		want  float64 // lines per cycle
	}{
		{"one SM reads", g, 1, 4, read, float64(x.SMReplyBytes) / 128},
		{"one SM writes", g, 1, 4, write, float64(x.SMRequestBytes) / float64(128+x.RequestHeader)},
		{"one SM reads sectors", g, 1, 8, Request{Sectors: 2, Kind: Read}, min(float64(x.SMReplyBytes)/32, float64(x.SMRequestBytes)/float64(x.RequestHeader))},
		{"slices read", &narrow, 80, 8, read, 64 * 8 / 128.},
		{"slices write", &narrow, 80, 8, write, 64 * 8 / 128.},
		{"slices do atomics", g, 80, 16, Request{Sectors: 15, Kind: Atomic}, float64(g.L2.Slices) / float64(4*g.L2.AtomicCycles)},
	} {
		got := one(c.g, c.sms, 6000, c.offer, c.q)
		if got < 0.95*c.want || got > 1.005*c.want {
			t.Errorf("%s: %.3f lines per cycle, want %.3f", c.name, got, c.want)
		}
	}
}

// dramPeak is the data rate without refresh in bytes per SM cycle.
func dramPeak(g *configs.GPU, core configs.Freq) float64 {
	d := &g.DRAM
	peak := float64(d.Clock) * 2 * float64(d.ChannelBits/8*d.Channels) / float64(core)
	if d.Refresh == "per_bank" { // the other banks go on
		return peak
	}
	return peak * (1 - float64(d.Timing.RFC)/float64(d.Timing.REFI))
}

// TestStreaming: long sequential reads reach 90 % of what refresh leaves.
func TestStreaming(t *testing.T) {
	g, core := machine(t, "volta")
	peak := dramPeak(g, core)
	period, from := refi(g, core)
	s := build(t, g, core)
	replies := drive(t, s, flood(g.SM.Count, 120000, peak/128*1.15, from, Request{Sectors: 15, Kind: Read}, func(i int) uint64 { return uint64(i) }), by(180), nil)
	got := 128 * rate(t, replies, period)
	c := s.Counters()
	t.Logf("sequential reads: %.1f B/clk = %.0f GB/s, %.1f %% of what refresh leaves; row hits %.1f %%",
		got, got*float64(core)/1e9, 100*got/peak, 100*float64(c.RowHits)/float64(c.ColumnAccesses))
	if got < 0.9*peak || got > peak {
		t.Errorf("%.1f B/clk of %.1f", got, peak)
	}
}

// TestRandomSectors: single sectors of random rows need an activate each, so
// activates are the bound, whichever of their rules is the tightest.
func TestRandomSectors(t *testing.T) {
	g, _ := machine(t, "volta")
	for _, c := range []struct {
		name  string
		set   func(*configs.Timing)
		least float64 // of what theory allows if banks and groups were always at hand
	}{
		{"as it is", func(*configs.Timing) {}, 0.95},
		{"tFAW", func(t *configs.Timing) { t.FAW = 40 }, 0.98},
		{"tRRD_S", func(t *configs.Timing) { t.RRDS, t.RRDL = 10, 10 }, 0.98},
		{"banks", func(t *configs.Timing) { t.RAS = 200 }, 0.88}, // a window of 64 misses some bank now and then
	} {
		for _, refresh := range []bool{false, true} {
			d := g.DRAM
			d.Refresh = "all_bank"
			tm := &d.Timing
			c.set(tm)
			if !refresh {
				tm.REFI = 1 << 30
			}
			ranks := float64(d.Ranks)
			apart := max(float64(tm.FAW)/4/ranks, float64(tm.RRDS)/ranks, float64(tm.RAS+tm.RP)/float64(d.Ranks*d.BankGroups*d.BanksPerGroup))
			r := rand.New(rand.NewSource(1))
			var list []access
			for range 6000 {
				list = append(list, access{arrive: 1, bank: r.Intn(d.Ranks * d.BankGroups * d.BanksPerGroup), row: uint32(r.Intn(1 << 20)), mask: 1})
			}
			b := newBench(t, d)
			b.finish(t, list)
			least := apart * float64(len(list))
			took := 0.0
			for _, k := range b.cmds {
				if k.kind == 'R' {
					took = max(took, float64(k.at))
				}
			}
			// A refresh costs tRFC, and before that no longer than a bank needs to close.
			n := took / float64(tm.REFI)
			low, high := least, least/c.least
			if refresh {
				low, high = low+(n-1)*float64(tm.RFC), high+n*float64(tm.RFC+tm.RAS+2*tm.RP)
			}
			t.Logf("%s, refresh %v: %.2f tCK per random sector, bound %.2f", c.name, refresh, took/float64(len(list)), low/float64(len(list)))
			if took < low || took > high {
				t.Errorf("%s, refresh %v: %.0f tCK, want %.0f to %.0f", c.name, refresh, took, low, high)
			}
			if k := b.c.count; k.Activates*1000 < k.ColumnAccesses*999 {
				t.Errorf("%s: %d activates for %d accesses: not random", c.name, k.Activates, k.ColumnAccesses)
			}
		}
	}
}

// TestSchedulerPays: first-ready is no slower than strict order.
func TestSchedulerPays(t *testing.T) {
	g, _ := machine(t, "volta")
	for _, pattern := range []string{"random rows", "mixed", "sequential reads"} {
		last := map[string]uint64{}
		for _, name := range []string{"fcfs", "fr-fcfs"} {
			b := newBench(t, g.DRAM)
			b.c.p.scheduler = schedulers[name]
			b.finish(t, stream(rand.New(rand.NewSource(1)), &g.DRAM, pattern, 1000, 1))
			last[name] = b.cmds[len(b.cmds)-1].at
		}
		t.Logf("%s: %d tCK first-ready, %d in order", pattern, last["fr-fcfs"], last["fcfs"])
		if last["fr-fcfs"] > last["fcfs"] {
			t.Errorf("%s: %d tCK first-ready, %d in order", pattern, last["fr-fcfs"], last["fcfs"])
		}
	}
}

// TestLoadsNameTheBottleneck: the stage with the largest share is the one that
// was made narrow, and no stage does more than it can.
func TestLoadsNameTheBottleneck(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*configs.GPU)
		q    Request
		warm bool
	}{
		"dram":            {func(*configs.GPU) {}, Request{Sectors: 15, Kind: Read}, false},
		"gpc reply ports": {func(*configs.GPU) {}, Request{Sectors: 15, Kind: Read}, true},
		"sm reply ports":  {func(g *configs.GPU) { g.Crossbar.SMReplyBytes = 4 }, Request{Sectors: 15, Kind: Read}, true},
		"l2 slices":       {func(g *configs.GPU) { g.L2.BytesPerSlice = 8 }, Request{Sectors: 15, Kind: Read}, true},
		"request ports":   {func(g *configs.GPU) { g.Crossbar.SMRequestBytes = 4 }, Request{Sectors: 15, Kind: Write}, true},
	} {
		g, core := machine(t, "volta")
		c.set(g)
		s := build(t, g, core)
		if c.warm {
			s.Warm(0, 4<<20, false)
		}
		before := s.Counters()
		_, last := span(drive(t, s, flood(g.SM.Count, 12000, 20, 0, c.q, func(i int) uint64 { return uint64(i) & (1<<15 - 1) }), by(180), nil))
		best, share := "", 0.0
		for _, l := range s.Counters().Sub(before).Loads(g, core, last) {
			part := float64(l.Busy) / float64(l.Capacity)
			if part > 1 {
				t.Errorf("%s: %s did %d of %d", name, l.Stage, l.Busy, l.Capacity)
			}
			if part > share {
				best, share = l.Stage, part
			}
		}
		if best != name || share < 0.6 {
			t.Errorf("%s: the bottleneck is %s at %.2f", name, best, share)
		}
	}
}
