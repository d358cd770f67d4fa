package area

import (
	"math"
	"testing"

	"gpusim/configs"
)

// The fitted figures of gpu.yaml are what the fit gives, and each stays within the
// range that the file states.
func TestFittedFigures(t *testing.T) {
	points, _, err := observations()
	if err != nil {
		t.Fatal(err)
	}
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	x := fit(points)
	for i, f := range fitted {
		u := m.Area.Units[f.unit]
		t.Logf("%s: fitted %.4g, file %.4g", f.unit, x[i], u.Value)
		if math.Abs(x[i]/u.Value-1) > 0.01 {
			t.Errorf("%s: the file has %g, the fit gives %.4g", f.unit, u.Value, x[i])
		}
		if x[i] < u.Low || x[i] > u.High {
			t.Errorf("%s: %.4g lies outside %g to %g", f.unit, x[i], u.Low, u.High)
		}
	}
}

// Published dies: error of the figures, error of a generation that the fit has not
// seen, and whether the stated range holds the truth. The bounds stand in README and
// DEVIATIONS.
func TestPublishedDies(t *testing.T) {
	dies, err := Dies()
	if err != nil {
		t.Fatal(err)
	}
	var mean, left, worst float64
	for _, d := range dies {
		e, l := 100*(d.ModelledMM2/d.PublishedMM2-1), 100*(d.LeftOutMM2/d.PublishedMM2-1)
		t.Logf("%-14s %6.1f mm2, modelled %6.1f (%+5.1f %%), %3.0f to %4.0f, generation left out %6.1f (%+5.1f %%)",
			d.Machine, d.PublishedMM2, d.ModelledMM2, e, d.LowMM2, d.HighMM2, d.LeftOutMM2, l)
		mean, left = mean+math.Abs(e)/float64(len(dies)), left+math.Abs(l)/float64(len(dies))
		worst = max(worst, math.Abs(l))
		if d.PublishedMM2 < d.LowMM2 || d.PublishedMM2 > d.HighMM2 {
			t.Errorf("%s: published %g mm2 lies outside %.0f to %.0f", d.Machine, d.PublishedMM2, d.LowMM2, d.HighMM2)
		}
	}
	t.Logf("mean error %.1f %%, with the generation left out %.1f %%, at most %.1f %%", mean, left, worst)
	if mean > 5 || left > 7 || worst > 22 {
		t.Errorf("mean error %.1f %%, with the generation left out %.1f %%, at most %.1f %%", mean, left, worst)
	}
}
