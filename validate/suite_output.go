package validate

import (
	"bytes"
	"encoding/csv"
	"strconv"
)

type jsonSuite struct {
	Suite   string         `json:"suite"`
	Device  string         `json:"device"`
	Machine string         `json:"machine"`
	Tools   []jsonTool     `json:"tools"`
	PerRow  []jsonSuiteRow `json:"per_row"`
}

type jsonTool struct {
	Tool      string `json:"tool"`
	Rows      int    `json:"rows"`
	RatioMAPE figure `json:"ratio_mape"`
	RatioMax  figure `json:"ratio_max"`
	CycleMAPE figure `json:"cycle_mape"`
	CycleBias figure `json:"cycle_bias"`
}

type jsonSuiteRow struct {
	Line      int    `json:"line"`
	File      string `json:"file"`
	Program   string `json:"program"`
	Workload  string `json:"workload"`
	Kernel    string `json:"kernel"`
	Launches  int    `json:"launches"`
	Measured  figure `json:"measured_cycles"`
	Simulated figure `json:"simulated_cycles"`
	Cycles    figure `json:"cycle_error_pct"`
	Ratio     figure `json:"ratio_error_pct"`
}

func newJSONSuite(s *Suite) jsonSuite {
	j := jsonSuite{Suite: s.Name, Device: s.Device, Machine: s.Machine, Tools: []jsonTool{}, PerRow: []jsonSuiteRow{}}
	for _, e := range s.Errors() {
		j.Tools = append(j.Tools, jsonTool{
			e.Tool, e.Rows, figure(e.RatioMAPE), figure(e.RatioMax), figure(e.CycleMAPE), figure(e.CycleBias),
		})
	}
	ratios := s.RatioErrors()
	for i := range s.Rows {
		r := &s.Rows[i]
		j.PerRow = append(j.PerRow, jsonSuiteRow{
			r.Line, r.File, r.Program, r.work.Short(), r.Kernel, r.Launches, figure(r.Measured), figure(r.Simulated),
			figure(ErrorPct(r.Measured, r.Simulated)), figure(ratios[i]),
		})
	}
	return j
}

// SuitesCSV gives suites.csv: the programs of the report's suites. It is nil
// when there are none.
func (r *Report) SuitesCSV() []byte {
	if len(r.Suites) == 0 {
		return nil
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{
		"line", "suite", "program", "kernel", "launches", "measured_cycles", "simulated_cycles", "cycle_error_pct", "ratio_error_pct", "file", "workload",
	})
	for i := range r.Suites {
		s := newJSONSuite(&r.Suites[i])
		for _, x := range s.PerRow {
			_ = w.Write([]string{
				strconv.Itoa(x.Line), s.Suite, x.Program, x.Kernel, strconv.Itoa(x.Launches), x.Measured.String(), x.Simulated.String(),
				x.Cycles.String(), x.Ratio.String(), x.File, x.Workload,
			})
		}
	}
	w.Flush() // a bytes.Buffer takes everything
	return b.Bytes()
}
