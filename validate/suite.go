package validate

import (
	"math"

	"gpusim"
	"gpusim/workloads"
)

// Suite is a set of programs whose cycles on real hardware were published
// together with those of other simulators.
type Suite struct {
	Name    string
	Device  string
	Machine string   // machine file that simulated it; empty when none did
	Others  []string // other simulators, as the table's columns call them
	Rows    []SuiteRow
}

// SuiteRow is one program. Cycles are of the SM clock, summed over all of the
// program's launches.
type SuiteRow struct {
	File      string
	Line      int
	Program   string
	Kernel    string // of the simulated library, in the place of the program's own
	Launches  int
	Measured  float64
	Simulated float64   // NaN where it was not simulated
	Others    []float64 // cycles of the suite's other simulators
	work      workloads.Workload
}

// SuiteError tells how far one simulator is off a suite, in percent of the
// measured values.
//
// The ratio errors are of each program's cycles over the geometric mean of
// the suite's: a constant factor, as from a wrong number of launches, another
// clock or a uniformly slower kernel, does not count there.
type SuiteError struct {
	Tool      string
	Rows      int
	RatioMAPE float64
	RatioMax  float64
	CycleMAPE float64 // of the cycles as they are
	CycleBias float64 // mean of the signed errors
}

// Self is the name by which SuiteError.Tool means this simulator.
const Self = "gpusim"

// Errors gives the errors of this simulator, if it ran, and of the others, all
// over the same programs.
func (s *Suite) Errors() []SuiteError {
	var measured, own []float64
	others := make([][]float64, len(s.Others))
	for i := range s.Rows {
		r := &s.Rows[i]
		if s.Machine != "" && math.IsNaN(r.Simulated) {
			continue
		}
		measured, own = append(measured, r.Measured), append(own, r.Simulated)
		for k, c := range r.Others {
			others[k] = append(others[k], c)
		}
	}
	var out []SuiteError
	if s.Machine != "" {
		out = append(out, suiteError(Self, measured, own))
	}
	for k, name := range s.Others {
		out = append(out, suiteError(name, measured, others[k]))
	}
	return out
}

// RatioErrors gives the signed error of each row's cycles over the suite's
// geometric mean, in percent; NaN for what was not simulated.
func (s *Suite) RatioErrors() []float64 {
	var measured, own []float64
	for i := range s.Rows {
		if r := &s.Rows[i]; !math.IsNaN(r.Simulated) {
			measured, own = append(measured, r.Measured), append(own, r.Simulated)
		}
	}
	errs := ratioErrors(measured, own)
	out := make([]float64, len(s.Rows))
	for i := range s.Rows {
		if math.IsNaN(s.Rows[i].Simulated) {
			out[i] = math.NaN()
		} else {
			out[i], errs = errs[0], errs[1:]
		}
	}
	return out
}

func suiteError(tool string, measured, simulated []float64) SuiteError {
	cycles := Summarize(measured, simulated)
	e := SuiteError{Tool: tool, Rows: cycles.Rows, CycleMAPE: cycles.MAPE, CycleBias: cycles.Bias, RatioMAPE: math.NaN(), RatioMax: math.NaN()}
	if len(measured) < 2 {
		return e // one program has no ratio to another
	}
	e.RatioMAPE, e.RatioMax = 0, 0
	for _, r := range ratioErrors(measured, simulated) {
		e.RatioMAPE += math.Abs(r) / float64(len(measured))
		e.RatioMax = math.Max(e.RatioMax, math.Abs(r))
	}
	return e
}

// ratioErrors compares each value over its series' geometric mean.
func ratioErrors(measured, simulated []float64) []float64 {
	m, s := geometricMean(measured), geometricMean(simulated)
	out := make([]float64, len(measured))
	for i := range measured {
		out[i] = ErrorPct(measured[i]/m, simulated[i]/s)
	}
	return out
}

func geometricMean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(v)))
}

// simulated fills in what came of a row's simulation: the cycles of one launch
// that finds the caches as the launch before has left them, times the number
// of launches.
func (r *SuiteRow) simulated(res *gpusim.Result) {
	r.Simulated = float64(r.Launches) * res.TimeUS * res.ClockMHz
}
