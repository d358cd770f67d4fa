package validate

import (
	"math"
	"sort"
)

// Stats sums up the errors of a set of rows, in percent of the measured
// value. What cannot be computed is NaN.
type Stats struct {
	Rows   int
	MAPE   float64 // mean of absolute errors
	WMAPE  float64 // sum of absolute differences over sum of measured values
	Median float64 // of absolute errors
	P90    float64 // of absolute errors
	Max    float64 // of absolute errors
	Bias   float64 // mean of signed errors
	LogR   float64 // Pearson correlation of the logarithms
}

// Summarize computes the statistics of pairs of measured and simulated
// values, all above 0.
func Summarize(measured, simulated []float64) Stats {
	nan := math.NaN()
	n := len(measured)
	s := Stats{Rows: n, MAPE: nan, WMAPE: nan, Median: nan, P90: nan, Max: nan, Bias: nan, LogR: nan}
	if n == 0 {
		return s
	}
	abs := make([]float64, n)
	var sum, signed, diff, total float64
	for i, m := range measured {
		e := ErrorPct(m, simulated[i])
		abs[i] = math.Abs(e)
		sum += abs[i]
		signed += e
		diff += math.Abs(simulated[i] - m)
		total += m
	}
	sort.Float64s(abs)
	s.MAPE, s.Bias = sum/float64(n), signed/float64(n)
	s.WMAPE = 100 * diff / total
	s.Median, s.P90, s.Max = quantile(abs, 0.5), quantile(abs, 0.9), abs[n-1]
	s.LogR = logCorrelation(measured, simulated)
	return s
}

// ErrorPct is the signed error in percent of the measured value.
func ErrorPct(measured, simulated float64) float64 { return 100 * (simulated - measured) / measured }

// quantile interpolates linearly between the order statistics, as numpy and
// pandas do by default.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func logCorrelation(a, b []float64) float64 {
	n := float64(len(a))
	var ma, mb float64
	for i := range a {
		ma += math.Log(a[i]) / n
		mb += math.Log(b[i]) / n
	}
	var ab, aa, bb float64
	for i := range a {
		x, y := math.Log(a[i])-ma, math.Log(b[i])-mb
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return math.NaN()
	}
	return ab / math.Sqrt(aa*bb)
}
