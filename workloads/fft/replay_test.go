package fft

import (
	"fmt"
	"testing"

	"gpusim/workloads/stride1"
	"gpusim/workloads/stride1/stride1test"
	"gpusim/workloads/tile"
)

// voltaLatencies are a V100's.
var voltaLatencies = tile.Latencies{
	FP32: 4, FP64: 8, INT: 4, FP16: 6, SFU: 18, HMMA: 10, HMMAAccumulate: 8, HMMAStep: 2, HMMAStepFP16: 4,
	Branch: 8, RegisterBanks: 2, OperandsPerRead: 2, SharedBanks: 32, SharedBytesClk: 128,
}

// TestTilingReplay: one square and several, edges, filters of other shapes, padding.
func TestTilingReplay(t *testing.T) {
	for i, s := range [][9]int{
		{1, 1, 6, 6, 1, 3, 3, 1, 1}, {2, 3, 35, 40, 5, 5, 5, 2, 2}, {3, 9, 13, 31, 2, 3, 7, 0, 1}, {1, 2, 40, 33, 33, 11, 11, 0, 4},
	} {
		p := stride1.Problem{N: s[0], C: s[1], H: s[2], W: s[3], K: s[4], R: s[5], S: s[6], PadH: s[7], PadW: s[8], Alpha: 1.5}
		for _, p.Pass = range []stride1.Pass{stride1.Forward, stride1.BackwardData, stride1.BackwardWeight} {
			t.Run(fmt.Sprintf("%s/%v", p.Pass, s), func(t *testing.T) {
				ks, err := Tiling(p, "volta", 32<<(i%2), voltaLatencies)
				if err != nil {
					t.Fatal(err)
				}
				stride1test.Replay(t, p, ks, 5e-6)
			})
		}
	}
}
