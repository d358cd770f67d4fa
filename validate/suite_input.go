package validate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gpusim/workloads"
)

// suiteColumns make a table one of programs measured in cycles of which is
// known what they launch.
var suiteColumns = []string{"device", "suite", "workload", "m", "n", "k", "dtype", "kernel", "launches", "hw_cycles"}

// errorSuffix ends the columns with other simulators' signed errors in
// percent of the measured cycles.
const errorSuffix = "_err_pct"

// PublishedSuites gives the suites that ship with the program, as published:
// nothing is simulated.
func PublishedSuites() ([]Suite, error) {
	tab, err := publishedTable(publishedSuites)
	if err != nil {
		return nil, err
	}
	return readSuites(tab)
}

// readSuites reads a table of suites. A malformed row is a *workloads.Error.
func readSuites(tab *workloads.Table) ([]Suite, error) {
	var out []Suite
	var others []string
	for _, c := range tab.Header {
		if name, ok := strings.CutSuffix(c, errorSuffix); ok {
			others = append(others, name)
		}
	}
	at := map[[2]string]int{}
	for i, rec := range tab.Rows {
		key := [2]string{tab.Field(rec, "device"), tab.Field(rec, "suite")}
		k, ok := at[key]
		if !ok {
			k = len(out)
			at[key] = k
			out = append(out, Suite{Device: key[0], Name: key[1], Others: others})
		}
		row, err := readSuiteRow(tab, rec, others)
		if err != nil {
			return nil, &workloads.Error{File: tab.File, Line: tab.Line(i), Reason: err.Error()}
		}
		row.File, row.Line = tab.File, tab.Line(i)
		out[k].Rows = append(out[k].Rows, row)
	}
	return out, nil
}

// unsimulated copies the suites, for a report to fill in.
func (t *Tables) unsimulated() []Suite {
	out := slices.Clone(t.suites)
	for i := range out {
		out[i].Rows = slices.Clone(out[i].Rows)
	}
	return out
}

func readSuiteRow(tab *workloads.Table, rec []string, others []string) (SuiteRow, error) {
	r := fieldReader{tab: tab, rec: rec}
	g := workloads.GEMM{
		M: r.count("m"), N: r.count("n"), K: r.count("k"), DType: tab.Field(rec, "dtype"), Kernel: tab.Field(rec, "kernel"),
	}
	row := SuiteRow{
		Program: tab.Field(rec, "workload"), Kernel: g.Kernel, Launches: r.count("launches"),
		Measured: r.above("hw_cycles", 0), Simulated: math.NaN(),
	}
	for _, name := range others {
		// An error of -100 % would be a program that takes no time.
		row.Others = append(row.Others, row.Measured*(1+r.above(name+errorSuffix, -100)/100))
	}
	if r.err != nil {
		return row, r.err
	}
	var err error
	row.work, err = workloads.OfGEMM(g)
	return row, err
}

// fieldReader reads numbers of a record and keeps the first error.
type fieldReader struct {
	tab *workloads.Table
	rec []string
	err error
}

func (r *fieldReader) count(column string) int {
	v, err := strconv.Atoi(r.tab.Field(r.rec, column))
	if err != nil || v < 1 {
		r.fail(column, "a whole number above 0")
	}
	return v
}

func (r *fieldReader) above(column string, bound float64) float64 {
	v, err := strconv.ParseFloat(r.tab.Field(r.rec, column), 64)
	if err != nil || !(v > bound) || math.IsInf(v, 0) {
		r.fail(column, "a number above "+strconv.FormatFloat(bound, 'g', -1, 64))
	}
	return v
}

func (r *fieldReader) fail(column, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %q is not %s", column, r.tab.Field(r.rec, column), want)
	}
}
