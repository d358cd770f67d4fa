package nvdla

import (
	"context"
	"math"
	"testing"

	"gpusim/configs"
)

func small() *configs.NVDLA {
	return &configs.NVDLA{
		Clock: 1e9, Types: []string{"int8"}, AtomicC: 8, AtomicK: 8, MemoryAtom: 8,
		CBUF:     configs.CBUF{Banks: 32, Width: 8, Depth: 512},
		Features: configs.NVDLAExtras{MaxBatch: 1},
		SDP:      configs.SDP{Rate: 1}, PDPRate: 1, CDPRate: 1,
		Memory:   configs.NVDLAMemory{WidthBits: 64, Bandwidth: 4e9, Latency: 32, Outstanding: 50},
		Pipeline: configs.NVDLAStages{Start: 28, CDMA: 27, CSC: 13, CMAC: 7, CACC: 30, SDP: 17},
	}
}

// The Verilator runs of nv_small's convolution traces. Points is the size of the
// output, from which stride, padding and dilation follow.
func TestRTLConvolutions(t *testing.T) {
	sum, n := 0.0, 0
	for _, r := range []struct {
		w, h, c, s, r, k, p, q int
		cycles                 float64
		bound                  bool // by the MAC array
	}{
		{14, 7, 49, 3, 4, 32, 7, 14, 35897, true},
		{24, 44, 14, 5, 3, 41, 45, 26, 217219, true},
		{32, 26, 76, 6, 3, 270, 28, 29, 4992475, true},
		{1, 1, 8, 1, 1, 1, 1, 1, 169, false},
		{4, 1, 8192, 1, 1, 1, 1, 2, 18578, false},
		{6, 8, 192, 3, 3, 32, 3, 2, 18034, false},
		{8192, 1, 1, 2, 3, 41, 1, 4099, 296115, false},
		{8, 8, 36, 4, 4, 16, 2, 2, 3744, false},
		// Listed in notes on the same runs, points from their ideal cycles.
		{35, 22, 54, 6, 8, 29, 24, 36, 1189292, false},
		{32, 26, 76, 6, 3, 16, 28, 29, 314667, false},
		{8, 16, 128, 3, 3, 32, 17, 7, 77001, false},
		{13, 15, 64, 5, 3, 16, 14, 12, 47606, false},
		{24, 33, 55, 5, 5, 25, 12, 7, 78734, false},
	} {
		c := Conv{N: 1, C: r.c, H: r.h, W: r.w, K: r.k, R: r.r, S: r.s, P: r.p, Q: r.q, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, ElemBytes: 1, Mode: Direct}
		got, err := Run(context.Background(), small(), c)
		if err != nil {
			t.Fatal(err)
		}
		e := 100 * (float64(got.Cycles)/r.cycles - 1)
		t.Logf("%dx%dx%d_%dx%dx%dx%d: %d cycles (%.0f, %+.2f %%), %s", r.w, r.h, r.c, r.s, r.r, r.c, r.k, got.Cycles, r.cycles, e, got.Bound)
		if r.bound {
			sum, n = sum+math.Abs(e), n+1
		}
		if math.Abs(e) > 10 {
			t.Errorf("%+.1f %%", e)
		}
	}
	if sum/float64(n) > 2 {
		t.Errorf("mean error of the rows that the MAC array bounds: %.2f %%", sum/float64(n))
	}
}
