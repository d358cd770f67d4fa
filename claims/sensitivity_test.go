package claims

import (
	"strings"
	"testing"

	"gpusim"
	"gpusim/energy"
)

// The coefficients that move a value most are named with what they make of it, in that
// order, and a verdict that an end of a range turns says so.
func TestSensitivity(t *testing.T) {
	r := gpusim.Result{Machine: "m", Energy: energy.Ledger{TotalUJ: 100, Rows: []energy.Row{
		{Component: "work", Column: energy.Payload, EnergyUJ: 40, DownUJ: 20, UpUJ: 40},
		{Component: "fetch", Column: energy.Instruction, EnergyUJ: 50, DownUJ: 5, UpUJ: 5},
		{Component: "sure", Column: energy.L2, EnergyUJ: 9},
		{Component: "small", Column: energy.Register, EnergyUJ: 1, DownUJ: 0.5, UpUJ: 1},
	}}}
	share := func(l []energy.Ledger) float64 { return 100 * columnsOf(&l[0], energy.Payload) / l[0].TotalUJ }
	got := sensitivity([]*gpusim.Result{&r}, share, func(v float64) Verdict { return atLeast(v, 50, 30) })
	// work: 20/80 = 25 %, 80/140 = 57.1 %; fetch: 40/95 = 42.1, 40/105 = 38.1; small: 40/99.5, 40/101.
	want := "most uncertain: work x 0.5 to 2: 25 to 57.1; fetch x 0.9 to 1.1: 42.1 to 38.1; small x 0.5 to 2: 40.2 to 39.6; the verdict turns: disagrees with work at 0.5, agrees with work at 2"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := sensitivity([]*gpusim.Result{&r}, share, func(float64) Verdict { return Partly }); !strings.HasSuffix(got, "the verdict holds at all ends") {
		t.Error(got)
	}
	if r.Energy.Rows[0].EnergyUJ != 40 || r.Energy.TotalUJ != 100 {
		t.Error("the result was changed")
	}
}
