package gpusim

import (
	"context"
	"testing"

	"gpusim/configs"
)

// The closed form knows no queues, so it is no slower than the event model, but for
// what its bounds take as serial; and it is not far below it where one unit is busy.
func TestClosedFormBesideTheModel(t *testing.T) {
	t.Parallel()
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, least := range map[string]float64{
		"gemm:512x512x256:fp32": 0.5, "gemm:1024x512x256:fp16": 0.4, "gemm:256x256x128:fp64": 0.4,
		"conv:n=4,c=64,h=14,w=14,k=64,r=3,s=3,pad=1,dtype=fp16,layout=nhwc": 0.4, "conv:n=4,c=32,h=14,w=14,k=64,r=3,s=3,pad=1,dtype=fp32": 0.3,
		"elementwise:op=add,size=1048576,dtype=fp32": 0.3, "softmax:rows=512,cols=256": 0.2,
		"optimizer:op=adam,size=4000000": 0.5, "embedding:rows=512,cols=768,vocab=100000,dtype=fp32": 0.2,
	} {
		w := parseAll(t, text)[0]
		model, err := Run(context.Background(), m, w, Options{})
		if err != nil {
			t.Fatal(err)
		}
		closed, err := Run(context.Background(), m, w, Options{Fidelity: Analytic})
		if err != nil {
			t.Fatal(err)
		}
		time, joules := closed.TimeUS/model.TimeUS, closed.Energy.TotalUJ/model.Energy.TotalUJ
		t.Logf("%s: time %.2f, energy %.2f of the model", text, time, joules)
		if time > 1.15 || time < least {
			t.Errorf("%s: the closed form takes %.2f of the model's time", text, time)
		}
		if joules > 1.3 || joules < 0.4 {
			t.Errorf("%s: the closed form takes %.2f of the model's energy", text, joules)
		}
		if closed.WarpInsts != model.WarpInsts || closed.SimulatedPct != 0 {
			t.Errorf("%s: %v warp instructions, the model has %v; %v %% simulated", text, closed.WarpInsts, model.WarpInsts, closed.SimulatedPct)
		}
	}
}

// More of anything never makes the closed form slower.
func TestClosedFormIsMonotone(t *testing.T) {
	t.Parallel()
	b, err := configs.Open("volta")
	if err != nil {
		t.Fatal(err)
	}
	work := parseAll(t, "gemm:2048x2048x512:fp16", "gemm:4096x4096x64:fp32", "elementwise:op=add,size=8388608,dtype=fp32", "conv:n=8,c=64,h=28,w=28,k=64,r=3,s=3,pad=1,dtype=fp16,layout=nhwc")
	for _, w := range work {
		before := 0.0
		for i, sets := range [][]string{nil, {"gpu.dram.clock=1752 MHz"}, {"gpu.dram.clock=1752 MHz", "gpu.l2.size=12 MiB"},
			{"gpu.dram.clock=1752 MHz", "gpu.l2.size=12 MiB", "gpu.crossbar.gpc_reply_bytes_per_clk=622"}} {
			m, err := b.With(sets)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Run(context.Background(), m, w, Options{Fidelity: Analytic})
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 && r.TimeUS > before*(1+1e-12) {
				t.Errorf("%s: %v us with %v, %v before", w.Text, r.TimeUS, sets, before)
			}
			before = r.TimeUS
		}
	}
}

// Closed forms simulate nothing, on whatever kind of machine.
func TestClosedFormsSimulateNothing(t *testing.T) {
	t.Parallel()
	for name, texts := range map[string][]string{
		"volta": {"gemm:64x64x64"}, "skylake-8180": {"gemm:64x64x64", "softmax:rows=64,cols=64"}, "tpu1": {"gemm:64x64x64:int8", "model:alexnet,dtype=int8"},
		"eyeriss": {"gemm:64x64x64:int16"}, "gemmini": {"gemm:64x64x64:int8"}, "scalesim": {"gemm:64x64x64:int8"}, "nvdla-small": {"gemm:64x64x64:int8"},
		"dgx1v": {"allreduce:bytes=1MiB,gpus=8"},
	} {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range parseAll(t, texts...) {
			r, err := Run(context.Background(), m, w, Options{Fidelity: Analytic})
			if err != nil || r.SimulatedPct != 0 {
				t.Errorf("%s on %s: %v %%, %v", w.Short(), name, r.SimulatedPct, err)
			}
		}
	}
}
