package library

import (
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads/gemm"
)

func hopper(t *testing.T) *configs.GPU {
	t.Helper()
	m, err := configs.Load("hopper", nil)
	if err != nil {
		t.Fatal(err)
	}
	return m.GPU
}

// DeepGEMM's rule, worked out by hand for 132 SMs.
func TestDeepGEMMChoice(t *testing.T) {
	g := hopper(t)
	for _, c := range []struct {
		m, n, k                      int
		tileM, tileN, stages, shared int
	}{
		// 2112/16 columns of one tile are 132: one full wave.
		{2112, 128, 7168, 16, 128, 8, 1},
		// 128 tiles of 56 are one wave; wider ones fill it less. 56 does not divide 128,
		// so six stages at most.
		{7168, 64, 2048, 56, 64, 6, 1},
		// 56 x 32 tiles of 128 are 14 waves, 32 x 32 are 8; narrower ones are more.
		{7168, 4096, 16384, 128, 128, 5, 2},
		{4096, 4096, 7168, 128, 128, 5, 2},
	} {
		p := gemm.Problem{M: c.m, N: c.n, K: c.k, Batch: 1, TransA: true, DType: "fp8", Acc: "fp32", Alpha: 1}
		call, err := Choose(g, p, Force{})
		if err != nil {
			t.Fatal(err)
		}
		x := call.Config
		if x.TileM != c.tileM || x.TileN != c.tileN || x.Stages != c.stages || max(1, x.ClusterM) != c.shared {
			t.Errorf("%+v: %dx%d, %d stages, clusters of %d", c, x.TileM, x.TileN, x.Stages, max(1, x.ClusterM))
		}
		if n := deepGEMMShared(x, 2*ceil(p.K, 128)); n > hopperShared {
			t.Errorf("%+v: %d B of shared memory", c, n)
		}
	}
	p := gemm.Problem{M: 4096, N: 4096, K: 4096, Batch: 1, DType: "fp8", Acc: "fp32", Alpha: 1}
	if _, err := Choose(g, p, Force{}); err == nil || !strings.Contains(err.Error(), "layout tn") {
		t.Errorf("fp8 by rows: %v", err)
	}
	p.TransA = true
	if _, err := Choose(g, p, Force{Kernel: "sm90_no_such"}); err == nil || !strings.Contains(err.Error(), "deepgemm_fp8_128x128x128") {
		t.Errorf("a kernel that there is none of: %v", err)
	}
}

// Every warp-specialised kernel can be built for shapes that it is offered for, fits
// an SM, and is not offered where the TMA could not read.
func TestHopperCatalogue(t *testing.T) {
	g := hopper(t)
	for dtype, types := range map[string][2]string{"fp16": {"fp32", "fp16"}, "bf16": {"fp32", "bf16"}, "tf32": {"fp32", "fp32"}, "int8": {"int32", "int32"}} {
		p := gemm.Problem{M: 1000, N: 520, K: 272, Batch: 2, TransA: true, DType: dtype, Acc: types[0], OutType: types[1], Alpha: 1}
		calls, err := Candidates(g, p, Force{})
		if err != nil {
			t.Fatal(err)
		}
		if len(calls) != 8 {
			t.Errorf("%s: %d candidates", dtype, len(calls))
		}
		for _, c := range calls {
			ks, err := gemm.Build(p, c.Config, Latencies(g))
			if err != nil {
				t.Errorf("%s: %v", c.Kernel, err)
				continue
			}
			if k := ks[0]; k.Name != c.Kernel || k.Shared > hopperShared || k.CTAs() > g.SM.Count || c.Config.Stages < 3 {
				t.Errorf("%s: built as %s with %d B, %d CTAs, %d stages", c.Kernel, k.Name, k.Shared, k.CTAs(), c.Config.Stages)
			}
		}
		byWGMMA := func() bool {
			c, err := Choose(g, p, Force{})
			if (err == nil) != (p.TransA && p.K%16 == 0 || dtype != "int8") { // for which there are no others
				t.Errorf("%s, k=%d, %s: %v", dtype, p.K, p.Layout(), err)
			}
			return err == nil && c.Entry.Family == "wgmma"
		}
		if p.K = 266; byWGMMA() {
			t.Errorf("%s with lines that are no multiple of 16 B by the TMA", dtype)
		}
		p.K, p.TransA = 272, false
		if byWGMMA() != (dtype == "fp16" || dtype == "bf16") {
			t.Errorf("%s by rows by the TMA, or not", dtype)
		}
	}
}

// Large square products get a large tile: small ones ask too much of L2.
func TestHopperChoosesLargeTiles(t *testing.T) {
	g := hopper(t)
	p := gemm.Problem{M: 8192, N: 8192, K: 8192, Batch: 1, TransA: true, DType: "fp16", Acc: "fp32", Alpha: 1}
	c, err := Choose(g, p, Force{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.TileM*c.Config.TileN != 128*256 {
		t.Errorf("%s for 8192x8192x8192", c.Kernel)
	}
}
