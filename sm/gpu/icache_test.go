package gpu_test

import (
	"context"
	"testing"
	"time"

	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

// TestFetchedIsIssued: warps of one sub-core whose programs do not fit its instruction
// cache together drive each other's lines out of it, but what a warp has waited for it
// issues from: else neither of them would ever get on.
func TestFetchedIsIssued(t *testing.T) {
	g := small(t, "gpu.sm.count=1", "gpu.sm.per_tpc=1", "gpu.sm.gpcs=1", "gpu.sm.icache.l0=1 KiB")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var body []tile.Inst
	for i := range 300 {
		body = append(body, op(tile.OpFFMA, i%16, i%16, 32, 40))
	}
	const trips = 20
	s := kernel{warps: 8, ctas: 1, trips: trips, regs: 64}
	for range s.warps {
		s.roles = append(s.roles, []tile.Segment{loop(body...)})
	}
	p, err := sm.Prepare(s.build(t, g), g)
	if err != nil {
		t.Fatal(err)
	}
	d, err := gpu.New(ctx, g, g.Clock.Sustained, gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Run([]*gpu.Launch{{Prepared: p}})
	if err != nil {
		t.Fatal(err)
	}
	// It ends, within what every line's coming anew for every warp and iteration takes.
	lines := uint64(len(body)+1+7) / 8 // of eight instructions
	if got, most := r[0].Launch.Cycles(), 2*trips*lines*uint64(g.SM.ICache.L0MissLatency+2*g.SM.ICache.PrefetchLines); got > most {
		t.Errorf("%d cycles, want %d at most", got, most)
	}
}
