package memory

import (
	"fmt"
	"math/bits"
	"math/rand"
	"reflect"
	"testing"

	"gpusim/configs"

	"pgregory.net/rapid"
)

// split is a small L2 of two partitions at rest, with SM 0 in the first and
// SM 1 in the second.
func split(t fataler, far int) (*System, *configs.GPU) {
	t.Helper()
	g, core := smallSplit(far)
	return build(t, g, core), g
}

func smallSplit(far int) (*configs.GPU, configs.Freq) {
	m, err := configs.Load("volta", nil)
	if err != nil {
		panic(err)
	}
	g := *m.GPU
	g.L2.Replacement, g.L2.FillBytes, g.L2.Hash, g.TLB = "lru", 32, "modulo", allMapped
	g.L2.Slices, g.DRAM.Channels, g.L2.Ways, g.L2.Size = 4, 4, 4, 4*4*8*128
	g.SM.Count, g.SM.GPCs = 2, 2
	g.L2.Partitions, g.L2.FarLatency = 2, far
	return &g, g.Clock.Sustained
}

// homeIn finds a line whose home lies in a partition, the n-th such one.
func homeIn(s *System, partition, n int) uint64 {
	for line := uint64(0); ; line++ {
		if slice, _ := s.hash.Map(line); slice/s.parts.half == partition {
			if n--; n < 0 {
				return line << lineShift
			}
		}
	}
}

// by SM: the time that a request takes in a system at rest.
func takes(t fataler, s *System, sm int, r Request) uint64 {
	t.Helper()
	traffic := make([][]Request, len(s.ports))
	r.Cycle = s.frontier
	traffic[sm] = []Request{r}
	out := drive(t, s, traffic, by(64), nil)
	if len(out) != 1 || out[0].sm != sm {
		t.Fatalf("replies %+v to one request of SM %d", out, sm)
	}
	return out[0].reply.Ready - r.Cycle
}

// TestNearFarAndCopy: what reads, writes and atomics of each side take, and
// that a copy stays until somebody writes.
func TestNearFarAndCopy(t *testing.T) {
	for _, far := range []int{1, 2, 195} {
		whole, g := split(t, far)
		whole.parts = partitions{}
		read := func(line uint64, mask uint8) Request { return Request{Line: line, Sectors: mask, Kind: Read} }
		miss := takes(t, whole, 0, read(homeIn(&System{hash: whole.hash, parts: partitions{half: 2}}, 1, 0), 1))
		s := build(t, g, g.Clock.Sustained)
		for side := range 2 {
			s.Reset()
			own, line := homeIn(s, side, 0), homeIn(s, 1-side, 0)
			s.Warm(0, 64*128, false)
			near := takes(t, s, side, read(own, 1))
			if near != s.MinRoundTrip() {
				t.Fatalf("near hit %d, MinRoundTrip %d", near, s.MinRoundTrip())
			}
			expect := func(what string, sm int, r Request, want uint64) {
				t.Helper()
				if got := takes(t, s, sm, r); got != want {
					t.Errorf("far %d, side %d, %s: %d, want %d", far, side, what, got, want)
				}
			}
			expect("first read of the other half", side, read(line, 1), near+uint64(far))
			expect("its copy", side, read(line, 1), near)
			expect("a sector that the copy lacks", side, read(line, 2), near+uint64(far))
			expect("the home's own SM", 1-side, read(line, 1), near)
			for n, kind := range []Kind{Write, Atomic} {
				for _, writer := range []int{side, 1 - side} {
					expect("copy before a write", side, read(line, 1), near)
					takes(t, whole, 0, Request{Line: uint64(1000+n) << 7, Sectors: 1, Kind: kind})
					home := takes(t, whole, 0, Request{Line: uint64(1000+n) << 7, Sectors: 1, Kind: kind}) // hits
					if writer == side {
						home += uint64(far)
					}
					expect(fmt.Sprint("write ", kind, " of SM ", writer), writer, Request{Line: line, Sectors: 1, Kind: kind}, home)
					expect("copy's other sector", side, read(line, 2), near)
					expect("after a write", side, read(line, 1), near+uint64(far))
				}
			}
			s.Reset()
			expect("DRAM, near", side, read(own, 1), miss)
			s.Reset()
			if got := takes(t, s, side, read(line, 1)); got+2 < miss+uint64(far) || got > miss+uint64(far)+2 { // DRAM's clock
				t.Errorf("far %d, DRAM, far: %d, want about %d", far, got, miss+uint64(far))
			}
			expect("copy of what DRAM brought", side, read(line, 1), near)
			expect("and at home", 1-side, read(line, 1), near)
			nothingLeaks(t, s)
		}
	}
}

// TestSharedDataAreHeldTwice: what one side reads may be as large as the L2;
// read by both, half of that.
func TestSharedDataAreHeldTwice(t *testing.T) {
	const all = 2 << 10 // lines of the L2
	misses := func(lines int, sms ...int) uint64 {
		g, core := smallSplit(100)
		g.L2.Ways, g.L2.Size = 16, all*128
		s := build(t, g, core)
		var before Counters
		for round := range 3 {
			for i := range lines {
				traffic := make([][]Request, 2)
				for _, sm := range sms {
					traffic[sm] = []Request{{Cycle: s.frontier, Line: uint64(i) << 7, Sectors: 15, Kind: Read}}
				}
				drive(t, s, traffic, by(2000), nil)
			}
			if round == 1 {
				before = s.Counters()
			}
		}
		c := s.Counters().Sub(before)
		if c.L2Hits+c.L2Misses != uint64(4*lines*len(sms)) || c.L2Misses != c.DRAMReadSectors {
			t.Errorf("%d lines: %+v", lines, c)
		}
		return c.DRAMReadSectors / 4
	}
	if n := misses(all/2*7/10, 0, 1); n != 0 {
		t.Errorf("0.7 of half of the L2, read by both: %d misses", n)
	}
	if n := misses(all*8/10, 0, 1); n < all/4 {
		t.Errorf("0.8 of the L2, read by both: only %d misses", n)
	}
}

// anySplit is anyGPU with two partitions.
func anySplit(t *rapid.T) (*configs.GPU, configs.Freq) {
	g, core := anyGPU(t)
	if g.L2.Slices%2 != 0 {
		g.L2.Slices, g.DRAM.Channels, g.DRAM.SpreadChannels = 4, 2, 1
		g.L2.Size = configs.Bytes(4 * g.L2.Ways * 128 * rapid.IntRange(1, 9).Draw(t, "sets of 4"))
		g.L2.Hash = "xor"
	}
	g.L2.FillBytes = rapid.SampledFrom([]int{32, 64, 128}).Draw(t, "fill bytes")
	g.L2.Replacement = rapid.SampledFrom([]string{"lru", "random"}).Draw(t, "replacement")
	g.L2.Partitions, g.L2.FarLatency = 2, rapid.IntRange(1, 300).Draw(t, "far")
	return g, core
}

// TestPartitionsStepsAndOrderDoNotMatter is TestStepsAndOrderDoNotMatter.
func TestPartitionsStepsAndOrderDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, core := anySplit(t)
		anyStepsAndOrder(t, g, core)
	})
}

// TestPartitionsBooks: every request is answered, each sector read is counted
// once, nothing leaks, and no copy is dirty.
func TestPartitionsBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, core := anySplit(t)
		g.L2.FillBytes = 32 // for booksBalance
		s := build(t, g, core)
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		traffic := chaos{sms: g.SM.Count, each: 60, lines: uint64(rapid.IntRange(1, 200).Draw(t, "lines")), gap: rapid.IntRange(0, 100).Draw(t, "gap"),
			kinds: []Kind{Read, Read, Read, Write, Write, Atomic, Signal}, semaphores: 3}.draw(r)
		n := retag(traffic)
		if ready := readyByTag(t, traffic, drive(t, s, traffic, atRandom(r, 200), nil)); len(ready) != n || s.inFlight != 0 {
			t.Fatalf("%d requests, %d replies, %d in flight", n, len(ready), s.inFlight)
		}
		drain(s, g, core)
		nothingLeaks(t, s)
		booksBalance(t, g, s, traffic)
		entries := int(s.cache.sets.n) * s.cache.ways
		for i, tag := range s.cache.tags {
			l := &s.cache.lines[i]
			if tag == 0 {
				continue
			}
			if l.asked != 0 || l.fills >= 0 {
				t.Fatalf("line %x still waits: %+v", tag-1, *l)
			}
			if tag-1 < copied {
				continue
			}
			if l.dirty != 0 || l.valid == 0 {
				t.Fatalf("copy %x is %+v (valid sectors %d)", tag-1, *l, bits.OnesCount8(l.valid))
			}
			if slice := i / entries; s.parts.twin(s.parts.twin(slice)) != slice {
				t.Fatalf("slice %d is not its twin's twin", slice)
			}
		}
	})
}

// TestOnePartition: with one, far_latency means nothing.
func TestOnePartition(t *testing.T) {
	g, core := machine(t, "volta")
	traffic := chaos{sms: g.SM.Count, each: 40, lines: 8000, gap: 60, kinds: []Kind{Read, Read, Write, Atomic}}.draw(rand.New(rand.NewSource(3)))
	retag(traffic)
	var runs [][]said
	for _, far := range []int{0, 500} {
		g.L2.Partitions, g.L2.FarLatency = 1, far
		runs = append(runs, drive(t, build(t, g, core), traffic, by(100), nil))
	}
	if !reflect.DeepEqual(runs[0], runs[1]) {
		t.Error("far_latency changes an L2 of one partition")
	}
	g.L2.Partitions, g.L2.FarLatency = 2, 0
	if _, err := New(g, core); err == nil {
		t.Error("two partitions without a way between them are accepted")
	}
}
