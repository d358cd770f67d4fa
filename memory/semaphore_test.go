package memory

import (
	"math/rand"
	"testing"
)

// sem is a semaphore request at a cycle.
func sem(kind Kind, at, index uint64, value int32, tag uint32) Request {
	return Request{Cycle: at, Kind: kind, Line: index, Value: value, Tag: tag}
}

// TestWaitAndSignal: a Wait is answered at once if the value is right, else
// with the Signal that makes it so; its time is the Signal's own.
func TestWaitAndSignal(t *testing.T) {
	g, core := machine(t, "volta")
	s := build(t, g, core)
	trip := s.MinRoundTrip()
	traffic := [][]Request{
		{sem(Wait, 0, 7, 0, 1), sem(Wait, 1, 7, 2, 2), sem(Wait, 2, 7, 1, 3), sem(Wait, 3, 7, 2, 4)},
		{sem(Signal, 500, 7, 0, 5), sem(Signal, 900, 7, 0, 6), sem(Wait, 1500, 7, 2, 7), sem(Signal, 1600, 8, 0, 8)},
	}
	replies := drive(t, s, traffic, by(50), nil)
	ready := readyByTag(t, traffic, replies)
	want := map[uint32]uint64{1: trip, 5: 500 + trip, 3: 500 + trip, 6: 900 + trip, 2: 900 + trip, 4: 900 + trip, 7: 1500 + trip, 8: 1600 + trip}
	for tag, at := range want {
		if ready[tag] != at {
			t.Errorf("tag %d ready at %d, want %d", tag, ready[tag], at)
		}
	}
	if v, n := s.Semaphore(7); v != 2 || n != 0 {
		t.Errorf("value %d, %d parked", v, n)
	}
	if v, n := s.Semaphore(99); v != 0 || n != 0 {
		t.Errorf("unknown semaphore: value %d, %d parked", v, n)
	}
	if c := s.Counters(); c.Waits != 5 || c.Signals != 3 || c.L2ReadSectors+c.ReplyBytes != 0 {
		t.Errorf("%+v", c)
	}
}

// TestSerialReduction is a chain: CTA i waits for i and signals when it has
// been told. Each link costs two round trips.
func TestSerialReduction(t *testing.T) {
	g, core := machine(t, "volta")
	s := build(t, g, core)
	trip := s.MinRoundTrip()
	const n = 12
	for i := range n {
		s.Submit(i, []Request{sem(Wait, 0, 3, int32(i), uint32(i))})
	}
	at, turn := uint64(0), uint32(0)
	for turn < n {
		next := -1
		s.Advance(s.frontier+20, func(sm int, r Reply) {
			if r.Tag >= 100 {
				return
			}
			if r.Tag != turn {
				t.Fatalf("CTA %d went on before %d", r.Tag, turn)
			}
			turn++
			at, next = r.Ready, sm
		})
		if next >= 0 && turn < n {
			s.Submit(next, []Request{sem(Signal, at, 3, 0, 100+turn)})
		}
	}
	// The first is told after a trip; each further one when the signal is acknowledged.
	if want := n * trip; at != want {
		t.Errorf("the last goes on at %d, want %d", at, want)
	}
}

// TestDeadlock: Waits that nobody answers stay parked and make nobody busy,
// until a Signal comes after all.
func TestDeadlock(t *testing.T) {
	g, core := machine(t, "volta")
	s := build(t, g, core)
	traffic := [][]Request{
		{sem(Wait, 0, 1, 5, 1), sem(Wait, 5, 1, 5, 2)},
		{sem(Signal, 0, 1, 0, 3), {Cycle: 4, Line: 4096, Sectors: 15, Kind: Read, Tag: 4}},
		{sem(Wait, 300, 2, -1, 5)},
	}
	replies := drive(t, s, traffic, by(50), nil)
	if len(replies) != 2 || s.inFlight != 3 || s.Parked() != 3 {
		t.Fatalf("%d replies, %d in flight, %d parked", len(replies), s.inFlight, s.Parked())
	}
	if _, busy := s.NextDecision(); busy {
		t.Error("parked requests make the system busy")
	}
	s.Advance(s.frontier+100000, func(int, Reply) { t.Error("a reply out of nothing") })
	if v, n := s.Semaphore(1); v != 1 || n != 2 {
		t.Errorf("value %d, %d parked", v, n)
	}
	at := s.frontier
	late := [][]Request{{sem(Signal, at, 1, 0, 6), sem(Signal, at, 1, 0, 7), sem(Signal, at, 1, 0, 8), sem(Signal, at, 1, 0, 9)}}
	if replies = drive(t, s, late, by(50), nil); len(replies) != 6 || s.Parked() != 1 || s.inFlight != 1 {
		t.Fatalf("%d replies, %d parked", len(replies), s.Parked())
	}
	s.ClearSemaphores()
	if v, n := s.Semaphore(1); v != 0 || n != 0 || s.Parked() != 1 {
		t.Errorf("cleared: value %d, %d parked, %d in all", v, n, s.Parked())
	}
}

// TestSemaphoresAreCounters: whatever the interleaving, a Wait is answered if
// and only if its value was there at or after its arrival.
func TestSemaphoresAreCounters(t *testing.T) {
	g, core := machine(t, "volta")
	s := build(t, g, core)
	for seed := range int64(30) {
		s.Reset()
		r := rand.New(rand.NewSource(seed))
		traffic := make([][]Request, 6)
		for sm := range traffic {
			at := uint64(0)
			for range 20 {
				at += uint64(r.Intn(5))
				q := sem(Signal, at, uint64(r.Intn(2)), 0, 0)
				if r.Intn(2) == 0 {
					q.Kind, q.Value = Wait, int32(r.Intn(50))
				}
				traffic[sm] = append(traffic[sm], q)
			}
		}
		retag(traffic)
		ready := readyByTag(t, traffic, drive(t, s, traffic, atRandom(r, 50), nil))
		var value [2]int32
		var final [2]int32
		for sm := range traffic {
			for _, q := range traffic[sm] {
				if q.Kind == Signal {
					final[q.Line]++
				}
			}
		}
		for _, a := range newOracle(s, g).arrivals(traffic) {
			_, answered := ready[a.req.Tag]
			if a.req.Kind == Signal {
				value[a.req.Line]++
			} else if want := value[a.req.Line] <= a.req.Value && a.req.Value <= final[a.req.Line]; answered != want {
				t.Fatalf("seed %d: wait for %d at value %d of %d: answered %v", seed, a.req.Value, value[a.req.Line], final[a.req.Line], answered)
			}
		}
	}
}
