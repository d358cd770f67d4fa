package library

import (
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/fft"
	"gpusim/workloads/tile"
)

// AlgoFFTTiling is convolution by Fourier transforms of 32x32 squares.
const AlgoFFTTiling = "fft_tiling"

// What the library expects of FFT tiling: the share of the fp32 rate at which it
// multiplies complex matrices, and of DRAM's bandwidth at which transforms go, each
// number of whose spectra belongs to another of 544 matrices. [fit] with the beliefs of
// Winograd's algorithms; of the eight rows that were done by FFT, four had filters and
// images of the sizes of whole transforms, which we do not have.
const (
	beliefFFT     = 0.80
	beliefFourier = 0.45
	fftStep       = 8 // along k, of which a CTA takes whole ones
)

// leastFFT is the taps of a filter from which on cuDNN 5 and 6 take FFT tiling without
// being asked to: of DeepBench's two shapes of 5x5 and stride 1 one.
const leastFFT = 25

// unasked is the cost of what a library does not take without being asked to.
var unasked = math.Inf(1)

// fftCalls is the call for a convolution that FFT tiling takes, if it does: its filters
// have to be larger than its padding (cuDNN's API reference). Gradients of filters have
// tiles along one dimension only there (recalled), so images larger than a square are not
// taken without being asked to: DeepBench's of 80x350 points on V100 takes twice what
// tiles would.
func fftCalls(g *configs.GPU, c *workloads.Conv) []ConvCall {
	p, ok := transformable(c)
	if !ok || c.PadH >= c.R || c.PadW >= c.S {
		return nil
	}
	m, n, k, batch, err := fft.Product(p)
	if err != nil {
		return nil
	}
	bytes, err := fft.Workspace(p)
	if err != nil {
		return nil
	}
	edge := fft.Edge(m, n)
	// Four multiply-adds for each product of complex numbers, and the beginnings and ends of
	// CTAs, two of which are on an SM.
	const perSM = 2
	math1 := 4*float64(edge*edge*ceil(k, fftStep)*fftStep)/(g.SM.FP32Lanes()*beliefFFT) + beliefLaunch/perSM
	rounds := float64(ceil(ceil(m, edge)*ceil(n, edge)*batch, g.SM.Count))
	arch := convArch(g)
	cost := rounds*math1 + (float64(bytes)+c.Bytes())/(beliefFourier*perClock(g)) + beliefNonFused
	if c.Pass == workloads.PassWeight && max(c.H+2*c.PadH, c.W+2*c.PadW) > fft.Size {
		cost = unasked
	}
	return []ConvCall{{
		Name: convNames[c.Pass], Algo: AlgoFFTTiling, Kernel: fmt.Sprintf("%s_gcgemm_%dx%d_nt", arch, edge, edge), Cost: cost,
		Build: func(l tile.Latencies) ([]*tile.Kernel, error) { return fft.Tiling(p, arch, edge, l) },
	}}
}
