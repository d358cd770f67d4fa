package sampling_test

import (
	"math"
	"strings"
	"testing"

	"gpusim"
)

// Half of a GPU with half of the CTAs takes as long as the whole, moves half of its
// bytes and spends half of its issue slots: what is reported of the whole is within 5 %,
// of time 2 % on average. (Bytes of convolutions are not: cold misses of the first waves
// count for all of them.)
func TestSampledOnPartOfGPU(t *testing.T) {
	t.Parallel()
	m := machine(t, "volta", "gpu.sm.count=40", "gpu.sm.gpcs=3", "gpu.l2.slices=32", "gpu.dram.channels=16", "gpu.l2.size=3 MiB")
	sum := 0.0
	works := []string{
		"elementwise:op=mul,size=4816896,dtype=fp16",
		"optimizer:op=momentum,size=2000000,dtype=fp32",
		"batchnorm:n=24,c=256,h=28,w=28,phase=train,dtype=fp16,pass=bwd,layout=nhwc",
		"pool:op=max,n=24,c=64,h=56,w=56,r=3,s=3,stride=2,pad=1,dtype=fp16,layout=nhwc",
		"softmax:rows=16384,cols=512,dtype=fp32",
		"conv:n=48,c=64,h=56,w=56,k=256,r=1,s=1,dtype=fp16,layout=nhwc",
		"conv:n=48,c=256,h=28,w=28,k=128,r=3,s=3,pad_h=1,pad_w=1,dtype=fp16,layout=nhwc,pass=bwd_data",
		"conv:n=96,c=64,h=56,w=56,k=64,r=1,s=1,dtype=fp16,layout=nhwc,pass=bwd_weight",
	}
	for _, text := range works {
		some, all := bothWays(t, m, text, 1<<18)
		if some.SimulatedPct > 52 {
			t.Errorf("%s: %.0f %% simulated", text, some.SimulatedPct)
		}
		slots := func(r *gpusim.Result) (n float64) {
			for _, l := range r.Layers {
				for _, s := range l.Stalls {
					n += float64(s.Slots)
				}
			}
			return n
		}
		e := off(some.TimeUS, all.TimeUS)
		t.Logf("%s: %.1f us, %+.2f %% sampled (%.0f %% simulated), interval +-%.1f %%", text, all.TimeUS, e, some.SimulatedPct, off(some.TimeHiUS, some.TimeUS))
		sum += math.Abs(e)
		for what, e := range map[string]float64{
			"time": e, "slots": off(slots(&some), slots(&all)), "energy": off(some.Energy.TotalUJ, all.Energy.TotalUJ), "DRAM bytes": off(some.DRAMBytes, all.DRAMBytes),
		} {
			if math.Abs(e) > 5 && (what != "DRAM bytes" || !strings.HasPrefix(text, "conv")) {
				t.Errorf("%s: %s %+.2f %%", text, what, e)
			}
		}
		if all.TimeUS < some.TimeLoUS || all.TimeUS > some.TimeHiUS {
			t.Errorf("%s: %.1f us, not within %.1f to %.1f", text, all.TimeUS, some.TimeLoUS, some.TimeHiUS)
		}
	}
	if sum > 2*float64(len(works)) {
		t.Errorf("%.2f %% on average", sum/float64(len(works)))
	}
}
