package library

import (
	"testing"

	"gpusim/configs"
	"gpusim/workloads/gemm"
)

// Libraries of Tensor Cores take any size in any layout, and of types of a byte and less
// what callers keep along k.
func TestAnySize(t *testing.T) {
	for _, name := range []string{"turing", "ampere", "ada", "hopper"} {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []gemm.Problem{
			{DType: "fp16", Acc: "fp32", M: 1, N: 64, K: 512}, {DType: "fp16", Acc: "fp16", M: 65, N: 31, K: 77}, {DType: "bf16", Acc: "fp32", M: 65, N: 31, K: 77},
			{DType: "tf32", Acc: "fp32", M: 65, N: 31, K: 77}, {DType: "int8", Acc: "int32", M: 64, N: 32, K: 64}, {DType: "int4", Acc: "int32", M: 64, N: 32, K: 64},
		} {
			if name == "turing" && (p.DType == "bf16" || p.DType == "tf32") || name == "hopper" && p.DType == "int4" {
				continue // no such instructions, or kernels
			}
			p.Batch, p.Alpha = 1, 1
			for _, p.TransA = range []bool{false, true} {
				for _, p.TransB = range []bool{false, true} {
					kept := Kept(m.GPU, p)
					if p.InBytes() > 1 && kept.Layout() != p.Layout() {
						t.Errorf("%s, %+v: kept as %s", name, p, kept.Layout())
					}
					c, err := Choose(m.GPU, kept, Force{})
					if err == nil {
						_, err = gemm.Build(kept, c.Config, Latencies(m.GPU))
					}
					if err != nil {
						t.Errorf("%s, %+v: %v", name, p, err)
					}
				}
			}
		}
	}
}
