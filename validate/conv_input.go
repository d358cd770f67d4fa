package validate

import (
	"slices"
	"strings"

	"gpusim/workloads"
	"gpusim/workloads/library"
)

// addConvs reads a table of measured convolutions.
func (t *Tables) addConvs(tab *workloads.Table) error {
	rows, err := tab.MeasuredConvs()
	if err != nil {
		return err
	}
	for _, m := range rows {
		c := m.Workload.Conv
		r, err := timed(tab, &m, class(c.DType, c.Acc, m.TensorCore)+"/"+c.Pass, m.Source+" conv")
		if err != nil {
			return err
		}
		if reason := unsupported(&m, r.method); reason != "" {
			t.skipped = append(t.skipped, Skip{tab.File, m.Line, reason})
			continue
		}
		if forced := forcedAlgo(&m); forced != "" {
			f := *c
			f.Algo = forced
			r.work = workloads.Of(&f)
		} else if algo, _, named := strings.Cut(m.Kernel, ":"); named && slices.Contains(library.AlgoClasses, algo) {
			r.algo = algo
		}
		t.rows = append(t.rows, r)
	}
	return nil
}

// forcedAlgo is the algorithm that a source asks for instead of the library's
// choice: DeepBench does on Tensor Cores and for int8.
func forcedAlgo(m *workloads.Measured) string {
	if workloads.OfDeepBench(m.Source) && (m.TensorCore || m.Precision == "int8") {
		return library.AlgoPrecomp
	}
	return ""
}
