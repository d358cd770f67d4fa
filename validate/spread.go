package validate

import "math"

// deviceSpread is the spread of equal boards: each leaves the factory with a voltage
// of its own, and at its power limit holds a clock of its own. Sinha et al. (SC 2022)
// measured 8 % between the slowest and the fastest V100 in training of ResNet-50.
//
// Fitted: what the fp32 rows of 8 and 16 V100 (MXNet) lose beyond their
// collectives, 2 to 3 %; the fp16 rows are for testing.
const deviceSpread = 0.02

// slowestOf is how much longer the slowest of n equal GPUs is expected to take than
// their mean: the expectation of the largest of n normal numbers (Blom 1958).
func (m Method) slowestOf(n int) float64 {
	if n < 2 {
		return 1
	}
	p := (float64(n) - 0.375) / (float64(n) + 0.25)
	return 1 + m.Spread*math.Sqrt2*math.Erfinv(2*p-1)
}
