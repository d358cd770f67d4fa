package gpu_test

import (
	"context"
	"testing"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// BenchmarkIssue measures the speed of the detailed model: one wave of 128x128
// tiles of a GEMM on a full V100.
func BenchmarkIssue(b *testing.B) {
	for _, c := range []struct {
		name string
		p    gemm.Problem
		c    gemm.Config
	}{
		{"fp16", gemm.Problem{M: 2048, N: 1280, K: 1024, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma"}},
		{"fp32", gemm.Problem{M: 2048, N: 1280, K: 96, DType: "fp32"}, gemm.Config{Family: "simt", TileK: 8, WarpM: 32, WarpN: 64, WarpK: 1}},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := volta(b)
			k := build(b, g, c.p, c.c)[0]
			benchmark(b, g, k)
		})
	}
}

func benchmark(b *testing.B, g *configs.GPU, k *tile.Kernel) {
	p, err := sm.Prepare(k, g)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var insts, clocks uint64
	for b.Loop() {
		d, err := gpu.New(context.Background(), g, g.Clock.Sustained, gpu.Options{})
		if err != nil {
			b.Fatal(err)
		}
		d.Warm(k)
		r, err := d.Run([]*gpu.Launch{{Prepared: p}})
		if err != nil {
			b.Fatal(err)
		}
		insts += r[0].SM.WarpInsts
		clocks += r[0].Launch.Cycles()
	}
	s := b.Elapsed().Seconds()
	b.ReportMetric(float64(insts)/s, "winst/s")
	b.ReportMetric(float64(clocks)/s, "cycles/s")
	b.ReportMetric(float64(insts)/float64(b.N), "winst/op")
}
