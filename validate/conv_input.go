package validate

import (
	"strings"

	"gpusim/workloads"
)

// addConvs reads a table of measured convolutions.
func (t *Tables) addConvs(tab *workloads.Table) error {
	rows, err := tab.MeasuredConvs()
	if err != nil {
		return err
	}
	for _, m := range rows {
		c := m.Workload.Conv
		r := row{
			file: tab.File, line: m.Line, device: m.Device, work: m.Workload, metric: "time_us", measured: m.TimeUS, kernel: m.Kernel,
			class: class(c.DType, c.Acc, m.TensorCore) + "/" + c.Pass,
		}
		if r.method, err = MethodFor(m.Method, m.Source, m.Device); err != nil {
			return &workloads.Error{File: tab.File, Line: m.Line, Reason: "method: " + err.Error()}
		}
		if reason := unsupported(&m, r.method); reason != "" {
			t.skipped = append(t.skipped, Skip{tab.File, m.Line, reason})
			continue
		}
		if forced := forcedAlgo(&m); forced != "" {
			f := *c
			f.Algo = forced
			r.work = workloads.Of(&f)
		}
		t.rows = append(t.rows, r)
	}
	return nil
}

// forcedAlgo is the algorithm that a source asks for instead of the library's
// choice: DeepBench does on Tensor Cores and for int8.
func forcedAlgo(m *workloads.Measured) string {
	if strings.Contains(strings.ToLower(m.Source), "deepbench") && (m.TensorCore || m.Precision == "int8") {
		return "implicit_precomp_gemm"
	}
	return ""
}
