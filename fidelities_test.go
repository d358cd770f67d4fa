package gpusim_test

import (
	"strings"
	"testing"

	"gpusim"
)

// Two fidelities agree: on machines with a fixed array the closed form lies within a
// factor of the default model, in time, energy and bytes moved, by the same mapping.
func TestFidelitiesAgreeOnArrays(t *testing.T) {
	t.Parallel()
	const factor = 1.25
	for _, work := range []string{
		"gemm:256x256x256:int8", "gemm:256x256x512:int8", "gemm:m=500,n=1,k=1024,dtype=int8", "gemm:m=500,n=32,k=512,dtype=int8", "gemm:m=300,n=100,k=200,dtype=int8,batch=4",
		"conv:n=1,c=64,h=28,w=28,k=16,r=3,s=3,pad=1,dtype=int8", "conv:n=1,c=64,h=28,w=28,k=100,r=3,s=3,pad=1,dtype=int8", "conv:n=1,c=3,h=112,w=112,k=32,r=7,s=7,pad=3,stride=2,dtype=int8",
		"conv:n=2,c=64,h=28,w=28,k=256,r=1,s=1,dtype=int8", "conv:n=1,c=128,h=28,w=28,k=128,r=3,s=3,pad=1,stride=2,dtype=int8", "conv:n=1,c=256,h=7,w=7,k=128,r=3,s=3,pad=1,dtype=int8",
		"conv:n=1,c=64,h=28,w=28,k=64,r=3,s=3,pad=2,dilation=2,dtype=int8", "conv:n=1,c=64,h=28,w=28,k=64,r=3,s=3,pad=1,groups=32,dtype=int8",
	} {
		for _, machine := range []string{"nvdla-small", "nvdla-large", "tpu1", "scalesim", "gemmini"} {
			model, err := runOn(t, machine, work, gpusim.Sampled)
			if err != nil {
				t.Fatal(err)
			}
			var sets []string
			if strings.HasPrefix(machine, "nvdla") {
				sets = []string{"nvdla.closed_form=plan"}
			}
			closed, err := runOn(t, machine, work, gpusim.Analytic, sets...)
			if err != nil {
				t.Fatal(err)
			}
			time, joules, bytes := closed.TimeUS/model.TimeUS, closed.Energy.TotalUJ/model.Energy.TotalUJ, closed.DRAMBytes/model.DRAMBytes
			t.Logf("%s, %s: time %.2f, energy %.2f, traffic %.2f", machine, work, time, joules, bytes)
			if k := closed.Layers[0].Kernel; k != model.Layers[0].Kernel || closed.SimulatedPct > 0 {
				t.Errorf("%s, %s: the closed form of %s is %s, %v %% simulated", machine, work, model.Layers[0].Kernel, k, closed.SimulatedPct)
			}
			for what, ratio := range map[string]float64{"time": time, "energy": joules, "traffic": bytes} {
				if ratio < 1/factor || ratio > factor {
					t.Errorf("%s, %s: %s of the closed form is %.2f of the model's", machine, work, what, ratio)
				}
			}
		}
	}
}
