package library

import (
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/gemm"
)

// TestP4 holds what names and grids of NeuSight's rows on P4 tell: an aligned product
// runs one kernel, whole and in blocks of tiles; one of few tiles or of odd sizes does not,
// and k of a long one is split. Convolutions take 128x64 for more than 32 filters of a
// group.
func TestP4(t *testing.T) {
	m, err := configs.Load("p4", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		m, n, k int
		whole   bool
	}{{4096, 1024, 8192, true}, {768, 1024, 768, true}, {64, 64, 8192, false}, {4096, 1023, 8192, false}} {
		p := gemm.Problem{M: c.m, N: c.n, K: c.k, Batch: 1, TransA: true, DType: "fp32", Alpha: 1}
		got, err := Choose(m.GPU, p, Force{})
		if err != nil {
			t.Fatal(err)
		}
		if whole := got.Kernel == "sgemm_128x128x8_NT_tn"; whole != c.whole || whole != got.Config.Blocks || whole && got.Config.Splits > 1 {
			t.Errorf("%dx%dx%d: %s, %d slices, blocks %t", c.m, c.n, c.k, got.Kernel, got.Config.Splits, got.Config.Blocks)
		}
	}
	for s, want := range map[string]string{
		"conv:n=8,c=64,h=28,w=28,k=64,r=1,s=1,dtype=fp32":            "128x64",
		"conv:n=8,c=64,h=28,w=28,k=32,r=1,s=1,dtype=fp32":            "128x32",
		"conv:n=8,c=64,h=28,w=28,k=64,r=1,s=1,groups=2,dtype=fp32":   "128x32",
		"conv:n=8,c=256,h=28,w=28,k=256,r=1,s=1,groups=2,dtype=fp32": "128x64",
	} {
		w, err := workloads.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ChooseConv(m.GPU, w.Conv, AlgoPrecomp); err != nil || !strings.Contains(got.Kernel, want) {
			t.Errorf("%s: %s, want %s (%v)", s, got.Kernel, want, err)
		}
	}
}

// TestVersion8OnPascal: which algorithm and which of its kernels NeuSight's rows of P100
// and P4 name, one row of each kind that is far from the next. The product of non-fused
// Winograd is the library's own, where cuBLAS of the same machine has others.
func TestVersion8OnPascal(t *testing.T) {
	for _, c := range []struct{ machine, shape, algo, kernel string }{
		{"p4", "n=3,c=16,h=8,w=8,k=1092", AlgoPrecomp, "maxwell_scudnn_128x64_relu"},
		{"p4", "n=62,c=200,h=162,w=162,k=7", AlgoWinograd, AlgoWinograd},
		{"p4", "n=58,c=470,h=16,w=16,k=364", AlgoWinogradNonFused, "maxwell_sgemm_64x64"},
		{"p100-pcie16", "n=55,c=8,h=52,w=52,k=1793", AlgoPrecomp, "maxwell_scudnn_128x64_relu"},
		{"p100-pcie16", "n=3,c=139,h=14,w=14,k=401", AlgoWinograd, AlgoWinograd},
		{"p100-pcie16", "n=59,c=273,h=24,w=24,k=296", AlgoWinogradNonFused, "maxwell_sgemm_64x64"},
	} {
		m, err := configs.Load(c.machine, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := workloads.Parse("conv:" + c.shape + ",r=3,s=3,pad=1,dtype=fp32")
		if err != nil {
			t.Fatal(err)
		}
		got, err := ChooseConv(m.GPU, w.Conv, "")
		if err != nil || got.Algo != c.algo || !strings.HasPrefix(got.Kernel, c.kernel) {
			t.Errorf("%s, %s: %s by %s, want %s by %s (%v)", c.machine, c.shape, got.Algo, got.Kernel, c.algo, c.kernel, err)
		}
	}
}
