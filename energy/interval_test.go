package energy

import (
	"math"
	"testing"

	"gpusim/configs"
)

// Ranges of one column add up straight, columns in quadrature; the rest of a
// ledger's arithmetic carries the interval along.
func TestInterval(t *testing.T) {
	table := testTable()
	set := func(name string, lo, hi float64) {
		e := table.Events[name]
		e.Lo, e.Hi = lo, hi
		table.Events[name] = e
	}
	set("fma", 0.5, 2)
	set("alu", 0.9, 1.1)
	set("dram", 0.8, 1.5)
	table.Static["leak"] = configs.StaticPower{Power: 40, Column: Static, Lo: 0.5}
	l, err := Build(table, []Count{{"fma", 1000}, {"alu", 1000}, {"dram", 3}, {"fetch", 50}}, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	// In pJ: fma 1500 (750 to 3000), alu 300 (270 to 330), dram 3000 (2400 to 4500),
	// leakage 40e6 (20e6 to 40e6).
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Errorf("%s: %g uJ, want %g", what, got, want)
		}
	}
	lo, hi := l.Interval()
	down, up := math.Sqrt(780*780+600*600+20e6*20e6)*1e-6, math.Sqrt(1530*1530+1500*1500)*1e-6
	near("low end", lo, l.TotalUJ-down)
	near("high end", hi, l.TotalUJ+up)
	for name, r := range map[string]Ledger{"three times": l.Times(3)} {
		a, b := r.Interval()
		near(name+", low", a, 3*lo)
		near(name+", high", b, 3*hi)
	}
	s, err := Sum(l, l, l)
	if err != nil {
		t.Fatal(err)
	}
	a, b := s.Interval()
	near("sum, low", a, 3*lo)
	near("sum, high", b, 3*hi)
	d, err := l.Scale(2.5)
	if err != nil {
		t.Fatal(err)
	}
	// Events are whole: 7.5 sectors of DRAM become 8.
	a, b = d.Interval()
	near("scaled, low", a, d.TotalUJ-math.Sqrt(math.Pow(2.5*780, 2)+math.Pow(8*200, 2)+math.Pow(50e6, 2))*1e-6)
	near("scaled, high", b, d.TotalUJ+math.Sqrt(math.Pow(2.5*1530, 2)+math.Pow(8*500, 2))*1e-6)
}
