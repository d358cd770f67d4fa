// Package energy turns event counts into an energy ledger with the same
// columns for every kind of machine.
package energy

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"gpusim/configs"
)

// Ledger columns, in the order in which ledgers list them.
const (
	Payload     = "payload"
	Instruction = "instruction"
	Register    = "register"
	SharedL1    = "shared_l1"
	L2          = "l2"
	Crossbar    = "crossbar"
	DRAM        = "dram"
	Link        = "link"
	Static      = "static"
)

var columns = []string{Payload, Instruction, Register, SharedL1, L2, Crossbar, DRAM, Link, Static}

// Columns lists the ledger columns in ledger order.
func Columns() []string { return slices.Clone(columns) }

// Count is how often one component's event happened. Component is a key of
// the machine's energy table.
type Count struct {
	Component string
	Events    uint64
}

// Row is one line of the ledger. Events is 0 for static power.
type Row struct {
	Component  string
	Column     string // payload, instruction, register, shared_l1, l2, crossbar, dram, link, static
	Events     uint64
	PJPerEvent float64
	EnergyUJ   float64
	// What EnergyUJ may be lower and higher by, from the coefficient's range.
	DownUJ, UpUJ float64
}

// Ledger is the energy of one run. Its rows sum to TotalUJ.
type Ledger struct {
	Rows    []Row
	TotalUJ float64
	Scope   string // what the total includes: core, chip, package, board, wall
}

const uJPerPJ = 1e-6

// Build prices counts with the machine's coefficients and adds its static
// power over seconds. A counted component without a coefficient is an error, but for
// an Optional one: no event is free by accident. Counts of the same component add up;
// components that never happened get no row. Rows come in column order, then
// by name, whatever the order of counts.
func Build(spec *configs.Energy, counts []Count, seconds float64) (Ledger, error) {
	if spec == nil {
		return Ledger{}, fmt.Errorf("energy: no energy table")
	}
	if math.IsNaN(seconds) || math.IsInf(seconds, 0) || seconds < 0 {
		return Ledger{}, fmt.Errorf("energy: run time %g s is not a finite time of 0 or more", seconds)
	}
	events := make(map[string]uint64, len(counts))
	for _, c := range counts {
		if _, ok := spec.Events[c.Component]; !ok {
			if Optional(c.Component) {
				continue
			}
			return Ledger{}, fmt.Errorf("energy: component %q has no coefficient; the table knows: %s",
				c.Component, strings.Join(sortedKeys(spec.Events), ", "))
		}
		old := events[c.Component]
		if old+c.Events < old {
			return Ledger{}, fmt.Errorf("energy: more than 2^64 events of %q", c.Component)
		}
		events[c.Component] = old + c.Events
	}
	l := Ledger{Scope: spec.PowerScope, Rows: make([]Row, 0, len(events)+len(spec.Static))}
	for name, n := range events {
		if n == 0 {
			continue
		}
		e := spec.Events[name]
		if err := checkColumn(name, e.Column, false); err != nil {
			return Ledger{}, err
		}
		if !(e.PJ >= 0) || math.IsInf(e.PJ, 0) {
			return Ledger{}, fmt.Errorf("energy: %s: %g pJ per event is not a finite energy of 0 or more", name, e.PJ)
		}
		lo, hi := e.Range()
		uj := float64(n) * e.PJ * uJPerPJ
		l.Rows = append(l.Rows, Row{
			Component: name, Column: e.Column, Events: n, PJPerEvent: e.PJ,
			EnergyUJ: uj, DownUJ: (1 - lo) * uj, UpUJ: (hi - 1) * uj,
		})
	}
	for name, s := range spec.Static {
		if err := checkColumn(name, s.Column, true); err != nil {
			return Ledger{}, err
		}
		w := float64(s.Power)
		if !(w >= 0) || math.IsInf(w, 0) {
			return Ledger{}, fmt.Errorf("energy: %s: %g W is not a finite power of 0 or more", name, w)
		}
		lo, hi := s.Range()
		uj := w * seconds * 1e6
		l.Rows = append(l.Rows, Row{Component: name, Column: s.Column, EnergyUJ: uj, DownUJ: (1 - lo) * uj, UpUJ: (hi - 1) * uj})
	}
	l.finish()
	return l, nil
}

func checkColumn(name, column string, static bool) error {
	i := slices.Index(columns, column)
	if i < 0 {
		return fmt.Errorf("energy: %s: unknown ledger column %q; allowed: %s", name, column, strings.Join(columns, ", "))
	}
	if static != (column == Static) {
		return fmt.Errorf("energy: %s: column %q does not fit: only static power goes to column %q, and all of it", name, column, Static)
	}
	return nil
}

// finish sorts the rows and sums them in that order, so that the total is
// bit for bit the sum a reader gets by adding the rows from the top.
func (l *Ledger) finish() {
	sort.Slice(l.Rows, func(i, j int) bool { return rowLess(&l.Rows[i], &l.Rows[j]) })
	l.TotalUJ = 0
	for i := range l.Rows {
		l.TotalUJ += l.Rows[i].EnergyUJ
	}
}

func rowLess(a, b *Row) bool {
	if ca, cb := slices.Index(columns, a.Column), slices.Index(columns, b.Column); ca != cb {
		return ca < cb
	}
	if a.Component != b.Component {
		return a.Component < b.Component
	}
	return a.PJPerEvent < b.PJPerEvent
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
