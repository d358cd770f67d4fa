package sampling_test

import (
	"flag"
	"math"
	"testing"

	"gpusim"
)

var wholeStreams = flag.Bool("streams", false, "TestSampledStreams on a whole V100")

// Of kernels that stream sampling leaves out waves or iterations of loops; the times of
// calls stay within 2 % of the detailed ones on average and 4 % each, inside the interval
// that is given, and energies within 3 %.
func TestSampledStreams(t *testing.T) {
	t.Parallel()
	sets, budget := []string{"gpu.sm.count=20", "gpu.sm.gpcs=2", "gpu.l2.slices=16", "gpu.dram.channels=8", "gpu.l2.size=1536 KiB"}, 1<<18
	works := []string{
		"elementwise:op=relu,size=6144000,dtype=fp16",
		"elementwise:op=mul,size=4816896,dtype=fp16",
		"elementwise:op=gelu,size=3000000,dtype=fp32",
		"elementwise:op=cast,size=4194304,dtype=fp32,to=fp16",
		"optimizer:op=momentum,size=2000000,dtype=fp32",
		"batchnorm:n=24,c=64,h=56,w=56,phase=train,dtype=fp16,layout=nhwc",
		"batchnorm:n=24,c=64,h=56,w=56,phase=train,dtype=fp16,pass=bwd,layout=nhwc",
		"batchnorm:n=48,c=512,h=14,w=14,phase=train,dtype=fp16,layout=nhwc",
		"batchnorm:n=8,c=64,h=112,w=112,phase=train,dtype=fp32,layout=nchw",
		"softmax:rows=16384,cols=512,dtype=fp32",
		"softmax:rows=8192,cols=2048,dtype=fp16",
		"layernorm:rows=16384,cols=512,dtype=fp32",
		"reduce:op=sum,rows=60000,cols=96,axis=rows,dtype=fp32",
		"reduce:op=sum,rows=40,cols=131072,axis=cols,dtype=fp32",
	}
	if *wholeStreams {
		sets, budget = nil, 1<<20
		works = []string{
			"elementwise:op=relu,size=19267584,dtype=fp16",
			"elementwise:op=mul,size=19267584,dtype=fp16",
			"batchnorm:n=64,c=64,h=56,w=56,phase=train,dtype=fp16,layout=nhwc",
			"batchnorm:n=96,c=256,h=28,w=28,phase=train,dtype=fp16,pass=bwd,layout=nhwc",
			"batchnorm:n=128,c=512,h=14,w=14,phase=train,dtype=fp16,layout=nhwc",
			"reduce:op=sum,rows=200000,cols=96,axis=rows,dtype=fp32",
		}
	}
	m := machine(t, "volta", sets...)
	sum, sampled, outside := 0.0, 0, 0
	for _, text := range works {
		w := parsed(t, text)
		some := run(t, m, w, gpusim.Sampled, budget)
		if some.SimulatedPct > 80 {
			t.Logf("%s: %.0f %% simulated", text, some.SimulatedPct)
			continue
		}
		all := run(t, m, w, gpusim.Detailed, budget)
		e, joule := off(some.TimeUS, all.TimeUS), off(some.Energy.TotalUJ, all.Energy.TotalUJ)
		t.Logf("%s: %.1f us, %+.2f %% sampled (%.0f %% simulated), interval +-%.1f %%, energy %+.2f %%",
			text, all.TimeUS, e, some.SimulatedPct, off(some.TimeHiUS, some.TimeUS), joule)
		sampled++
		sum += math.Abs(e)
		if math.Abs(e) > 4 {
			t.Errorf("%s: %+.2f %%", text, e)
		}
		if math.Abs(joule) > 3 {
			t.Errorf("%s: energy %+.2f %%", text, joule)
		}
		if all.TimeUS < some.TimeLoUS || all.TimeUS > some.TimeHiUS {
			outside++
		}
	}
	t.Logf("%d calls: %.2f %% on average, %d outside their intervals", sampled, sum/float64(sampled), outside)
	if sampled < len(works)/2 || sum > 2*float64(sampled) || outside > 1 {
		t.Errorf("%d of %d sampled, %.2f %% on average, %d outside their intervals", sampled, len(works), sum/float64(sampled), outside)
	}
}
