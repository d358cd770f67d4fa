package gpu_test

import (
	"fmt"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// hopper is an H100 cut down to eight SMs in two GPCs.
func hopper(t testing.TB, sets ...string) *configs.GPU {
	t.Helper()
	m, err := configs.Load("hopper", append([]string{
		"gpu.sm.count=8", "gpu.sm.gpcs=2", "gpu.l2.slices=8", "gpu.dram.channels=8", "gpu.dram.spread_channels=4", "gpu.l2.size=1280 KiB",
	}, sets...))
	if err != nil {
		t.Fatal(err)
	}
	return m.GPU
}

// wgmmaProblems are kernels that use all of the asynchronous units: with and without
// clusters, scale factors, ragged edges, several tiles to a CTA, one or two warp groups.
var wgmmaProblems = []struct {
	p gemm.Problem
	c gemm.Config
}{
	{gemm.Problem{M: 520, N: 392, K: 456, TransA: true, DType: "fp16"}, gemm.Config{TileM: 128, TileN: 128, Stages: 4, Grid: 8}},
	{gemm.Problem{M: 520, N: 392, K: 456, TransB: true, DType: "bf16"}, gemm.Config{TileM: 128, TileN: 128, Stages: 3, Grid: 8, ClusterM: 2}},
	{gemm.Problem{M: 512, N: 256, K: 200, DType: "fp16"}, gemm.Config{TileM: 256, TileN: 64, Stages: 4, Grid: 4, ClusterN: 2}},
	{gemm.Problem{M: 560, N: 328, K: 912, TransA: true, DType: "fp8", OutType: "bf16"}, gemm.Config{TileM: 112, TileN: 128, Stages: 4, Grid: 8, ClusterM: 2, Scaled: true}},
	{gemm.Problem{M: 64, N: 40, K: 1024, TransA: true, DType: "fp8", OutType: "bf16"}, gemm.Config{TileM: 16, TileN: 64, Stages: 8, Grid: 8, Scaled: true}},
}

func wgmmaKernel(t testing.TB, g *configs.GPU, i int) *tile.Kernel {
	t.Helper()
	c := wgmmaProblems[i].c
	c.Family = "wgmma"
	return build(t, g, wgmmaProblems[i].p, c)[0]
}

// Bulk steps change nothing, although CTAs of a cluster act on each other.
func TestHorizonOfAsynchronousUnits(t *testing.T) {
	t.Parallel()
	for i := range wgmmaProblems {
		for _, more := range [][]string{nil, {"gpu.crossbar.coalesce=false", "gpu.l2.partitions=1"}} {
			g := hopper(t, more...)
			k := wgmmaKernel(t, g, i)
			first, d := run(t, g, gpu.Options{Clusters: true}, i%2 == 0, k)
			want := outcomes(first, false)[0]
			for _, o := range []gpu.Options{{Clusters: true, Horizon: 1}, {Clusters: true, Horizon: 17}, {Clusters: true, Reverse: true}} {
				got, _ := run(t, g, o, i%2 == 0, k)
				if got := outcomes(got, false)[0]; got != want {
					t.Fatalf("%s, %+v:\n%+v\nhorizon %d:\n%+v", k.Name, o, got, d.Horizon(), want)
				}
			}
		}
	}
}

// What the tensor cores, shared memory and the SMs' ports are asked for follows from
// the kernel, every issue slot has one reason, and no kernel is faster than its
// tensor cores.
func TestBooksOfAsynchronousUnits(t *testing.T) {
	t.Parallel()
	for i := range wgmmaProblems {
		g := hopper(t)
		k := wgmmaKernel(t, g, i)
		rep, _ := run(t, g, gpu.Options{Clusters: true}, true, k)
		r := &rep[0]
		trips := uint64(0)
		for n := range k.Tiles {
			var cta tile.CTA
			k.Place(n, &cta)
			trips += uint64(cta.Trips)
		}
		tensor, reads := uint64(0), uint64(0)
		for j := range k.GroupMMAs {
			m := &k.GroupMMAs[j]
			bytes := (64 + m.N) * m.K * m.A.Elem
			tensor += trips * uint64(max(m.N/2, bytes/128)) // 128 cycles at n = 256
		}
		if r.SM.TensorCycles != tensor {
			t.Errorf("%s: tensor cores held for %d cycles, want %d", k.Name, r.SM.TensorCycles, tensor)
		}
		busiest := tensor / uint64(g.SM.Count)
		if c := r.Launch.Cycles(); c < busiest {
			t.Errorf("%s: %d cycles, but the tensor cores alone take %d", k.Name, c, busiest)
		}
		for n := range k.Tiles {
			var cta tile.CTA
			k.Place(n, &cta)
			for j := range k.Boxes {
				b := &k.Boxes[j]
				if b.Stride == 0 {
					continue
				}
				for it := range cta.Trips {
					from, to := b.Share(k, &cta)
					for line := from; line < to; line++ {
						if addr, n := b.Line(k, &cta, it, line); n > 0 {
							reads += (addr+uint64(n)-1)/128 - addr/128 + 1
						}
					}
				}
			}
		}
		if wgmmaProblems[i].c.Scaled { // factors of op(A) come by ordinary loads
			if r.Memory.Reads < reads || r.Memory.Reads > reads+reads/2 {
				t.Errorf("%s: %d lines read, boxes have %d", k.Name, r.Memory.Reads, reads)
			}
		} else if r.Memory.Reads != reads {
			t.Errorf("%s: %d lines read, want %d", k.Name, r.Memory.Reads, reads)
		}
		booksBalance(t, k.Name, g, r)
	}
}

// Without the coalescer, a cluster reads the operand that its CTAs share once.
func TestMulticastSavesReads(t *testing.T) {
	t.Parallel()
	g := hopper(t, "gpu.crossbar.coalesce=false")
	sectors := func(cluster int) (n, gpc uint64) {
		k := build(t, g, gemm.Problem{M: 1024, N: 128, K: 512, TransA: true, DType: "fp16"},
			gemm.Config{Family: "wgmma", TileM: 128, TileN: 128, Stages: 4, Grid: 8, ClusterM: cluster})[0]
		r, _ := run(t, g, gpu.Options{Clusters: true}, true, k)
		return r[0].Memory.L2ReadSectors, r[0].SM.SharedPasses
	}
	alone, passes := sectors(1)
	shared, passes2 := sectors(2)
	if shared*4 != alone*3 {
		t.Errorf("%d sectors read by pairs, %d by single CTAs, want three quarters", shared, alone)
	}
	if passes != passes2 {
		t.Errorf("%d passes of shared memory by pairs, %d by single CTAs", passes2, passes)
	}
}

// A coalescer spares L2 what the SMs of a GPC read together, and costs nothing.
func TestCoalescerSparesL2(t *testing.T) {
	t.Parallel()
	time := map[bool]uint64{}
	read := map[bool]uint64{}
	for _, on := range []bool{false, true} {
		g := hopper(t, fmt.Sprintf("gpu.crossbar.coalesce=%v", on), "gpu.l2.partitions=1")
		k := build(t, g, gemm.Problem{M: 512, N: 128, K: 512, TransA: true, DType: "fp16"},
			gemm.Config{Family: "wgmma", TileM: 64, TileN: 128, Stages: 4, Grid: 8})[0]
		r, _ := run(t, g, gpu.Options{}, true, k)
		time[on], read[on] = r[0].Launch.Cycles(), r[0].Memory.L2ReadSectors
	}
	if read[true] >= read[false]*3/4 || time[true] > time[false] {
		t.Errorf("with %d sectors in %d cycles, without %d in %d", read[true], time[true], read[false], time[false])
	}
}

// Bytes that never come are named.
func TestDeadlockAtAnMBarrier(t *testing.T) {
	g := hopper(t)
	k := wgmmaKernel(t, g, 0)
	k.Barriers[0].Bytes += 128
	_, _, err := tryRun(t, g, gpu.Options{MaxCycles: 1 << 30}, false, k)
	if err == nil || !strings.Contains(err.Error(), "full[0] lacks 0 arrivals and 128 B of its phase 0") {
		t.Errorf("%v", err)
	}
}

// Kernels that a machine cannot run are refused.
func TestRefusedClusters(t *testing.T) {
	g := hopper(t)
	k := wgmmaKernel(t, g, 1)
	if _, _, err := tryRun(t, g, gpu.Options{}, false, k); err == nil || !strings.Contains(err.Error(), "assembled") {
		t.Errorf("horizon too long for clusters: %v", err)
	}
	k.Grid[0], k.Tiles = 16, 16
	if _, _, err := tryRun(t, g, gpu.Options{Clusters: true}, false, k); err == nil || !strings.Contains(err.Error(), "16 CTAs in clusters for 8 SMs") {
		t.Errorf("more clusters than fit: %v", err)
	}
	if _, err := sm.Prepare(wgmmaKernel(t, hopper(t), 0), volta(t)); err == nil {
		t.Error("Volta takes a WGMMA kernel")
	}
}
