package sampling_test

import (
	"math"
	"testing"
)

// A gradient of filters reads rows of 64 channels, 32 bytes of each in an iteration, of
// which L2 fetches 128 at once: jumps that begin or land within these would fetch a third
// more than the whole kernel does.
func TestSampledJumpsKeepLines(t *testing.T) {
	t.Parallel()
	m := machine(t, "gtx1080ti", "gpu.sm.count=8", "gpu.sm.gpcs=2", "gpu.l2.slices=8", "gpu.dram.channels=4", "gpu.dram.spread_channels=4", "gpu.l2.size=1 MiB")
	const text = "conv:n=1,c=3,h=224,w=224,k=64,r=3,s=3,pad=1,pass=bwd_weight"
	some, all := bothWays(t, m, text, 1<<19)
	time, bytes := off(some.TimeUS, all.TimeUS), off(some.DRAMBytes, all.DRAMBytes)
	t.Logf("%.1f us, %+.2f %% sampled, %.1f MB, %+.2f %% (%.0f %% simulated)", all.TimeUS, time, all.DRAMBytes/1e6, bytes, some.SimulatedPct)
	if some.SimulatedPct > 50 || math.Abs(time) > 5 || math.Abs(bytes) > 12 {
		t.Errorf("%+.2f %% of time, %+.2f %% of bytes by %.0f %% of it", time, bytes, some.SimulatedPct)
	}
}
