package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"

	"gpusim"
	"gpusim/energy"
)

// SummaryCSV gives summary.csv: a row per workload and machine.
func SummaryCSV(entries []Entry) []byte { return rowsCSV(entries, summaryColumns) }

func rowsCSV(entries []Entry, columns []column) []byte {
	rows := make([][]cell, 0, len(entries))
	for _, e := range sorted(entries) {
		rows = append(rows, rowOf(e.figures(), columns))
	}
	return encode(namesOf(columns), rows)
}

// LayersCSV gives layers.csv: a row per kernel in the order of execution, of
// networks a row per layer; the columns count and kernels are there with networks.
func LayersCSV(entries []Entry) []byte {
	var rows [][]cell
	networks := slices.ContainsFunc(entries, func(e Entry) bool { return e.isNetwork() })
	for _, e := range sorted(entries) {
		for i := range e.Result.Layers {
			l := &e.Result.Layers[i]
			row := append(summaryRow(e.layer(l)),
				text(l.Name), text(l.Kernel), text(l.Grid), text(l.CTATile), num(l.Waves), num(l.Occupancy))
			if networks {
				row = append(row, positive(l.Count), positive(l.Kernels))
			}
			rows = append(rows, row)
		}
	}
	header := append(summaryNames(), layerExtra...)
	if networks {
		header = append(header, "count", "kernels")
	}
	return encode(header, rows)
}

// EnergyCSV gives energy.csv: a row per layer and component. Shares are of
// the layer's total. Ledgers of a layer that do not add up are an error.
func EnergyCSV(entries []Entry) ([]byte, error) {
	var rows [][]cell
	for _, e := range sorted(entries) {
		for _, g := range layerGroups(&e.Result) {
			ledgers := make([]energy.Ledger, len(g.layers))
			for i, l := range g.layers {
				ledgers[i] = l.Energy
			}
			sum, err := energy.Sum(ledgers...)
			if err != nil {
				return nil, fmt.Errorf("%s on %s, layer %s: %w", e.Workload, e.Machine.Name, g.name, err)
			}
			for _, r := range sum.Rows {
				events, pj := count(r.Events), num(r.PJPerEvent)
				if r.Column == energy.Static {
					events, pj = cell{number: true}, cell{number: true}
				}
				rows = append(rows, []cell{
					text(e.Machine.Name), text(e.Workload), text(g.name), text(r.Component),
					events, pj, num(r.EnergyUJ), num(100 * r.EnergyUJ / sum.TotalUJ), text(r.Column), num(r.EnergyUJ - r.DownUJ), num(r.EnergyUJ + r.UpUJ),
				})
			}
		}
	}
	return encode(energyColumns, rows), nil
}

// StallsCSV gives stalls.csv: a row per layer and reason of the CPI stack.
// Shares are of the layer's issue slots.
func StallsCSV(entries []Entry) []byte {
	var rows [][]cell
	for _, e := range sorted(entries) {
		for _, g := range layerGroups(&e.Result) {
			stalls, total := sumStalls(g.layers)
			sort.Slice(stalls, func(i, j int) bool { return stalls[i].Reason < stalls[j].Reason })
			for _, s := range stalls {
				rows = append(rows, []cell{
					text(e.Machine.Name), text(e.Workload), text(g.name), text(s.Reason),
					count(s.Slots), num(100 * float64(s.Slots) / total),
				})
			}
		}
	}
	return encode(stallColumns, rows)
}

// group holds the kernels of one layer. A layer may launch several.
type group struct {
	name   string
	layers []*gpusim.Layer
}

// layerGroups puts kernels of the same layer together, by name.
func layerGroups(r *gpusim.Result) []group {
	var out []group
	at := map[string]int{}
	for i := range r.Layers {
		l := &r.Layers[i]
		k, ok := at[l.Name]
		if !ok {
			k = len(out)
			at[l.Name] = k
			out = append(out, group{name: l.Name})
		}
		out[k].layers = append(out[k].layers, l)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].name < out[j].name })
	return out
}

// sumStalls adds up the slots of several kernels by reason, in the order in
// which reasons first appear.
func sumStalls(layers []*gpusim.Layer) (stalls []gpusim.Stall, total float64) {
	at := map[string]int{}
	for _, l := range layers {
		for _, s := range l.Stalls {
			total += float64(s.Slots)
			k, ok := at[s.Reason]
			if !ok {
				k = len(stalls)
				at[s.Reason] = k
				stalls = append(stalls, gpusim.Stall{Reason: s.Reason})
			}
			stalls[k].Slots += s.Slots
		}
	}
	if total == 0 {
		total = math.NaN()
	}
	return stalls, total
}

func encode(header []string, rows [][]cell) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(header) // a bytes.Buffer takes everything
	rec := make([]string, len(header))
	for _, r := range rows {
		for i, c := range r {
			rec[i] = c.text
		}
		_ = w.Write(rec)
	}
	w.Flush()
	return b.Bytes()
}

// SummaryJSON gives the rows of summary.csv in the order of the entries as an
// array of objects with the same names; what does not apply is null.
func SummaryJSON(entries []Entry) []byte { return rowsJSON(entries, summaryColumns) }

func rowsJSON(entries []Entry, columns []column) []byte {
	names, rows := make([]string, len(columns)), make([][]cell, len(entries))
	for i := range columns {
		names[i] = columns[i].name
	}
	for i := range entries {
		rows[i] = rowOf(entries[i].figures(), columns)
	}
	return encodeJSON(names, rows)
}

// encodeJSON gives rows as an array of objects with the header's names.
func encodeJSON(header []string, rows [][]cell) []byte {
	var b bytes.Buffer
	b.WriteString("[")
	for i, r := range rows {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n  {")
		for j, c := range r {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(`"` + header[j] + `": ` + jsonValue(c))
		}
		b.WriteString("}")
	}
	b.WriteString("\n]\n")
	return b.Bytes()
}

func jsonValue(c cell) string {
	switch {
	case c.text == "":
		return "null"
	case c.number:
		return c.text
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(c.text) // a string always encodes
	return string(bytes.TrimSpace(b.Bytes()))
}
