package report

import (
	"fmt"
	"slices"
	"strings"
)

// CompareText is one table of several machines on the same workloads, a block
// for each workload in the order of the entries. What a machine cannot run says
// why below the table.
func CompareText(entries []Entry) string {
	t := Table{
		Header: [][]string{
			{"", "time", "rate", "of peak", "bound by", "energy", "range", "per op", "power", "efficiency", "payload", "speed"},
			{"", "us", "TOPS", "%", "", "mJ", "%", "pJ", "W", "TOPS/W", "%", "of first"},
		},
		Left: map[int]bool{4: true},
	}
	var failed []string
	last, first := "", 0.0
	for i := range entries {
		e := &entries[i]
		if e.Workload != last {
			last, first = e.Workload, 0
			t.Rows = append(t.Rows, []string{e.label()})
		}
		f := e.figures()
		if e.Err != nil {
			failed = append(failed, fmt.Sprintf("%s cannot run %s: %s", e.Machine.Name, e.label(), f.err))
			t.Rows = append(t.Rows, []string{"  " + e.Machine.Name, "-"})
			continue
		}
		if first == 0 {
			first = f.timeUS
		}
		t.Rows = append(t.Rows, []string{
			"  " + e.Machine.Name, human(f.timeUS), human(f.tops()), percent(f.peakPct()), f.bound, human(f.energyUJ() / 1e3),
			f.interval(), human(f.pjPerOp()), human(f.powerW()), human(f.tops() / f.powerW()), percent(f.payloadPct()), ratio(first / f.timeUS),
		})
	}
	var b strings.Builder
	b.WriteString(t.String())
	b.WriteString(scopes(entries))
	for _, f := range failed {
		b.WriteString(f + "\n")
	}
	return b.String()
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
