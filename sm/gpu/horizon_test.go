package gpu_test

import (
	"context"
	"fmt"
	"math/rand"
	"testing"

	"gpusim/configs"
	"gpusim/memory"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// sameAtEveryHorizon runs kernels with bulk steps of several lengths.
func sameAtEveryHorizon(t *testing.T, what string, g *configs.GPU, warm, exact bool, ks ...*tile.Kernel) []gpu.Report {
	t.Helper()
	first, d := run(t, g, gpu.Options{}, warm, ks...)
	want := outcomes(first, exact)
	for _, h := range []uint64{1, 3, 17} {
		if h >= d.Horizon() {
			t.Fatalf("%s: the longest horizon is %d cycles", what, d.Horizon())
		}
		got, _ := run(t, g, gpu.Options{Horizon: h}, warm, ks...)
		for i, o := range outcomes(got, exact) {
			if o != want[i] {
				t.Fatalf("%s: kernel %d, horizon %d:\n%+v\nhorizon %d:\n%+v", what, i, h, o, d.Horizon(), want[i])
			}
		}
	}
	return first
}

func TestMaxHorizon(t *testing.T) {
	g := volta(t)
	m, err := memory.New(g, g.Clock.Sustained)
	if err != nil {
		t.Fatal(err)
	}
	if h := gpu.MaxHorizon(g, m); h != 28+50+80+54 {
		t.Errorf("%d cycles, want an L2 hit's 212", h)
	}
	g = volta(t, "gpu.sm.cta_exit_latency=3", "gpu.sm.cta_launch_latency=4")
	if h := gpu.MaxHorizon(g, m); h != 7 {
		t.Errorf("%d cycles, want the 7 in which a CTA can be replaced", h)
	}
	d, err := gpu.New(context.Background(), g, g.Clock.Sustained, gpu.Options{Horizon: 1000})
	if err != nil || d.Horizon() != 7 {
		t.Errorf("a horizon of 1000 is used as %d, want 7 (%v)", d.Horizon(), err)
	}
}

// style says what random programs may contain.
type style struct {
	useAfterBarrier bool // a BAR or MEMBAR right before the use of a load
	loadsAtExit     bool // loads that nothing waits for
	smallL1         bool // an L1 so small that lines go while they are under way
	storesToLoads   bool // stores to lines that loads under way have asked for
	storesAtWait    bool // stores under way when a semaphore is waited for
}

// randomKernel generates a kernel that uses everything that a tile program
// can contain.
func randomKernel(t *testing.T, g *configs.GPU, r *rand.Rand, st style) *tile.Kernel {
	s := kernel{
		warps: 1 + r.Intn(6), trips: 1 + r.Intn(4), words: 1 << (10 + r.Intn(9)),
		splits: 1 + r.Intn(3)*r.Intn(2), regs: 255,
	}
	s.ctas = s.splits * (1 + r.Intn(12))
	s.span = s.words / s.ctas &^ 31
	threads := 32 * s.warps
	for i := range 6 { // four for loads, two for stores, any stride and mask, within a few CTAs' spans
		n := 1 << r.Intn(3)
		a := words(threads, n, 32*r.Intn(8), n*[]int{1, 1, 1, 2, 5, 33, 0}[r.Intn(7)], 32*r.Intn(40))
		if r.Intn(3) == 0 {
			for i := range a.Row { // masked lanes
				if r.Intn(4) == 0 {
					a.Row[i] = int32(s.words)
				}
			}
		}
		if i >= 4 && !st.storesToLoads {
			a.Tensor = 1
		}
		s.accesses = append(s.accesses, a)
	}
	for range 2 {
		a := tile.Access{Space: tile.Shared, Bytes: 4, Addr: make([]int32, threads)}
		for i := range a.Addr {
			a.Addr[i] = int32(4 * (i * r.Intn(9) % 1024))
		}
		s.accesses = append(s.accesses, a)
	}
	barrier := func(o tile.Op) []tile.Inst {
		if st.useAfterBarrier {
			return []tile.Inst{bare(o)}
		}
		return []tile.Inst{bare(o), bare(tile.OpNOP)}
	}
	mix := func(n int, inLoop bool) (code []tile.Inst) {
		for range n {
			switch x := r.Intn(14); {
			case x < 4:
				in := ldg(64+4*r.Intn(12), r.Intn(4))
				if inLoop && r.Intn(3) == 0 {
					in.Guard = tile.GuardMore
				}
				code = append(code, in)
			case x < 6:
				code = append(code, stg(64+4*r.Intn(12), 4+r.Intn(2)))
			case x == 6:
				code = append(code, red(64+4*r.Intn(12), 4+r.Intn(2)))
			case x == 7:
				code = append(code, lds(112+r.Intn(8), 6+r.Intn(2)))
			case x == 8:
				code = append(code, sts(112+r.Intn(8), 6+r.Intn(2)))
			case x == 9:
				code = append(code, barrier(tile.OpBAR)...)
			case x == 10:
				code = append(code, hmma(8*r.Intn(4), []uint8{4, 2}[r.Intn(2)]))
			case x == 11:
				code = append(code, barrier(tile.OpMEMBAR)...)
			default:
				code = append(code, op(tile.OpFFMA, 64+r.Intn(48), 64+r.Intn(48), 64+r.Intn(48), 64+r.Intn(48)))
			}
		}
		return code
	}
	s.segments = []tile.Segment{once(mix(4+r.Intn(10), false)...), loop(mix(4+r.Intn(16), true)...)}
	tail := mix(3+r.Intn(6), false)
	if !st.loadsAtExit {
		for i := range 12 {
			tail = append(tail, op(tile.OpIADD, 200+i, 64+4*i, tile.RZ, tile.RZ))
		}
	}
	if s.splits > 1 {
		head := []tile.Inst{bare(tile.OpWAITSEM)}
		if !st.storesAtWait {
			head = append(barrier(tile.OpMEMBAR), head...)
		}
		tail = append(append(head, barrier(tile.OpBAR)...), tail...)
		tail = append(append(append(tail, barrier(tile.OpMEMBAR)...), barrier(tile.OpBAR)...), bare(tile.OpSIGSEM))
	}
	s.segments = append(s.segments, once(tail...))
	return s.build(t, g)
}

// TestHorizonChangesNothing: bulk steps of any length give the same cycles,
// CPI slots and memory counters, on random kernels.
func TestHorizonChangesNothing(t *testing.T) {
	t.Parallel()
	insts := uint64(0)
	for seed := range int64(seeds) {
		insts += anyHorizon(t, seed, style{}, false)
	}
	t.Logf("%d instructions", insts)
}

// anyHorizon runs a random kernel at every horizon.
func anyHorizon(t *testing.T, seed int64, st style, exact bool, more ...string) (insts uint64) {
	t.Helper()
	r := rand.New(rand.NewSource(seed))
	sets := []string{"gpu.sm.scheduler=" + []string{"gto", "lrr", "oldest", "two-level", "gty"}[seed%5]}
	if seed%3 == 0 {
		sets = append(sets, "gpu.l2.hash=modulo")
	}
	g := small(t, append(sets, more...)...)
	if st.smallL1 {
		g.SM.SharedMemory, g.L1.Size = 32<<10, 34<<10
	}
	k := randomKernel(t, g, r, st)
	what := fmt.Sprint("seed ", seed)
	rep := sameAtEveryHorizon(t, what, g, r.Intn(2) == 0, exact, k)
	if !g.SM.DualIssue { // the second of a pair takes no slot
		booksBalance(t, what, g, &rep[0])
	}
	return rep[0].SM.WarpInsts
}

// TestHorizonOfOlderMachines: the same where instructions go in pairs, where
// sub-cores share lanes or a pipe, and where L1 is apart from shared memory.
func TestHorizonOfOlderMachines(t *testing.T) {
	for name, sets := range map[string][]string{
		"pairs, shared lanes": {"gpu.sm.dual_issue=true", "gpu.sm.int_on_fp32=true", "gpu.sm.pipes.fp32={lanes: 32, latency: 9}", "gpu.sm.pair_lanes=32"},
		"one pipe, L1 apart":  {"gpu.sm.pipes.fp32={lanes: 64, latency: 6, shared: true}", "gpu.l1.unified=false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range int64(seeds / 2) {
				anyHorizon(t, 3000+seed, style{}, false, sets...)
			}
		})
	}
}

// TestHorizonOfHarderKernels: the same on kernels that the model does not
// stand yet.
func TestHorizonOfHarderKernels(t *testing.T) {
	for _, c := range []struct {
		name  string
		style style
	}{
		{"use after barrier", style{useAfterBarrier: true}},
		{"loads at exit", style{loadsAtExit: true}},
		{"small L1", style{smallL1: true}},
		{"stores to loads", style{storesToLoads: true}},
		{"stores at a semaphore", style{storesAtWait: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for seed := range int64(seeds / 2) {
				anyHorizon(t, 1000+seed, c.style, false)
			}
		})
	}
}

// TestHorizonOfDRAMCounters: what DRAM does at the end of a kernel while
// nobody waits for it is counted alike, too.
func TestHorizonOfDRAMCounters(t *testing.T) {
	for seed := range int64(seeds / 2) {
		anyHorizon(t, seed, style{}, true)
	}
}

const seeds = 40

// booksBalance checks that each issue slot has exactly one reason.
func booksBalance(t *testing.T, what string, g *configs.GPU, r *gpu.Report) {
	t.Helper()
	sum := uint64(0)
	for _, n := range r.SM.Slots {
		sum += n
	}
	if want := uint64(g.SM.Count*g.SM.SubCores) * (r.Launch.End - r.Launch.Start); sum != want {
		t.Errorf("%s: %d slots have a reason, want %d: %v", what, sum, want, r.SM.Slots)
	}
	work := gpu.Account(r.Launch.Kernel, uint8(g.Tensor.StepsFP32))
	if r.SM.WarpInsts+r.SM.SkippedInsts != work.WarpInsts {
		t.Errorf("%s: %d warp instructions issued and %d skipped, the program has %d", what, r.SM.WarpInsts, r.SM.SkippedInsts, work.WarpInsts)
	}
	if r.SM.SkippedInsts == 0 && r.SM.Slots[sm.Issued] != work.Slots {
		t.Errorf("%s: %d slots issued, the program has %d", what, r.SM.Slots[sm.Issued], work.Slots)
	}
}

// TestHorizonOfGEMM: the same with real kernels.
func TestHorizonOfGEMM(t *testing.T) {
	t.Parallel()
	g := small(t)
	for _, c := range []struct {
		name string
		p    gemm.Problem
		c    gemm.Config
	}{
		{"one wave", gemm.Problem{M: 256, N: 256, K: 256, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma"}},
		{"tn, ragged", gemm.Problem{M: 200, N: 168, K: 328, TransA: true, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma", TileM: 64, TileN: 64}},
		{"fp16 accumulators", gemm.Problem{M: 256, N: 128, K: 128, DType: "fp16", Acc: "fp16"}, gemm.Config{Family: "hmma", TileM: 128, TileN: 64}},
		{"serial split-K", gemm.Problem{M: 128, N: 256, K: 512, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma", Splits: 4}},
	} {
		ks := build(t, g, c.p, c.c)
		rep := sameAtEveryHorizon(t, c.name, g, true, false, ks...)
		for i := range rep {
			booksBalance(t, c.name, g, &rep[i])
		}
	}
}

// TestHorizonOfSeveralKernels: nor does the step change when the next kernel
// of a stream begins.
func TestHorizonOfSeveralKernels(t *testing.T) {
	g := small(t)
	p := gemm.Problem{M: 128, N: 256, K: 512, DType: "fp16", Acc: "fp32"}
	ks := build(t, g, p, gemm.Config{Family: "hmma", Splits: 4, Workspace: true})
	if len(ks) != 2 {
		t.Fatalf("%d kernels", len(ks))
	}
	rep := sameAtEveryHorizon(t, "split-K through a workspace", g, true, false, append(ks, ks...)...)
	for i := range rep {
		booksBalance(t, "split-K through a workspace", g, &rep[i])
		if i > 0 && rep[i].Launch.Start != rep[i-1].Launch.End {
			t.Errorf("kernel %d starts in cycle %d, the one before ends in %d", i, rep[i].Launch.Start, rep[i-1].Launch.End)
		}
	}
}

// TestHorizonOfImmediateLaunch: a kernel begins as early as the machine file
// says at every horizon.
func TestHorizonOfImmediateLaunch(t *testing.T) {
	g := small(t, "gpu.dispatch.kernel_latency=0", "gpu.dispatch.drain_latency=0")
	k := build(t, g, gemm.Problem{M: 256, N: 256, K: 128, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma"})[0]
	sameAtEveryHorizon(t, "immediate", g, true, false, k)
}

// TestCreationOrderChangesNothing: the order in which SMs are made decides
// nothing.
func TestCreationOrderChangesNothing(t *testing.T) {
	for seed := range int64(12) {
		r := rand.New(rand.NewSource(100 + seed))
		g := small(t)
		k := randomKernel(t, g, r, style{})
		a, _ := run(t, g, gpu.Options{}, false, k)
		b, _ := run(t, g, gpu.Options{Reverse: true}, false, k)
		if x, y := outcomes(a, true)[0], outcomes(b, true)[0]; x != y {
			t.Fatalf("seed %d:\n%+v\nreversed:\n%+v", seed, x, y)
		}
	}
	g := small(t)
	for _, workspace := range []bool{false, true} {
		ks := build(t, g, gemm.Problem{M: 256, N: 256, K: 256, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma", Splits: 2, Workspace: workspace})
		a, _ := run(t, g, gpu.Options{}, true, ks...)
		b, _ := run(t, g, gpu.Options{Reverse: true}, true, ks...)
		for i := range a {
			if x, y := outcomes(a, true)[i], outcomes(b, true)[i]; x != y {
				t.Fatalf("workspace %v, kernel %d:\n%+v\nreversed:\n%+v", workspace, i, x, y)
			}
		}
	}
}
