package memory

import (
	"testing"

	"gpusim/configs"
)

func shared(t *testing.T, sets ...string) *configs.GPU {
	t.Helper()
	m, err := configs.Load("xavier", sets)
	if err != nil {
		t.Fatal(err)
	}
	return m.GPU
}

// Clients together never get more than DRAM's peak, and with twice the bandwidth
// never less.
func TestClientsShareTheDRAM(t *testing.T) {
	for _, writes := range []float64{0, 0.3} {
		g := shared(t)
		got, err := Sustained(g, 2, writes)
		if err != nil {
			t.Fatal(err)
		}
		peak := g.DRAM.PeakBandwidth()
		t.Logf("writes %.1f: %.1f of %.1f GB/s", writes, got/1e9, peak/1e9)
		if got > peak || got < 0.5*peak {
			t.Errorf("writes %.1f: two clients get %.1f GB/s of %.1f", writes, got/1e9, peak/1e9)
		}
		half, err := Sustained(shared(t, "gpu.dram.clock=1066 MHz"), 2, writes)
		if err != nil {
			t.Fatal(err)
		}
		if half > got {
			t.Errorf("writes %.1f: %.1f GB/s with half of the clock, %.1f with all", writes, half/1e9, got/1e9)
		}
	}
}

// A client that asks for less than its share gets it, and the latency of its reads
// rises with what others ask for.
func TestClientsGetWhatTheyAskFor(t *testing.T) {
	g := shared(t)
	run := func(other float64) []ClientUse {
		s, err := New(g, g.Clock.Sustained)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Share([]Client{{Rate: 20e9}, {Rate: other, Writes: 0.5}}, &g.DRAM); err != nil {
			t.Fatal(err)
		}
		for at := uint64(1000); at <= 100000; at += 1000 {
			s.Advance(at, func(int, Reply) {})
		}
		return s.Clients()
	}
	want := 20e9 / 128 * 100000 / float64(g.Clock.Sustained)
	alone, busy := run(1e9), run(70e9)
	for _, u := range [][]ClientUse{alone, busy} {
		if got := float64(u[0].Lines); got < 0.97*want || got > 1.01*want {
			t.Errorf("%g lines, want %g", got, want)
		}
	}
	mean := func(u ClientUse) float64 { return float64(u.Latency) / float64(u.Reads) }
	if mean(busy[0]) <= mean(alone[0]) {
		t.Errorf("latency %g cycles beside a busy client, %g beside an idle one", mean(busy[0]), mean(alone[0]))
	}
	t.Logf("latency %.0f and %.0f cycles", mean(alone[0]), mean(busy[0]))
}

// How often Advance is called changes nothing.
func TestClientsDoNotDependOnSteps(t *testing.T) {
	g := shared(t)
	run := func(step uint64) []ClientUse {
		s, err := New(g, g.Clock.Sustained)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Share([]Client{{Rate: 40e9, Writes: 0.3}, {Rate: 50e9}}, &g.DRAM); err != nil {
			t.Fatal(err)
		}
		for at := step; at <= 60000; at += step {
			s.Advance(at, func(int, Reply) {})
		}
		return s.Clients()
	}
	a, b := run(50), run(6000)
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("client %d: %+v in steps of 50 cycles, %+v of 6000", i, a[i], b[i])
		}
	}
}
