package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gpusim"
	"gpusim/workloads"
)

// compareColumns are those of a comparison: a summary's and what machines of several
// kinds differ by.
var compareColumns = append(summaryColumns[:len(summaryColumns):len(summaryColumns)], []column{
	{"uj_per_image", func(f *figures) cell { return num(f.energyUJ() / f.images()) }}, // of networks: a sample of the batch
	{"fallback_host", func(f *figures) cell { return text(f.fallback().Host) }},
	{"fallback_layers", func(f *figures) cell { return positive(len(f.fallback().Layers)) }},
	{"fallback_to_host_bytes", func(f *figures) cell { return num(orNaN(f.fallback().ToHost)) }},
	{"fallback_to_device_bytes", func(f *figures) cell { return num(orNaN(f.fallback().ToDevice)) }},
}...)

// fallback never gives nil.
func (f *figures) fallback() *gpusim.Fallback {
	if f.result == nil || f.result.Fallback == nil {
		return &gpusim.Fallback{}
	}
	return f.result.Fallback
}

// images is the samples of a network, NaN of anything else.
func (f *figures) images() float64 {
	if f.result == nil || f.result.ImagesPerS <= 0 {
		return math.NaN()
	}
	return float64(f.result.Batch)
}

func orNaN(v float64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return v
}

// CompareCSV and CompareJSON are a comparison for programs.
func CompareCSV(entries []Entry) []byte  { return rowsCSV(entries, compareColumns) }
func CompareJSON(entries []Entry) []byte { return rowsJSON(entries, compareColumns) }

// CompareText is one table of several machines on the same workloads, a block
// for each workload in the order of the entries. What a machine cannot run says
// why below the table, and so does what it left to a host.
func CompareText(entries []Entry) string {
	networks := false
	for i := range entries {
		networks = networks || entries[i].isNetwork()
	}
	t := Table{
		Header: [][]string{
			{"", "type", "time", "rate", "of peak", "bound by", "energy", "range", "per op", "power", "per W", "area", "per mm2", "payload", "speed"},
			{"", "", "us", "TOPS", "%", "", "mJ", "%", "pJ", "W", "TOPS", "mm2", "TOPS", "%", "of first"},
		},
		Left: map[int]bool{1: true, 5: true},
	}
	if networks { // in place of what follows from the others
		t.Header = [][]string{
			{"", "type", "time", "samples", "rate", "of peak", "bound by", "a sample", "range", "per op", "power", "per W", "area", "per mm2", "payload", "host", "speed"},
			{"", "", "us", "a second", "TOPS", "%", "", "J", "%", "pJ", "W", "TOPS", "mm2", "TOPS", "%", "% of time", "of first"},
		}
		t.Left = map[int]bool{1: true, 6: true}
	}
	var failed, notes []string
	last, first := "", 0.0
	for i := range entries {
		e := &entries[i]
		if e.Workload != last {
			last, first = e.Workload, 0
			t.Rows = append(t.Rows, []string{e.label()})
		}
		f := e.figures()
		if e.Err != nil {
			did := "cannot run"
			if !gpusim.IsInput(e.Err) {
				did = "failed at"
			}
			failed = append(failed, fmt.Sprintf("%s %s %s: %s", e.Machine.Name, did, e.label(), f.err))
			t.Rows = append(t.Rows, []string{"  " + e.Machine.Name, "-"})
			continue
		}
		if first == 0 {
			first = f.timeUS
		}
		if r := f.result; r.Workload != e.Workload && r.DType == typeOf(e) {
			notes = append(notes, fmt.Sprintf("%s runs %s", e.Machine.Name, r.Workload))
		}
		if fb := f.fallback(); len(fb.Layers) > 0 {
			notes = append(notes, fmt.Sprintf("%s falls back, %s us: %s", e.Machine.Name, human(fb.TimeUS), fb.Summary()))
		}
		notes = append(notes, unitLines(e, "  ")...)
		row := []string{"  " + e.Machine.Name, f.dtype, human(f.timeUS), human(f.tops()), percent(f.peakPct()), f.bound, human(f.energyUJ() / 1e3),
			f.interval(), human(f.pjPerOp()), human(f.powerW()), human(f.topsPerW()), human(f.areaMM2), human(f.tops() / f.areaMM2), percent(f.payloadPct()), ratio(first / f.timeUS)}
		if networks {
			host := "-"
			if f.result.Fallback != nil {
				host = percent(100 * f.fallbackUS / f.timeUS)
				if f.fallbackUS == 0 {
					host = "0"
				}
			}
			row = []string{"  " + e.Machine.Name, f.dtype, human(f.timeUS), human(f.imagesPerS), human(f.tops()), percent(f.peakPct()), f.bound, human(f.energyUJ() / 1e6 / f.images()),
				f.interval(), human(f.pjPerOp()), human(f.powerW()), human(f.topsPerW()), human(f.areaMM2), human(f.tops() / f.areaMM2), percent(f.payloadPct()), host, ratio(first / f.timeUS)}
		}
		t.Rows = append(t.Rows, row)
	}
	var b strings.Builder
	b.WriteString(t.String())
	b.WriteString(scopes(entries))
	for _, f := range append(failed, notes...) {
		b.WriteString(f + "\n")
	}
	return b.String()
}

// typeOf is the type that a workload was asked for in.
func typeOf(e *Entry) string {
	w, err := workloads.Parse(e.Workload)
	if err != nil {
		return ""
	}
	return w.Shape().Type()
}

// unitLines say what the units of a system on a chip did.
func unitLines(e *Entry, indent string) (out []string) {
	for _, u := range e.Result.Units {
		out = append(out, fmt.Sprintf("%s%s %s: %d samples in %s us, %s a second, %s GB/s of DRAM", indent, e.Machine.Name, u.Name,
			u.Images, human(u.TimeUS), human(float64(u.Images)/u.TimeUS*1e6), human(u.DRAMGBps)))
	}
	return out
}

// scopes says what the power figures of each machine include.
func scopes(entries []Entry) string {
	of := map[string][]string{}
	var order []string
	for i := range entries {
		e := &entries[i]
		scope := e.Result.Energy.Scope
		if e.Err != nil || scope == "" {
			continue
		}
		if of[scope] == nil {
			order = append(order, scope)
		}
		if !slices.Contains(of[scope], e.Machine.Name) {
			of[scope] = append(of[scope], e.Machine.Name)
		}
	}
	var parts []string
	for _, scope := range order {
		if len(order) == 1 {
			parts = append(parts, scope)
		} else {
			parts = append(parts, fmt.Sprintf("%s (%s)", scope, strings.Join(of[scope], ", ")))
		}
	}
	if parts == nil {
		return ""
	}
	return "energy and power: " + strings.Join(parts, "; ") + "; leakage included; payload: the share that is the arithmetic asked for\n"
}
