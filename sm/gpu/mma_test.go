package gpu_test

import (
	"testing"

	"gpusim/configs"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
)

// machine loads a GPU cut down to four SMs.
func machine(t testing.TB, name string, sets ...string) *configs.GPU {
	t.Helper()
	m, err := configs.Load(name, append([]string{
		"gpu.sm.count=4", "gpu.sm.gpcs=2", "gpu.l2.slices=8", "gpu.dram.channels=8", "gpu.l2.size=96 KiB", "gpu.l2.partitions=1",
	}, sets...))
	if err != nil {
		t.Fatal(err)
	}
	return m.GPU
}

// TestHorizonOfMMA: bulk steps of any length give the same answer with matrix
// instructions of two stages and with asynchronous copies.
func TestHorizonOfMMA(t *testing.T) {
	t.Parallel()
	two := gemm.Config{Family: "mma", TileM: 64, TileN: 64, TileK: 32, WarpM: 32, WarpN: 32, Stages: 2}
	five := two
	five.Stages = 5
	for _, c := range []struct {
		name, machine string
		p             gemm.Problem
		c             gemm.Config
	}{
		{"two stages", "turing", gemm.Problem{M: 256, N: 256, K: 256, DType: "fp16", Acc: "fp32"}, two},
		{"copies", "ampere", gemm.Problem{M: 256, N: 320, K: 256, TransA: true, DType: "fp16", Acc: "fp32"}, five},
		{"copies through L1, ragged", "ampere", gemm.Problem{M: 198, N: 166, K: 326, DType: "bf16", Acc: "fp32"}, five},
		{"serial split-K", "ampere", gemm.Problem{M: 128, N: 256, K: 512, DType: "fp16", Acc: "fp16"}, gemm.Config{Family: "mma", TileM: 64, TileN: 64, TileK: 32, WarpM: 32, WarpN: 32, Stages: 4, Splits: 4}},
		{"2:4 sparsity", "ampere", gemm.Problem{M: 192, N: 144, K: 320, DType: "fp16", Acc: "fp32", Sparse: true}, gemm.Config{Family: "mma", TileM: 64, TileN: 64, TileK: 64, WarpM: 32, WarpN: 32, Stages: 3}},
	} {
		g := machine(t, c.machine)
		rep := sameAtEveryHorizon(t, c.name, g, true, false, build(t, g, c.p, c.c)...)
		for i := range rep {
			booksBalance(t, c.name, g, &rep[i])
		}
	}
}

// TestMMAMainLoop: main loops run at nearly the tensor rate where shared memory
// lets them, and never above it.
func TestMMAMainLoop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		machine string
		least   float64
		c       gemm.Config
	}{
		// 128 B/clk feed a warp tile of 64x64 in 0.75 of the time that it computes.
		{"ampere", 0.95, gemm.Config{Family: "mma", TileK: 32, WarpM: 64, WarpN: 64, Stages: 4}},
		{"turing", 0.95, gemm.Config{Family: "mma", TileK: 32, WarpM: 64, WarpN: 64, Stages: 2}},
	} {
		g := machine(t, c.machine, "gpu.l2.size=2 MiB", "gpu.crossbar.gpc_reply_bytes_per_clk=128")
		p := gemm.Problem{M: 128 * 2, N: 128 * 4, DType: "fp16", Acc: "fp32"}
		got, _ := loopRate(t, g, p, c.c, 512, 1536)
		rate := float64(g.SM.SubCores) * g.Tensor.Rate("fp16")
		t.Logf("%s 128x128: %.1f FMA/clk/SM, %.3f of the tensor rate", c.machine, got, got/rate)
		if got < c.least*rate || got > 1.001*rate {
			t.Errorf("%s: the main loop issues at %.3f of the tensor rate, want %.2f to 1", c.machine, got/rate, c.least)
		}
	}
}

// TestSparseMainLoop: with 2:4 sparsity a main loop runs faster than a dense one can,
// but not twice as fast: shared memory delivers all of the other factor in half the
// time. Of a 64x64 warp tile's k-step come 52 passes of 128 bytes, and of the k-tile
// 196 that are written, which is 612 cycles an SM to 512 of arithmetic.
func TestSparseMainLoop(t *testing.T) {
	t.Parallel()
	g := machine(t, "ampere", "gpu.l2.size=2 MiB", "gpu.crossbar.gpc_reply_bytes_per_clk=128")
	p := gemm.Problem{M: 128 * 2, N: 128 * 4, DType: "fp16", Acc: "fp32", Sparse: true}
	got, _ := loopRate(t, g, p, gemm.Config{Family: "mma", TileK: 64, WarpM: 64, WarpN: 64, Stages: 3}, 512, 1536)
	dense := float64(g.SM.SubCores) * g.Tensor.Rate("fp16")
	bound := 2 * dense * 512 / 612
	t.Logf("%.1f multiply-adds a cycle and SM, %.3f of the dense rate, bound %.3f", got, got/dense, bound/dense)
	if got < 0.9*bound || got > 1.01*bound {
		t.Errorf("%.3f times the dense rate, want 0.9 to 1 of %.3f", got/dense, bound/dense)
	}
}

// TestCopiesHideLatency: more stages make a loop that waits for memory faster,
// until nothing waits.
func TestCopiesHideLatency(t *testing.T) {
	g := machine(t, "ampere", "gpu.l2.size=2 MiB")
	last := uint64(1 << 62)
	for _, stages := range []int{3, 4, 6} {
		c := gemm.Config{Family: "mma", TileM: 64, TileN: 64, TileK: 32, WarpM: 32, WarpN: 32, Stages: stages}
		ks := build(t, g, gemm.Problem{M: 128, N: 128, K: 4096, TransA: true, DType: "fp16", Acc: "fp32"}, c)
		rep, _ := run(t, g, gpu.Options{}, true, ks...)
		now := rep[0].Launch.Cycles()
		t.Logf("%d stages: %d cycles", stages, now)
		if float64(now) > 0.95*float64(last) {
			t.Errorf("%d stages take %d cycles, fewer take %d", stages, now, last)
		}
		last = now
	}
}
