package workloads

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Measured is one row of a table of measured GEMMs.
type Measured struct {
	Line       int // in the file, the header being line 1
	Device     string
	Workload   Workload // column-major
	Precision  string   // canonical type of the operands
	TensorCore bool
	TimeUS     float64
	Source     string
	Kernel     string // kernel name, grid and block as recorded, may be empty
	Method     string // how it was measured, empty where the source decides
	Op         string // of a layer, as recorded
}

// GEMMColumns are those that make a table one of measured GEMMs.
var GEMMColumns = []string{
	"device", "precision_in", "precision_acc", "tensor_core", "m", "n", "k", "trans_a", "trans_b", "batch", "time_us", "source",
}

// Table is a CSV file with a header. Rows are the records after it, each as
// long as the header; Line(i) is the place of row i in the file.
type Table struct {
	File   string
	Header []string
	Rows   [][]string
	lines  []int
}

// Line is the 1-based line of row i.
func (t *Table) Line(i int) int { return t.lines[i] }

// ReadTable reads a CSV text whose first record is the header. Every error is
// an *Error with the line.
func ReadTable(file string, text []byte) (*Table, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.FieldsPerRecord = -1 // counted below, with a clearer message
	t := &Table{File: file}
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var pe *csv.ParseError
		switch {
		case errors.As(err, &pe):
			return nil, &Error{File: file, Line: pe.Line, Reason: pe.Err.Error()}
		case err != nil:
			return nil, &Error{File: file, Reason: err.Error()}
		}
		line, _ := r.FieldPos(0)
		if t.Header == nil {
			for i, name := range rec {
				rec[i] = strings.TrimSpace(name)
			}
			for i, name := range rec {
				if slices.Contains(rec[:i], name) {
					return nil, &Error{File: file, Line: line, Reason: fmt.Sprintf("column %q stands twice", name)}
				}
			}
			t.Header = rec
			continue
		}
		if len(rec) != len(t.Header) {
			return nil, &Error{File: file, Line: line, Reason: fmt.Sprintf("%d fields where the header has %d", len(rec), len(t.Header))}
		}
		t.Rows, t.lines = append(t.Rows, rec), append(t.lines, line)
	}
	if t.Header == nil {
		return nil, &Error{File: file, Reason: "empty file (want a CSV with a header)"}
	}
	return t, nil
}

// LoadTable reads a CSV file.
func LoadTable(path string) (*Table, error) {
	text, err := readAll(path)
	if err != nil {
		return nil, err
	}
	return ReadTable(path, text)
}

// Measured reads all rows of a table of measured GEMMs. A malformed row is an
// *Error with its line.
func (t *Table) Measured() ([]Measured, error) {
	if !t.HasAll(GEMMColumns) {
		return nil, t.UnknownKind(workloadTables)
	}
	return t.each(t.measured)
}

// each reads all rows; the error of one gets its line.
func (t *Table) each(read func(rec []string) (Measured, error)) ([]Measured, error) {
	out := make([]Measured, len(t.Rows))
	for i, rec := range t.Rows {
		m, err := read(rec)
		if err != nil {
			return nil, at(err, t.File, t.lines[i])
		}
		m.Line = t.lines[i]
		out[i] = m
	}
	return out, nil
}

// Field gives a column of a record, empty when the table has no such column.
func (t *Table) Field(rec []string, column string) string {
	if i := slices.Index(t.Header, column); i >= 0 {
		return strings.TrimSpace(rec[i])
	}
	return ""
}

func (t *Table) measured(rec []string) (Measured, error) {
	get := func(column string) string { return t.Field(rec, column) }
	m := Measured{Device: get("device"), Source: get("source"), Kernel: get("kernel"), Method: get("method")}
	var g GEMM
	var err error
	fail := func(column string, err error) (Measured, error) {
		return m, &Error{Reason: column + ": " + strings.TrimPrefix(err.Error(), column+"=")}
	}
	if m.Device == "" {
		return fail("device", errors.New("empty"))
	}
	for _, c := range []struct {
		column string
		to     *int
	}{{"m", &g.M}, {"n", &g.N}, {"k", &g.K}, {"batch", &g.Batch}} {
		if get(c.column) == "" {
			return fail(c.column, errors.New("empty"))
		}
		if *c.to, err = dim(c.column, get(c.column)); err != nil {
			return fail(c.column, err)
		}
	}
	for _, c := range []struct {
		column string
		to     *bool
	}{{"trans_a", &g.TransA}, {"trans_b", &g.TransB}} {
		if *c.to, err = trans(c.column, get(c.column)); err != nil {
			return fail(c.column, err)
		}
	}
	if g.DType, err = DType(get("precision_in")); err != nil {
		return fail("precision_in", err)
	}
	if g.Acc, err = Accumulator(g.DType, get("precision_acc")); err != nil {
		return fail("precision_acc", err)
	}
	if m.TensorCore, m.TimeUS, err = t.figures(rec); err != nil {
		return m, err
	}
	if g.Order = strings.ToLower(get("order")); g.Order == "" {
		g.Order = orderOf(m.Source)
	} else if g.Order != "col" && g.Order != "row" {
		return fail("order", fmt.Errorf("%q (allowed: col, row)", get("order")))
	}
	if s := get("beta"); s != "" {
		if g.Beta, err = factor("beta", s); err != nil {
			return fail("beta", err)
		}
	}
	m.Precision = g.DType
	m.Workload, err = OfGEMM(g)
	return m, err
}

// rowMajor are the sources whose shapes are meant row-major: they call the
// library through PyTorch or a row-major kernel of their own.
var rowMajor = []string{"neusight", "llmcompass", "deepgemm", "h200"}

func orderOf(source string) string {
	s := strings.ToLower(source)
	for _, name := range rowMajor {
		if strings.Contains(s, name) {
			return "row"
		}
	}
	return "col"
}

// tableWorkloads gives the shapes of a measured table, each once, in the
// order of their first row.
func tableWorkloads(file string, text []byte) ([]Workload, error) {
	t, err := ReadTable(file, text)
	if err != nil {
		return nil, err
	}
	if t.HasAll(ConvColumns) {
		return convWorkloads(t)
	}
	rows, err := t.Measured()
	if err != nil {
		return nil, err
	}
	return distinct(t, rows)
}

func parseBool(s string) (bool, error) {
	v, err := strconv.ParseBool(strings.ToLower(s))
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", s)
	}
	return v, nil
}

func parseTime(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is not a time above 0", s)
	}
	return v, nil
}

func encodeCSV(rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.WriteAll(rows) // a bytes.Buffer takes everything
	return b.Bytes()
}
