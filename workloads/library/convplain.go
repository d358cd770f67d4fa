package library

import (
	"slices"
	"strings"

	"gpusim/configs"
	"gpusim/workloads"
)

// scudnnFamilies are those of fp32.
var scudnnFamilies = []string{cuDNN5, cuDNN6, cuDNN8, "maxwell_scudnn", "volta_scudnn", "ampere_scudnn"}

// PlainHalves says whether the library computes a convolution of halves in NHWC
// without Tensor Cores, by the kernels that it has for NCHW: it does so where the
// padding reaches as far as the filter. DeepBench's four such rows on V100 take 1.4
// to 2.4 times what they do in fp32, and ten times what its Tensor Cores need.
func PlainHalves(g *configs.GPU, c *workloads.Conv) bool {
	return c.Layout == workloads.LayoutNHWC && c.DType == "fp16" && c.Acc == "fp32" && halvesOfPlain(g, c)
}

// halvesOfPlain says so of the same convolution in either layout.
func halvesOfPlain(g *configs.GPU, c *workloads.Conv) bool {
	if c.Pass == workloads.PassForward || c.PadH < c.DilH*(c.R-1)+1 && c.PadW < c.DilW*(c.S-1)+1 {
		return false
	}
	return slices.ContainsFunc(g.Library.Convolutions, func(f string) bool { return slices.Contains(scudnnFamilies, f) })
}

// TurnsPoints says whether the library changes the layout even of tensors with one
// point a channel, which are the same in both: filters of one tap. Volta's does (cuDNN
// 7.0): V100's gradients of such filters by plain kernels take 50 and 93 us longer in
// halves than in fp32. T4's, of cuDNN 7.6, take 24, no more than for the images.
func TurnsPoints(g *configs.GPU) bool {
	return slices.Contains(g.Library.Convolutions, "volta_s884cudnn")
}

// halves are fp32 kernels as they take halves, which become fp32 on their way to
// shared memory: volta_fp16_scudnn_fp16_128x64 in public profiles.
func halves(es []Entry) []Entry {
	out := half(slices.Clone(es))
	for i := range out {
		if arch, rest, ok := strings.Cut(out[i].Name, "_scudnn"); ok {
			out[i].Name = arch + "_fp16_scudnn_fp16" + rest
		}
	}
	return out
}

// plainEntries are the kernels of fp32 that a library has instead of scudnn's; nil
// for other convolutions.
func plainEntries(c *workloads.Conv) []Entry {
	if c.Pass != workloads.PassData || c.DType != "fp32" || c.Layout != workloads.LayoutNCHW || c.C/max(1, c.Groups) > fewChannels {
		return engines(c)
	}
	return []Entry{{Name: "dgrad2d_alg1_1", Family: "direct", Type: "fp32", TileM: 128, TileN: 1, TileK: 32, WarpK: 1, PerSM: 16, Gain: 0.2}}
}

// engines are the plain kernels for gradients of filters (wgrad_alg1_engine in
// profiles), nil for those that scudnn's kernels compute: filters of several taps
// and at least 128 of them. All others take on V100 what a kernel compiled from
// CUDA would: one set of fragments, 55 to 60 % of peak once 128 filters count whole
// (64 where there are several taps) and the points of each image in slabs of 32.
// 22 rows of 1x1 filters tell. [fit]
func engines(c *workloads.Conv) []Entry {
	switch {
	case c.Pass != workloads.PassWeight || c.Layout != workloads.LayoutNCHW || c.R*c.S > 1 && c.K >= 128:
		return nil
	case c.R*c.S == 1:
		return wgradEngines[:1]
	}
	return wgradEngines[1:]
}

var wgradEngines = []Entry{
	{Name: "wgrad_alg1_engine_64x128", TileM: 64, TileN: 128, WarpM: 32, WarpN: 64, PerSM: 3, Gain: 0.6},
	{Name: "wgrad_alg1_engine_64x64", TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, PerSM: 4, Gain: 0.55},
	{Name: "wgrad_alg1_engine_64x32", TileM: 64, TileN: 32, WarpM: 32, WarpN: 16, PerSM: 6, Gain: 0.5},
}

func init() {
	for i := range wgradEngines {
		e := &wgradEngines[i]
		e.Family, e.Type, e.TileK, e.WarpK, e.Threads, e.slab, e.yields = "simt", "fp32", 16, 1, 128, 32, true
	}
}

// leastEngineSlice is the same of the plain kernels. [fit] on the same 22 rows
const leastEngineSlice = 240
