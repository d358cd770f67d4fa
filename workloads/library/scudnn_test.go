package library

import (
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
)

// TestScudnnTiles: which tile a V100 takes for fp32, where time tells: two warps that
// compute 128x32 as 128x64 is computed could not take what the first of these takes,
// nor tiles of 128x64 the second, nor those of 128x32 any other.
func TestScudnnTiles(t *testing.T) {
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		n, c, hw, k, stride int
		pass, tile          string
	}{
		{8, 512, 7, 512, 1, workloads.PassForward, "128x32"},
		{8, 512, 7, 512, 1, workloads.PassData, "128x64"},
		{16, 512, 7, 512, 1, workloads.PassForward, "128x64"},
		{16, 1024, 14, 256, 1, workloads.PassForward, "128x64"},
		{16, 1024, 14, 2048, 2, workloads.PassForward, "128x64"},
		{16, 64, 14, 32, 1, workloads.PassForward, "128x32"},
	} {
		c := &workloads.Conv{N: x.n, C: x.c, H: x.hw, W: x.hw, K: x.k, R: 1, S: 1, StrideH: x.stride, StrideW: x.stride, DilH: 1, DilW: 1,
			Groups: 1, DType: "fp32", Acc: "fp32", Layout: workloads.LayoutNCHW, Pass: x.pass}
		call, err := ChooseConv(m.GPU, c, AlgoPrecomp)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(call.Kernel, "volta_scudnn_"+x.tile+"_") {
			t.Errorf("%+v: %s", x, call.Kernel)
		}
		ks, err := call.Build(Latencies(m.GPU))
		if err != nil {
			t.Fatal(err)
		}
		k := ks[len(ks)-1]
		if fit := m.GPU.SM.Registers / ((k.Regs + 7) / 8 * 8 * k.Threads); x.tile == "128x64" && fit != 4 {
			t.Errorf("%s: %d registers of %d threads, %d CTAs fit an SM", k.Name, k.Regs, k.Threads, fit)
		}
	}
}
