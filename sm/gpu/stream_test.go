package gpu_test

import (
	"context"
	"testing"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// TestLaunchTimes: an empty kernel takes what launch, exit and drain take.
func TestLaunchTimes(t *testing.T) {
	g := small(t)
	k := kernel{warps: 1, ctas: 1, trips: 1}.build(t, g)
	rep, _ := run(t, g, gpu.Options{}, false, k)
	ic := &g.SM.ICache
	want := g.Dispatch.KernelLatency + g.SM.CTALaunchLatency + ic.L1MissLatency + ic.L0MissLatency + g.SM.CTAExitLatency + g.Dispatch.DrainLatency
	if got := rep[0].Launch.Cycles(); got != uint64(want) {
		t.Errorf("%d cycles, want %d", got, want)
	}
	many := kernel{warps: 1, ctas: 40, trips: 1}.build(t, g)
	rep, _ = run(t, g, gpu.Options{}, false, many)
	// The last of 40 CTAs leaves the dispatcher 39 intervals later; its code
	// has come meanwhile, but its sub-core may be the first to need it.
	if got, least := rep[0].Launch.Cycles(), uint64(want-ic.L1MissLatency+39*g.Dispatch.CTAInterval); got < least {
		t.Errorf("%d cycles for 40 CTAs, want at least %d", got, least)
	}
}

// TestLastStoreEndsAKernel: a kernel is over when its last store is visible.
func TestLastStoreEndsAKernel(t *testing.T) {
	g := small(t)
	s := kernel{warps: 1, ctas: 1, trips: 1, words: 1 << 10, accesses: []tile.Access{words(32, 1, 0, 0, 0)}}
	without := cycles(t, g, true, s.build(t, g))
	s.segments = []tile.Segment{once(stg(0, 0))}
	with := cycles(t, g, true, s.build(t, g))
	x := &g.Crossbar
	ack := g.L1.HitLatency + x.RequestLatency + g.TLB.Latency + g.L2.HitLatency + x.ReplyLatency
	// Without it the one warp leaves in the same cycle.
	if want := without + uint64(ack-g.SM.CTAExitLatency); with < want || with > want+8 {
		t.Errorf("%d cycles with a store, %d without, want about %d", with, without, want)
	}
}

// TestKernelsOfAStreamFollowEachOther in time, and later ones find L2 warm.
func TestKernelsOfAStreamFollowEachOther(t *testing.T) {
	g := small(t, "gpu.l2.size=6 MiB")
	k := build(t, g, gemm.Problem{M: 256, N: 256, K: 256, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma"})[0]
	rep, _ := run(t, g, gpu.Options{}, false, k, k, k)
	for i := 1; i < 3; i++ {
		if rep[i].Launch.Start < rep[i-1].Launch.End {
			t.Errorf("kernel %d starts in cycle %d, the one before ends in %d", i, rep[i].Launch.Start, rep[i-1].Launch.End)
		}
		if rep[i].Memory.L2Misses != 0 || rep[0].Memory.L2Misses == 0 {
			t.Errorf("L2 misses %d, then %d", rep[0].Memory.L2Misses, rep[i].Memory.L2Misses)
		}
		if a, b := rep[i].Launch.Cycles(), rep[0].Launch.Cycles(); a >= b {
			t.Errorf("warm %d cycles, cold %d", a, b)
		}
	}
	warm, _ := run(t, g, gpu.Options{}, true, k)
	if warm[0].Memory.L2Misses != 0 {
		t.Errorf("%d L2 misses in a warm L2", warm[0].Memory.L2Misses)
	}
	none, err := (&gpu.GPU{}).Run(nil)
	if none != nil || err != nil {
		t.Errorf("an empty stream: %v, %v", none, err)
	}
}

// TestSplitKTwice: each launch begins with its semaphores at zero.
func TestSplitKTwice(t *testing.T) {
	g := small(t)
	k := build(t, g, gemm.Problem{M: 128, N: 128, K: 256, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma", Splits: 3})[0]
	rep, _, err := tryRun(t, g, gpu.Options{}, true, k, k)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := rep[0].Launch.Cycles(), rep[1].Launch.Cycles(); float64(b) > 1.05*float64(a) {
		t.Errorf("%d cycles, then %d", a, b)
	}
}

// TestSerialSplitKIsSerial: a slice adds to the tile after those before it.
func TestSerialSplitKIsSerial(t *testing.T) {
	g := small(t)
	s := kernel{warps: 2, ctas: 4, splits: 4, trips: 50, words: 1 << 12, accesses: []tile.Access{words(64, 1, 0, 1, 0)}}
	s.segments = []tile.Segment{
		once(bare(tile.OpWAITSEM), bare(tile.OpBAR)),
		loop(op(tile.OpDFMA, 0, 0, 2, 4)),
		once(stg(0, 0), bare(tile.OpMEMBAR), bare(tile.OpBAR), op(tile.OpNOP, tile.RZ, tile.RZ, tile.RZ, tile.RZ), bare(tile.OpSIGSEM)),
	}
	four := cycles(t, g, true, s.build(t, g))
	s.ctas, s.splits = 1, 1
	one := cycles(t, g, true, s.build(t, g))
	// Each link of the chain: 50 iterations, a store and its acknowledgement,
	// a signal on its way to L2 and back to the next.
	if link := 50*8 + 2*150; four < one+3*uint64(link) {
		t.Errorf("one slice takes %d cycles, four in a chain %d", one, four)
	}
}

// TestSemaphoreIsNotPassedEarly: stores of its own that come home do not let a
// warp pass a semaphore.
func TestSemaphoreIsNotPassedEarly(t *testing.T) {
	g := small(t)
	s := kernel{warps: 1, ctas: 2, splits: 2, trips: 2000, words: 1 << 12, accesses: []tile.Access{words(32, 1, 0, 1, 0)}}
	signal := bare(tile.OpSIGSEM)
	signal.Guard = tile.GuardFirst
	// The second slice stores and waits for the first, which takes 32000 cycles.
	long := loop(op(tile.OpDFMA, 0, 0, 2, 4), op(tile.OpDFMA, 0, 0, 2, 4))
	s.segments = []tile.Segment{once(stg(0, 0), bare(tile.OpWAITSEM)), long, once(signal)}
	rep, _ := run(t, g, gpu.Options{}, true, s.build(t, g))
	if got := rep[0].Launch.Cycles(); got < 2*2*2000*8 {
		t.Errorf("%d cycles: the second slice did not wait for the first", got)
	}
}

// TestMembarWaitsForStores: and only for them.
func TestMembarWaitsForStores(t *testing.T) {
	g := small(t, "gpu.sm.branch_latency=1")
	time := func(code ...tile.Inst) float64 {
		run := func(trips int) float64 {
			s := kernel{warps: 1, ctas: 1, trips: trips, words: 1 << 12, accesses: []tile.Access{words(32, 1, 0, 1, 0)}}
			s.segments = []tile.Segment{loop(code...)}
			return float64(cycles(t, g, true, s.build(t, g)))
		}
		return (run(60) - run(20)) / 40
	}
	x := &g.Crossbar
	ack := float64(g.L1.HitLatency + x.RequestLatency + g.L2.HitLatency + x.ReplyLatency)
	if got := time(stg(0, 0), bare(tile.OpMEMBAR)); got < ack || got > ack+12 {
		t.Errorf("a store and MEMBAR take %.1f cycles, the acknowledgement %.0f", got, ack)
	}
	if got := time(bare(tile.OpMEMBAR)); got > 4 {
		t.Errorf("MEMBAR with nothing stored takes %.1f cycles", got)
	}
}

// TestUseAfterBarrier: an instruction after a barrier may wait for a load
// that was issued before it.
func TestUseAfterBarrier(t *testing.T) {
	g := small(t)
	for _, o := range []tile.Op{tile.OpBAR, tile.OpMEMBAR} {
		s := kernel{warps: 2, ctas: 1, trips: 3, words: 1 << 14, accesses: []tile.Access{words(64, 1, 0, 1, 64)}}
		s.segments = []tile.Segment{loop(ldg(0, 0), bare(o), op(tile.OpFADD, 1, 0, 2, tile.RZ))}
		if _, _, err := tryRun(t, g, gpu.Options{}, false, s.build(t, g)); err != nil {
			t.Errorf("op %d: %v", o, err)
		}
	}
}

// TestRunTwice: a GPU can run another stream after the first.
func TestRunTwice(t *testing.T) {
	g := small(t)
	d, err := gpu.New(context.Background(), g, g.Clock.Sustained, gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := sm.Prepare(kernel{warps: 1, ctas: 8, trips: 1}.build(t, g), g)
	if err != nil {
		t.Fatal(err)
	}
	var took []uint64
	for range 2 {
		r, err := d.Run([]*gpu.Launch{{Prepared: p}})
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, r[0].Launch.Cycles())
	}
	if took[0] != took[1] {
		t.Errorf("%d cycles, then %d", took[0], took[1])
	}
}

// TestEverySettingCounts: settings of the machine file that say how much of
// something there is change the time of a kernel that needs it.
func TestEverySettingCounts(t *testing.T) {
	misses := func(g *configs.GPU) *tile.Kernel { return stream(t, g, 8, 8, 10, 4, 4) }
	many := func(g *configs.GPU) *tile.Kernel { return kernel{warps: 1, ctas: 40, trips: 1}.build(t, g) }
	hits := func(g *configs.GPU) *tile.Kernel { // nine lines each, of which a word in nine
		s := kernel{warps: 8, ctas: 4, trips: 40, words: 1 << 14}
		for range 4 {
			s.accesses = append(s.accesses, words(256, 1, 0, 9, 0))
		}
		s.segments = []tile.Segment{loop(ldg(0, 0), ldg(4, 1), ldg(8, 2), ldg(12, 3))}
		return s.build(t, g)
	}
	for _, c := range []struct {
		set  string
		make func(*configs.GPU) *tile.Kernel
	}{
		{"gpu.dispatch.cta_interval=500", many},
		{"gpu.l1.tags_per_clk=1", hits},
		{"gpu.l1.bytes_per_clk=16", misses},
		{"gpu.sm.cta_launch_latency=3000", many},
		{"gpu.crossbar.sm_reply_bytes_per_clk=4", misses},
	} {
		t.Run(c.set, func(t *testing.T) {
			time := func(g *configs.GPU) uint64 { return cycles(t, g, true, c.make(g)) }
			before, after := time(small(t)), time(small(t, c.set))
			if float64(after) < 1.02*float64(before) {
				t.Errorf("%d cycles, with %s %d", before, c.set, after)
			}
		})
	}
}
