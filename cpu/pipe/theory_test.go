package pipe

import (
	"math"
	"testing"
)

// big is a core like Skylake-SP's at its cited figures.
func big() *Spec {
	s := &Spec{
		Width: 4, UopCache: 1536, DecodeWidth: 4, Window: 224, Schedulers: [3]int{97, 97, 97}, Unified: true,
		LoadQueue: 72, StoreQueue: 56, IntRegs: 180, VectorRegs: 168,
		Ports:     [][]Op{{FMA, Vec, Div, Int}, {Int}, {Load, Prefetch, ILoad}, {Load, Prefetch, ILoad}, {Store}, {FMA, Vec, Shuffle, Int}, {Int, Branch}},
		DivCycles: 10, BranchMiss: 16, Predicted: 32, LineBytes: 64,
		L1: Level{Bytes: 32 << 10, Ways: 8, Latency: 4}, L2: Level{Bytes: 1 << 20, Ways: 16, Latency: 14, CyclesPerSet: 1},
		L3:          Level{Bytes: 36 << 20, Ways: 9, Latency: 74, CyclesPerSet: 5},
		FillBuffers: 12, Superqueue: 24, MemoryLatency: 290, MemoryCycles: 2, StreamPrefetch: 20, StridePrefetch: true, FillTakesPorts: true,
		StoresPerCycle: 1,
	}
	s.Latency = [NumOps]int{Int: 1, Branch: 1, FMA: 4, Vec: 1, Shuffle: 3, Div: 17, Load: 7, Store: 1, ILoad: 4}
	return s
}

func run(t testing.TB, s *Spec, p *Program) (Counts, []int64) {
	t.Helper()
	n, marks, err := Run(s, p)
	if err != nil {
		t.Fatal(err)
	}
	return n, marks
}

func loop(trips int, body ...Uop) *Program {
	return &Program{Blocks: []Block{{Body: body, Trips: trips}}}
}

// steady is the cycles of an iteration, without beginning and end.
func steady(t testing.TB, s *Spec, make func(trips int) *Program) float64 {
	t.Helper()
	a, _ := run(t, s, make(1000))
	b, _ := run(t, s, make(3000))
	return float64(b.Cycles-a.Cycles) / 2000
}

func near(t *testing.T, what string, have, want, tolerance float64) {
	t.Helper()
	if math.Abs(have-want) > tolerance*want {
		t.Errorf("%s: %.4g, want %.4g", what, have, want)
	}
}

// Enough independent multiply-adds reach the rate of the units; one chain takes the
// latency; in between the number of chains over the latency.
func TestMultiplyAddsReachPeakOrLatency(t *testing.T) {
	for chains := 1; chains <= 12; chains++ {
		cycles := steady(t, big(), func(n int) *Program {
			var body []Uop
			for i := range chains {
				r := Reg(i + 1)
				body = append(body, Uop{Op: FMA, Dst: r, Src: [3]Reg{r}})
			}
			return loop(n, append(body, Uop{Op: Branch})...)
		})
		near(t, "cycles", cycles, max(4, float64(chains)/2), 0.02)
	}
}

// A chain of pointers takes the load-to-use latency of the level that holds it.
func TestPointerChaseFindsLatencies(t *testing.T) {
	for _, c := range []struct {
		lines int
		want  float64
	}{{64, 4}, {256, 4}, {4096, 14}, {8192, 14}, {1 << 17, 74}, {1 << 20, 290}} {
		chaseFor := func(n int) *Program {
			return &Program{Streams: []Stream{{Mask: uint64(c.lines - 1)}},
				Blocks: []Block{{Body: []Uop{{Op: ILoad, Dst: 1, Src: [3]Reg{1}, Mem: 1}}, Trips: n, Step: []int64{1}}}}
		}
		a, _ := run(t, big(), chaseFor(c.lines)) // warms up
		b, _ := run(t, big(), chaseFor(c.lines+4*min(c.lines, 1000)))
		near(t, "latency", float64(b.Cycles-a.Cycles)/float64(4*min(c.lines, 1000)), c.want, 0.01)
	}
}

// Independent accesses to lines in memory overlap up to the fill buffers: their
// rate is the number of buffers over the latency (Little's law), however wide the
// window.
func TestMissesOverlapUpToTheFillBuffers(t *testing.T) {
	for _, buffers := range []int{1, 2, 5, 10, 16} {
		s := big()
		s.FillBuffers, s.StreamPrefetch, s.StridePrefetch, s.MemoryCycles, s.L3.CyclesPerSet = buffers, 0, false, 0, 0
		s.Superqueue = 64
		cycles := steady(t, s, func(n int) *Program {
			return &Program{Streams: []Stream{{Mask: 1<<22 - 1}},
				Blocks: []Block{{Body: []Uop{{Op: Load, Dst: 1, Mem: 1}}, Trips: n, Step: []int64{1}}}}
		})
		near(t, "cycles per line", cycles, 290/float64(buffers), 0.03)
	}
}

// A stream from a level cannot beat its bandwidth, and gets near with prefetching.
func TestStreamsReachBandwidth(t *testing.T) {
	for _, c := range []struct {
		home [3]float64
		want float64 // cycles per line
		low  float64
	}{
		{[3]float64{1, 1, 1}, 0.5, 0.99}, {[3]float64{0, 1, 1}, 1, 0.99}, {[3]float64{0, 0, 1}, 5, 0.99}, {[3]float64{}, 290.0 / 24, 0.99}, // as many lines in flight as the superqueue holds
	} {
		cycles := steady(t, big(), func(n int) *Program {
			return &Program{Streams: []Stream{{Home: c.home}},
				Blocks: []Block{{Body: []Uop{{Op: Load, Dst: 1, Mem: 1}, {Op: Load, Dst: 2, Mem: 1, Disp: 64}, {Op: Load, Dst: 3, Mem: 1, Disp: 128},
					{Op: Load, Dst: 4, Mem: 1, Disp: 192}, {Op: Branch}}, Trips: n, Step: []int64{256}}}}
		}) / 4
		t.Logf("home %v: %.2f cycles per line", c.home, cycles)
		if cycles < c.low*c.want || cycles > 1.7*c.want {
			t.Errorf("home %v: %.3g cycles per line, bandwidth allows %.3g", c.home, cycles, c.want)
		}
	}
}
