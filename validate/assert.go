package validate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gpusim/workloads"
)

// Assertion is one bound of --assert.
type Assertion struct {
	Key   string
	Bound float64
}

// assertable are the statistics that can be bounded: errors from above (bias
// by its size), log_r and rows from below.
var assertable = []string{"mape", "wmape", "median", "p90", "max", "bias", "log_r", "rows"}

// ParseAssertions reads "mape=10,p90=25".
func ParseAssertions(s string) ([]Assertion, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var out []Assertion
	for _, part := range strings.Split(s, ",") {
		key, value, ok := strings.Cut(part, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !ok || !slices.Contains(assertable, key) {
			if near, found := workloads.Nearest(key, assertable); ok && found {
				return nil, fmt.Errorf("--assert: unknown key %q (did you mean %q?)", key, near)
			}
			return nil, fmt.Errorf("--assert: %q is not KEY=BOUND (keys: %s)", part, strings.Join(assertable, ", "))
		}
		bound, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), "%"), 64)
		if err != nil || math.IsNaN(bound) || math.IsInf(bound, 0) {
			return nil, fmt.Errorf("--assert: %s=%s is not a number", key, value)
		}
		out = append(out, Assertion{key, bound})
	}
	return out, nil
}

// Check gives a line for every assertion that does not hold. What could not
// be computed does not hold.
func (s *Stats) Check(as []Assertion) []string {
	var failed []string
	for _, a := range as {
		v, least := s.value(a.Key)
		holds := math.Abs(v) <= a.Bound
		sign := "<="
		if least {
			holds, sign = v >= a.Bound, ">="
		}
		if !holds {
			failed = append(failed, fmt.Sprintf("%s is %.4g, asserted %s %g", a.Key, v, sign, a.Bound))
		}
	}
	return failed
}

// value gives a statistic and whether it is bounded from below.
func (s *Stats) value(key string) (v float64, least bool) {
	switch key {
	case "mape":
		return s.MAPE, false
	case "wmape":
		return s.WMAPE, false
	case "median":
		return s.Median, false
	case "p90":
		return s.P90, false
	case "max":
		return s.Max, false
	case "bias":
		return s.Bias, false
	case "log_r":
		return s.LogR, true
	case "rows":
		return float64(s.Rows), true
	}
	return math.NaN(), false
}
