package memory

import (
	"fmt"
	"math/rand"
	"testing"

	"gpusim/configs"
)

// load is steady traffic of a system: the same batch again and again, moved
// on in time, so that it allocates nothing once queues have grown.
type load struct {
	s      *System
	batch  [][]Request
	now    uint64
	window uint64
	per    int // requests of a batch
	told   int
}

// newLoad makes batches of n lines per SM and window of so many cycles.
func newLoad(t testing.TB, n int, window uint64, warm bool, q Request, line func(i int) uint64) *load {
	g, core := machine(t, "volta")
	l := &load{s: build(t, g, core), window: window, per: n * g.SM.Count}
	if warm {
		l.s.Warm(0, 4<<20, false)
	}
	l.batch = make([][]Request, g.SM.Count)
	for i := range l.per {
		r := q
		r.Cycle, r.Line = uint64(i)*window/uint64(l.per), line(i)*128
		l.batch[i%g.SM.Count] = append(l.batch[i%g.SM.Count], r)
	}
	return l
}

// step submits one batch, whose lines move by a distance, and advances.
func (l *load) step(distance uint64) {
	for sm, reqs := range l.batch {
		l.s.Submit(sm, reqs)
		for i := range reqs {
			reqs[i].Cycle += l.window
			reqs[i].Line += distance
		}
	}
	l.now += l.window
	l.s.Advance(l.now, func(int, Reply) { l.told++ })
}

var loads = map[string]struct {
	make     func(t testing.TB) *load
	distance uint64
}{
	// About 80 % of what the machine can do, so that queues are busy but bounded.
	"hits": {func(t testing.TB) *load {
		r := rand.New(rand.NewSource(1))
		return newLoad(t, 32, 230, true, Request{Sectors: 15, Kind: Read}, func(int) uint64 { return uint64(r.Intn(1 << 15)) })
	}, 0},
	"sequential": {func(t testing.TB) *load {
		return newLoad(t, 8, 184, false, Request{Sectors: 15, Kind: Read}, func(i int) uint64 { return uint64(i) })
	}, 640 * 128},
	"random": {func(t testing.TB) *load {
		r := rand.New(rand.NewSource(1))
		return newLoad(t, 6, 184, false, Request{Sectors: 1, Kind: Read}, func(int) uint64 { return uint64(r.Int63n(1 << 24)) })
	}, 7919 * 128},
	"writes": {func(t testing.TB) *load {
		return newLoad(t, 7, 184, false, Request{Sectors: 15, Kind: Write}, func(i int) uint64 { return uint64(i) })
	}, 560 * 128},
}

func benchmark(b *testing.B, names ...string) {
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			l := loads[name].make(b)
			for range 300 { // until L2 is full and queues have their size
				l.step(loads[name].distance)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				l.step(loads[name].distance)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*l.per), "ns/request")
		})
	}
}

func BenchmarkL2Hits(b *testing.B) { benchmark(b, "hits") }

func BenchmarkDRAM(b *testing.B) { benchmark(b, "sequential", "random", "writes") }

// BenchmarkSystems serves several memory systems in turn: the cost of a
// request should not depend on how many there are. It does not with a small
// L2; the whole one's state is 2.5 MB, so where a few of them do not fit the
// host's caches, switching costs misses.
func BenchmarkSystems(b *testing.B) {
	const distance = 640 * 128
	for _, part := range []configs.Bytes{1, 32} {
		for _, n := range []int{1, 4, 16} {
			b.Run(fmt.Sprintf("%d with 1 in %d of the L2", n, part), func(b *testing.B) {
				g, core := machine(b, "volta")
				g.L2.Size /= part
				systems := make([]*load, n)
				for i := range systems {
					systems[i] = loads["sequential"].make(b)
					systems[i].s = build(b, g, core)
					for range 300 {
						systems[i].step(distance)
					}
				}
				b.ReportAllocs()
				b.ResetTimer()
				for b.Loop() {
					for _, l := range systems {
						l.step(distance)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*systems[0].per), "ns/request")
			})
		}
	}
}

// TestSteadyStateAllocatesNothing: once queues have their size.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for name, c := range loads {
		l := c.make(t)
		for range 250 {
			l.step(c.distance)
		}
		if n := testing.AllocsPerRun(50, func() { l.step(c.distance) }); n != 0 {
			t.Errorf("%s: %.1f allocations in a batch of %d requests", name, n, l.per)
		}
		if waiting := l.s.inFlight; waiting > 20000 {
			t.Errorf("%s: %d requests under way: the load is not steady", name, waiting)
		}
	}
}

// TestCostOfIdleTime: time in which nothing is asked for costs a refresh per
// channel and tREFI, not a step per cycle.
func TestCostOfIdleTime(t *testing.T) {
	g, core := machine(t, "volta")
	s := build(t, g, core)
	s.Advance(1<<26, func(int, Reply) {}) // 40 ms: a step per cycle would take a second and more
	if c := s.Counters(); c.Refreshes == 0 || c.Activates+c.Precharges != 0 {
		t.Errorf("%+v", c)
	}
}
