package memory

import (
	"fmt"
	"math/rand"
	"testing"

	"gpusim/configs"

	"pgregory.net/rapid"
)

// everything is traffic in which whatever order matters can matter: all
// kinds, waits included, on few lines.
func everything(t *rapid.T, g *configs.GPU, each int) [][]Request {
	r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
	traffic := chaos{sms: g.SM.Count, each: each, lines: uint64(rapid.IntRange(1, 100).Draw(t, "lines")), gap: rapid.IntRange(0, 200).Draw(t, "gap"),
		kinds: []Kind{Read, Read, Read, Write, Write, Atomic, Signal, Wait}, semaphores: 3}.draw(r)
	for sm := range traffic {
		for i := range traffic[sm] {
			if q := &traffic[sm][i]; q.Kind == Wait {
				q.Line, q.Value = uint64(r.Intn(3)), int32(r.Intn(8))
			}
		}
	}
	retag(traffic)
	return traffic
}

// same compares two runs: all replies in the order of their announcement.
func same(t fataler, what string, a, b []said) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("%s: %d replies instead of %d", what, len(b), len(a))
	}
	for i := range a {
		if a[i].sm != b[i].sm || a[i].reply != b[i].reply {
			t.Fatalf("%s: reply %d is %+v instead of %+v", what, i, b[i], a[i])
		}
	}
}

// TestStepsAndOrderDoNotMatter: neither how far Advance goes at a time nor the
// order in which SMs submit changes a reply or a count; and Reset is a new start.
func TestStepsAndOrderDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, core := anyGPU(t)
		n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		g.TLB = configs.TLB{Page: 1 << 12, Entries: n("TLB", 1, 3), Latency: n("TLB latency", 0, 30), L2Page: 1 << 13, L2Entries: n("L2 TLB", 1, 4), WalkLatency: n("walk", 1, 50), Walkers: n("walkers", 1, 2)}
		anyStepsAndOrder(t, g, core)
	})
}

// anyStepsAndOrder runs the same traffic in several steps and orders.
func anyStepsAndOrder(t *rapid.T, g *configs.GPU, core configs.Freq) {
	g.Crossbar.Coalesce = rapid.Bool().Draw(t, "coalesce")
	traffic := everything(t, g, 25)
	s := build(t, g, core)
	first := drive(t, s, traffic, by(7), nil)
	end := s.frontier + 2000000
	s.Advance(end, nil)
	want := s.Counters()
	parked := s.Parked()
	for name, step := range map[string]stepper{
		"steps of 1":   func(s *System, f, _ uint64) uint64 { return f + 1 + f>>13 }, // ... at first
		"steps of 113": by(113),
		"one step":     by(1 << 21),
		"decisions":    byDecision,
		"random steps": atRandom(rand.New(rand.NewSource(1)), 1000),
	} {
		s.Reset()
		order := rand.New(rand.NewSource(int64(len(name)))).Perm(g.SM.Count)
		replies := drive(t, s, traffic, step, order)
		same(t, name, first, replies)
		punctual(t, s, replies)
		s.Advance(max(end, s.frontier+1), nil)
		if s.frontier == end && s.Counters() != want {
			t.Fatalf("%s: counters\n%+v instead of\n%+v", name, s.Counters(), want)
		}
		if s.Parked() != parked || s.inFlight != parked {
			t.Fatalf("%s: %d parked and %d in flight instead of %d", name, s.Parked(), s.inFlight, parked)
		}
	}
}

// punctual: all replies due before frontier + MinRoundTrip have been announced
// when Advance(frontier) returns.
func punctual(t fataler, s *System, replies []said) {
	t.Helper()
	for _, r := range replies {
		if due := r.after + s.MinRoundTrip(); r.reply.Ready < due {
			t.Fatalf("ready at %d, but not announced at frontier %d, when all before %d should be", r.reply.Ready, r.after, due)
		}
	}
}

// TestMinRoundTripIsReached: the promise could not be stronger.
func TestMinRoundTripIsReached(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, core := anyGPU(t)
		g.Crossbar.RequestHeader = min(g.Crossbar.RequestHeader, g.Crossbar.SMRequestBytes)
		s := build(t, g, core)
		got, least := lone(t, s, Request{Kind: Signal}), s.MinRoundTrip() // nothing is faster
		if slow := uint64(g.L2.HitLatency) > uint64(g.L2.MissLatency)+s.leastDRAM; got < least || got > least && !slow {
			t.Fatalf("a signal takes %d, MinRoundTrip is %d", got, least)
		}
	})
}

// TestNextDecision: whenever a step of one cycle gets a request on, NextDecision
// had named that cycle; and when it names the next one, something happens.
func TestNextDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, core := anyGPU(t)
		core = max(core, g.DRAM.Clock/4)
		g.DRAM.AgeLimit = min(g.DRAM.AgeLimit, 50)
		traffic := everything(t, g, 8)
		s := build(t, g, core)
		commands, replies := 0, 0
		for i := range s.channels {
			s.channels[i].trace = func(c command) {
				if c.kind != 'F' && c.kind != 'f' && c.kind != 'P' {
					commands++
				}
			}
		}
		pos := make([]int, len(traffic))
		state := func() string {
			return fmt.Sprint(commands, replies, s.count.SliceBusy)
		}
		fine := func() string {
			str := state()
			for i := range s.channels {
				c := &s.channels[i]
				str += fmt.Sprint(" ", c.colAt, " ", c.rowAt, " ", c.dirAt, " ", c.inAt)
			}
			return str
		}
		for f, idle := uint64(0), 0; idle < 20; f++ {
			left := 0
			for sm, reqs := range traffic {
				from := pos[sm]
				for pos[sm] < len(reqs) && reqs[pos[sm]].Cycle < f+1 {
					pos[sm]++
				}
				left += len(reqs) - pos[sm]
				s.Submit(sm, reqs[from:pos[sm]])
			}
			at, busy := s.NextDecision()
			before, fineBefore := state(), fine()
			if busy && at <= f {
				t.Fatalf("at frontier %d: next decision at %d", f, at)
			}
			if busy != (s.inFlight > s.Parked()) {
				t.Fatalf("busy %v with %d in flight, %d parked", busy, s.inFlight, s.parked)
			}
			s.Advance(f+1, func(int, Reply) { replies++ })
			if after := state(); after != before && busy && at != f+1 {
				t.Fatalf("frontier %d: %s -> %s, but NextDecision said %d", f+1, before, after, at)
			}
			if fine() == fineBefore && busy && at == f+1 {
				t.Fatalf("frontier %d: NextDecision named it, but nothing happened: %s", f+1, fineBefore)
			}
			if !busy && left == 0 {
				idle++
			}
		}
	})
}

// TestFrontierForAReply: the shortcut finds the first frontier that will do.
func TestFrontierForAReply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, core := anyGPU(t)
		s := build(t, g, core)
		at := rapid.Uint64Range(0, 5000).Draw(t, "ready")
		want := uint64(0)
		for {
			if _, _, replies := s.bounds(want); replies > at {
				break
			}
			want++
		}
		if got := s.frontierFor(at); got != want {
			t.Fatalf("ready at %d: frontier %d, want %d", at, got, want)
		}
	})
}

// TestVoltaStepsDoNotMatter on the real machine under load.
func TestVoltaStepsDoNotMatter(t *testing.T) {
	g, core := machine(t, "volta")
	g.L2.Size /= 16
	s := build(t, g, core)
	traffic := chaos{sms: g.SM.Count, each: 60, lines: 8000, gap: 60, kinds: []Kind{Read, Read, Write, Atomic}}.draw(rand.New(rand.NewSource(3)))
	retag(traffic)
	var first []said
	for _, n := range []uint64{184, 1, 7, 113, 1 << 20} {
		s.Reset()
		replies := drive(t, s, traffic, by(n), rand.New(rand.NewSource(int64(n))).Perm(g.SM.Count))
		punctual(t, s, replies)
		if first == nil {
			first = replies
		}
		same(t, fmt.Sprint("steps of ", n), first, replies)
	}
}

// TestOldFrontier: one that is not beyond the last does nothing.
func TestOldFrontier(t *testing.T) {
	g, core := machine(t, "volta")
	s := build(t, g, core)
	s.Submit(0, []Request{{Cycle: 120, Sectors: 1, Kind: Read}})
	s.Advance(100, func(int, Reply) { t.Error("a reply to a request that has not been made") })
	before := *s
	s.Advance(100, nil)
	s.Advance(50, nil)
	if s.frontier != before.frontier || s.inFlight != 1 || s.arrivals.now != before.arrivals.now {
		t.Errorf("frontier %d, %d in flight", s.frontier, s.inFlight)
	}
}

// TestCrowd: requests of all SMs in one cycle are served in the order of the
// SMs, whoever submits first.
func TestCrowd(t *testing.T) {
	g, core := machine(t, "volta")
	r := rand.New(rand.NewSource(1))
	traffic := make([][]Request, g.SM.Count)
	for sm := range traffic {
		for i := range 30 {
			traffic[sm] = append(traffic[sm], Request{Cycle: uint64(i / 6 * 10), Line: uint64(r.Intn(500)) * 128, Sectors: uint8(1 + r.Intn(15)), Kind: Read})
		}
	}
	retag(traffic)
	for seed := range int64(3) {
		s := build(t, g, core)
		s.Warm(0, 500*128, false)
		ready := readyByTag(t, traffic, drive(t, s, traffic, by(100), rand.New(rand.NewSource(seed)).Perm(g.SM.Count)))
		o := newOracle(s, g)
		o.run(traffic)
		for tag, want := range o.ready {
			if ready[tag] != want {
				t.Fatalf("tag %d ready at %d, want %d", tag, ready[tag], want)
			}
		}
	}
}
