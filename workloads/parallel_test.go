package workloads

import (
	"strings"
	"testing"
)

func TestParallelText(t *testing.T) {
	for in, want := range map[string]string{
		"model:resnet50,batch=192,dtype=fp16,phase=train,gpus=8":                                                       "model:resnet50,batch=192,dtype=fp16,phase=train,fused=false,gpus=8,bucket=25MiB,grads=fp16",
		"model:gpt2,batch=8,dtype=fp16,phase=train,gpus=16,tensor=4,pipeline=2,grads=fp32,schedule=gpipe,bucket=64MiB": "model:gpt2,batch=8,dtype=fp16,phase=train,fused=false,seq=1024,gpus=16,tensor=4,pipeline=2,micro=2,schedule=gpipe,bucket=64MiB,grads=fp32",
		"model:gpt2,data=2,tensor=2":            "model:gpt2,batch=1,dtype=fp32,phase=infer,fused=true,seq=1024,gpus=4,tensor=2",
		"model:gpt2,batch=6,pipeline=4,gpus=4":  "model:gpt2,batch=6,dtype=fp32,phase=infer,fused=true,seq=1024,gpus=4,pipeline=4,micro=3",
		"model:tpu-mlp0,tensor=1,gpus=1,data=1": "model:tpu-mlp0,batch=200,dtype=fp32,phase=infer,fused=true,gpus=1",
	} {
		w, err := Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if w.Text != want {
			t.Errorf("%s:\n got %s\nwant %s", in, w.Text, want)
		}
		for _, s := range []string{w.Text, w.Short()} {
			if again, err := Parse(s); err != nil || again.Text != w.Text {
				t.Errorf("%s does not round-trip: %v %v", s, again, err)
			}
		}
	}
}

func TestParallelErrors(t *testing.T) {
	for in, want := range map[string]string{
		"model:gpt2,gpus=8,tensor=3":                           "gpus=8 is not data=2 x tensor=3 x pipeline=1",
		"model:gpt2,gpus=8,data=4":                             "gpus=8 is not data=4 x tensor=1 x pipeline=1",
		"model:gpt2,tensor=5":                                  "tensor=5 does not divide its 12 attention heads",
		"model:resnet50,tensor=2":                              "tensor=2: its layers cannot be shared",
		"model:gpt2,batch=4,pipeline=2,micro=3":                "batch=4 is not a multiple of micro=3",
		"model:gpt2,batch=64,pipeline=64":                      "it cannot be cut into 64 stages",
		"model:gpt2,gpus=4,schedule=1f1b":                      "schedule=1f1b is for training in pipeline stages",
		"model:gpt2,phase=train,pipeline=2,schedule=zigzag":    "schedule=zigzag (allowed: 1f1b, gpipe)",
		"model:gpt2,gpus=4,bucket=1MiB":                        "bucket and grads are for phase=train",
		"model:gpt2,phase=train,gpus=4,bucket=0":               "bucket=0: it holds nothing",
		"model:gpt2,phase=train,gpus=4,grads=int8":             "grads=int8 (allowed: fp32, fp16, bf16)",
		"model:gpt2,gpus=0":                                    "gpus=0",
		"model:gpt2,gpus=2000000":                              "gpus=2000000 is out of range",
		"model:gpt2,gpus=eight":                                "gpus",
		"model:gpt2,phase=train,fused=false,gpus=4,buckets=25": `buckets`,
	} {
		if _, err := Parse(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

// net parses a network.
func net(t *testing.T, text string) *Network {
	t.Helper()
	w, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return w.Net
}

// products sums the operations of products of one replica's devices.
func products(n *Network) (total int64) {
	for i := range n.Layers {
		if l := &n.Layers[i]; l.Work.GEMM != nil || l.Work.Conv != nil {
			total += int64(l.Count) * l.Work.Shape().Ops()
		}
	}
	return total * int64(max(1, n.Parallel.Tensor))
}

// However a network is spread, its products are the same; each gradient is summed
// once; sums over GPUs that share layers are four for a block, two each way.
func TestSpreadConserves(t *testing.T) {
	const model = "model:gpt2,batch=8,seq=128,dtype=fp16,head=false,phase=train"
	want := products(net(t, model))
	for _, c := range []struct {
		keys   string
		stages int
	}{{",gpus=4", 1}, {",tensor=4", 1}, {",pipeline=4,micro=8", 4}, {",gpus=12,tensor=2,pipeline=3,micro=4", 3}, {",tensor=3,pipeline=2", 2}} {
		n := net(t, model+c.keys)
		if got := products(n); got != want {
			t.Errorf("%s: products of %d operations, want %d", c.keys, got, want)
		}
		if len(n.Stages) != c.stages {
			t.Errorf("%s: %d stages", c.keys, len(n.Stages))
		}
		sums, parameters := 0, int64(0)
		for i := range n.Stages {
			s := &n.Stages[i]
			grads := int64(0)
			for _, l := range append(append([]NetLayer(nil), s.Forward...), s.Backward...) {
				grads += l.Grad
				if l.Work.Collective != nil {
					sums++
					if l.Work.Collective.GPUs != n.Parallel.Tensor || l.Work.Collective.Size != 8/int64(n.Parallel.Micro)*128*768*2 {
						t.Errorf("%s: %s sums %s", c.keys, l.Name, l.Work)
					}
				}
			}
			if grads != s.Parameters {
				t.Errorf("%s, stage %d: gradients of %d of %d parameters are summed", c.keys, i, grads, s.Parameters)
			}
			if sends := s.Sends > 0; sends != (i+1 < len(n.Stages)) || sends && s.Sends != 8/int64(n.Parallel.Micro)*128*768*2 {
				t.Errorf("%s, stage %d hands on %d bytes", c.keys, i, s.Sends)
			}
			parameters += s.Parameters
		}
		if t1 := n.Parallel.Tensor; t1 > 1 {
			if want := 12*4 + 1; sums != want { // one more for the words
				t.Errorf("%s: %d sums in a step, want %d", c.keys, sums, want)
			}
		} else if whole := net(t, model).Parameters; parameters != whole || n.Parameters != whole {
			t.Errorf("%s: %d parameters, want %d", c.keys, parameters, whole)
		}
	}
}

// Stages share the multiply-adds about evenly and keep less than the whole.
func TestStagesAreEven(t *testing.T) {
	whole := net(t, "model:resnet50,batch=32,phase=train,dtype=fp16,gpus=1")
	n := net(t, "model:resnet50,batch=32,phase=train,dtype=fp16,pipeline=4")
	total := products(n)
	for i := range n.Stages {
		ops := int64(0)
		for _, l := range n.Stages[i].Forward {
			if l.Work.Conv != nil || l.Work.GEMM != nil {
				ops += int64(n.Parallel.Micro) * l.Work.Shape().Ops()
			}
		}
		if share := 3 * float64(ops) / float64(total); share < 0.15 || share > 0.35 {
			t.Errorf("stage %d has %.0f %% of the multiply-adds", i, 100*share)
		}
		if n.Stages[i].Memory.Total() >= whole.Memory.Total() {
			t.Errorf("stage %d needs %d bytes, the whole %d", i, n.Stages[i].Memory.Total(), whole.Memory.Total())
		}
	}
}
