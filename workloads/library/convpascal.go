package library

import (
	"slices"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/conv"
	"gpusim/workloads/tile"
)

// Families of fp32 kernels by the version of cuDNN: 5 and 6, the libraries of Maxwell's
// and Pascal's time, and 8. Their tiles are those of maxwell_scudnn, which algorithm
// and which tile is taken differs.
const (
	cuDNN5 = "maxwell_scudnn_5"
	cuDNN6 = "maxwell_scudnn_6"
	cuDNN8 = "maxwell_scudnn_8"
)

// oldLibrary is the family of that time that a machine has, if any.
func oldLibrary(g *configs.GPU) string {
	for _, f := range g.Library.Convolutions {
		if f == cuDNN5 || f == cuDNN6 {
			return f
		}
	}
	return ""
}

// oldTransform is the algorithm on transformed data that cuDNN 5 or 6 takes for a
// convolution whatever it costs, empty if none. Read off DeepBench's times of six
// boards, which tell algorithms apart by 1.5 times and more; its labels do not [fit].
//
// Version 5 has no non-fused Winograd: sixteen images take twice as long as eight
// there. Version 6 takes it from sixteen images on, unless images have few tiles of
// 4x4, and for gradients of filters. FFT tiling is for filters of 5x5 if the product
// is wider than the smallest kernel of products of complex matrices; version 6 weighs
// it, version 5 does not: 5x5 filters on 14x14 points take it three times as long as
// what is direct.
func oldTransform(family string, c *workloads.Conv) string {
	if _, ok := transformable(c); !ok {
		return ""
	}
	least := min(c.C, c.K)
	switch {
	case c.R == 3 && c.S == 3:
		tiles := c.N * ceil(c.P(), 4) * ceil(c.Q(), 4)
		if family == cuDNN6 && least >= 128 && (c.Pass == workloads.PassWeight || c.N >= 16 && tiles >= 256) {
			return AlgoWinogradNonFused
		}
		if c.Pass != workloads.PassWeight && least >= 32 {
			return AlgoWinograd
		}
	case family == cuDNN5 && c.R*c.S >= leastFFT && moreThan32(c):
		return AlgoFFTTiling
	}
	return ""
}

// moreThan32 says whether a product is wider than 32, the smallest tile of kernels of
// complex matrices and of convolutions.
func moreThan32(c *workloads.Conv) bool {
	if c.Pass == workloads.PassData {
		return c.C/c.Groups > 32
	}
	return c.K/c.Groups > 32
}

// oldChoice leaves what cuDNN 5 or 6 chooses from: the algorithm that it takes
// whatever it costs comes first, other ones on transformed data are not taken without
// being asked for, and those that version 5 does not have cannot be asked for.
func oldChoice(family string, c *workloads.Conv, calls []ConvCall) []ConvCall {
	if family == cuDNN5 {
		calls = slices.DeleteFunc(calls, func(k ConvCall) bool { return k.Algo == AlgoWinogradNonFused })
	}
	first, least := oldTransform(family, c), calls[0].Cost
	for i := range calls {
		least = min(least, calls[i].Cost)
	}
	for i := range calls {
		switch call := &calls[i]; {
		case call.Algo == first:
			call.Cost = min(call.Cost, least/2)
		case call.Algo == AlgoFFTTiling && family == cuDNN6 && first == "" && c.R*c.S >= leastFFT && moreThan32(c): // weighed
		case slices.Contains([]string{AlgoWinograd, AlgoWinogradNonFused, AlgoFFTTiling}, call.Algo):
			call.Cost = unasked
		}
	}
	return calls
}

// plainOf is plainEntries for a family. Those of cuDNN 5 and 6 have scudnn's kernels for
// gradients of all filters of several taps: 14 rows of one to 32 channels on P100 and
// M40 take what 128x64 and 128x32 do. For gradients of the input of 1x1 filters with
// strides they have plain ones (dgrad_engine in profiles).
func plainOf(family string, c *workloads.Conv) []Entry {
	old := family == cuDNN5 || family == cuDNN6
	switch {
	case old && c.Pass == workloads.PassWeight && c.R*c.S > 1:
		return nil
	case old && fewData(c):
		return []Entry{}
	case old && c.Pass == workloads.PassData && c.DType == "fp32" && c.R*c.S == 1 && c.StrideH*c.StrideW > 1:
		return dgradEngines
	}
	return plainEntries(c)
}

// fewData says whether libraries of that time have the kernel for images of few channels.
// With strides they take it for as many as their smallest tile is wide too: 5x10 filters
// over 32 channels take on five Pascal and two Maxwell boards three times what scudnn's
// kernels would, at the rate of one channel (1.7 to 1.8 TFLOP/s on P100), 64 channels not.
func fewData(c *workloads.Conv) bool {
	return (c.C <= fewChannels || c.R*c.S > 1 && c.StrideH*c.StrideW > 1 && !moreThan32(c)) && conv.TakesFewData(c)
}

// fewDataCalls are its calls.
func fewDataCalls(g *configs.GPU, c *workloads.Conv) []ConvCall {
	if oldLibrary(g) == "" || !fewData(c) {
		return nil
	}
	return []ConvCall{{
		Name: convNames[c.Pass], Algo: AlgoPrecomp, Kernel: "dgrad2d_alg1_1", Cost: float64(c.Ops()) / (2 * float64(g.SM.Count) * beliefFew),
		Build: func(l tile.Latencies) ([]*tile.Kernel, error) {
			k, err := conv.FewData(c, l)
			return []*tile.Kernel{k}, err
		},
	}}
}

// beliefFew is the multiply-adds in a cycle of an SM that they expect of it: DeepBench's
// rows take 12 to 31.
const beliefFew = 16

// leastOldSlice is the least k that a slice of a plain gradient of filters is left: the
// 512 in the names of wgrad_alg0_engine.
const leastOldSlice = 512

// Their tile and CTA are those of dgrad_engine<float, 512, 6, 5, 3, 3, 3> in profiles: 64x32
// outputs of 8x8 threads. It is cuDNN's algorithm 0, which its guide calls a sum of matrix
// products by atomic additions. That fragments come word by word is concluded from
// DeepBench's times: eight k of a tile take an SM 300 to 370 cycles on Maxwell and GP102,
// 430 on P100, where multiply-adds alone need 128 and 256.
var dgradEngines = []Entry{{
	Name: "dgrad_engine_64x32", Family: "simt", Type: "fp32", TileM: 64, TileN: 32, TileK: 16, WarpM: 32, WarpN: 32, WarpK: 1,
	Threads: 64, PerSM: 8, Gain: 0.5, plain: true, adds: true,
}}
