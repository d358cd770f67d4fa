package validate

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gpusim/workloads"
)

// Yardsticks gives what other simulators report of themselves on the same
// kind of machine and kernel: a line per suite of an embedded table.
func Yardsticks() (string, error) {
	const name = "qv100_cutlass_cycles.csv"
	text, err := data.ReadFile("data/" + name)
	if err != nil {
		return "", err
	}
	tab, err := workloads.ReadTable(name, text)
	if err != nil {
		return "", err
	}
	tools := []struct{ label, column string }{
		{"Accel-Sim (SASS)", "accelsim_sass_err_pct"}, {"Accel-Sim (PTX)", "accelsim_ptx_err_pct"}, {"GPGPU-Sim 3", "gpgpusim3_err_pct"},
	}
	var suites []string
	sums := map[string][]float64{}
	rows := map[string]int{}
	for i, rec := range tab.Rows {
		suite := tab.Field(rec, "suite")
		if rows[suite] == 0 {
			suites = append(suites, suite)
			sums[suite] = make([]float64, len(tools))
		}
		rows[suite]++
		for k, t := range tools {
			v, err := strconv.ParseFloat(tab.Field(rec, t.column), 64)
			if err != nil {
				return "", &workloads.Error{File: name, Line: tab.Line(i), Reason: t.column + " is not a number"}
			}
			sums[suite][k] += math.Abs(v)
		}
	}
	var b strings.Builder
	for _, s := range suites {
		fmt.Fprintf(&b, "  %s, %d kernels on a Quadro V100:", s, rows[s])
		for k, t := range tools {
			sep := ","
			if k == 0 {
				sep = ""
			}
			fmt.Fprintf(&b, "%s %s %.1f %%", sep, t.label, sums[s][k]/float64(rows[s]))
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}
