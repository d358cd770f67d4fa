package gpu_test

import (
	"context"
	"testing"

	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads"
	"gpusim/workloads/library"
	"gpusim/workloads/ops"
)

// What a kernel that streams leaves out takes L2 into another state, at the same time
// and in the same order whatever the bulk step; L2 stays whole.
func TestJumpsOfStreams(t *testing.T) {
	t.Parallel()
	g := small(t)
	for _, c := range []struct {
		text string
		plan func(l *gpu.Launch) error
	}{
		{"elementwise:op=add,size=400000,dtype=fp16", func(l *gpu.Launch) error {
			slots := g.SM.Count * l.CTAsPerSM
			l.Waves = gpu.WavePlan{Slots: slots, At: 2 * slots, By: 4 * slots, Streams: true}
			l.Behind = l.Waves.At + l.Waves.By
			return nil
		}},
		{"reduce:op=sum,rows=20000,cols=64,axis=rows,dtype=fp32", func(l *gpu.Launch) error {
			return l.Sample(&sm.Plan{Windows: []sm.Window{{Settle: 1, To: 8, Skip: 20, Lead: true}, {From: 28, Settle: 30, To: 36, Skip: 20}, {From: 56, Settle: 58, To: 64}}})
		}},
	} {
		w, err := workloads.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		ks, err := ops.Build(w.Layer, ops.Device{SMs: g.SM.Count, Latencies: library.Latencies(g)})
		if err != nil {
			t.Fatal(err)
		}
		run := func(horizon uint64, reverse bool) gpu.Report {
			p, err := sm.Prepare(ks[0], g)
			if err != nil {
				t.Fatal(err)
			}
			l := &gpu.Launch{Prepared: p}
			if err := c.plan(l); err != nil {
				t.Fatal(err)
			}
			d, err := gpu.New(context.Background(), g, g.Clock.Sustained, gpu.Options{Horizon: horizon, Reverse: reverse})
			if err != nil {
				t.Fatal(err)
			}
			d.Warm(ks[0])
			r, err := d.Run([]*gpu.Launch{l})
			if err != nil {
				t.Fatal(err)
			}
			return r[0]
		}
		want := run(0, false)
		if want.Launch.Skipped == 0 {
			t.Errorf("%s: nothing left out", c.text)
		}
		for _, h := range []uint64{1, 7} {
			for _, reverse := range []bool{false, true} {
				got := run(h, reverse)
				if got.Launch.Cycles() != want.Launch.Cycles() || got.Launch.Skipped != want.Launch.Skipped || got.Memory != want.Memory {
					t.Errorf("%s: horizon %d: %d cycles (%d left out), %+v, want %d (%d), %+v", c.text, h,
						got.Launch.Cycles(), got.Launch.Skipped, got.Memory, want.Launch.Cycles(), want.Launch.Skipped, want.Memory)
				}
			}
		}
	}
}
