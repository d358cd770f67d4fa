package validate

import (
	"math"
	"strings"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(b)) }

// The expected values are worked out by hand: errors are +10, -20, 0, +50 %.
func TestSummarize(t *testing.T) {
	s := Summarize([]float64{10, 20, 40, 100}, []float64{11, 16, 40, 150})
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"mape", s.MAPE, 20},                // (10+20+0+50)/4
		{"wmape", s.WMAPE, 100 * 55 / 170.}, // (1+4+0+50)/170
		{"median", s.Median, 15},            // between 10 and 20
		{"p90", s.P90, 41},                  // at 2.7 of 0,10,20,50: 20 + 0.7*30
		{"max", s.Max, 50},
		{"bias", s.Bias, 10}, // (10-20+0+50)/4
	} {
		if !near(c.got, c.want) {
			t.Errorf("%s = %g, want %g", c.name, c.got, c.want)
		}
	}
	if s.Rows != 4 || !(s.LogR > 0.97 && s.LogR < 1) {
		t.Errorf("rows %d, log_r %g", s.Rows, s.LogR)
	}
}

func TestLogCorrelation(t *testing.T) {
	// A constant factor is a shift of the logarithm, a power a stretch.
	if s := Summarize([]float64{1, 10, 100}, []float64{3, 30, 300}); !near(s.LogR, 1) {
		t.Errorf("factor: %g", s.LogR)
	}
	if s := Summarize([]float64{1, 10, 100}, []float64{1, 0.1, 0.01}); !near(s.LogR, -1) {
		t.Errorf("inverse: %g", s.LogR)
	}
	// log10: (0,1,2) against (0,2,1): covariance 1, both variances 2.
	if s := Summarize([]float64{1, 10, 100}, []float64{1, 100, 10}); !near(s.LogR, 0.5) {
		t.Errorf("by hand: %g", s.LogR)
	}
	for _, s := range []Stats{Summarize([]float64{5}, []float64{6}), Summarize([]float64{5, 5}, []float64{6, 7}), Summarize(nil, nil)} {
		if !math.IsNaN(s.LogR) {
			t.Errorf("undefined correlation is %g", s.LogR)
		}
	}
}

func TestSummarizeOneAndNone(t *testing.T) {
	if s := Summarize([]float64{8}, []float64{6}); s.MAPE != 25 || s.Median != 25 || s.P90 != 25 || s.Max != 25 || s.Bias != -25 {
		t.Errorf("%+v", s)
	}
	if s := Summarize(nil, nil); s.Rows != 0 || !math.IsNaN(s.MAPE) || !math.IsNaN(s.Max) {
		t.Errorf("%+v", s)
	}
}

func TestAssertions(t *testing.T) {
	as, err := ParseAssertions("mape=20, p90=40.9,bias=10,log_r=0.9,rows=5")
	if err != nil || len(as) != 5 {
		t.Fatal(as, err)
	}
	s := Summarize([]float64{10, 20, 40, 100}, []float64{11, 16, 40, 150})
	failed := strings.Join(s.Check(as), "|")
	if failed != "p90 is 41, asserted <= 40.9|rows is 4, asserted >= 5" {
		t.Error(failed)
	}
	none := Summarize(nil, nil)
	if got := none.Check([]Assertion{{"mape", 1e9}, {"log_r", -1}}); len(got) != 2 {
		t.Errorf("what cannot be computed holds: %v", got)
	}
	negative := Summarize([]float64{10}, []float64{1})
	if got := negative.Check([]Assertion{{"bias", 50}}); len(got) != 1 {
		t.Errorf("a bias of -90 %% is within 50: %v", got)
	}
	for in, want := range map[string]string{
		"map=3": `did you mean "mape"?`, "mape": "is not KEY=BOUND", "mape=x": "is not a number", "mape=NaN": "is not a number", "frob=1": "is not KEY=BOUND", "mape=1,": "is not KEY=BOUND",
	} {
		if _, err := ParseAssertions(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
	if as, err := ParseAssertions(""); as != nil || err != nil {
		t.Error(as, err)
	}
}
