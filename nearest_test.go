package gpusim_test

import (
	"math"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

// Machines that lack a type take the nearest that they have, the same work in it.
func TestNearestType(t *testing.T) {
	for _, c := range []struct{ machine, work, want string }{
		{"volta", "gemm:64x64x64:int8", "int8"}, // on DP4A
		{"pascal", "gemm:64x64x64:int8", "fp16"},
		{"kepler", "gemm:64x64x64:fp16", "fp32"},
		{"tpu1", "gemm:64x64x64:fp16", "int16"},
		{"nvdla-large", "gemm:64x64x64:fp32", "int8"},
		{"nvdla-full", "gemm:64x64x64:fp32", "fp16"},
		{"volta", "gemm:64x64x64:int16", "fp32"},
		{"skylake-8180", "gemm:64x64x64:int16", "fp32"},
		{"skylake-8180", "conv:n=4,c=16,h=13,w=13,k=32,r=3,s=3,dtype=int16", "fp32"},
		{"skylake-8180", "gemm:64x64x64:int8", "int8"}, // which it computes in fp32 itself
		{"tpu2", "model:resnet50,batch=1,dtype=fp16", "bf16"},
		{"skylake-8180", "model:resnet50,batch=1,dtype=int8", "fp32"},
		{"volta", "model:resnet50,batch=1,dtype=int8", "int8"},
		{"xavier", "model:resnet50,batch=1,dtype=int8", "int8"},
		{"p4", "model:resnet50,batch=1,dtype=int8", "int8"},
		{"maxwell", "model:resnet50,batch=1,dtype=int8", "fp32"},
		{"volta", "model:bert-base,batch=1,dtype=fp16,seq=128", "fp16"}, // layer by layer
	} {
		m, err := configs.Load(c.machine, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := workloads.Parse(c.work)
		if err != nil {
			t.Fatal(err)
		}
		got := gpusim.Nearest(m, w)
		if s := got.Shape(); s.Type() != c.want {
			t.Errorf("%s takes %s in %s, want %s", c.machine, c.work, s.Type(), c.want)
		}
		// Attention in one kernel counts its softmax too.
		if a, b := float64(got.Shape().Ops()), float64(w.Shape().Ops()); math.Abs(a/b-1) > 1e-3 {
			t.Errorf("%s: %s has %g operations, %s %g", c.machine, got.Short(), a, c.work, b)
		}
	}
}
