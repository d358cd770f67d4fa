package report

import (
	"fmt"
	"math"

	"gpusim/energy/parts"
)

// PartsText compares prices of memories, registers and multipliers with published ones.
func PartsText(actions []parts.Action, uses []parts.Use) string {
	t := Table{Header: [][]string{
		{"Accelergy's design", "part", "action", "kind", "size", "node", "published", "here", "error"},
		{"", "", "", "", "entries x bits", "nm", "pJ", "pJ", "%"},
	}, Left: map[int]bool{1: true, 2: true, 3: true}}
	sum, within := 0.0, 0
	for i := range actions {
		a := &actions[i]
		size, nm := fmt.Sprintf("%g", a.Part.Bits), fmt.Sprintf("%g", a.Part.NM)
		if a.Part.Entries > 0 {
			size = fmt.Sprintf("%g x %g", a.Part.Entries, a.Part.Bits)
		}
		if a.Part.NM == 0 {
			nm = "-"
		}
		e := a.ErrorPct()
		sum += math.Abs(e)
		if math.Abs(e) <= 15 {
			within++
		}
		t.Rows = append(t.Rows, []string{a.Design, a.Component, a.Action, a.Part.Kind, size, nm, human(a.PublishedPJ), human(a.PJ), signed(e)})
	}
	u := Table{Header: [][]string{
		{"Timeloop's design", "part", "published", "here", "error"},
		{"", "", "fJ/MAC", "fJ/MAC", "%"},
	}, Left: map[int]bool{1: true}}
	for i := range uses {
		u.Rows = append(u.Rows, []string{uses[i].Design, uses[i].Component, human(uses[i].PublishedFJ), human(uses[i].FJ), signed(uses[i].ErrorPct())})
	}
	return t.String() + fmt.Sprintf("%d of %d actions within 15 %%, mean %.1f %%\n\n", within, len(actions), sum/float64(len(actions))) + u.String() +
		"a multiply-add of a layer (32 filters of 3x3 on 3 channels of 224x224; a product of 64 for the last): accesses are Timeloop's, energies ours\n"
}

// PartsCSV is the same for programs; actions have no Timeloop figure and the other way round.
func PartsCSV(actions []parts.Action, uses []parts.Use) []byte {
	var rows [][]cell
	for i := range actions {
		a := &actions[i]
		rows = append(rows, []cell{text("accelergy"), text(a.Design), text(a.Component), text(a.Action), text(a.Part.Kind), num(orNaN(a.Part.Entries)), num(a.Part.Bits), num(orNaN(a.Part.NM)), num(a.PublishedPJ), num(a.PJ), num(a.ErrorPct())})
	}
	for i := range uses {
		x := &uses[i]
		rows = append(rows, []cell{text("timeloop"), text(x.Design), text(x.Component), text("multiply-add"), text(""), num(math.NaN()), num(math.NaN()), num(math.NaN()), num(x.PublishedFJ / 1e3), num(x.FJ / 1e3), num(x.ErrorPct())})
	}
	return encode([]string{"source", "design", "component", "action", "kind", "entries", "bits", "node_nm", "published_pj", "energy_pj", "error_pct"}, rows)
}
