package sweep

import (
	"math"
	"strings"
	"testing"
)

// Labels of an axis do not touch, whatever is spanned, and some are there.
func TestLabelsAreApart(t *testing.T) {
	t.Parallel()
	for lo := -3.0; lo < 8; lo += 0.37 {
		for _, span := range []float64{0.02, 0.1, 0.3, 0.8, 1.7, 3, 6} {
			s := scale{lo, lo + span, left, panelW - right}
			width := func(v float64) float64 { return letterW * float64(len(label(v))) }
			all := ticks(s.lo, s.hi)
			shown := apart(all, s, panelW, width)
			if len(all) > 0 && len(shown) == 0 {
				t.Errorf("no label from 10^%.2f on over %v decades", lo, span)
			}
			for i, a := range shown {
				for _, b := range shown[:i] {
					if math.Abs(s.at(a)-s.at(b)) < (width(a)+width(b))/2 {
						t.Errorf("%s and %s touch", label(a), label(b))
					}
				}
			}
		}
	}
	for v, want := range map[float64]string{180: "180", 0.25: "0.25", 100000: "100,000", 1.2e-10: "1.2e-10"} {
		if s := label(v); s != want {
			t.Errorf("%v is labelled %s", v, s)
		}
	}
}

// The picture says what it shows: its title and what each colour means.
func TestPictureHasTitleAndLegend(t *testing.T) {
	t.Parallel()
	_, r, err := table(t, t.Context(), space(t, strings.Replace(small, "fidelity: analytic", "fidelity: analytic\nrefine: {fidelity: sampled, points: 3}", 1)), store(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	picture := string(r.plot())
	for _, want := range []string{">small: variants of scalesim<", ">all points (analytic)<", ">Pareto front (analytic)<", ">Pareto front (sampled)<"} {
		if !strings.Contains(picture, want) {
			t.Errorf("the picture has no %s", want)
		}
	}
}
