package area

import "math"

// spares are equal units of a die of which some may be off: SMs of a GPU, cores of a
// CPU.
type spares struct {
	name  string
	units int     // on the die
	off   int     // of them, at most, that a sold die does not need
	mm2   float64 // of one
}

// salvaged is the share of dies of an area that can be sold: those of which no defect
// lies outside the units, and at most as many units are hit as may be off.
//
// Defects are scattered at random at a density that differs from die to die as a gamma
// distribution, which is what makes the yield of a whole die negative binomial
// (Stapper, 1989). For each density the units fail independently; the density is
// integrated over.
func salvaged(mm2, defectsPerCM2, cluster float64, s spares) float64 {
	if s.off == 0 || s.mm2 <= 0 || s.units <= 0 {
		return yield(mm2, defectsPerCM2, cluster)
	}
	rest := math.Max(0, mm2-float64(s.units)*s.mm2)
	const steps = 400 // Simpson's rule, over the density in units of its mean
	top := 1 + 14/math.Sqrt(cluster)
	sum, weight := 0.0, 0.0
	for i := 1; i <= steps; i++ {
		x := top * float64(i) / steps
		w := math.Exp((cluster-1)*math.Log(x) - cluster*x)
		switch {
		case i == steps:
		case i%2 == 1:
			w *= 4
		default:
			w *= 2
		}
		d := x * defectsPerCM2 / 100 // per mm2
		sum += w * math.Exp(-d*rest) * atMost(s.units, s.off, -math.Expm1(-d*s.mm2))
		weight += w
	}
	return sum / weight
}

// atMost is the probability that at most so many of n are hit, each with probability p.
func atMost(n, most int, p float64) float64 {
	if p >= 1 {
		return 0
	}
	term := math.Pow(1-p, float64(n))
	sum := term
	for k := 1; k <= min(most, n); k++ {
		term *= float64(n-k+1) / float64(k) * p / (1 - p)
		sum += term
	}
	return math.Min(1, sum)
}
