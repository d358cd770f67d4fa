package report

import (
	"fmt"
	"math"
	"strings"

	"gpusim/configs"
	"gpusim/energy/area"
)

// areaMM2 is the area of a machine's die: of its ledger, to the tenth of a square
// millimetre that its figures can bear, or the machine file's where there is no
// ledger. Systems have several dies, and what is no chip has none.
func areaMM2(m *configs.Machine) float64 {
	if m.System != nil {
		return math.NaN()
	}
	l, err := area.Of(m)
	if err != nil {
		return orNaN(m.DieMM2)
	}
	if l.TotalMM2 < 20 {
		return math.Round(l.TotalMM2*100) / 100
	}
	return math.Round(l.TotalMM2*10) / 10
}

var areaColumns = []string{"machine", "group", "component", "count", "unit_mm2", "area_mm2", "area_lo_mm2", "area_hi_mm2", "share_pct"}

// AreaCSV gives the ledger, a row per component.
func AreaCSV(m *configs.Machine, l *area.Ledger) []byte {
	rows := make([][]cell, 0, len(l.Rows))
	for _, r := range l.Rows {
		rows = append(rows, []cell{
			text(m.Name), text(r.Group), text(r.Component), num(r.Count), num(r.UnitMM2), num(r.MM2), num(r.LowMM2), num(r.HighMM2), num(100 * r.MM2 / l.TotalMM2),
		})
	}
	return encode(areaColumns, rows)
}

// AreaText is the ledger as a person reads it.
func AreaText(m *configs.Machine, l *area.Ledger) string {
	t := Table{Header: [][]string{
		{"part of the die", "count", "each", "area", "range", "of die"},
		{"", "", "mm2", "mm2", "mm2", "%"},
	}}
	group := ""
	for _, r := range l.Rows {
		if r.Group != group {
			group = r.Group
			sum := l.Group(group)
			t.Rows = append(t.Rows, []string{strings.ToUpper(group), "", "", human(sum), "", percent(100 * sum / l.TotalMM2)})
		}
		within := human(r.LowMM2) + " to " + human(r.HighMM2)
		if r.Group == area.Remainder {
			within = ""
		}
		t.Rows = append(t.Rows, []string{"  " + r.Component, human(r.Count), human(r.UnitMM2), human(r.MM2), within, percent(100 * r.MM2 / l.TotalMM2)})
	}
	t.Rows = append(t.Rows, []string{"whole die", "", "", human(l.TotalMM2), human(l.LowMM2) + " to " + human(l.HighMM2), "100.0"})
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n%s", m.Name, m.Description, t.String())
	if r := l.Component("unexplained"); r.Count > 0 {
		fmt.Fprintf(&b, "unexplained: published area of this die (%s mm2) less what its parts are taken to be; parts are modelled, and so is what a change of them does\n",
			human(m.DieMM2))
	}
	c := l.Cost()
	fmt.Fprintf(&b, "its share of a wafer: %s for a good die, %s to %s (%s dies a wafer, %.0f %% of them good, %.0f %% without a defect; no package, memory, test, development or profit)\n",
		dollars(c.USD), dollars(c.LowUSD), dollars(c.HighUSD), human(math.Floor(c.DiesPerWafer)), c.YieldPct, c.PerfectPct)
	if c.Spare > 0 {
		fmt.Fprintf(&b, "%d of %d %ss are spare and take %s mm2: a die of %s mm2 without them would be good in %.0f %% of cases and cost %s\n",
			c.Spare, c.Units, c.Unit, human(c.SpareMM2), human(c.BareTotal), c.BarePct, dollars(c.BareUSD))
	}
	return b.String()
}

func dollars(v float64) string {
	if v < 10 {
		return fmt.Sprintf("$%.2f", v)
	}
	return fmt.Sprintf("$%.0f", v)
}

// DiesText compares the ledger with dies of published size.
func DiesText(dies []area.Die) string {
	t := Table{Header: [][]string{
		{"die", "generation", "published", "modelled", "error", "range", "unseen", "error"},
		{"", "", "mm2", "mm2", "%", "mm2", "mm2", "%"},
	}, Left: map[int]bool{1: true}}
	var seen, unseen float64
	for _, d := range dies {
		e, u := 100*(d.ModelledMM2/d.PublishedMM2-1), 100*(d.LeftOutMM2/d.PublishedMM2-1)
		seen, unseen = seen+math.Abs(e)/float64(len(dies)), unseen+math.Abs(u)/float64(len(dies))
		t.Rows = append(t.Rows, []string{
			d.Machine, d.Generation, human(d.PublishedMM2), human(d.ModelledMM2), signed(e), fmt.Sprintf("%.0f to %.0f", d.LowMM2, d.HighMM2), human(d.LeftOutMM2), signed(u),
		})
	}
	return t.String() + fmt.Sprintf("mean error %.1f %%; with figures fitted to all other generations %.1f %%\n", seen, unseen)
}

// DiesCSV is the same for programs.
func DiesCSV(dies []area.Die) []byte {
	var rows [][]cell
	for _, d := range dies {
		rows = append(rows, []cell{
			text(d.Machine), text(d.Generation), num(d.PublishedMM2), num(d.ModelledMM2), num(d.LowMM2), num(d.HighMM2), num(d.LeftOutMM2),
		})
	}
	return encode([]string{"machine", "generation", "published_mm2", "modelled_mm2", "lo_mm2", "hi_mm2", "generation_left_out_mm2"}, rows)
}
