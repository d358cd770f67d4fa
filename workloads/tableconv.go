package workloads

import (
	"errors"
	"fmt"
	"strings"
)

// ConvColumns are those that make a table one of measured convolutions.
var ConvColumns = []string{
	"device", "precision_in", "tensor_core", "pass", "n", "c", "h", "w", "k", "r", "s",
	"pad_h", "pad_w", "stride_h", "stride_w", "time_us", "algorithm", "source",
}

// MeasuredConvs reads all rows of a table of measured convolutions; Kernel is
// the algorithm as recorded. A malformed row is an *Error with its line.
func (t *Table) MeasuredConvs() ([]Measured, error) {
	return t.each(t.measuredConv)
}

func (t *Table) measuredConv(rec []string) (Measured, error) {
	get := func(column string) string { return t.Field(rec, column) }
	m := Measured{Device: get("device"), Source: get("source"), Kernel: get("algorithm"), Method: get("method")}
	c := Conv{DType: get("precision_in"), Pass: strings.ToLower(get("pass")), Layout: strings.ToLower(get("layout"))}
	fail := func(column string, err error) (Measured, error) {
		return m, &Error{Reason: column + ": " + strings.TrimPrefix(err.Error(), column+"=")}
	}
	if m.Device == "" {
		return fail("device", errors.New("empty"))
	}
	for _, column := range ConvColumns[4:15] {
		if get(column) == "" {
			return fail(column, errors.New("empty"))
		}
		if err := c.set(column, get(column)); err != nil {
			return fail(column, err)
		}
	}
	var err error
	if m.TensorCore, m.TimeUS, err = t.figures(rec); err != nil {
		return m, err
	}
	if c.DType, err = DType(c.DType); err != nil {
		return fail("precision_in", err)
	}
	if c.Layout == "" {
		c.Layout = layoutOf(m.Source, c.DType, m.TensorCore)
	}
	m.Precision = c.DType
	if c.Layout == LayoutVectC && OfDeepBench(m.Source) {
		c.C, c.K = blocksOf(c.C), blocksOf(c.K)
	}
	m.Workload, err = OfConv(c)
	return m, err
}

// layoutOf is the layout of a source's convolutions: DeepBench asks for
// channels side by side on Tensor Cores, and in int8 always.
func layoutOf(source, dtype string, tensorCore bool) string {
	switch {
	case OfDeepBench(source) && dtype == "int8":
		return LayoutVectC
	case OfDeepBench(source) && tensorCore:
		return LayoutNHWC
	}
	return LayoutNCHW
}

// OfDeepBench says whether a row's source is Baidu's DeepBench.
func OfDeepBench(source string) bool { return strings.Contains(strings.ToLower(source), "deepbench") }

// blocksOf rounds channels up to whole blocks, as DeepBench does before it calls the
// library for int8. Its source says so of Turing; on GTX 1080 Ti images of one channel
// take as long, tap by tap, as such of 32.
func blocksOf(channels int) int { return (channels + 31) / 32 * 32 }

// convWorkloads gives the shapes of a measured table, each once.
func convWorkloads(t *Table) ([]Workload, error) {
	rows, err := t.MeasuredConvs()
	if err != nil {
		return nil, err
	}
	return distinct(t, rows)
}

// distinct gives the workloads of some rows, each once, in the order of their
// first row.
func distinct(t *Table, rows []Measured) ([]Workload, error) {
	seen := map[string]bool{}
	var out []Workload
	for _, r := range rows {
		if !seen[r.Workload.Text] {
			seen[r.Workload.Text] = true
			out = append(out, r.Workload)
		}
	}
	if len(out) == 0 {
		return nil, &Error{File: t.File, Reason: "no rows"}
	}
	return out, nil
}

// HasAll says whether the header has some columns.
func (t *Table) HasAll(columns []string) bool {
	for _, c := range columns {
		if !contains(t.Header, c) {
			return false
		}
	}
	return true
}

// figures are the columns that every timed table has.
func (t *Table) figures(rec []string) (tensorCore bool, timeUS float64, err error) {
	if tensorCore, err = parseBool(t.Field(rec, "tensor_core")); err != nil {
		return false, 0, &Error{Reason: "tensor_core: " + err.Error()}
	}
	if timeUS, err = parseTime(t.Field(rec, "time_us")); err != nil {
		return false, 0, &Error{Reason: fmt.Sprintf("time_us: %v", err)}
	}
	return tensorCore, timeUS, nil
}
