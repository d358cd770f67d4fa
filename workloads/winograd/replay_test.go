package winograd

import (
	"fmt"
	"testing"

	"gpusim/workloads/gemm"
	"gpusim/workloads/stride1"
	"gpusim/workloads/stride1/stride1test"
	"gpusim/workloads/tile"
)

// voltaLatencies are a V100's.
var voltaLatencies = tile.Latencies{
	FP32: 4, FP64: 8, INT: 4, FP16: 6, SFU: 18, HMMA: 10, HMMAAccumulate: 8, HMMAStep: 2, HMMAStepFP16: 4,
	Branch: 8, RegisterBanks: 2, OperandsPerRead: 2, SharedBanks: 32, SharedBytesClk: 128,
}

// simt is a configuration of the product.
var simt = gemm.Config{Family: "simt", TileM: 32, TileN: 128, WarpM: 32, WarpN: 16, WarpK: 1}

// shapes: edges of tiles in both directions, padding 0 to 2, sizes that no
// vector divides.
func shapes(r int) []Problem {
	var out []Problem
	for _, s := range [][7]int{
		{1, 1, 6, 6, 1, 1, 1}, {2, 3, 7, 7, 5, 1, 1}, {3, 5, 8, 13, 33, 0, 0},
		{1, 17, 9, 6, 4, 2, 2}, {2, 9, 10, 5, 40, 2, 1}, {17, 2, 5, 5, 3, 0, 1},
	} {
		out = append(out, Problem{N: s[0], C: s[1], H: s[2], W: s[3], K: s[4], R: r, S: r, PadH: s[5], PadW: s[6], Alpha: 1.5})
	}
	return out
}

func TestNonFusedReplay(t *testing.T) {
	for _, r := range []int{3, 5} {
		for _, p := range shapes(r) {
			for _, p.Pass = range []stride1.Pass{Forward, BackwardData, BackwardWeight} {
				t.Run(fmt.Sprintf("%dx%d/%s/%d,%d,%dx%d,%d", r, r, p.Pass, p.N, p.C, p.H, p.W, p.K), func(t *testing.T) {
					ks, err := NonFused(p, simt, voltaLatencies)
					if err != nil {
						t.Fatal(err)
					}
					// fp32 loses more with larger tiles: Lavin and Gray's table.
					stride1test.Replay(t, p, ks, map[int]float64{3: 2e-5, 5: 2e-3}[r])
				})
			}
		}
	}
}

func TestFusedReplay(t *testing.T) {
	for _, a := range arrangements {
		for _, p := range shapes(3) {
			for _, p.Pass = range []stride1.Pass{Forward, BackwardData} {
				t.Run(fmt.Sprintf("%s/%s/%d,%d,%dx%d,%d", a.name(), p.Pass, p.N, p.C, p.H, p.W, p.K), func(t *testing.T) {
					ks, err := Fused(p, []string{a.name()}, voltaLatencies)
					if err != nil {
						t.Fatal(err)
					}
					stride1test.Replay(t, p, ks, 5e-6)
				})
			}
		}
	}
}
