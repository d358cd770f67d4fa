package validate

import (
	"strings"

	"gpusim/energy"
	"gpusim/workloads"
)

// valuesOf is how a source fills the operands of what it measures: the bits that
// flip decide on power, and under a power cap on the clock.
//
// DeepBench draws from [0, 1) (cuRAND's uniform numbers); for int8 they are cut to
// integers, so zeros (recalled, both). NeuSight's products are of random normal
// numbers, its convolutions and element-wise layers of zeros. Others are taken for
// random.
func valuesOf(source string, w workloads.Workload) energy.Values {
	source = strings.ToLower(source)
	switch {
	case strings.Contains(source, "deepbench"):
		if w.Shape().Type() == "int8" {
			return energy.Zeros
		}
		return energy.OneSigned
	case strings.Contains(source, "neusight") && w.GEMM == nil:
		return energy.Zeros
	}
	return energy.Random
}
