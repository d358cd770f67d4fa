package sweep

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gpusim/report"
)

// Columns of sweep.csv and pareto.csv: axes, then those of the summary, then the number
// of the point.
func (sp *Space) columns() []string {
	return append(append(sp.AxisNames(), report.SummaryColumns()...), "point")
}

// row is a point's row.
func (sp *Space) row(rec *record) []string {
	var out []string
	for i, v := range rec.at {
		out = append(out, sp.axes[i].label(v))
	}
	cells := rec.outcome.cells()
	cells["machine"], cells["workload"], cells["fidelity"] = sp.machine.Name, sp.spec.Name, rec.fidelity
	if rec.outcome.Error != "" {
		cells["error"] = rec.outcome.Error
	}
	for _, c := range report.SummaryColumns() {
		out = append(out, cells[c])
	}
	return append(out, strconv.Itoa(rec.point))
}

// Table is sweep.csv while it is written: a file under a temporary name, so that memory
// does not grow with rows.
type Table struct {
	file *os.File
	buf  *bufio.Writer
	csv  *csv.Writer
	sp   *Space
}

// NewTable begins a table in a folder.
func (sp *Space) NewTable(dir string) (*Table, error) {
	f, err := os.CreateTemp(dir, ".sweep.csv.tmp*")
	if err != nil {
		return nil, err
	}
	t := &Table{file: f, buf: bufio.NewWriterSize(f, 1<<16), sp: sp}
	t.csv = csv.NewWriter(t.buf)
	return t, t.csv.Write(sp.columns())
}

// Add writes a point's row.
func (t *Table) Add(rec *record) error { return t.csv.Write(t.sp.row(rec)) }

// Finish gives the table as a file of the result folder.
func (t *Table) Finish() (report.File, error) {
	t.csv.Flush()
	if err := t.csv.Error(); err != nil {
		return report.File{}, err
	}
	if err := t.buf.Flush(); err != nil {
		return report.File{}, err
	}
	return report.File{Name: "sweep.csv", Path: t.file.Name()}, t.file.Sync()
}

// Close takes the temporary file away if it still has that name.
func (t *Table) Close() {
	_ = t.file.Close()
	_ = os.Remove(t.file.Name())
}

func encode(header []string, rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(header) // a bytes.Buffer takes everything
	_ = w.WriteAll(rows)
	return b.Bytes()
}

// Files are the tables and the picture beside sweep.csv.
func (r *Result) Files() []report.File {
	var rows [][]string
	for _, m := range r.Front {
		rows = append(rows, r.Space.row(m.record))
	}
	var slopes [][]string
	for o, name := range r.Objectives {
		e, explained := r.Elasticities.of(o)
		for i, a := range r.Elasticities.axes {
			slopes = append(slopes, []string{name, r.Space.axes[a].name, report.Number(rounded(e[i])), report.Number(rounded(explained))})
		}
	}
	return []report.File{
		{Name: "pareto.csv", Data: encode(r.Space.columns(), rows)},
		{Name: "elasticities.csv", Data: encode([]string{"objective", "axis", "elasticity", "explained"}, slopes)},
		{Name: "pareto.svg", Data: r.plot()},
	}
}

// rounded leaves nine decimals: fitted slopes have no more that mean something.
func rounded(v float64) float64 { return math.Round(v*1e9) / 1e9 }

// mostShown bounds the front that is printed.
const mostShown = 25

// Text is what a person reads.
func (r *Result) Text() string {
	var b strings.Builder
	sp := r.Space
	fmt.Fprintf(&b, "%s: variants of %s", sp.spec.Name, sp.machine.Name)
	if d := oneLine(sp.spec.Description); d != "" {
		b.WriteString(", " + d)
	}
	b.WriteString("\n")
	for _, c := range r.Levels {
		fmt.Fprintf(&b, "  %s: %d points simulated", c.Level, c.Finished)
		if c.Outside > 0 {
			fmt.Fprintf(&b, ", %d outside the constraints", c.Outside)
		}
		if c.Failed > 0 {
			fmt.Fprintf(&b, ", %d failed", c.Failed)
		}
		b.WriteString("\n")
	}
	if r.FirstFailure != "" {
		fmt.Fprintf(&b, "  first failure: %s\n", r.FirstFailure)
	}
	if r.TimeOver {
		b.WriteString("  ended by the time budget\n")
	}
	for o, name := range r.Objectives {
		if !slices.ContainsFunc(r.Sample, func(v []float64) bool { return v[o] != r.Sample[0][o] }) {
			fmt.Fprintf(&b, "  %s is the same at all points\n", name)
		}
	}
	fmt.Fprintf(&b, "\nPareto front, %d points\n", len(r.Front))
	t := report.Table{Header: [][]string{append([]string{"point"}, sp.AxisNames()...), {""}}}
	for range sp.axes {
		t.Header[1] = append(t.Header[1], "")
	}
	for _, name := range r.Objectives {
		t.Header[0] = append(t.Header[0], name)
		t.Header[1] = append(t.Header[1], objectives[name].unit)
	}
	for i, m := range r.Front {
		if i == mostShown {
			break
		}
		row := []string{strconv.Itoa(m.point)}
		for a, v := range m.record.at {
			row = append(row, sp.axes[a].label(v))
		}
		for o, name := range r.Objectives {
			of := objectives[name]
			row = append(row, report.Human(of.shown(m.value[o])))
		}
		t.Rows = append(t.Rows, row)
	}
	b.WriteString(t.String())
	if n := len(r.Front) - mostShown; n > 0 {
		fmt.Fprintf(&b, "(%d more in pareto.csv)\n", n)
	}
	b.WriteString(r.slopes())
	for o, c := range r.Correlations {
		fmt.Fprintf(&b, "rank correlation of %s between %s and %s: %s over %.0f points\n", r.Objectives[o],
			r.Levels[0].Level, r.Levels[1].Level, digits(c[0]), c[1])
	}
	return b.String()
}

// slopes is the table of elasticities.
func (r *Result) slopes() string {
	e := r.Elasticities
	if len(e.axes) == 0 || e.n < 2 {
		return ""
	}
	t := report.Table{Header: [][]string{{"% for 1 % of"}}}
	for _, a := range e.axes {
		t.Header[0] = append(t.Header[0], r.Space.axes[a].name)
	}
	t.Header[0] = append(t.Header[0], "explained")
	for o, name := range r.Objectives {
		s, explained := e.of(o)
		row := []string{name}
		for _, v := range s {
			row = append(row, digits(v))
		}
		t.Rows = append(t.Rows, append(row, digits(explained)))
	}
	return "\nElasticities over all points of the first level\n" + t.String()
}

func digits(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return fmt.Sprintf("%.2f", math.Round(100*v)/100+0) // +0 turns -0 into 0
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// StoreName is the store of a sweep that names no other.
const StoreName = "points.sqlite"

// StorePath is where the points of a result folder are.
func StorePath(dir string) string { return filepath.Join(dir, StoreName) }
