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
		{8, 128, 28, 128, 3, AlgoWinograd, AlgoWinograd, "generateWinogradTilesKernel volta_scudnn_winograd_128x128_ldg1_ldg4_relu_tile228t_nt_v1"},
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

// TestFFTOnlyForLargeFilters: of all calls for 3x3 none is FFT tiling unless
// asked for.
func TestFFTOnlyForLargeFilters(t *testing.T) {
	m, err := configs.Load("turing", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range [][4]int{{45, 47, 193, 23}, {29, 6, 166, 9}, {61, 20, 60, 720}} {
		w, err := workloads.OfConv(workloads.Conv{N: s[0], C: s[1], H: s[2], W: s[2], K: s[3], R: 3, S: 3, PadH: 1, PadW: 1, StrideH: 1, StrideW: 1, DType: "fp32"})
		if err != nil {
			t.Fatal(err)
		}
		if call, err := ChooseConv(m.GPU, w.Conv, ""); err != nil || call.Algo == AlgoFFTTiling {
			t.Errorf("%v: %s, %v", s, call.Algo, err)
		}
	}
}
