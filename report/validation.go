package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"gpusim/configs"
	"gpusim/validate"
)

const (
	worstRows  = 10 // rows with the largest errors that are listed
	maxReasons = 8  // reasons for skipping that are listed
)

// ValidationText gives what a person reads of a validation. Without suites in
// the report it shows the published ones, which say how other simulators fare.
func ValidationText(r *validate.Report, published []validate.Suite) string {
	var b strings.Builder
	names := make([]string, len(r.Machines))
	for i, m := range r.Machines {
		names[i] = m.Name
	}
	fmt.Fprintf(&b, "simulated against measured: %d rows", len(r.Rows))
	if n := programs(r.Suites); n > 0 {
		fmt.Fprintf(&b, " and %d programs", n)
	}
	if len(names) > 0 {
		b.WriteString(" on " + strings.Join(names, ", "))
	}
	fmt.Fprintf(&b, ", %d skipped\nerrors in percent of the measured value\n", len(r.Skipped))

	t := Table{Header: [][]string{{"class", "rows", "mean", "weighted", "median", "p90", "max", "bias", "log r"}}}
	line := func(name string, s validate.Stats) {
		t.Rows = append(t.Rows, []string{
			name, strconv.Itoa(s.Rows), percent(s.MAPE), percent(s.WMAPE), percent(s.Median), percent(s.P90), percent(s.Max),
			signed(s.Bias), fixed(s.LogR, 4),
		})
	}
	for _, c := range r.Classes() {
		line(c.Class, c.Stats)
	}
	if len(t.Rows) > 0 || len(r.Suites) == 0 {
		line("all", r.Total())
		b.WriteString("\n" + t.String())
	}

	m := r.Match()
	if m.TileRows > 0 {
		fmt.Fprintf(&b, "\nkernel choice against the recorded one: tile %d of %d (%.0f %%)", m.TileHits, m.TileRows, pct(m.TileHits, m.TileRows))
		if m.SplitRows > 0 {
			fmt.Fprintf(&b, ", split-K %d of %d (%.0f %%)", m.SplitHits, m.SplitRows, pct(m.SplitHits, m.SplitRows))
		}
		b.WriteString("\n")
	}
	if m.AlgoRows > 0 {
		fmt.Fprintf(&b, "\nalgorithm of convolutions against that of the recorded kernel: %d of %d (%.0f %%), mean over the classes %.0f %%:",
			m.AlgoHits, m.AlgoRows, pct(m.AlgoHits, m.AlgoRows), 100*m.MeanRecall())
		for i, algo := range slices.Sorted(maps.Keys(m.Recall)) {
			fmt.Fprintf(&b, "%s %s %.0f %%", map[bool]string{true: ",", false: ""}[i > 0], algo, 100*m.Recall[algo])
		}
		b.WriteString("\n")
	}
	b.WriteString(worst(r.Rows))
	b.WriteString(reasons(r.Skipped))
	switch {
	case len(r.Suites) > 0:
		published = r.Suites
	case len(r.Machines) > 0 && !slices.ContainsFunc(r.Machines, func(m *configs.Machine) bool { return m.NVDLA == nil && m.Systolic == nil }):
		published = nil // they are about GPUs
	}
	b.WriteString(Suites(published))
	if r.Interrupted {
		b.WriteString("\ninterrupted: rows that were not finished are missing\n")
	}
	return b.String()
}

func pct(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

func signed(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%+.1f", v)
}

func fixed(v float64, decimals int) string {
	if math.IsNaN(v) {
		return "-"
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// worst lists the rows with the largest errors.
func worst(rows []validate.Row) string {
	if len(rows) == 0 {
		return ""
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		return math.Abs(rows[order[i]].ErrorPct) > math.Abs(rows[order[j]].ErrorPct)
	})
	unit := unitOf(rows)
	t := Table{
		Header: [][]string{{"worst rows", "class", "line", "measured", "simulated", "error", "kernel"}, {"", "", "", unit, unit, "%", ""}},
		Left:   map[int]bool{1: true, 6: true},
	}
	for _, i := range order[:min(worstRows, len(order))] {
		r := &rows[i]
		t.Rows = append(t.Rows, []string{
			r.Workload, r.Class, strconv.Itoa(r.Line), human(r.Measured), human(r.Simulated), signed(r.ErrorPct), r.Kernel,
		})
	}
	return "\n" + t.String()
}

// unitOf is the unit of the rows' figures, empty if they have several.
func unitOf(rows []validate.Row) string {
	metric := rows[0].Metric
	for i := range rows {
		if rows[i].Metric != metric {
			return ""
		}
	}
	if metric == "time_us" || metric == "" {
		return "us"
	}
	return metric
}

// reasons counts the skipped rows by reason, the most frequent first.
func reasons(skipped []validate.Skip) string {
	if len(skipped) == 0 {
		return ""
	}
	count := map[string]int{}
	var names []string
	for _, s := range skipped {
		r := oneLine(s.Reason)
		if count[r] == 0 {
			names = append(names, r)
		}
		count[r]++
	}
	sort.SliceStable(names, func(i, j int) bool { return count[names[i]] > count[names[j]] })
	var b strings.Builder
	b.WriteString("\nskipped rows:\n")
	for i, n := range names {
		if i == maxReasons {
			fmt.Fprintf(&b, "  ... and %d more reasons\n", len(names)-i)
			break
		}
		fmt.Fprintf(&b, "%6d  %s\n", count[n], n)
	}
	return b.String()
}
