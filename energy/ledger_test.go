package energy

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gpusim/configs"
)

func testTable() *configs.Energy {
	return &configs.Energy{
		PowerScope: "board",
		Events: map[string]configs.EnergyEvent{
			"fma":   {PJ: 1.5, Column: Payload},
			"fetch": {PJ: 30, Column: Instruction},
			"dram":  {PJ: 1000, Column: DRAM},
			"alu":   {PJ: 0.3, Column: Payload},
		},
		Static: map[string]configs.StaticPower{"leak": {Power: 40, Column: Static}, "board": {Power: 10, Column: Static}},
	}
}

func TestBuildSortsSumsAndPrices(t *testing.T) {
	counts := []Count{{"dram", 7}, {"fma", 1000}, {"alu", 3}, {"fetch", 10}, {"fma", 24}}
	l, err := Build(testTable(), counts, 2e-6)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var sum float64
	for _, r := range l.Rows {
		order = append(order, r.Component)
		sum += r.EnergyUJ
	}
	if want := []string{"alu", "fma", "fetch", "dram", "board", "leak"}; !slices.Equal(order, want) {
		t.Errorf("rows %v, want %v", order, want)
	}
	if sum != l.TotalUJ {
		t.Errorf("rows sum to %g, total is %g", sum, l.TotalUJ)
	}
	if l.Rows[1].Events != 1024 {
		t.Errorf("counts of one component did not add up: %d", l.Rows[1].Events)
	}
	want := (1024*1.5+3*0.3+300+7000)*1e-6 + 50*2e-6*1e6
	if math.Abs(l.TotalUJ-want) > 1e-12*want {
		t.Errorf("total %g uJ, want %g", l.TotalUJ, want)
	}
	if got := l.PowerW(2e-6); math.Abs(got-l.TotalUJ/2) > 1e-9 {
		t.Errorf("power %g W, want %g", got, l.TotalUJ/2)
	}
	slices.Reverse(counts)
	again, err := Build(testTable(), counts, 2e-6)
	if err != nil || !reflect.DeepEqual(l, again) {
		t.Errorf("the order of counts changes the ledger: %v", err)
	}
	var share float64
	for _, c := range l.ByColumn() {
		if !math.IsNaN(c.SharePct) {
			share += c.SharePct
		}
	}
	if math.Abs(share-100) > 1e-9 {
		t.Errorf("columns sum to %g %%", share)
	}
	if got, want := l.PayloadPct(), 100*(1024*1.5+0.9)*1e-6/l.TotalUJ; math.Abs(got-want) > 1e-9 {
		t.Errorf("payload %g %%, want %g", got, want)
	}
}

func TestBuildRefuses(t *testing.T) {
	bad := func(e configs.EnergyEvent) *configs.Energy {
		return &configs.Energy{Events: map[string]configs.EnergyEvent{"x": e}}
	}
	for _, c := range []struct {
		spec    *configs.Energy
		counts  []Count
		seconds float64
		message string
	}{
		{nil, nil, 1, "no energy table"},
		{testTable(), []Count{{"fam", 1}}, 1, `"fam" has no coefficient; the table knows: alu, dram, fetch, fma`},
		{testTable(), []Count{{"fam", 0}}, 1, "no coefficient"},
		{testTable(), nil, -1, "run time"},
		{testTable(), nil, math.NaN(), "run time"},
		{testTable(), []Count{{"fma", math.MaxUint64}, {"fma", 1}}, 1, "2^64"},
		{bad(configs.EnergyEvent{PJ: 1, Column: "bonus"}), []Count{{"x", 1}}, 1, "unknown ledger column"},
		{bad(configs.EnergyEvent{PJ: 1, Column: Static}), []Count{{"x", 1}}, 1, "only static power"},
		{bad(configs.EnergyEvent{PJ: -1, Column: DRAM}), []Count{{"x", 1}}, 1, "pJ per event"},
	} {
		if _, err := Build(c.spec, c.counts, c.seconds); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("want an error with %q, got %v", c.message, err)
		}
	}
}

func TestSumAndScaleConserve(t *testing.T) {
	a, err := Build(testTable(), []Count{{"fma", 1000}, {"dram", 7}}, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Build(testTable(), []Count{{"fma", 500}, {"fetch", 3}}, 3e-6)
	if err != nil {
		t.Fatal(err)
	}
	both, err := Build(testTable(), []Count{{"fma", 1500}, {"dram", 7}, {"fetch", 3}}, 4e-6)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Sum(a, Ledger{}, b)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Rows) != len(both.Rows) || math.Abs(s.TotalUJ-both.TotalUJ) > 1e-12*both.TotalUJ {
		t.Errorf("sum of parts %g uJ in %d rows, whole %g in %d", s.TotalUJ, len(s.Rows), both.TotalUJ, len(both.Rows))
	}
	d, err := a.Scale(3)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(d.TotalUJ-3*a.TotalUJ) > 1e-12*d.TotalUJ {
		t.Errorf("three times %g uJ is %g", a.TotalUJ, d.TotalUJ)
	}
	if a.Rows[0].Events != 1000 {
		t.Error("scaling changed its operand")
	}
	if _, err := a.Scale(math.NaN()); err == nil {
		t.Error("scaling by NaN was accepted")
	}
	b.Scope = "package"
	if _, err := Sum(a, b); err == nil {
		t.Error("a sum over two scopes was accepted")
	}
}

func TestNodeFactor(t *testing.T) {
	for _, c := range []struct{ nm, v, want float64 }{{16, 0.9, 0.1873}, {16, 0.8, 0.1424}, {7, 0.7, 0.0566}, {65, 0.9, 1.2535}} {
		f, err := NodeFactor(45, 0.9, c.nm, c.v)
		if err != nil || math.Abs(f/c.want-1) > 2e-3 {
			t.Errorf("45 nm to %g nm at %g V: %g (%v), published %g", c.nm, c.v, f, err, c.want)
		}
	}
	at, _ := NodeFactor(45, 0.9, 28, 0.9)
	hi, _ := NodeFactor(45, 0.9, 32, 0.9)
	lo, _ := NodeFactor(45, 0.9, 20, 0.9)
	if !(lo < at && at < hi) {
		t.Errorf("28 nm (%g) does not lie between 20 nm (%g) and 32 nm (%g)", at, lo, hi)
	}
	if _, err := NodeFactor(45, 0.9, 5, 0.7); err == nil {
		t.Error("5 nm has no published data but was accepted")
	}
}
