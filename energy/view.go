package energy

import (
	"fmt"
	"math"
)

// ColumnEnergy is the part of a ledger that one column holds.
type ColumnEnergy struct {
	Column   string
	EnergyUJ float64
	SharePct float64 // of the ledger's total; NaN when the total is 0
}

// ByColumn gives every column of the ledger in ledger order, empty ones included.
func (l Ledger) ByColumn() []ColumnEnergy {
	out := make([]ColumnEnergy, len(columns))
	for i, c := range columns {
		out[i].Column = c
		for j := range l.Rows {
			if l.Rows[j].Column == c {
				out[i].EnergyUJ += l.Rows[j].EnergyUJ
			}
		}
		out[i].SharePct = share(out[i].EnergyUJ, l.TotalUJ)
	}
	return out
}

// PayloadPct is payload arithmetic over the total, static power included, in
// percent; NaN when the total is 0.
func (l Ledger) PayloadPct() float64 { return l.ByColumn()[0].SharePct }

// PowerW is the average power over the given run time in watts; NaN when the
// time is not positive.
func (l Ledger) PowerW(seconds float64) float64 {
	if !(seconds > 0) {
		return math.NaN()
	}
	return l.TotalUJ * 1e-6 / seconds
}

// Scale gives the ledger of factor times the run, for extrapolation from a
// simulated part. Event counts are rounded to whole events and energies
// follow the rounded counts, so rows stay events x energy per event. A
// factor that is negative or not finite is an error.
func (l Ledger) Scale(factor float64) (Ledger, error) {
	if !(factor >= 0) || math.IsInf(factor, 0) {
		return Ledger{}, fmt.Errorf("energy: scale factor %g is not a finite number of 0 or more", factor)
	}
	out := Ledger{Scope: l.Scope, Rows: make([]Row, 0, len(l.Rows))}
	for _, r := range l.Rows {
		if r.Column == Static {
			r.grow(factor)
		} else {
			n := math.Round(float64(r.Events) * factor)
			if n >= math.MaxUint64 {
				return Ledger{}, fmt.Errorf("energy: scaling by %g gives more than 2^64 events of %q", factor, r.Component)
			}
			if n == 0 {
				continue
			}
			r.grow(n / float64(r.Events))
			r.Events = uint64(n)
			r.EnergyUJ = n * r.PJPerEvent * uJPerPJ
		}
		out.Rows = append(out.Rows, r)
	}
	out.finish()
	return out, nil
}

// Sum adds ledgers that follow one another, as the layers of a network do.
// Rows of the same component and coefficient merge. Ledgers of different
// scope do not add up to anything meaningful and are refused; ledgers without
// rows are skipped whatever their scope.
func Sum(ledgers ...Ledger) (Ledger, error) {
	type key struct {
		component, column string
		pj                float64
	}
	var out Ledger
	at := map[key]int{}
	for _, l := range ledgers {
		if len(l.Rows) == 0 {
			continue
		}
		if len(out.Rows) == 0 {
			out.Scope = l.Scope
		} else if l.Scope != out.Scope {
			return Ledger{}, fmt.Errorf("energy: a ledger of scope %q cannot be added to one of scope %q", l.Scope, out.Scope)
		}
		for _, r := range l.Rows {
			k := key{r.Component, r.Column, r.PJPerEvent}
			i, ok := at[k]
			if !ok {
				at[k] = len(out.Rows)
				out.Rows = append(out.Rows, r)
				continue
			}
			o := &out.Rows[i]
			o.DownUJ, o.UpUJ = o.DownUJ+r.DownUJ, o.UpUJ+r.UpUJ
			if o.Column == Static {
				o.EnergyUJ += r.EnergyUJ
				continue
			}
			if o.Events+r.Events < o.Events {
				return Ledger{}, fmt.Errorf("energy: more than 2^64 events of %q", r.Component)
			}
			o.Events += r.Events
			o.EnergyUJ = float64(o.Events) * o.PJPerEvent * uJPerPJ
		}
	}
	out.finish()
	return out, nil
}

func share(part, whole float64) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return 100 * part / whole
}
