package validate

import (
	"path/filepath"
	"slices"
	"strings"

	"gpusim/workloads"
)

// Workloads gives what the rows of a measured table run, each once, in the order of
// their first row, and the rows that are left out. It is not ok for other files, and
// for products and convolutions, which the workload language reads itself: there the
// shapes that were asked for count, not what ran.
func Workloads(path string) (work []workloads.Workload, skipped []Skip, ok bool, err error) {
	if !strings.EqualFold(filepath.Ext(path), ".csv") {
		return nil, nil, false, nil
	}
	tab, err := workloads.LoadTable(path)
	if err != nil || tab.HasAll(workloads.GEMMColumns) || tab.HasAll(workloads.ConvColumns) {
		return nil, nil, false, nil // whoever reads it next says what is wrong with it
	}
	if !slices.ContainsFunc(tableKinds, func(k tableKind) bool { return tab.HasAll(k.columns) }) {
		return nil, nil, false, nil
	}
	var t Tables
	if err := t.add(tab); err != nil {
		return nil, nil, true, err
	}
	seen := map[string]bool{}
	for i := range t.rows {
		r := &t.rows[i]
		if reason := r.settle(); reason != "" {
			t.skipped = append(t.skipped, Skip{r.file, r.line, reason})
			continue
		}
		if !seen[r.work.Text] {
			seen[r.work.Text] = true
			work = append(work, r.work)
		}
	}
	t.sortSkips(t.skipped)
	if len(work) == 0 {
		err = &workloads.Error{File: path, Reason: "no row of this table is a workload"}
		if len(t.skipped) > 0 {
			err = &workloads.Error{File: path, Line: t.skipped[0].Line, Reason: t.skipped[0].Reason}
		}
	}
	return work, t.skipped, true, err
}

// settle works out the network of a row without its machine.
func (r *row) settle() (reason string) {
	if r.network == nil {
		return ""
	}
	n := r.network.net
	if n.Batch == 0 {
		return "no batch is listed"
	}
	var err error
	if r.work, err = workloads.OfNetwork(n); err != nil {
		return err.Error()
	}
	return ""
}
