package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gpusim/validate"
)

// toolNames are simulators as people write them, by the names that measured
// tables have for them.
var toolNames = map[string]string{
	"accelsim_sass": "Accel-Sim (SASS)", "accelsim_ptx": "Accel-Sim (PTX)", "gpgpusim3": "GPGPU-Sim 3",
}

// Suites gives what a person reads of suites of programs: this simulator's
// errors, where it ran, beside those that were published of others.
func Suites(suites []validate.Suite) string {
	if len(suites) == 0 {
		return ""
	}
	t := Table{
		Header: [][]string{{"programs in cycles", "simulator", "rows", "ratio", "worst", "cycles", "bias"}},
		Left:   map[int]bool{1: true},
	}
	for i := range suites {
		s := &suites[i]
		name := s.Name + ", " + s.Device
		for _, e := range s.Errors() {
			tool := e.Tool
			switch {
			case tool == validate.Self:
				tool += ", " + s.Machine
			case toolNames[tool] != "":
				tool = toolNames[tool]
			}
			t.Rows = append(t.Rows, []string{
				name, tool, strconv.Itoa(e.Rows), percent(e.RatioMAPE), percent(e.RatioMax), percent(e.CycleMAPE), signed(e.CycleBias),
			})
			name = ""
		}
	}
	var b strings.Builder
	b.WriteString("\nbeside other simulators, as these report of themselves\n\n" + t.String())
	b.WriteString("ratio: mean error of a program's cycles over its suite's geometric mean, free of any constant factor\n")
	if programs(suites) > 0 {
		b.WriteString("gpusim runs its own library's kernels of the same tiles; the others ran the programs' own\n")
	}
	for i := range suites {
		b.WriteString(worstProgram(&suites[i]))
	}
	return b.String()
}

// worstProgram names the program whose ratio this simulator misses most.
func worstProgram(s *validate.Suite) string {
	worst, at := -1.0, 0
	ratios := s.RatioErrors()
	for i, e := range ratios {
		if math.Abs(e) > worst {
			worst, at = math.Abs(e), i
		}
	}
	if worst < 0 {
		return "" // nothing was simulated
	}
	r := &s.Rows[at]
	return fmt.Sprintf("worst of %s: %s, ratio %s %%, %s cycles measured, %s simulated as %s\n",
		s.Name, r.Program, signed(ratios[at]), human(r.Measured), human(r.Simulated), r.Kernel)
}

// programs counts those that were simulated.
func programs(suites []validate.Suite) (n int) {
	for i := range suites {
		for _, r := range suites[i].Rows {
			if !math.IsNaN(r.Simulated) {
				n++
			}
		}
	}
	return n
}
