package validate

import (
	"strings"

	"gpusim/energy"
	"gpusim/workloads"
)

// valuesOf is how a source fills the operands of what it measures: the bits that
// flip decide on power, and under a power cap on the clock.
//
// DeepBench draws cuRAND's uniform numbers from (0, 1] and converts them to the type
// that holds the operands (code/nvidia/tensor.h, rand): float, uint8_t, and for halves
// uint16_t, which is an integer to C++. So its int8 and fp16 operands are zeros.
// NeuSight's products are of random normal numbers, its convolutions and element-wise
// layers of zeros. Others are taken for random.
func valuesOf(source string, w workloads.Workload) energy.Values {
	source = strings.ToLower(source)
	switch {
	case strings.Contains(source, "deepbench"):
		if t := w.Shape().Type(); t == "int8" || t == "fp16" {
			return energy.Zeros
		}
		return energy.OneSigned
	case strings.Contains(source, "neusight") && w.GEMM == nil:
		return energy.Zeros
	}
	return energy.Random
}

// networkValues is the same for whole networks: MLPerf's are trained ones that see what
// they were trained for.
func networkValues(source string) energy.Values {
	if strings.Contains(strings.ToLower(source), "mlcommons") {
		return energy.Trained
	}
	return energy.Random
}
