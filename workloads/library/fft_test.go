package library

import (
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
)

// TestTransformedConvolutions: algorithms on transformed data are taken where they
// are forced or cheap, and build kernels under the library's names.
func TestTransformedConvolutions(t *testing.T) {
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		n, c, h, k, r int
		algo, want    string
		kernels       string
	}{
		{16, 192, 28, 32, 5, "", AlgoFFTTiling, "fft2d_r2c_32x32 fft2d_r2c_32x32 volta_gcgemm_32x32_nt fft2d_c2r_32x32"}, // DeepBench says so
		{16, 64, 28, 64, 3, AlgoFFTTiling, AlgoFFTTiling, "fft2d_r2c_32x32 fft2d_r2c_32x32 volta_gcgemm_32x32_nt fft2d_c2r_32x32"},
		{8, 128, 28, 128, 3, AlgoWinograd, AlgoWinograd, "generateWinogradTilesKernel volta_scudnn_winograd_128x128_ldg1_ldg4_relu_tile148t_nt_v1"},
		{8, 512, 7, 512, 1, "", AlgoPrecomp, ""},
	} {
		w, err := workloads.OfConv(workloads.Conv{N: tc.n, C: tc.c, H: tc.h, W: tc.h, K: tc.k, R: tc.r, S: tc.r, PadH: tc.r / 2, PadW: tc.r / 2, StrideH: 1, StrideW: 1, DType: "fp32"})
		if err != nil {
			t.Fatal(err)
		}
		call, err := ChooseConv(m.GPU, w.Conv, tc.algo)
		if err != nil {
			t.Fatal(err)
		}
		if call.Algo != tc.want {
			t.Errorf("%+v: %s", tc, call.Algo)
			continue
		}
		if tc.kernels == "" {
			continue
		}
		ks, err := call.Build(Latencies(m.GPU))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, k := range ks {
			names = append(names, k.Name)
		}
		if got := strings.Join(names, " "); got != tc.kernels {
			t.Errorf("%+v: kernels %s", tc, got)
		}
	}
}

// TestFFTWhereThereIsOne: filters have to be larger than their padding, and gradients of
// filters take images that fit a square, unless more is asked for.
func TestFFTWhereThereIsOne(t *testing.T) {
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	for shape, want := range map[string]string{
		"n=4,c=64,h=28,w=28,k=64,r=5,s=5,pad=2":                  "weighed",
		"n=4,c=64,h=28,w=28,k=64,r=5,s=5,pad=5":                  "none",
		"n=4,c=64,h=28,w=28,k=64,r=5,s=5,pad=2,pass=bwd_weight":  "weighed",
		"n=4,c=64,h=29,w=28,k=64,r=5,s=5,pad=2,pass=bwd_weight":  "asked",
		"n=4,c=64,h=28,w=350,k=64,r=3,s=3,pad=1,pass=bwd_weight": "asked",
		"n=4,c=64,h=28,w=350,k=64,r=3,s=3,pad=1,pass=bwd_data":   "weighed",
		"n=4,c=64,h=28,w=28,k=64,r=3,s=3,pad=1,stride=2":         "none",
	} {
		w, err := workloads.Parse("conv:" + shape)
		if err != nil {
			t.Fatal(err)
		}
		got := "weighed"
		if call, err := ChooseConv(m.GPU, w.Conv, AlgoFFTTiling); err != nil {
			got = "none"
		} else if call.Cost == unasked {
			got = "asked"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", shape, got, want)
		}
	}
}
