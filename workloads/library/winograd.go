package library

import (
	"math"
	"slices"
	"strings"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/stride1"
	"gpusim/workloads/tile"
	"gpusim/workloads/winograd"
)

// Algorithms by Winograd's minimal filtering.
const (
	AlgoWinograd         = "winograd"          // F(2x2,3x3) in one kernel behind the filter transform
	AlgoWinogradNonFused = "winograd_nonfused" // F(4x4,3x3) or F(5x5,5x5) around a batched product
)

// The library's beliefs of its algorithms, in SM cycles. [fit] to the algorithms that
// NeuSight's kernel names tell on five devices, in every other of 961 rows.
const (
	beliefCall      = 2000.0  // second kernel of a call of one main kernel
	beliefFused     = 0.60    // share of the fp32 rate that the fused kernel reaches
	beliefFusedCTA  = 12000.0 // first loads and output transform of its CTAs
	beliefNonFused  = 48000.0 // three kernels more, and their ends
	beliefTransform = 0.70    // share of DRAM's bandwidth at which transforms go
	beliefSpill     = 2.4     // the same, on top, of what L2 does not hold
	beliefPascal    = 0.6     // of the core clock in version 8 on P100 and P4: the same. [fit] on those two
	beliefCapped    = 0.22    // of the core clock under a power cap: memory is nearer then
)

// transformable is a convolution as algorithms on transformed data take it, if they
// do: of stride 1 in fp32.
func transformable(c *workloads.Conv) (p stride1.Problem, ok bool) {
	if c.DType != "fp32" || c.Layout != workloads.LayoutNCHW || c.Groups > 1 || c.StrideH*c.StrideW*c.DilH*c.DilW != 1 {
		return p, false
	}
	return stride1.Problem{
		N: c.N, C: c.C, H: c.H, W: c.W, K: c.K, R: c.R, S: c.S, PadH: c.PadH, PadW: c.PadW,
		Pass: stride1.Pass(c.Pass), Alpha: 1,
	}, true
}

// winogradCalls are the calls for a convolution that Winograd's algorithms take.
func winogradCalls(g *configs.GPU, c *workloads.Conv) []ConvCall {
	p, ok := transformable(c)
	if !ok {
		return nil
	}
	var out []ConvCall
	if call, ok := nonFused(g, c, p); ok {
		out = append(out, call)
	}
	tiles := fusedTiles(g)
	if ctas, err := winograd.FusedCTAs(p, tiles); err == nil {
		out = append(out, ConvCall{
			Name: convNames[c.Pass], Algo: AlgoWinograd, Kernel: AlgoWinograd, Cost: fusedCost(g, c, ctas),
			Build: func(l tile.Latencies) ([]*tile.Kernel, error) {
				ks, err := winograd.Fused(p, tiles, l)
				if err == nil {
					ks[1].Name = convArch(g) + "_" + ks[1].Name
				}
				return ks, err
			},
		})
	}
	return out
}

// convArch is the generation that the library's convolution kernels were written
// for, with which their names begin.
func convArch(g *configs.GPU) string {
	arch, _, _ := strings.Cut(g.Library.Convolutions[0], "_")
	return arch
}

// fusedTiles are the arrangements of tiles that there are fused kernels for, nil if all.
// Public profiles of V100 show tile148 for images of all sizes, those of cuDNN 8 with
// kernels for Maxwell 148, 228, 244 and 418, older ones, whose names lack a version, 148,
// 228 and 418. DeepBench's rows agree: on V100 eight images of 28x28 and 56x56 points take 7
// and 12 rounds of CTAs, as tile148 has, where the fewest CTAs would take 6 and 10; sixteen
// of 7x7 points take twice as long on M40 (cuDNN 5) as tile244 would, on P100 (cuDNN 6) not.
func fusedTiles(g *configs.GPU) []string {
	switch {
	case convArch(g) == "volta":
		return []string{"tile148"}
	case oldLibrary(g) == cuDNN5:
		return []string{"tile148", "tile228", "tile418"}
	}
	return nil
}

// nonFused is the call of the non-fused algorithm, if there is one: the batched
// product is what the library would launch for it by itself.
func nonFused(g *configs.GPU, c *workloads.Conv, p winograd.Problem) (ConvCall, bool) {
	q, err := winograd.Product(p)
	if err != nil {
		return ConvCall{}, false
	}
	product, err := productCall(g, q)
	if err != nil {
		return ConvCall{}, false
	}
	bytes, err := winograd.Workspace(p)
	if err != nil {
		return ConvCall{}, false
	}
	call := ConvCall{
		Name: convNames[c.Pass], Algo: AlgoWinogradNonFused, Kernel: product.Kernel,
		Build: func(l tile.Latencies) ([]*tile.Kernel, error) { return winograd.NonFused(p, product.Config, l) },
	}
	// All transformed data are written and read once; what they come from and go
	// to is less.
	transforms := float64(bytes) + c.Bytes()
	spilled := math.Max(0, transforms-float64(g.L2.Size))
	call.Cost = product.Cost + (transforms/beliefTransform+spilled/beliefSpill)/perClock(g) + beliefNonFused
	return call, true
}

// productGains are what the convolution library expects of kernels for the
// batched product where it differs from what the library of products expects of
// them: of NeuSight's 59 non-fused calls on V100, 39 have 64x64, 18 32x128.
var productGains = map[string]float64{"volta_sgemm_64x64": 0.66, "volta_sgemm_32x128": 0.62}

// productCall picks the kernel of the batched product.
func productCall(g *configs.GPU, q gemm.Problem) (Call, error) {
	if slices.Contains(g.Library.Convolutions, cuDNN8) {
		own := *g
		own.Library.Kernels = []string{"maxwell_sgemm_winograd"}
		g = &own
	}
	calls, err := Candidates(g, q, Force{})
	if err != nil {
		return Call{}, err
	}
	best := -1
	for i := range calls {
		c := &calls[i]
		// Where the library of products has fitted beliefs of its own for strided
		// batches, as on Turing, they hold here.
		if gain, ok := productGains[c.Entry.Name]; ok && slices.Contains(g.Library.Kernels, "volta_sgemm") {
			c.Cost *= c.Entry.gain(q) / gain
		}
		if best < 0 || c.Cost < calls[best].Cost {
			best = i
		}
	}
	return calls[best], nil
}

// fusedCost is the library's estimate of the fused algorithm.
func fusedCost(g *configs.GPU, c *workloads.Conv, ctas int) float64 {
	channels := c.C
	if c.Pass == workloads.PassData {
		channels = c.K
	}
	ctas = ceil(ctas, g.SM.Count)
	const perSM = 2
	math1 := float64(16*32*32*channels) / (g.SM.FP32Lanes() * beliefFused)
	resident := min(ctas, perSM)
	return float64(ceil(ctas, resident))*(float64(resident)*math1+beliefFusedCTA) + beliefCall
}

// perClock is the bytes that DRAM delivers in an SM cycle at its peak.
func perClock(g *configs.GPU) float64 {
	clock := float64(g.Clock.Sustained)
	switch {
	case slices.Contains(g.Library.Convolutions, cuDNN8):
		clock *= beliefPascal
	case g.Clock.PowerCap:
		clock *= beliefCapped
	}
	return g.DRAM.PeakBandwidth() / clock
}
