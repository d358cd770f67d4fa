package validate

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strconv"
)

// figure is a float that is null in JSON when it is not a number, and written
// with twelve significant digits, as in the CSV tables.
type figure float64

func (f figure) String() string {
	v := float64(f)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', 12, 64)
}

// MarshalJSON implements json.Marshaler.
func (f figure) MarshalJSON() ([]byte, error) {
	if s := f.String(); s != "" {
		return []byte(s), nil
	}
	return []byte("null"), nil
}

type jsonClass struct {
	Class  string `json:"class"`
	Rows   int    `json:"rows"`
	MAPE   figure `json:"mape"`
	Median figure `json:"median"`
	P90    figure `json:"p90"`
	Max    figure `json:"max"`
	Bias   figure `json:"bias"`
}

type jsonRow struct {
	Line      int               `json:"line"`
	Class     string            `json:"class"`
	Metric    string            `json:"metric"`
	Measured  figure            `json:"measured"`
	Simulated figure            `json:"simulated"`
	ErrorPct  figure            `json:"error_pct"`
	Kernel    string            `json:"kernel"`
	File      string            `json:"file"`
	Workload  string            `json:"workload"`
	Recorded  string            `json:"recorded_kernel,omitempty"`
	Extra     map[string]string `json:"extra,omitempty"`
}

type jsonSkip struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
	File   string `json:"file"`
}

type jsonMatch struct {
	TileRows  int `json:"tile_rows"`
	TileHits  int `json:"tile_hits"`
	SplitRows int `json:"split_rows"`
	SplitHits int `json:"split_hits"`

	AlgoRows int               `json:"algorithm_rows"`
	AlgoHits int               `json:"algorithm_hits"`
	Recall   map[string]figure `json:"algorithm_recall"`
}

func newJSONMatch(m Match) jsonMatch {
	j := jsonMatch{m.TileRows, m.TileHits, m.SplitRows, m.SplitHits, m.AlgoRows, m.AlgoHits, map[string]figure{}}
	for algo, share := range m.Recall {
		j.Recall[algo] = figure(share)
	}
	return j
}

type jsonReport struct {
	Rows        int         `json:"rows"`
	Skipped     int         `json:"skipped"`
	MAPE        figure      `json:"mape"`
	WMAPE       figure      `json:"wmape"`
	Median      figure      `json:"median"`
	P90         figure      `json:"p90"`
	Max         figure      `json:"max"`
	Bias        figure      `json:"bias"`
	LogR        figure      `json:"log_r"`
	WallS       figure      `json:"wall_s"`
	Classes     []jsonClass `json:"classes"`
	PerRow      []jsonRow   `json:"per_row"`
	SkippedRows []jsonSkip  `json:"skipped_rows"`
	Failed      int         `json:"failed"`
	Interrupted bool        `json:"interrupted"`
	Match       jsonMatch   `json:"kernel_match"`
	Suites      []jsonSuite `json:"suites"`
}

// JSON gives the report as one object; wall is the time that it took, in
// seconds.
func (r *Report) JSON(wall float64) ([]byte, error) {
	t, m := r.Total(), r.Match()
	j := jsonReport{
		Rows: t.Rows, Skipped: len(r.Skipped), MAPE: figure(t.MAPE), WMAPE: figure(t.WMAPE), Median: figure(t.Median),
		P90: figure(t.P90), Max: figure(t.Max), Bias: figure(t.Bias), LogR: figure(t.LogR), WallS: figure(wall),
		Classes: []jsonClass{}, PerRow: []jsonRow{}, SkippedRows: []jsonSkip{},
		Failed: r.Failed, Interrupted: r.Interrupted, Match: newJSONMatch(m), Suites: []jsonSuite{},
	}
	for _, c := range r.Classes() {
		j.Classes = append(j.Classes, jsonClass{
			c.Class, c.Rows, figure(c.MAPE), figure(c.Median), figure(c.P90), figure(c.Max), figure(c.Bias),
		})
	}
	for _, w := range r.Rows {
		j.PerRow = append(j.PerRow, jsonRow{
			w.Line, w.Class, w.Metric, figure(w.Measured), figure(w.Simulated), figure(w.ErrorPct), w.Kernel, w.File, w.Workload, w.Recorded, w.extraObject(),
		})
	}
	for _, s := range r.Skipped {
		j.SkippedRows = append(j.SkippedRows, jsonSkip{s.Line, s.Reason, s.File})
	}
	for i := range r.Suites {
		j.Suites = append(j.Suites, newJSONSuite(&r.Suites[i]))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(j)
	return b.Bytes(), err
}

// CSV gives validation.csv: the rows of the report.
func (r *Report) CSV() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	header := []string{"line", "class", "metric", "measured", "simulated", "error_pct", "kernel", "file", "workload", "recorded_kernel"}
	extra := r.extraColumns()
	_ = w.Write(append(header, extraNames(extra, header)...))
	for i := range r.Rows {
		x := &r.Rows[i]
		_ = w.Write(append([]string{
			strconv.Itoa(x.Line), x.Class, x.Metric, figure(x.Measured).String(), figure(x.Simulated).String(),
			figure(x.ErrorPct).String(), x.Kernel, x.File, x.Workload, x.Recorded,
		}, x.extraValues(extra)...))
	}
	w.Flush() // a bytes.Buffer takes everything
	return b.Bytes()
}
