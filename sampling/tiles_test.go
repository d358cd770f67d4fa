package sampling_test

import (
	"context"
	"math"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

// Of persistent grids sampling leaves out tiles and main-loop iterations; the time
// stays within 4 % of the detailed one, and its energy within 5 %.
func TestSampledPersistentGrid(t *testing.T) {
	t.Parallel()
	m, err := configs.Load("hopper", []string{"gpu.sm.count=16", "gpu.sm.gpcs=2", "gpu.l2.slices=16", "gpu.dram.channels=16",
		"gpu.dram.spread_channels=8", "gpu.l2.size=5 MiB"})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"gemm:m=2048,n=2048,k=4096,dtype=fp16,ta=t,kernel=sm90_xmma_gemm_f16f16_f16f32_f32_tilesize128x256x64",
		"gemm:m=2048,n=2048,k=8192,dtype=fp8,ta=t",
	} {
		some, all := bothWays(t, m, text, 0)
		off := func(a, b float64) float64 { return 100 * (a/b - 1) }
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

// bothWays runs a workload sampled and in detail.
func bothWays(t *testing.T, m *configs.Machine, text string, budget int) (some, all gpusim.Result) {
	t.Helper()
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for f, r := range map[gpusim.Fidelity]*gpusim.Result{gpusim.Sampled: &some, gpusim.Detailed: &all} {
		if *r, err = gpusim.Run(context.Background(), m, w, gpusim.Options{Fidelity: f, Budget: budget}); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return some, all
}

// sampledTime holds a call with the budget of a small machine's layer to its detailed time,
// within off percent of it by at most so many percent of its warp instructions.
func sampledTime(t *testing.T, m *configs.Machine, text string, simulated, off float64) {
	t.Helper()
	some, all := bothWays(t, m, text, 1<<18)
	e := 100 * (some.TimeUS/all.TimeUS - 1)
	t.Logf("%s: %.1f us, %+.2f %% sampled (%.0f %% simulated)", text, all.TimeUS, e, some.SimulatedPct)
	if some.SimulatedPct > simulated || math.Abs(e) > off {
		t.Errorf("%s: %+.2f %% by %.0f %% of it", text, e, some.SimulatedPct)
	}
}
