package report

import (
	"fmt"
	"math"
	"strings"

	"gpusim/configs"
	"gpusim/microbench"
)

// ProbeRow is a figure of a machine beside what was measured on silicon.
type ProbeRow struct {
	Machine   string
	Result    microbench.Result
	Published microbench.Published // Key is empty where there is none
}

// ErrorPct is the signed error in percent of the measured value, NaN without
// one.
func (r *ProbeRow) ErrorPct() float64 {
	if r.Published.Key == "" {
		return math.NaN()
	}
	return 100 * (r.Result.Value - r.Published.Value) / r.Published.Value
}

// ProbeRows puts the figures of a machine beside the published ones.
func ProbeRows(m *configs.Machine, rep *microbench.Report) ([]ProbeRow, error) {
	known, err := microbench.PublishedFor(m)
	if err != nil {
		return nil, err
	}
	rows := make([]ProbeRow, len(rep.Results))
	for i, r := range rep.Results {
		rows[i] = ProbeRow{Machine: m.Name, Result: r, Published: known[r.Key]}
	}
	return rows, nil
}

// ProbeText is the table that a person reads.
func ProbeText(m *configs.Machine, rows []ProbeRow, rep *microbench.Report) string {
	var b strings.Builder
	clock := configs.Freq(0)
	switch {
	case m.GPU != nil:
		clock = m.GPU.Clock.Sustained
	case m.CPU != nil:
		clock = m.CPU.Clock.Vector
	}
	fmt.Fprintf(&b, "%s: %s at %v\n", m.Name, m.Description, clock)
	t := Table{Header: [][]string{{"", "simulated", "unit", "measured", "error", "source or remark"}}, Left: map[int]bool{2: true, 5: true}}
	group := ""
	var worst, sum float64
	n := 0
	for i := range rows {
		r := &rows[i]
		if g := r.Result.Group; g != group {
			group = g
			t.Rows = append(t.Rows, []string{strings.ToUpper(g)})
		}
		line := []string{"  " + r.Result.Name, human(r.Result.Value), r.Result.Unit, "", "", r.Result.Note}
		if e := r.ErrorPct(); !math.IsNaN(e) {
			line[3], line[4], line[5] = human(r.Published.Value), fmt.Sprintf("%+.1f %%", e), r.Published.Source
			worst, sum, n = max(worst, math.Abs(e)), sum+math.Abs(e), n+1
		}
		t.Rows = append(t.Rows, line)
	}
	b.WriteString(t.String())
	if n > 0 {
		fmt.Fprintf(&b, "%d figures have been measured on silicon: %.1f %% off on average, %.1f %% at most\n", n, sum/float64(n), worst)
	}
	b.WriteString(hidingPicture(rep))
	return b.String()
}

// hidingPicture draws bandwidth over resident warps, and Little's law beside.
func hidingPicture(rep *microbench.Report) string {
	var ps []microbench.Point
	most := 0.0
	for _, p := range rep.Points {
		if p.Curve == "latency_hiding" {
			ps = append(ps, p)
			most = max(most, p.Y)
		}
	}
	if len(ps) == 0 {
		return ""
	}
	const width = 50
	var b strings.Builder
	b.WriteString("\nDRAM bandwidth by warps per SM, each with one load under way (| is Little's law)\n")
	for _, p := range ps {
		bar := []rune(strings.Repeat("█", int(p.Y/most*width+0.5)) + strings.Repeat(" ", width+1))[:width+1]
		bar[min(width, int(p.Model/most*width+0.5))] = '|'
		fmt.Fprintf(&b, "%4.0f  %s %s B/clk\n", p.X, string(bar), human(p.Y))
	}
	return b.String()
}

// ProbesCSV is microbench.csv: a row per figure.
func ProbesCSV(rows []ProbeRow) []byte {
	var out [][]cell
	for i := range rows {
		r := &rows[i]
		measured, source := cell{number: true}, ""
		if r.Published.Key != "" {
			measured, source = num(r.Published.Value), r.Published.Source
		}
		out = append(out, []cell{text(r.Machine), text(r.Result.Group), text(r.Result.Key), num(r.Result.Value), text(r.Result.Unit), measured, num(r.ErrorPct()), text(source)})
	}
	return encode([]string{"machine", "group", "key", "simulated", "unit", "measured", "error_pct", "source"}, out)
}

// CurvesCSV is curves.csv: a row per point.
func CurvesCSV(m *configs.Machine, rep *microbench.Report) []byte {
	var out [][]cell
	for _, p := range rep.Points {
		axes := microbench.Axes[p.Curve]
		out = append(out, []cell{text(m.Name), text(p.Curve), text(axes[0]), num(p.X), text(axes[1]), num(p.Y), num(p.Model)})
	}
	return encode([]string{"machine", "curve", "x_name", "x", "y_name", "y", "theory"}, out)
}
