package parts

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
)

var (
	//go:embed data/accelergy.csv
	accelergyCSV []byte
	//go:embed data/timeloop.csv
	timeloopCSV []byte
)

// Action is a row of Accelergy's energy reference tables beside ours.
type Action struct {
	Design, Component, Action string
	Part                      Part
	PublishedPJ, PJ           float64
}

// ErrorPct is how far ours is off.
func (a *Action) ErrorPct() float64 { return 100 * (a.PJ/a.PublishedPJ - 1) }

// Use is what a component takes of a multiply-add of a network layer in Timeloop's
// reference outputs, beside what it takes at our energies; component Total sums a
// design up.
type Use struct {
	Design, Component string
	PublishedFJ, FJ   float64 // of a multiply-add
}

// ErrorPct is how far ours is off.
func (u *Use) ErrorPct() float64 { return 100 * (u.FJ/u.PublishedFJ - 1) }

type table struct {
	rows [][]string
	at   map[string]int
	err  error
}

func read(text []byte) (*table, error) {
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	t := &table{rows: rows[1:], at: map[string]int{}}
	for i, name := range rows[0] {
		t.at[name] = i
	}
	return t, nil
}

func (t *table) text(row []string, column string) string { return row[t.at[column]] }

func (t *table) number(row []string, column string) float64 {
	s := t.text(row, column)
	if s == "" {
		return 0
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && t.err == nil {
		t.err = fmt.Errorf("parts: %s: %q is no number", column, s)
	}
	return v
}

// Accelergy compares every action of the published tables.
func Accelergy() ([]Action, error) {
	t, err := read(accelergyCSV)
	if err != nil {
		return nil, err
	}
	var out []Action
	for _, r := range t.rows {
		a := Action{
			Design: t.text(r, "design"), Component: t.text(r, "component"), Action: t.text(r, "action"), PublishedPJ: t.number(r, "energy_pj"),
			Part: Part{t.text(r, "kind"), t.number(r, "entries"), t.number(r, "bits"), t.number(r, "ports"), t.number(r, "nm")},
		}
		rd, wr, err := a.Part.PJ()
		if err != nil {
			return nil, err
		}
		a.PJ = rd
		if a.Action == "write" {
			a.PJ = wr
		}
		out = append(out, a)
	}
	return out, t.err
}

// Timeloop compares the energy of a multiply-add in each component of the published
// designs, and of all. How often each is accessed is Timeloop's: published energy over
// the published energy of an access, with the part of reads that its statistics give.
func Timeloop() ([]Use, error) {
	actions, err := Accelergy()
	if err != nil {
		return nil, err
	}
	price := map[string][2]float64{} // published and ours
	for _, a := range actions {
		price[a.Design+"/"+a.Component+"/"+a.Action] = [2]float64{a.PublishedPJ, a.PJ}
	}
	t, err := read(timeloopCSV)
	if err != nil {
		return nil, err
	}
	var out []Use
	var total Use
	for _, r := range t.rows {
		u := Use{Design: t.text(r, "design"), Component: t.text(r, "component"), PublishedFJ: t.number(r, "fj_per_compute")}
		if u.Component == "Total" {
			u.FJ = total.FJ
			if math.Abs(total.PublishedFJ/u.PublishedFJ-1) > 1e-3 {
				return nil, fmt.Errorf("parts: %s: components come to %g fJ, published %g", u.Design, total.PublishedFJ, u.PublishedFJ)
			}
			out, total = append(out, u), Use{}
			continue
		}
		share := t.number(r, "reads")
		rd := price[u.Design+"/"+u.Component+"/read"]
		wr := price[u.Design+"/"+u.Component+"/write"]
		u.FJ = u.PublishedFJ * (share*rd[1] + (1-share)*wr[1]) / (share*rd[0] + (1-share)*wr[0])
		total.FJ, total.PublishedFJ = total.FJ+u.FJ, total.PublishedFJ+u.PublishedFJ
		out = append(out, u)
	}
	return out, t.err
}
