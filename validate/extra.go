package validate

import (
	"slices"

	"gpusim/workloads"
)

// Extra is a column that a table has beyond those of its kind: a row's result carries it
// through.
type Extra struct{ Column, Value string }

// described are columns that tables of any kind may have: where a row is from.
var described = []string{"source", "method"}

// carry gives rows of a table its columns that are not known.
func carry(tab *workloads.Table, known []string, rows []row, direct []direct) {
	byLine := map[int][]Extra{}
	for _, c := range tab.Header {
		if c == "" || slices.Contains(known, c) || slices.Contains(described, c) {
			continue
		}
		for i, rec := range tab.Rows {
			byLine[tab.Line(i)] = append(byLine[tab.Line(i)], Extra{c, tab.Field(rec, c)})
		}
	}
	for i := range rows {
		rows[i].extra = byLine[rows[i].line]
	}
	for i := range direct {
		direct[i].extra = byLine[direct[i].line]
	}
}

// extraColumns lists the columns that rows carry through, in the order in which they
// first appear.
func (r *Report) extraColumns() (out []string) {
	seen := map[string]bool{}
	for i := range r.Rows {
		for _, e := range r.Rows[i].Extra {
			if !seen[e.Column] {
				seen[e.Column] = true
				out = append(out, e.Column)
			}
		}
	}
	return out
}

// extraNames are the columns' names beside others that a file has: one that is among
// these tells that it is the measured table's.
func extraNames(columns, others []string) []string {
	out := slices.Clone(columns)
	for i := range out {
		for slices.Contains(others, out[i]) || slices.Contains(out[:i], out[i]) {
			out[i] = "table_" + out[i]
		}
	}
	return out
}

// extraValues are a row's values of columns, empty where it has none.
func (r *Row) extraValues(columns []string) []string {
	out := make([]string, len(columns))
	for _, e := range r.Extra {
		out[slices.Index(columns, e.Column)] = e.Value
	}
	return out
}

// extraObject is what JSON has of a row's columns; nil without any.
func (r *Row) extraObject() map[string]string {
	if len(r.Extra) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, e := range r.Extra {
		out[e.Column] = e.Value
	}
	return out
}
