package configs

import (
	"math"
	"testing"
)

// The peaks that follow from a machine file are those that its maker quotes, and
// the latencies add up to those that its comments cite. L2 hits and DRAM reads are
// in SM cycles, DRAM at the clock of the measurement (0: at the sustained one), for
// a closed row and a hit in the first TLB.
func TestPublishedFigures(t *testing.T) {
	for name, p := range map[string]struct {
		fp32, tensor float64 // TFLOP/s at boost clock, dense, fp32 accumulators
		gbs          float64
		l2, dram     int
		at           Freq
	}{
		"kepler":         {5.04, 0, 288.4, 200, 381, 0},
		"k20x":           {3.935, 0, 249.6, 200, 381, 0},
		"k80":            {4.37, 0, 240, 200, 381, 0},
		"maxwell":        {6.832, 0, 288.4, 207, 388, 0},
		"titanx-maxwell": {6.61, 0, 336.5, 207, 388, 0},
		"pascal":         {9.526, 0, 732.2, 234, 439, 0},
		"p100-sxm2":      {10.6, 0, 732.2, 234, 462, 0},
		"titanx-pascal":  {10.97, 0, 480, 238, 419, 0},
		"titan-xp":       {12.15, 0, 547.6, 238, 419, 0},
		"gtx1080ti":      {11.34, 0, 484, 238, 419, 0},
		"p4":             {5.44, 0, 192, 216, 397, 0},
		"titan-v":        {14.9, 119, 652.8, 212, 408, 0},
		"xavier":         {1.41, 11.3, 136.5, 212, 412, 0},
		"turing":         {8.141, 65.1, 320, 188, 296, 1590e6},
		"rtx2080ti":      {13.4, 53.8, 616, 236, 472, 0},
		"titan-rtx":      {16.3, 130.5, 672, 236, 472, 0},
		"rtx2070":        {7.46, 29.9, 448, 236, 472, 0},
		"ampere":         {19.5, 311.9, 2039, 206, 525, 0},
		"a100-40":        {19.5, 311.9, 1555, 206, 525, 0},
		"a100-pcie80":    {19.5, 311.9, 1935, 206, 525, 0},
		"a100-pcie40":    {19.5, 311.9, 1555, 206, 525, 1410e6},
		"rtxa6000":       {38.7, 154.8, 768, 222, 543, 0},
		"rtx3060":        {13.1, 26.1, 336, 222, 543, 0},
		"rtx3070":        {20.3, 40.6, 448, 222, 543, 0},
		"hopper":         {66.9, 989.4 * 1980 / 1830, 3352, 280, 640, 0},
		"h100-pcie":      {51.22, 756.45 * 1755 / 1620, 2039, 264, 592, 0},
		"h800":           {66.9, 989.4 * 1980 / 1830, 3352, 280, 640, 1980e6},
		"h800-pcie":      {51.22, 756.45 * 1755 / 1620, 2039, 264, 592, 0},
		"h200":           {66.9, 989.4 * 1980 / 1830, 4800, 280, 640, 0},
		"gh200":          {66.9, 989.4 * 1980 / 1830, 4023, 280, 640, 0},
		"ada":            {30.3, 121, 300, 222, 543, 2040e6},
	} {
		m, err := Load(name, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		g := m.GPU
		near := func(what string, have, want float64) {
			if math.Abs(have-want) > 0.015*want {
				t.Errorf("%s: %s is %.4g, published %.4g", name, what, have, want)
			}
		}
		perClk := 2 * float64(g.SM.Count*g.SM.SubCores) * float64(g.Clock.Boost) / 1e12
		near("fp32 peak", perClk*g.SM.FP32Lanes()/float64(g.SM.SubCores), p.fp32)
		near("Tensor Core peak", perClk*float64(g.Tensor.FMAPerClk), p.tensor)
		d := &g.DRAM
		near("DRAM bandwidth", float64(d.Channels*d.ChannelBits/8*d.Transfers)*float64(d.Clock)/1e9, p.gbs)
		way := g.L1.HitLatency + g.Crossbar.RequestLatency + g.Crossbar.ReplyLatency
		if have := way + g.L2.HitLatency; have != p.l2 {
			t.Errorf("%s: an L2 hit takes %d cycles, published %d", name, have, p.l2)
		}
		at := p.at
		if at == 0 {
			at = g.Clock.Sustained
		}
		cells := float64(d.Timing.RCDRD+d.Timing.CL+d.BurstClocks()) * float64(at) / float64(d.Clock)
		far := float64(g.L2.FarLatency) * float64(g.L2.Partitions-1) / 2 // half of the lines have their home there
		near("DRAM latency", float64(way+g.L2.MissLatency+d.PHYLatency+g.L2.FillLatency)+cells+far, float64(p.dram))
	}
}

// Matrix instructions keep to the rate of the unit: fp16 with fp32 accumulators to
// fma_per_clk, and a sparse one to the time of the dense one of half its depth.
func TestMatrixInstructions(t *testing.T) {
	for _, name := range Names() {
		m, err := Load(name, nil)
		if err != nil || m.GPU == nil {
			continue
		}
		tc := &m.GPU.Tensor
		names := map[string]bool{}
		for _, i := range tc.Instructions {
			if names[i.Name] {
				t.Errorf("%s: %s stands twice", name, i.Name)
			}
			names[i.Name] = true
			if i.Latency < i.Cycles || i.Accumulate < i.Cycles {
				t.Errorf("%s: %s is over before it is done", name, i.Name)
			}
			// mma.sync is slower than WGMMA where that exists.
			if fma := i.M * i.N * i.K; i.Type == "fp16" && i.Acc == "fp32" && !i.Sparse && (i.M == 64) == (tc.Shape == "wgmma") {
				if i.M == 64 {
					fma /= 4
				}
				if fma != i.Cycles*tc.FMAPerClk {
					t.Errorf("%s: %s has %d FMA in %d cycles at %d a clock", name, i.Name, fma, i.Cycles, tc.FMAPerClk)
				}
			}
			if !i.Sparse {
				continue
			}
			dense := false
			for _, j := range tc.Instructions {
				dense = dense || !j.Sparse && j.Type == i.Type && j.Acc == i.Acc && j.M == i.M && j.N == i.N && 2*j.K == i.K && j.Cycles == i.Cycles
			}
			if !dense {
				t.Errorf("%s: no dense twin of %s takes as long", name, i.Name)
			}
		}
	}
}
