package library

import (
	"math/rand/v2"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads/gemm"
)

func volta(t *testing.T) *configs.GPU {
	t.Helper()
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	return m.GPU
}

func random(r *rand.Rand) gemm.Problem {
	size := func() int { return 1 << r.IntN(13) * (1 + r.IntN(3)) }
	p := gemm.Problem{M: size(), N: size(), K: size(), Batch: 1, TransA: r.IntN(2) == 0, TransB: r.IntN(2) == 0, Alpha: 1}
	p.DType = []string{"fp64", "fp32", "fp16"}[r.IntN(3)]
	p.Acc = p.DType
	if p.DType == "fp16" && r.IntN(2) == 0 {
		p.Acc = "fp32"
	}
	if r.IntN(4) == 0 {
		p.Batch = 1 + r.IntN(100)
	}
	return p
}

// each calls check with random problems and the library's candidates for them.
func each(t *testing.T, check func(g *configs.GPU, p gemm.Problem, calls []Call)) {
	t.Helper()
	g := volta(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		p := random(r)
		calls, err := Candidates(g, p, Force{})
		if err != nil {
			t.Fatal(err)
		}
		check(g, p, calls)
	}
}

// The choice is the cheapest candidate by the library's own estimate, no
// slice of split-K is empty, and batches are not split.
func TestChoiceIsTheCheapest(t *testing.T) {
	each(t, func(g *configs.GPU, p gemm.Problem, calls []Call) {
		best, err := Choose(g, p, Force{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range calls {
			if c.Cost < best.Cost {
				t.Errorf("%+v: %s costs %.0f, the choice %s %.0f", p, c.Kernel, c.Cost, best.Kernel, best.Cost)
			}
			if z := c.Config.Splits; z > 1 && (p.Batch > 1 || z > p.K) {
				t.Errorf("%+v: %s in %d slices", p, c.Kernel, z)
			}
		}
	})
}

// A larger problem never looks cheaper to the library than a part of it.
func TestCostGrowsWithTheProblem(t *testing.T) {
	each(t, func(g *configs.GPU, p gemm.Problem, small []Call) {
		q := p
		q.M, q.N, q.K = 2*p.M, 2*p.N, 2*p.K
		for _, c := range small {
			if z := c.Config.Splits; cost(g, q, c.Entry, z, c.Config.Workspace) < c.Cost {
				t.Errorf("%+v: %s in %d slices is cheaper for twice the sizes", p, c.Kernel, z)
			}
		}
	})
}

func TestForcedKernel(t *testing.T) {
	g := volta(t)
	p := gemm.Problem{M: 512, N: 512, K: 512, Batch: 1, DType: "fp32", Acc: "fp32", Alpha: 1}
	for _, name := range []string{"volta_sgemm_64x64", "volta_sgemm_64x64_nn"} {
		c, err := Choose(g, p, Force{Kernel: name, Splits: 3})
		if err != nil || c.Entry.Name != "volta_sgemm_64x64" || c.Config.Splits != 3 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	_, err := Choose(g, p, Force{Kernel: "volta_s884gemm_64x64"})
	if err == nil || !strings.Contains(err.Error(), "allowed: volta_sgemm_128x128") {
		t.Errorf("a kernel of another type: %v", err)
	}
}

// Strided batches are offered the kernels that the library has for them, and
// every other problem all of its type.
func TestBatchedKernels(t *testing.T) {
	g := volta(t)
	p := gemm.Problem{M: 2048, N: 2048, K: 2048, Batch: 16, DType: "fp32", Acc: "fp32", Alpha: 1}
	for _, e := range Entries(g, p) {
		if e.GainB == 0 {
			t.Errorf("%s is offered for a batch", e.Name)
		}
	}
	n := len(Entries(g, p))
	p.Batch = 1
	if all := len(Entries(g, p)); n == 0 || all <= n {
		t.Errorf("%d kernels for a batch, %d else", n, all)
	}
}

// cuBLAS on A100 launches 128x128 tiles for strided batches alone, and of all
// tiles for a long k, and for that alone, the one whose warps split k.
func TestKernelsOfA100(t *testing.T) {
	m, err := configs.Load("ampere", nil)
	if err != nil {
		t.Fatal(err)
	}
	names := func(k, batch int) (out []string) {
		p := gemm.Problem{M: 2048, N: 2048, K: k, Batch: batch, DType: "fp32", Acc: "fp32", Alpha: 1}
		for _, e := range Entries(m.GPU, p) {
			out = append(out, strings.TrimPrefix(e.Name, "ampere_sgemm_"))
		}
		return out
	}
	for _, c := range []struct {
		k, batch int
		want     string
	}{
		{30522, 1, "128x64 64x64 128x32 32x128 32x32_sliced1x4 64x32_sliced1x4"},
		{50272, 1, "128x32_sliced1x4"},
		{30522, 4, "128x128"},
		{50272, 4, "128x128"},
	} {
		if got := strings.Join(names(c.k, c.batch), " "); got != c.want {
			t.Errorf("k %d, batch of %d: %s, want %s", c.k, c.batch, got, c.want)
		}
	}
}

// TestSpecialKernels: kernels for few columns are the only ones where they are
// offered, and int8 products are never split.
func TestSpecialKernels(t *testing.T) {
	m, err := configs.Load("gtx1080ti", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		p    gemm.Problem
		want string
	}{
		{gemm.Problem{M: 4096, N: 16, K: 4096, DType: "fp32"}, "gemmSN_nn"},
		{gemm.Problem{M: 4096, N: 16, K: 4096, DType: "fp32", TransB: true}, "sgemm_32x32x32_nt"},
		{gemm.Problem{M: 4096, N: 17, K: 4096, DType: "fp32"}, "sgemm_32x32x32_nn"},
		{gemm.Problem{M: 4096, N: 33, K: 4096, DType: "fp32"}, "maxwell_sgemm_128x64_nn"},
		{gemm.Problem{M: 35, N: 8457, K: 2560, DType: "fp32", TransA: true}, "sgemm_32x32x32_tn"},
		{gemm.Problem{M: 64, N: 64, K: 100000, DType: "fp32", TransA: true}, "maxwell_sgemm_128x64_tn"},
		{gemm.Problem{M: 35, N: 8457, K: 2560, DType: "fp16", Acc: "fp32"}, "sgemm_32x32x32_nn"},
		{gemm.Problem{M: 65, N: 8457, K: 2560, DType: "fp32"}, "maxwell_sgemm_128x128_nn"},
		{gemm.Problem{M: 4096, N: 7000, K: 4096, DType: "fp32", TransA: true}, "maxwell_sgemm_128x128_tn"},
		{gemm.Problem{M: 35, N: 16, K: 2560, DType: "fp32"}, "gemmSN_nn"},
		{gemm.Problem{M: 4096, N: 8, K: 4096, DType: "fp16", Acc: "fp32", TransA: true}, "gemmSN_tn"},
		{gemm.Problem{M: 512, N: 2, K: 100000, DType: "int8", Acc: "int32"}, "maxwell_igemm_int8_128x32_sliced1x2_ldg4_nn"},
		{gemm.Problem{M: 512, N: 4, K: 100000, DType: "int8", Acc: "int32"}, "maxwell_igemm_int8_128x64_ldg4_nn"},
		{gemm.Problem{M: 36, N: 700, K: 2560, DType: "int8", Acc: "int32"}, "maxwell_igemm_int8_128x128_ldg4_nn"},
	} {
		c.p.Batch, c.p.Alpha = 1, 1
		got, err := Choose(m.GPU, c.p, Force{})
		if err != nil || got.Kernel != c.want {
			t.Errorf("%+v: %s, want %s (%v)", c.p, got.Kernel, c.want, err)
		}
		if got.Config.Blocks != strings.Contains(got.Kernel, "sgemm_128x128") {
			t.Errorf("%+v: %s, blocks of tiles %t", c.p, got.Kernel, got.Config.Blocks)
		}
		if c.p.DType == "int8" && got.Config.Splits > 1 {
			t.Errorf("%+v: %d slices", c.p, got.Config.Splits)
		}
	}
	// CUDA 8's first release: one tile of 128x128 an SM, larger grids in 128x64, never split.
	titan, err := configs.Load("titanx-pascal", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		m, n     int
		ta, tb   bool
		want     string
		splitToo bool
	}{
		{1760, 16, false, false, "gemmSN_nn", true},
		{1760, 16, false, true, "maxwell_sgemm_128x128_nt", false},
		{1760, 32, true, false, "maxwell_sgemm_128x128_tn", false},
		{28 * 128, 64, false, false, "maxwell_sgemm_128x128_nn", false},
		{28*128 + 1, 64, false, false, "maxwell_sgemm_128x64_nn", false},
		{1760, 65, false, false, "maxwell_sgemm_128x128_nn", true},
	} {
		p := gemm.Problem{M: c.m, N: c.n, K: 2048, Batch: 1, DType: "fp32", TransA: c.ta, TransB: c.tb, Alpha: 1}
		got, err := Choose(titan.GPU, p, Force{})
		if err != nil || got.Kernel != c.want || got.Config.Splits > 1 != c.splitToo {
			t.Errorf("%d x %d on TITAN X: %s in %d slices, want %s (%v)", c.m, c.n, got.Kernel, got.Config.Splits, c.want, err)
		}
	}
	for _, name := range []string{"pascal", "maxwell"} {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if name == "maxwell" {
			for n, want := range map[int]string{16: "sgemm_sm35_ldg_32x16x64x8x16_tn", 32: "sgemm_sm35_ldg_32x16x64x8x16_tn", 33: "maxwell_sgemm_128x64_tn"} {
				c, err := Choose(m.GPU, gemm.Problem{M: 4096, N: n, K: 4096, Batch: 1, TransA: true, DType: "fp32", Alpha: 1}, Force{})
				if err != nil || c.Kernel != want {
					t.Errorf("n = %d on Maxwell: %s, want %s (%v)", n, c.Kernel, want, err)
				}
			}
		}
		p := gemm.Problem{M: 64, N: 64, K: 64, Batch: 1, DType: "int8", Acc: "int32", Alpha: 1}
		if _, err := Choose(m.GPU, p, Force{}); err == nil || !strings.Contains(err.Error(), "no GEMM kernel for dtype int8") {
			t.Errorf("int8 on %s, which has no DP4A: %v", name, err)
		}
	}
}
