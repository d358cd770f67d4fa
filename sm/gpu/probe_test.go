package gpu_test

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	t.Logf("%s: %.2f", what, got)
	if math.Abs(got-want) > tolerance*want+1e-9 {
		t.Errorf("%s: %.3f, want %.3f within %.1f %%", what, got, want, 100*tolerance)
	}
}

// chase measures the time from one load to the next that waits for it. The
// one warp walks by step words per iteration, with n loads in each; on is
// what stands between them.
func chase(t *testing.T, g *configs.GPU, warm bool, size, n, step int) float64 {
	t.Helper()
	time := func(trips int) float64 {
		s := kernel{warps: 1, ctas: 1, trips: trips, words: size}
		var body []tile.Inst
		for i := range n {
			s.accesses = append(s.accesses, words(32, 1, i*step, 0, n*step)) // all lanes the same word
			body = append(body, ldg(0, i))                                   // on the same register: each waits for the one before
		}
		s.segments = []tile.Segment{loop(body...), once(op(tile.OpIADD, 1, 0, tile.RZ, tile.RZ))}
		return float64(cycles(t, g, warm, s.build(t, g)))
	}
	return (time(60) - time(20)) / float64(40*n)
}

// TestMemoryLatencies: what the machine file cites, at the clock at which it
// was measured.
func TestMemoryLatencies(t *testing.T) {
	g := volta(t, "gpu.sm.branch_latency=1", "gpu.clock.base=1380 MHz", "gpu.clock.sustained=1380 MHz")
	near(t, "L1 hit", chase(t, g, true, 1<<18, 8, 0), 28, 0)
	near(t, "L2 hit", chase(t, g, true, 1<<18, 8, 32), 212, 0)
}

func TestDRAMLatency(t *testing.T) {
	g := volta(t, "gpu.sm.branch_latency=1", "gpu.clock.base=1380 MHz", "gpu.clock.sustained=1380 MHz")
	line, far := chase(t, g, false, 1<<22, 8, 32), chase(t, g, false, 1<<22, 4, 8192)
	t.Logf("next line: %.0f, far away: %.0f cycles", line, far)
	if line < 212+50 || far < line {
		t.Errorf("next line: %.0f, far away: %.0f cycles, and an L2 hit takes 212", line, far)
	}
	near(t, "DRAM, far away", far, 429, 0.05)
}

// TestPointerChaseIsLongScoreboard: and nothing else keeps the warp.
func TestPointerChaseIsLongScoreboard(t *testing.T) {
	g := small(t)
	s := kernel{warps: 1, ctas: 1, trips: 200, words: 1 << 20, accesses: []tile.Access{words(32, 1, 0, 1, 32)}}
	s.segments = []tile.Segment{loop(ldg(0, 0)), once(op(tile.OpIADD, 1, 0, tile.RZ, tile.RZ))}
	rep, _ := run(t, g, gpu.Options{}, false, s.build(t, g))
	booksBalance(t, "chase", g, &rep[0])
	n := rep[0].SM.Slots
	busy := uint64(0)
	for r, c := range n {
		if sm.Reason(r) != sm.Idle { // 15 of 16 sub-cores are
			busy += c
		}
	}
	if share := 100 * float64(n[sm.LongBoard]) / float64(busy); share < 95 {
		t.Errorf("%.1f %% long_scoreboard, want at least 95: %v", share, n)
	}
}

// stream is a kernel whose warps each read their own region, n words a lane
// and load, with loads independent within an iteration. Regions lie apart by
// random distances, so that warps in step do not meet in one channel.
func stream(t *testing.T, g *configs.GPU, warps, ctas, trips, loads, n int) *tile.Kernel {
	t.Helper()
	r := rand.New(rand.NewSource(1))
	threads := 32 * warps
	s := kernel{warps: warps, ctas: ctas, trips: trips}
	var begin []int // of each warp's region
	for range warps {
		begin = append(begin, s.span)
		s.span += 32*n*loads*trips + 32*r.Intn(128)
	}
	s.words = s.span * ctas
	var body []tile.Inst
	for i := range loads {
		a := words(threads, n, 0, 0, 32*n*loads)
		for th := range a.Row {
			a.Row[th] = int32(begin[th/32] + i*32*n + th%32*n)
		}
		s.accesses = append(s.accesses, a)
		body = append(body, ldg(4*i, i))
	}
	s.segments = []tile.Segment{loop(body...), once(op(tile.OpIADD, 200, 0, tile.RZ, tile.RZ))}
	return s.build(t, g)
}

// hits measures loads that hit L1 on one SM, in cycles per warp instruction:
// n words a lane, stride words apart.
func hits(t *testing.T, n, stride int, sets ...string) float64 {
	t.Helper()
	g := small(t, append([]string{"gpu.sm.count=1", "gpu.sm.per_tpc=1", "gpu.sm.gpcs=1"}, sets...)...)
	time := func(trips int) float64 {
		s := kernel{warps: 32, ctas: 1, trips: trips, words: 1 << 14, regs: 64}
		var body []tile.Inst
		for i := range 8 {
			a := words(32*32, n, 0, 0, 0)
			for th := range a.Row {
				a.Row[th] = int32(th % 32 * stride)
			}
			s.accesses = append(s.accesses, a)
			body = append(body, ldg(4*i, i))
		}
		s.segments = []tile.Segment{loop(body...)}
		return float64(cycles(t, g, true, s.build(t, g)))
	}
	return (time(40) - time(20)) / (32 * 8 * 20)
}

// TestL1Throughput: 128 B a cycle out of 32 banks, and four lines a
// cycle; strides of a power of two meet in few banks.
func TestL1Throughput(t *testing.T) {
	for _, c := range []struct {
		name      string
		n, stride int
		want      float64
	}{
		{"32 bit", 1, 1, 1},
		{"128 bit", 4, 4, 4},
		{"4 lines", 1, 4, 4},
		{"5 lines", 1, 5, 2},
		{"8 lines", 1, 8, 8},
		{"9 lines", 1, 9, 3},
		{"17 lines", 1, 17, 5},
		{"32 lines", 1, 32, 32},
	} {
		near(t, c.name+", cycles per load", hits(t, c.n, c.stride), c.want, 0.03)
	}
	// Of a quarter of a line a cycle, words that meet in a bank come one a cycle as well.
	for _, unified := range []bool{true, false} {
		for stride, want := range map[int]float64{1: 4, 2: 4, 4: 4, 8: 8, 32: 32} {
			got := hits(t, 1, stride, "gpu.l1.bytes_per_clk=32", fmt.Sprintf("gpu.l1.unified=%t", unified))
			near(t, fmt.Sprintf("32 B a cycle, unified %t, stride %d, cycles per load", unified, stride), got, want, 0.03)
		}
	}
}

// TestLittlesLaw: memory throughput grows with the warps in flight as Little's
// law says, then stays at what the memory gives. Each warp has one load under
// way.
func TestLittlesLaw(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		warm bool
		load int // words a lane and load
		sets []string
	}{
		{"L2", true, 4, []string{"gpu.l2.size=96 MiB"}},
		{"DRAM", false, 1, []string{"gpu.l2.size=384 KiB", "gpu.sm.count=8", "gpu.sm.gpcs=4"}},
	} {
		g := small(t, append(c.sets, "gpu.sm.branch_latency=1")...)
		peak := float64(g.Crossbar.SMReplyBytes) // B/clk/SM
		if !c.warm {
			dram := float64(g.DRAM.Channels*g.DRAM.ChannelBits/8*2) * float64(g.DRAM.Clock) / float64(g.Clock.Sustained)
			peak = dram / float64(g.SM.Count)
		}
		var got []float64
		warps := []int{1, 2, 4, 8, 16, 32, 64}
		for _, n := range warps {
			trips := max(40, 640/n)
			ctas, per := g.SM.Count, n
			if n == 64 { // a CTA has at most 32
				ctas, per = 2*ctas, 32
			}
			time := func(trips int) float64 {
				k := stream(t, g, per, ctas, trips, 1, c.load)
				k.Regs = 32
				return float64(cycles(t, g, c.warm, k))
			}
			got = append(got, float64(n*128*c.load*(trips-trips/4))/(time(trips)-time(trips/4)))
		}
		latency := float64(128*c.load) / got[0] // one warp alone has one load under way
		t.Logf("%s: latency %.0f, peak %.1f B/clk/SM, warps %v reach %.2f", c.name, latency, peak, warps, got)
		for i, n := range warps {
			law := float64(n*128*c.load) / latency
			if got[i] > 1.02*peak {
				t.Errorf("%s: %d warps get %.2f B/clk/SM, more than the %.2f there are", c.name, n, got[i], peak)
			}
			if got[i] > 1.15*law {
				t.Errorf("%s: %d warps get %.2f B/clk/SM, Little's law allows %.2f", c.name, n, got[i], law)
			}
			if law < 0.5*peak && got[i] < 0.85*law {
				t.Errorf("%s: %d warps get %.2f B/clk/SM, Little's law says %.2f", c.name, n, got[i], law)
			}
			if law > 2*peak && got[i] < 0.95*peak || law > 1.3*peak && got[i] < 0.6*peak {
				t.Errorf("%s: %d warps get %.2f B/clk/SM of %.2f", c.name, n, got[i], peak)
			}
			if i > 0 && got[i] < 0.97*got[i-1] {
				t.Errorf("%s: %d warps get %.2f B/clk/SM, fewer get %.2f", c.name, n, got[i], got[i-1])
			}
		}
	}
}
