package nvdla

import (
	"context"
	"testing"

	"gpusim/configs"
)

func large(bytesPerCycle float64) *configs.NVDLA {
	return &configs.NVDLA{
		Clock: 1e9, Types: []string{"int8"}, AtomicC: 64, AtomicK: 32, MemoryAtom: 32,
		CBUF:     configs.CBUF{Banks: 16, Width: 64, Depth: 512},
		Features: configs.NVDLAExtras{Winograd: true, Compression: true, MaxBatch: 32, LUT: true, Elementwise: true, BDMA: true, RUBIK: true},
		SDP:      configs.SDP{Rate: 16, ElementwiseRate: 4}, PDPRate: 8, CDPRate: 8,
		Memory:   configs.NVDLAMemory{WidthBits: 512, Bandwidth: configs.Bandwidth(bytesPerCycle * 1e9), Latency: 32, Outstanding: 1200},
		Pipeline: configs.NVDLAStages{Start: 28, CDMA: 27, CSC: 13, CMAC: 7, CACC: 30, SDP: 17},
	}
}

// alexnet is the network as the sheet lists it.
var alexnet = []Conv{
	{C: 3, H: 224, W: 224, K: 96, R: 11, S: 11, P: 55, Q: 55, StrideH: 4, StrideW: 4, Groups: 1},
	{C: 96, H: 27, W: 27, K: 256, R: 5, S: 5, P: 27, Q: 27, StrideH: 1, StrideW: 1, Groups: 2},
	{C: 256, H: 13, W: 13, K: 384, R: 3, S: 3, P: 13, Q: 13, StrideH: 1, StrideW: 1, Groups: 1},
	{C: 384, H: 13, W: 13, K: 384, R: 3, S: 3, P: 13, Q: 13, StrideH: 1, StrideW: 1, Groups: 2},
	{C: 384, H: 13, W: 13, K: 256, R: 3, S: 3, P: 13, Q: 13, StrideH: 1, StrideW: 1, Groups: 2},
	{C: 256, H: 6, W: 6, K: 4096, R: 6, S: 6, P: 1, Q: 1, StrideH: 1, StrideW: 1, Groups: 1},
	{C: 4096, H: 1, W: 1, K: 4096, R: 1, S: 1, P: 1, Q: 1, StrideH: 1, StrideW: 1, Groups: 1},
	{C: 4096, H: 1, W: 1, K: 1000, R: 1, S: 1, P: 1, Q: 1, StrideH: 1, StrideW: 1, Groups: 1},
}

// A user's RTL run of AlexNet took 2,093,882 cycles (nvdla/hw issue 202), where
// the sheet has 895,444. How memory was simulated is not stated; here it gives a
// beat every other cycle, as in nv_small's runs, and the compiler of the time used
// no Winograd. Pooling is fused, as in the sheet; normalisation is a pass of its own.
func TestAlexNetRTL(t *testing.T) {
	n := large(32)
	total := uint64(0)
	for i, c := range alexnet {
		c.N, c.DilH, c.DilW, c.ElemBytes = 1, 1, 1, 1
		c.Mode = Direct
		if i == 0 {
			c.Mode = Image
		}
		r, err := Run(context.Background(), n, c)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("layer %d: %d cycles, %d hardware layers, %s, utilisation %.0f %%", i+1, r.Cycles, r.Ops, r.Bound, 100*c.MACs()/float64(r.Cycles)/2048)
		total += r.Cycles
	}
	for _, p := range []struct{ elements, rate int }{
		{27 * 27 * 96, n.CDPRate}, {13 * 13 * 256, n.CDPRate},
	} {
		total += uint64(n.Pipeline.Start + n.Memory.Latency + n.Pipeline.SDP + p.elements/p.rate)
	}
	e := 100 * (float64(total)/2093882 - 1)
	t.Logf("AlexNet: %d cycles (2093882, %+.1f %%)", total, e)
	if e > 15 || e < -15 {
		t.Errorf("%+.1f %%", e)
	}
}
