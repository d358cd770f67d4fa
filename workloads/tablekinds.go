package workloads

import (
	"fmt"
	"strings"
)

// TableKind is a kind of CSV tables, known by columns that all of them have.
type TableKind struct {
	Name    string
	Columns []string
}

// workloadTables are the kinds that workloads are read from.
var workloadTables = []TableKind{
	{"measured GEMMs", GEMMColumns}, {"measured convolutions", ConvColumns}, {"layers of a network", layerColumns},
	{"a SCALE-Sim topology", []string{"Layer name", "IFMAP Height", "Filter Height"}}, {"SCALE-Sim products", []string{"Layer", "M", "N", "K"}},
}

// UnknownKind is the error of a table of none of these kinds: their names, and what lacks to
// the one of whose columns most are there.
func (t *Table) UnknownKind(kinds []TableKind) error {
	var names, lacks []string
	nearest, most := "", 0
	for _, k := range kinds {
		var missing []string
		for _, c := range k.Columns {
			if !contains(t.Header, c) {
				missing = append(missing, c)
			}
		}
		if have := len(k.Columns) - len(missing); have > most {
			nearest, most, lacks = k.Name, have, missing
		}
		names = append(names, k.Name)
	}
	reason := "a table of an unknown kind"
	if nearest != "" {
		reason += fmt.Sprintf(": for %s it lacks the columns %s", nearest, strings.Join(lacks, ", "))
	}
	return &Error{File: t.File, Line: 1, Reason: reason + " (known kinds: " + strings.Join(names, ", ") + ")"}
}
