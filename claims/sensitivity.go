package claims

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"gpusim"
	"gpusim/energy"
)

// mostUncertain is how many coefficients a verdict's sensitivity names.
const mostUncertain = 3

// swing is what a claim's value becomes at the ends of one coefficient's range.
type swing struct {
	name           string
	lo, hi         float64 // of the coefficient, as factors
	atLow, atHigh  float64 // values of the claim
	verdictL, verH Verdict
}

// sensitivity says how a value that follows from the energies of runs depends on the
// three coefficients whose ranges move it most, each alone, and whether the verdict
// holds at all of their ends.
func sensitivity(runs []*gpusim.Result, value func([]energy.Ledger) float64, verdict func(float64) Verdict) string {
	ledgers := make([]energy.Ledger, len(runs))
	for i, r := range runs {
		ledgers[i] = r.Energy
	}
	now := verdict(value(ledgers))
	var all []swing
	for i := range ledgers {
		for k := range ledgers[i].Rows {
			row := ledgers[i].Rows[k]
			if row.EnergyUJ == 0 {
				continue
			}
			at := func(uj float64) float64 {
				changed := slices.Clone(ledgers)
				changed[i] = withRow(ledgers[i], k, uj)
				return value(changed)
			}
			s := swing{
				name: row.Component, lo: 1 - row.DownUJ/row.EnergyUJ, hi: 1 + row.UpUJ/row.EnergyUJ,
				atLow: at(row.EnergyUJ - row.DownUJ), atHigh: at(row.EnergyUJ + row.UpUJ),
			}
			if len(runs) > 1 {
				s.name = runs[i].Machine + "'s " + s.name
			}
			s.verdictL, s.verH = verdict(s.atLow), verdict(s.atHigh)
			all = append(all, s)
		}
	}
	sort.SliceStable(all, func(a, b int) bool {
		return math.Abs(all[a].atHigh-all[a].atLow) > math.Abs(all[b].atHigh-all[b].atLow)
	})
	var parts, turns []string
	for _, s := range all[:min(mostUncertain, len(all))] {
		parts = append(parts, fmt.Sprintf("%s x %.2g to %.2g: %.3g to %.3g", s.name, s.lo, s.hi, s.atLow, s.atHigh))
		if s.verdictL != now {
			turns = append(turns, fmt.Sprintf("%s with %s at %.2g", s.verdictL, s.name, s.lo))
		}
		if s.verH != now {
			turns = append(turns, fmt.Sprintf("%s with %s at %.2g", s.verH, s.name, s.hi))
		}
	}
	holds := "the verdict holds at all ends"
	if turns != nil {
		holds = "the verdict turns: " + strings.Join(turns, ", ")
	}
	return "most uncertain: " + strings.Join(parts, "; ") + "; " + holds
}

// withRow is a ledger in which one row has another energy.
func withRow(l energy.Ledger, k int, uj float64) energy.Ledger {
	l.Rows = slices.Clone(l.Rows)
	l.TotalUJ += uj - l.Rows[k].EnergyUJ
	l.Rows[k].EnergyUJ = uj
	return l
}

// columnsOf is the energy of some columns of a ledger; of all if none is named.
func columnsOf(l *energy.Ledger, names ...string) float64 {
	if len(names) == 0 {
		return l.TotalUJ
	}
	sum := 0.0
	for i := range l.Rows {
		if slices.Contains(names, l.Rows[i].Column) {
			sum += l.Rows[i].EnergyUJ
		}
	}
	return sum
}
