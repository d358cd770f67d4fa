package library

// AlgoClasses are those that names of kernels tell apart.
var AlgoClasses = []string{"implicit_gemm", AlgoWinograd, AlgoWinogradNonFused, "fft"}

// AlgoClass is the one of an algorithm; others are classes of their own.
func AlgoClass(algo string) string {
	switch algo {
	case AlgoPrecomp:
		return "implicit_gemm"
	case AlgoFFTTiling:
		return "fft"
	}
	return algo
}
