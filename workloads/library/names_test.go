package library

import (
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/gemm"
)

// TestNamesOfNeuSight holds for how many of NeuSight's single fp32 products we take the
// kernel that a profiler named. Beliefs are fitted to the shapes with an even checksum;
// the others have to do nearly as well.
func TestNamesOfNeuSight(t *testing.T) {
	for _, c := range []struct {
		table, machine string
		fitted, other  float64 // shares right at least
	}{
		{"a100_pcie40", "a100-pcie40", 0.75, 0.7},
		{"a100_pcie80", "a100-pcie80", 0.7, 0.7},
		{"h100_sxm80", "hopper", 0.7, 0.7},
	} {
		text, err := os.ReadFile(filepath.Join("../../../shared/reference", "gemm_neusight_"+c.table+".csv"))
		if err != nil {
			t.Skipf("measured rows are not here: %v", err)
		}
		m, err := configs.Load(c.machine, nil)
		if err != nil {
			t.Fatal(err)
		}
		table, err := workloads.ReadTable(c.table, text)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := table.Measured()
		if err != nil {
			t.Fatal(err)
		}
		var right, all [2]int
		for _, r := range rows {
			g := r.Workload.GEMM
			if g.Batch > 1 || g.DType != "fp32" {
				continue
			}
			p := gemm.Problem{M: g.M, N: g.N, K: g.K, Batch: 1, DType: g.DType, Acc: g.Acc, TransA: g.TransA, TransB: g.TransB, Alpha: 1}
			call, err := Choose(m.GPU, p, Force{})
			if err != nil {
				t.Fatal(err)
			}
			name, grid, _ := strings.Cut(r.Kernel, " ")
			var x, y int
			if _, err := fmt.Sscanf(grid, "g%dx%dx", &x, &y); err != nil {
				t.Fatalf("%s: %v", r.Kernel, err)
			}
			half := crc32.ChecksumIEEE(fmt.Appendf(nil, "%d,%d,%d,1", g.M, g.N, g.K)) & 1
			all[half]++
			if want := strings.TrimSuffix(Match(m.GPU, p, name, x, y), "_"+p.Layout()); want == call.Entry.Name {
				right[half]++
			}
		}
		fitted, other := float64(right[0])/float64(all[0]), float64(right[1])/float64(all[1])
		t.Logf("%s: %d of %d fitted, %d of %d others", c.machine, right[0], all[0], right[1], all[1])
		if fitted < c.fitted || other < c.other {
			t.Errorf("%s: %.3f of the fitted half and %.3f of the other, want %.2f and %.2f", c.machine, fitted, other, c.fitted, c.other)
		}
	}
}

// TestRollingCTAs: five CTAs of an SM that holds four cost a quarter more than four where
// one begins as another ends, twice as much where the round is waited for.
func TestRollingCTAs(t *testing.T) {
	m, err := configs.Load("ampere", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, rolling := range []bool{true, false} {
		e := Entry{Family: "simt", Type: "fp32", TileM: 128, TileN: 64, TileK: 8, WarpK: 1, PerSM: 4, Gain: 0.95, rolling: rolling}
		of := func(ctas int) float64 {
			p := gemm.Problem{M: 128, N: 64 * m.GPU.SM.Count * ctas, K: 65536, Batch: 1, DType: "fp32", Acc: "fp32", TransA: true, Alpha: 1}
			return cost(m.GPU, p, e, 1, false)
		}
		want := 2.0
		if rolling {
			want = 1.25
		}
		if got := of(5) / of(4); got < want-0.01 || got > want+0.01 {
			t.Errorf("rolling %v: %.3f, want %.2f", rolling, got, want)
		}
	}
}

// TestSplitsWithinTheWorkspace: A100's library does not split where partial sums pass its
// workspace, and xmma's kernels on H100 are never split.
func TestSplitsWithinTheWorkspace(t *testing.T) {
	for machine, most := range map[string]int64{"ampere": 4 << 20, "hopper": 1 << 40} {
		m, err := configs.Load(machine, nil)
		if err != nil {
			t.Fatal(err)
		}
		split := 0
		for _, n := range []int{64, 256, 768, 1024} {
			p := gemm.Problem{M: n, N: n, K: 30000, Batch: 1, DType: "fp32", Acc: "fp32", TransA: true, Alpha: 1}
			calls, err := Candidates(m.GPU, p, Force{})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range calls {
				if z := c.Config.Splits; z > 1 {
					if split++; sums(p, z) > most || strings.Contains(c.Kernel, "xmma") {
						t.Errorf("%s: %s of %d squared in %d slices", machine, c.Kernel, n, z)
					}
				}
			}
		}
		if split == 0 {
			t.Errorf("%s: nothing is split", machine)
		}
	}
}
