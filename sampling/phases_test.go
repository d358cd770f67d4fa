package sampling_test

import (
	"math"
	"testing"
)

// Under a greedy scheduler residents of an SM are hundreds of iterations apart, and each
// loads its own part of the operands. Sampled runs load as much from DRAM: without phases
// of their own CTAs would load half.
func TestSampledPhases(t *testing.T) {
	t.Parallel()
	m := machine(t, "volta", "gpu.sm.count=8", "gpu.sm.gpcs=1", "gpu.l2.slices=8", "gpu.dram.channels=8",
		"gpu.dram.spread_channels=8", "gpu.l2.size=1536 KiB", "gpu.sm.scheduler=gto")
	some, all := bothWays(t, m, "gemm:m=1024,n=1024,k=1536,dtype=fp32,ta=t,kernel=volta_sgemm_128x128_tn", 1<<20)
	t.Logf("%.1f us, %+.2f %% sampled (%.0f %% simulated), DRAM %.1f MB, %+.1f %%", all.TimeUS, off(some.TimeUS, all.TimeUS),
		some.SimulatedPct, float64(all.DRAMBytes)/1e6, off(float64(some.DRAMBytes), float64(all.DRAMBytes)))
	if some.SimulatedPct > 50 {
		t.Errorf("%.0f %% simulated", some.SimulatedPct)
	}
	if e := off(some.TimeUS, all.TimeUS); math.Abs(e) > 5 {
		t.Errorf("time %+.2f %%", e)
	}
	if e := off(float64(some.DRAMBytes), float64(all.DRAMBytes)); math.Abs(e) > 15 {
		t.Errorf("DRAM bytes %+.1f %%", e)
	}
}
