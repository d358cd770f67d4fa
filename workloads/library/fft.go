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

// beliefFFT is the share of the fp32 rate that the library expects of the
// products of complex matrices: that of the sgemm kernels of the same shape.
const beliefFFT = 0.60

// leastFFT is the taps of a filter from which on the library takes FFT tiling
// without being asked to: of NeuSight's 961 filters of 3x3, on five devices,
// eight were done by any FFT, of DeepBench's two shapes of 5x5 and stride 1 one.
const leastFFT = 25

// unasked is the cost of what a library does not take without being asked to.
var unasked = math.Inf(1)

// fftCalls is the call for a convolution that FFT tiling takes, if it does.
func fftCalls(g *configs.GPU, c *workloads.Conv) []ConvCall {
	p, ok := transformable(c)
	if !ok {
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
	// Four multiply-adds for each product of complex numbers.
	math1 := 4 * float64(edge*edge*k) / (g.SM.FP32Lanes() * beliefFFT)
	rounds := float64(ceil(ceil(m, edge)*ceil(n, edge)*batch, g.SM.Count))
	arch := convArch(g)
	cost := rounds*math1 + (float64(bytes)+c.Bytes())/(beliefTransform*perClock(g)) + beliefNonFused
	if c.R*c.S < leastFFT {
		cost = unasked
	}
	return []ConvCall{{
		Name: convNames[c.Pass], Algo: AlgoFFTTiling, Kernel: fmt.Sprintf("%s_gcgemm_%dx%d_nt", arch, edge, edge), Cost: cost,
		Build: func(l tile.Latencies) ([]*tile.Kernel, error) { return fft.Tiling(p, arch, edge, l) },
	}}
}
