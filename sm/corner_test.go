package sm_test

import (
	"math/rand"
	"testing"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// TestGuardedOffAccess: a shared-memory instruction whose guard is off moves
// no data.
func TestGuardedOffAccess(t *testing.T) {
	g := volta(t)
	in := lds(0, 0)
	in.Guard = tile.GuardMore
	c := load(t, g, loopKernel(t, g, 1, 5, []tile.Access{sharedAccess(32, 4, 1)}, in), 1)
	finish(t, c)
	if n := c.Counts().SharedPasses; n != 4 {
		t.Errorf("%d passes in five iterations, want 4: the guard is off in the last", n)
	}
}

// straight makes a kernel of one warp from segments.
func straight(t *testing.T, g *configs.GPU, trips int, segs ...tile.Segment) *tile.Kernel {
	t.Helper()
	k := loopKernel(t, g, 1, trips, nil)
	k.Programs[0].Segments = append(segs, tile.Segment{Code: []tile.Inst{bare(tile.OpEXIT)}})
	if err := tile.Finish(k, library.Latencies(g)); err != nil {
		t.Fatal(err)
	}
	return k
}

// perfectFetch takes instruction caches out of the picture.
func perfectFetch(g *configs.GPU) {
	g.SM.ICache.L0MissLatency, g.SM.ICache.L1MissLatency, g.SM.ICache.PrefetchLines = 0, 0, 0
}

// TestDependenceAcrossTheEndOfALoop: results of fixed latency are awaited on
// the way out of a loop too, where no branch is taken.
func TestDependenceAcrossTheEndOfALoop(t *testing.T) {
	g := volta(t)
	perfectFetch(g)
	dfma := op(tile.OpDFMA, 0, 0, 2, 4)
	k := straight(t, g, 1, tile.Segment{Code: []tile.Inst{dfma, bare(tile.OpBRA)}, Loop: true}, tile.Segment{Code: []tile.Inst{dfma}})
	// DFMA in cycle 0, the next one in cycle 8, EXIT in 9.
	if end := finish(t, load(t, g, k, 1)); end < 10 {
		t.Errorf("ends in cycle %d, too early for two dependent DFMA of latency 8", end)
	}
}

// TestDependenceAcrossABranch: and around the loop, where the branch's own
// latency may not do.
func TestDependenceAcrossABranch(t *testing.T) {
	g := volta(t)
	perfectFetch(g)
	body := []tile.Inst{op(tile.OpFADD, 100, 0, 2, tile.RZ), hmma(0, 4), bare(tile.OpBRA)}
	k := straight(t, g, 2, tile.Segment{Code: body, Loop: true})
	// FADD 0, HMMA 1 to 7, FADD not before 7+10, HMMA 18 to 24, BRA 25, EXIT.
	if end := finish(t, load(t, g, k, 1)); end < 27 {
		t.Errorf("ends in cycle %d, too early for an FADD that reads an MMA's result after 16 cycles", end)
	}
}

// TestBranchStalls: the same on random programs.
func TestBranchStalls(t *testing.T) {
	for seed := range int64(50) {
		r := rand.New(rand.NewSource(seed))
		g := volta(t)
		vary(g, r)
		if agree(t, g, r, style{branchStalls: true}); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestStallAcrossABarrier: a barrier of low latency does not shorten the
// stall counts of those who wait at it.
func TestStallAcrossABarrier(t *testing.T) {
	for seed := range int64(50) {
		r := rand.New(rand.NewSource(seed))
		g := volta(t)
		vary(g, r)
		g.SM.BarrierLatency = 1 + r.Intn(3)
		if agree(t, g, r, style{}); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestReasonAfterABarrier: what a warp waited for last is what it waited for,
// a barrier or a load. Otherwise the CPI stack depends on the horizon.
func TestReasonAfterABarrier(t *testing.T) {
	for seed := range int64(50) {
		r := rand.New(rand.NewSource(seed))
		g := volta(t)
		vary(g, r)
		if agree(t, g, r, style{waitAfterBarrier: true}); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestStepsInEveryCycle: a tensor core twice as fast, whose steps follow each
// other without a gap.
func TestStepsInEveryCycle(t *testing.T) {
	for seed := range int64(50) {
		r := rand.New(rand.NewSource(seed))
		g := volta(t, "gpu.tensor_core.fma_per_clk=256", "gpu.tensor_core.step_cycles=1", "gpu.tensor_core.step_cycles_fp16=2")
		if agree(t, g, r, style{}); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestSmallInstructionCache: the smallest L0 that machine files allow, with
// prefetches that need more than it holds.
func TestSmallInstructionCache(t *testing.T) {
	g := volta(t, "gpu.sm.icache.l0=1 KiB", "gpu.sm.icache.prefetch_lines=8")
	k := loopKernel(t, g, 4, 3, nil, repeat(200, op(tile.OpFFMA, 0, 0, 2, 4))...)
	c := load(t, g, k, 1)
	finish(t, c)
	if got, want := c.Counts().WarpInsts, uint64(4*(3*201+1)); got != want {
		t.Errorf("%d warp instructions issued, want %d", got, want)
	}
}

// TestLargeSteps: the longest steps that machine files allow.
func TestLargeSteps(t *testing.T) {
	g := volta(t)
	g.Tensor.StepCycles, g.Tensor.StepsFP32, g.Tensor.BubbleSetsFP32 = 32, 8, 0
	perfectFetch(g)
	// Two MMAs: the warp's EXIT follows the last step of the second.
	k := straight(t, g, 1, tile.Segment{Code: []tile.Inst{hmma(0, 8), hmma(8, 8)}})
	if end := finish(t, load(t, g, k, 1)); end != 8*32+7*32+2 {
		t.Errorf("ends in cycle %d, want %d", end, 8*32+7*32+2)
	}
}

// TestRolesWithoutBarrier: a warp that has left the CTA is not awaited at a
// barrier, whether it left before the others arrived or after.
func TestRolesWithoutBarrier(t *testing.T) {
	for _, length := range []int{1, 200} {
		g := volta(t)
		k := loopKernel(t, g, 2, 1, nil, repeat(20, op(tile.OpFFMA, 0, 0, 2, 4))...)
		k.Programs[0].Segments[1].Code = []tile.Inst{bare(tile.OpBAR), bare(tile.OpEXIT)}
		other := loopKernel(t, g, 1, 1, nil, repeat(length, op(tile.OpFFMA, 0, 0, 2, 4))...)
		k.Programs = append(k.Programs, other.Programs[0])
		k.Role[1] = 1
		if err := tile.Finish(k, library.Latencies(g)); err != nil {
			t.Fatal(err)
		}
		c := load(t, g, k, 1)
		finish(t, c)
		if got, want := c.Counts().WarpInsts, uint64(21+2+length+2); got != want {
			t.Errorf("a warp that leaves after %d instructions: %d issued in all, want %d", length, got, want)
		}
	}
}

// TestKernelWithoutRegisters: occupancy of a kernel that states no registers.
func TestKernelWithoutRegisters(t *testing.T) {
	g := volta(t)
	if n, _, err := sm.Occupancy(&tile.Kernel{Name: "k", Threads: 64}, &g.SM); err != nil || n != 32 {
		t.Errorf("%d CTAs, %v", n, err)
	}
}
