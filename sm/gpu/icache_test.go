package gpu_test

import (
	"testing"

	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

// TestFetchedIsIssued: warps of one sub-core whose programs do not fit its instruction
// cache together drive each other's lines out of it, but what a warp has waited for it
// issues from: else neither of them would ever get on.
func TestFetchedIsIssued(t *testing.T) {
	g := small(t, "gpu.sm.count=1", "gpu.sm.per_tpc=1", "gpu.sm.gpcs=1", "gpu.sm.icache.l0=1 KiB")
	var body []tile.Inst
	for i := range 300 {
		body = append(body, op(tile.OpFFMA, i%16, i%16, 32, 40))
	}
	const trips = 20
	s := kernel{warps: 8, ctas: 1, trips: trips, regs: 64}
	for range s.warps {
		s.roles = append(s.roles, []tile.Segment{loop(body...)})
	}
	// It ends, within what every line's coming anew for every warp and iteration takes.
	lines := uint64(len(body)+1+7) / 8 // of eight instructions
	most := 2 * trips * lines * uint64(g.SM.ICache.L0MissLatency+2*g.SM.ICache.PrefetchLines)
	r, _ := run(t, g, gpu.Options{MaxCycles: 10 * most}, false, s.build(t, g))
	if got := r[0].Launch.Cycles(); got > most {
		t.Errorf("%d cycles, want %d at most", got, most)
	}
}
