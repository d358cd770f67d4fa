package gpu_test

import (
	"context"
	"math"
	"testing"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// sampled runs a kernel under a plan.
func sampled(t *testing.T, g *configs.GPU, k *tile.Kernel, plan *sm.Plan, waves func(slots int) gpu.WavePlan) gpu.Report {
	t.Helper()
	p, err := sm.Prepare(k, g)
	if err == nil {
		err = p.Sample(plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	d, err := gpu.New(context.Background(), g, g.Clock.Sustained, gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.Warm(k)
	l := &gpu.Launch{Prepared: p}
	if waves != nil {
		l.Waves = waves(g.SM.Count * p.CTAsPerSM)
	}
	r, err := d.Run([]*gpu.Launch{l})
	if err != nil {
		t.Fatal(err)
	}
	return r[0]
}

// windows is a plan of the kind that the root package makes: a first window
// with 8 iterations to settle and 8 measured, and the last 8 iterations. With
// 4 to settle, TestLoopSampling is off by 1.1 % instead of 0.2 %.
func windows(trips int) *sm.Plan {
	n := int32(trips)
	return &sm.Plan{Windows: []sm.Window{
		{From: 0, Settle: 8, To: 16, Skip: n - 8 - 16},
		{From: n - 8, Settle: n - 6, To: n},
	}}
}

// instructions checks that what was issued and what was left out are together
// the program's instructions.
func instructions(t *testing.T, r *gpu.Report) {
	t.Helper()
	k := r.Launch.Kernel
	ran := uint64(0)
	for i := range k.CTAs() {
		if w := &r.Launch.Waves; w.By > 0 && i >= w.At && i < w.At+w.By {
			continue
		}
		var c tile.CTA
		k.Place(i, &c)
		for _, role := range k.Role {
			ran += uint64(k.Programs[role].Instructions(int(c.Trips)))
		}
	}
	if got := r.SM.WarpInsts + r.SM.SkippedInsts; got != ran {
		t.Errorf("%d warp instructions issued and %d left out, the CTAs that run have %d", r.SM.WarpInsts, r.SM.SkippedInsts, ran)
	}
	if r.SM.SkippedInsts == 0 && r.Launch.Plan != nil {
		t.Error("nothing is left out")
	}
}

func within(t *testing.T, what string, got, want uint64, percent float64) {
	t.Helper()
	e := 100 * (float64(got)/float64(want) - 1)
	t.Logf("%s: %d cycles sampled, %d detailed: %+.2f %%", what, got, want, e)
	if math.Abs(e) > percent {
		t.Errorf("%s: %d cycles sampled, %d detailed: %+.2f %%", what, got, want, e)
	}
}

// TestLoopSampling: a plan that leaves out most of the main loop of a
// GEMM of 2048 cubed changes its time by less than 1 %.
func TestLoopSampling(t *testing.T) {
	t.Parallel()
	g := volta(t)
	k := build(t, g, gemm.Problem{M: 2048, N: 2048, K: 2048, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma"})[0]
	full := sampled(t, g, k, nil, nil)
	some := sampled(t, g, k, windows(64), nil)
	instructions(t, &full)
	instructions(t, &some)
	if some.SM.WarpInsts*2 > full.SM.WarpInsts {
		t.Errorf("%d of %d instructions simulated: hardly anything is left out", some.SM.WarpInsts, full.SM.WarpInsts)
	}
	within(t, "loop", some.Launch.Cycles(), full.Launch.Cycles(), 1)
	if some.Launch.Skipped == 0 || full.Launch.Skipped != 0 {
		t.Errorf("skipped %d and %d cycles", some.Launch.Skipped, full.Launch.Skipped)
	}
}

// TestLoopSamplingBySchedulers: two and a half CTAs for each SM, of which two
// fit at a time. Under round robin the first two end together, under a greedy
// scheduler one after the other, and the rest meet others in mid-loop or none.
// If the CTAs outside their main loops are taken to hold a share of the SM
// whatever the scheduler, gty is off by 5 % and oldest by 26 %.
func TestLoopSamplingBySchedulers(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"lrr", "gto", "gty", "oldest"} {
		g := volta(t, "gpu.sm.count=8", "gpu.sm.gpcs=1", "gpu.l2.slices=8", "gpu.dram.channels=8", "gpu.l2.size=768 KiB", "gpu.sm.scheduler="+s)
		k := build(t, g, gemm.Problem{M: 640, N: 512, K: 640, DType: "fp32", Acc: "fp32"}, gemm.Config{Family: "simt", TileK: 8, WarpM: 32, WarpN: 64, WarpK: 1})[0]
		if n := k.CTAs(); n != 20 {
			t.Fatalf("%d CTAs", n)
		}
		full := sampled(t, g, k, nil, nil)
		some := sampled(t, g, k, windows(80), nil)
		instructions(t, &some)
		within(t, s, some.Launch.Cycles(), full.Launch.Cycles(), 2)
	}
}

// TestWaveSampling: whole waves left out, and both at once.
func TestWaveSampling(t *testing.T) {
	t.Parallel()
	g := volta(t, "gpu.sm.count=8", "gpu.sm.gpcs=1", "gpu.l2.slices=8", "gpu.dram.channels=8", "gpu.l2.size=768 KiB")
	k := build(t, g, gemm.Problem{M: 1024, N: 1792, K: 1280, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma"})[0]
	waves := func(slots int) gpu.WavePlan {
		n := k.CTAs() / slots
		if n < 6 {
			t.Fatalf("%d waves", n)
		}
		return gpu.WavePlan{Slots: slots, At: 2 * slots, By: (n - 3) * slots}
	}
	full := sampled(t, g, k, nil, nil)
	some := sampled(t, g, k, nil, waves)
	both := sampled(t, g, k, windows(40), waves)
	for _, r := range []*gpu.Report{&full, &some, &both} {
		instructions(t, r)
	}
	within(t, "waves", some.Launch.Cycles(), full.Launch.Cycles(), 1)
	within(t, "waves and loop", both.Launch.Cycles(), full.Launch.Cycles(), 1)
	if some.SM.WarpInsts*2 != full.SM.WarpInsts/7*6 { // three waves of seven
		t.Errorf("%d of %d instructions simulated", some.SM.WarpInsts, full.SM.WarpInsts)
	}
}

// TestPlanOfShorterSlices: the last slice of split-K has fewer iterations than
// the plan was made for; its last iteration is run all the same.
func TestPlanOfShorterSlices(t *testing.T) {
	g := small(t)
	// 233 k-tiles: seven slices of 30 and one of 23.
	k := build(t, g, gemm.Problem{M: 128, N: 128, K: 32 * 233, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma", Splits: 8})[0]
	trips := 0
	for i := range k.CTAs() {
		var c tile.CTA
		k.Place(i, &c)
		trips += int(c.Trips)
		if i == 7 && c.Trips != 23 {
			t.Fatalf("the last slice has %d iterations", c.Trips)
		}
	}
	plan := &sm.Plan{Windows: []sm.Window{{From: 0, Settle: 4, To: 12, Skip: 12}, {From: 24, Settle: 26, To: 30}}}
	full := sampled(t, g, k, nil, nil)
	some := sampled(t, g, k, plan, nil)
	instructions(t, &some)
	within(t, "split-K", some.Launch.Cycles(), full.Launch.Cycles(), 6)
	body := uint64(len(k.Programs[0].Segments[1].Code))
	if want := uint64(k.Warps()) * body * (7*12 + 23 - 1 - 12); some.SM.SkippedInsts != want {
		t.Errorf("%d warp instructions left out, want %d: the last of 23 iterations is run", some.SM.SkippedInsts, want)
	}
}

// TestImpossiblePlans: a window that begins to measure where a jump lands is
// never told of that moment, and would measure from the beginning of time.
func TestImpossiblePlans(t *testing.T) {
	g := small(t)
	k := kernel{warps: 1, ctas: 1, trips: 30}
	k.segments = []tile.Segment{loop(op(tile.OpFFMA, 0, 0, 2, 4))}
	p, err := sm.Prepare(k.build(t, g), g)
	if err != nil {
		t.Fatal(err)
	}
	if p.Sample(windows(30)) == nil {
		t.Error("a loop without memory instructions is accepted: it has no pace")
	}
	k.segments = []tile.Segment{loop(op(tile.OpS2R, 8, tile.RZ, tile.RZ, tile.RZ), op(tile.OpFFMA, 0, 0, 2, 4))}
	if p, err = sm.Prepare(k.build(t, g), g); err != nil {
		t.Fatal(err)
	}
	if err := p.Sample(windows(30)); err != nil {
		t.Error(err)
	}
	for _, w := range [][]sm.Window{
		{{From: 0, Settle: 4, To: 12, Skip: 16}, {From: 28, Settle: 28, To: 30}},
		{{From: 0, Settle: 12, To: 12, Skip: 18}},                               // divides by zero
		{{From: 0, Settle: 4, To: 12, Skip: 5}, {From: 28, Settle: 29, To: 30}}, // the jump does not meet the window
		{{From: 0, Settle: 4, To: 12, Skip: -3}, {From: 9, Settle: 10, To: 30}}, // backwards
	} {
		if err := p.Sample(&sm.Plan{Windows: w}); err == nil {
			t.Errorf("%+v is accepted", w)
		}
	}
}

// TestPlanSimulated counts what a plan leaves.
func TestPlanSimulated(t *testing.T) {
	if n := windows(64).Simulated(64); n != 24 {
		t.Errorf("%d iterations of 64, want 24", n)
	}
	var w gpu.WavePlan
	if n := w.Run(100); n != 100 {
		t.Errorf("no plan runs %d CTAs of 100", n)
	}
	w = gpu.WavePlan{Slots: 10, At: 20, By: 50}
	if n := w.Run(100); n != 50 {
		t.Errorf("%d CTAs of 100, want 50", n)
	}
	w.Others = 20
	if n := w.Run(100); n != 30 {
		t.Errorf("%d CTAs of 100 with 20 of other parts, want 30", n)
	}
}
