package sampling_test

import (
	"math"
	"testing"
)

// Of persistent grids sampling leaves out tiles and main-loop iterations; the time
// stays within 4 % of the detailed one, and its energy within 5 %.
func TestSampledPersistentGrid(t *testing.T) {
	t.Parallel()
	m := machine(t, "hopper", "gpu.sm.count=16", "gpu.sm.gpcs=2", "gpu.l2.slices=16", "gpu.dram.channels=16",
		"gpu.dram.spread_channels=8", "gpu.l2.size=5 MiB")
	for _, text := range []string{
		"gemm:m=2048,n=2048,k=4096,dtype=fp16,ta=t,kernel=sm90_xmma_gemm_f16f16_f16f32_f32_tilesize128x256x64",
		"gemm:m=2048,n=2048,k=8192,dtype=fp8,ta=t",
	} {
		some, all := bothWays(t, m, text, 0)
		t.Logf("%s: %.1f us, %+.2f %% sampled (%.0f %% simulated)", text, all.TimeUS, off(some.TimeUS, all.TimeUS), some.SimulatedPct)
		if some.SimulatedPct > 75 {
			t.Errorf("%s: %.0f %% simulated", text, some.SimulatedPct)
		}
		if e := off(some.TimeUS, all.TimeUS); math.Abs(e) > 4 {
			t.Errorf("%s: %+.2f %%", text, e)
		}
		if e := off(some.Energy.TotalUJ, all.Energy.TotalUJ); math.Abs(e) > 5 {
			t.Errorf("%s: energy %+.2f %%", text, e)
		}
	}
}
