package gpusim

import (
	"fmt"
	"math"
	"testing"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// primer is the average power, without DRAM, of ResNet-50 in int8 at the printed rate
// at 16 nm (nvdla/doc, primer.rst), by multipliers.
var primer = []struct {
	macs  int
	fps   float64
	watts float64
}{{2048, 269, 0.291}, {1024, 153, 0.143}, {512, 93, 0.080}, {256, 46, 0.048}, {128, 20, 0.031}, {64, 7.3, 0.021}, {32, 3.6, 0.017}}

// Two coefficients of NVDLA's table, what a multiplier's clock takes and what leaks,
// are the least squares of the primer's seven powers; a size that is left out of the
// fit is met too.
func TestNVDLAPrimerPower(t *testing.T) {
	net, err := workloads.Parse("model:resnet50,batch=1,dtype=int8")
	if err != nil {
		t.Fatal(err)
	}
	n := len(primer)
	fixed, per := make([]float64, n), make([][2]float64, n)
	var table configs.Energy
	for i, p := range primer {
		m, err := configs.Load(fmt.Sprintf("nvdla-%d", p.macs), nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := RunProducts(t.Context(), m, net, Options{})
		if err != nil {
			t.Fatal(err)
		}
		table = m.Energy
		leak := float64(table.Static[energy.Leakage].Power)
		all := AveragePower(m, &r, 1e6/p.fps, 0, ScopeChip)
		per[i] = [2]float64{1, float64(p.macs) * float64(m.NVDLA.Clock) * 1e-12} // of a watt, of a picojoule
		fixed[i] = all - leak - per[i][1]*table.Events[energy.MACCycle].PJ
	}
	fit := func(without int) (x [2]float64) {
		var aa, ab, bb, ay, by float64
		for i, p := range primer {
			if i == without {
				continue
			}
			a, b, y := per[i][0]/p.watts, per[i][1]/p.watts, (p.watts-fixed[i])/p.watts
			aa, ab, bb, ay, by = aa+a*a, ab+a*b, bb+b*b, ay+a*y, by+b*y
		}
		d := aa*bb - ab*ab
		return [2]float64{(ay*bb - by*ab) / d, (by*aa - ay*ab) / d}
	}
	off := func(i int, x [2]float64) float64 {
		return 100 * ((fixed[i]+x[0]*per[i][0]+x[1]*per[i][1])/primer[i].watts - 1)
	}
	x := fit(-1)
	loo := 0.0
	for i, p := range primer {
		e, out := off(i, x), off(i, fit(i))
		loo += math.Abs(out) / float64(n)
		t.Logf("%4d multipliers: measured %3.0f mW, %+5.1f %%, left out %+5.1f %%; work alone %.0f mW", p.macs, p.watts*1e3, e, out, fixed[i]*1e3)
		if math.Abs(e) > 15 {
			t.Errorf("%d multipliers: power %.1f %% off, want at most 15 %%", p.macs, e)
		}
	}
	t.Logf("left out one at a time %.1f %%; leakage %.2f mW, mac_cycle %.4f pJ", loo, x[0]*1e3, x[1])
	if leak := float64(table.Static[energy.Leakage].Power); math.Abs(leak/x[0]-1) > 0.02 || math.Abs(table.Events[energy.MACCycle].PJ/x[1]-1) > 0.02 {
		t.Errorf("the table has %g W and %g pJ, the fit gives %.4g and %.4g", leak, table.Events[energy.MACCycle].PJ, x[0], x[1])
	}
}
