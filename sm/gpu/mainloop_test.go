package gpu_test

import (
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// loopRate is how well the main loop of a GEMM kernel uses its unit: FMA per
// cycle and SM between products of depth k1 and k2 that are one wave, so that
// launch, prologue and epilogue cancel. m is a multiple of the tile. ok is
// false if there is no such kernel family.
func loopRate(t *testing.T, g *configs.GPU, p gemm.Problem, c gemm.Config, k1, k2 int) (fmaPerClk float64, ok bool) {
	t.Helper()
	c.TileM, c.TileN = 128, 128
	time := func(depth int) float64 {
		p.K, p.Batch, p.Alpha = depth, 1, 1
		ks, err := gemm.Build(p, c, library.Latencies(g))
		if err != nil && strings.Contains(err.Error(), "unknown kernel family") {
			ok = false
			return 0
		}
		if err != nil {
			t.Fatal(err)
		}
		rep, _ := run(t, g, gpu.Options{}, true, ks[0])
		l := rep[0].Launch
		if l.Kernel.CTAs() != g.SM.Count*l.CTAsPerSM {
			t.Fatalf("%d CTAs on %d SMs of %d each: not one wave", l.Kernel.CTAs(), g.SM.Count, l.CTAsPerSM)
		}
		ok = true
		return float64(l.Cycles())
	}
	d := time(k2)
	if !ok {
		return 0, false
	}
	d -= time(k1)
	return float64(p.M*p.N) * float64(k2-k1) / d / float64(g.SM.Count), true
}

// TestHMMAMainLoop: the 128x128 Tensor Core kernel on a full V100. Two CTAs on
// each of 80 SMs; depths of which the longer reaches steady state.
func TestHMMAMainLoop(t *testing.T) {
	t.Parallel()
	g := volta(t)
	k1, k2 := 512, 1280
	p := gemm.Problem{M: 128 * 16, N: 128 * 10, DType: "fp16", Acc: "fp32"}
	got, _ := loopRate(t, g, p, gemm.Config{Family: "hmma"}, k1, k2)
	// The unit's own rate with fp32 accumulators: four steps of two cycles, and
	// one cycle lost in two sets.
	rate := float64(g.SM.SubCores) * 2048 / 17
	t.Logf("hmma 128x128: %.1f FMA/clk/SM, %.3f of the tensor rate", got, got/rate)
	if got < 0.93*rate {
		t.Errorf("the main loop issues at %.3f of the tensor rate, want at least 0.93", got/rate)
	}
	if got > 1.001*rate {
		t.Errorf("the main loop issues at %.3f of the tensor rate", got/rate)
	}
}

// TestSIMTMainLoop: the 128x128 fp32 kernel on a tenth of a V100.
func TestSIMTMainLoop(t *testing.T) {
	t.Parallel()
	g := volta(t, "gpu.sm.count=8", "gpu.sm.gpcs=1")
	p := gemm.Problem{M: 128 * 4, N: 128 * 4, DType: "fp32"}
	c := gemm.Config{Family: "simt", TileK: 8, WarpM: 32, WarpN: 64, WarpK: 1}
	got, ok := loopRate(t, g, p, c, 128, 640)
	if !ok {
		t.Skip("there is no simt family yet")
	}
	rate := float64(g.SM.SubCores) * g.SM.Pipes.FP32.Lanes
	t.Logf("simt 128x128: %.1f FMA/clk/SM, %.3f of the FFMA rate", got, got/rate)
	if got < 0.97*rate || got > 1.001*rate {
		t.Errorf("the main loop issues at %.3f of the FFMA rate, want 0.97 to 1", got/rate)
	}
}

// TestHMMAGroupsInARealKernel: HMMA steps, and with them the FMA of the
// product, are all issued.
func TestHMMAGroupsInARealKernel(t *testing.T) {
	g := small(t)
	for acc, steps := range map[string]uint64{"fp32": 4, "fp16": 2} {
		k := build(t, g, gemm.Problem{M: 256, N: 128, K: 96, DType: "fp16", Acc: acc}, gemm.Config{Family: "hmma"})[0]
		w := gpu.Account(k, uint8(g.Tensor.StepsFP32))
		if want := uint64(256 * 128 * 96 / 1024); w.Ops[tile.OpHMMA] != want || w.HMMASteps != steps*want || w.HMMAFP32+w.HMMAFP16 != want {
			t.Errorf("%s: %d MMAs in %d steps, want %d", acc, w.Ops[tile.OpHMMA], w.HMMASteps, want)
		}
		rep, _ := run(t, g, gpu.Options{}, true, k)
		booksBalance(t, acc, g, &rep[0])
	}
}
