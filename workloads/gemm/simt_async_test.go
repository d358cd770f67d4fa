package gemm

import (
	"testing"

	"gpusim/workloads/tile"
)

// TestSIMTAsync replays kernels that copy without registers: the tiles that Hopper's
// library has for fp32, in all layouts, with whole vectors and with single words.
func TestSIMTAsync(t *testing.T) {
	for _, tc := range []struct{ m, n, warpM, warpN, stages int }{
		{128, 128, 64, 64, 3}, {64, 256, 64, 64, 3}, {64, 128, 32, 64, 3}, {64, 64, 32, 32, 4},
		{32, 128, 32, 32, 3}, {32, 32, 16, 32, 5}, {256, 128, 64, 64, 4},
	} {
		for trans := range 4 {
			for _, odd := range []int{0, 3} {
				c := Config{Family: "simt", TileM: tc.m, TileN: tc.n, WarpM: tc.warpM, WarpN: tc.warpN, Stages: tc.stages}
				p := simtProblem("fp32", tc.m+8+odd, tc.n-4+odd, 44+odd, trans)
				p.Beta = float64(trans & 1)
				k := verify(t, p, c)[0]
				copies, stores := 0, 0
				for _, in := range k.Programs[0].Segments[1].Code {
					switch in.Op {
					case tile.OpLDGSTS:
						copies++
					case tile.OpLDG, tile.OpSTS:
						stores++
					}
				}
				// Operands contiguous along k go by words, others by four where lines are whole.
				words, threads := 0, k.Threads
				for _, o := range []struct {
					outer   int
					kContig bool
				}{{tc.m, p.TransA}, {tc.n, !p.TransB}} {
					n := o.outer * simtTileK / threads
					if !o.kContig && odd == 0 {
						n = max(n/4, 1)
					}
					words += n
				}
				if copies != words || stores > 0 {
					t.Errorf("%s: %d copies and %d loads and stores in a k-tile, want %d and none", k.Name, copies, stores, words)
				}
			}
		}
	}
	// In two slices, added up in C.
	c := Config{Family: "simt", TileM: 128, TileN: 128, WarpM: 64, WarpN: 64, Stages: 3, Splits: 2}
	verify(t, simtProblem("fp32", 130, 70, 100, 1), c)
}

// TestSIMTAsyncInput: what these kernels do not take is an error.
func TestSIMTAsyncInput(t *testing.T) {
	c := Config{Family: "simt", TileM: 128, TileN: 64, WarpM: 32, WarpN: 32, Stages: 3}
	if _, err := Build(simtProblem("fp64", 64, 64, 64, 0), c, voltaLatencies); err == nil {
		t.Error("fp64 is taken")
	}
	c.TileK = 16
	if _, err := Build(simtProblem("fp32", 64, 64, 64, 0), c, voltaLatencies); err == nil {
		t.Error("a k-tile of 16 is taken")
	}
}
