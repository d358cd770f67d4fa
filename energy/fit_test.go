package energy

import (
	"math"
	"strconv"
	"testing"

	"gpusim/configs"
)

// powerRow is a measured board power and the events of what ran, as gpusim counts
// them. Power is compared over the measured time, so that an error of the simulated
// time is not one of the energy.
type powerRow struct {
	kernel, machine string
	clock           configs.Freq
	seconds, watts  float64
	counts          []Count
	padding         []float64 // by count: share of its multiply-adds of which an operand is padding
}

// readPowerRows reads testdata/power_counts.csv. Kernels of the Quadro GV100 and
// their power are AccelWattch's (MICRO 2021): CUTLASS of 2560x16x2560, 4096x128x4096
// and 2560x512x2560, the SDK's cudaTensorCoreGemm of 4096, and Parboil's sgemm, taken
// for its medium data set of 1024x992x1056 (recalled; the cycles fit nothing else);
// times are cycles at 1417 MHz, those of k1 and k2 and of sgemm from Accel-Sim (ISCA
// 2020). ResNet-50 on V100 (fp16) and P4 (int8) at the measured throughput are
// NVIDIA's, as quoted by Inoue. Events of the P4 are those of the closed form.
func readPowerRows(t *testing.T) []powerRow {
	t.Helper()
	recs := readTestdata(t, "power_counts.csv")
	num := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var out []powerRow
	for _, r := range recs[1:] {
		if n := len(out); n == 0 || out[n-1].kernel != r[0] || out[n-1].machine != r[1] {
			out = append(out, powerRow{kernel: r[0], machine: r[1], clock: configs.Freq(num(r[2]) * 1e6), seconds: num(r[3]), watts: num(r[4])})
		}
		last := &out[len(out)-1]
		last.counts, last.padding = append(last.counts, Count{r[5], uint64(num(r[6]))}), append(last.padding, num(r[7]))
	}
	return out
}

// fitted are the coefficients that are fitted to measured board power.
var fitted = []string{SMCycle, WarpInstruction}

// split gives a row's power without the fitted coefficients, and the power that a
// picojoule of each adds.
func (r *powerRow) split(t *testing.T) (fixed float64, per []float64) {
	t.Helper()
	m, err := configs.Load(r.machine, nil)
	if err != nil {
		t.Fatal(err)
	}
	price := func(name string) float64 {
		table := m.Energy
		table.Events = map[string]configs.EnergyEvent{}
		for k, e := range m.Energy.Events {
			for _, f := range fitted {
				if k == f {
					e.PJ = 0
				}
				if k == f && k == name {
					e.PJ = 1
				}
			}
			table.Events[k] = e
		}
		at := AtVoltage(&table, m.GPU.Clock.VoltageAt(r.clock))
		watts := IdlePowerW(at)
		for i, c := range r.counts {
			l, err := Build(AtValues(at, Random, "fp32", r.padding[i]), []Count{c}, 0)
			if err != nil {
				t.Fatal(err)
			}
			watts += l.TotalUJ * 1e-6 / r.seconds
		}
		return watts
	}
	fixed = price("")
	for _, f := range fitted {
		per = append(per, price(f)-fixed)
	}
	return fixed, per
}

// The two fitted coefficients of gv100.yaml solve the least squares of relative
// errors of the eleven rows of GV100. Rows that were left out of the fit are met, and
// so are the six of a P4, which are in no fit: they check the scaling to another chip.
func TestFittedPower(t *testing.T) {
	rows := readPowerRows(t)
	fixed, per := make([]float64, len(rows)), make([][]float64, len(rows))
	for i := range rows {
		fixed[i], per[i] = rows[i].split(t)
	}
	fit := func(without int) (x [2]float64) {
		var aa, ab, bb, ay, by float64
		for i := range rows {
			if i == without || rows[i].machine == "p4" {
				continue
			}
			w := rows[i].watts
			a, b, y := per[i][0]/w, per[i][1]/w, (w-fixed[i])/w
			aa, ab, bb, ay, by = aa+a*a, ab+a*b, bb+b*b, ay+a*y, by+b*y
		}
		d := aa*bb - ab*ab
		return [2]float64{(ay*bb - by*ab) / d, (by*aa - ay*ab) / d}
	}
	off := func(i int, x [2]float64) float64 {
		return 100 * ((fixed[i]+x[0]*per[i][0]+x[1]*per[i][1])/rows[i].watts - 1)
	}
	all := fit(-1)
	var mape, loo, other float64
	others := 0.0
	for i := range rows {
		e, out := off(i, all), off(i, fit(i))
		if rows[i].machine == "p4" {
			other, others = other+math.Abs(e), others+1
		} else {
			mape, loo = mape+math.Abs(e), loo+math.Abs(out)
		}
		t.Logf("%-12s %-18s measured %6.1f W, %+5.1f %%, left out %+5.1f %%", rows[i].machine, rows[i].kernel, rows[i].watts, e, out)
	}
	n := float64(len(rows)) - others
	t.Logf("%.0f rows of the fit: mean error %.1f %%, left out one at a time %.1f %%; %.0f rows of a P4: %.1f %%; sm_cycle %.1f pJ, warp_instruction %.1f pJ",
		n, mape/n, loo/n, others, other/others, all[0], all[1])
	// The P4 is 22 to 28 % low: at its voltage leakage is half of what it is at 0.9 V. See
	// DEVIATIONS.
	if every := (loo + other) / float64(len(rows)); loo/n > 15 || other/others > 28 || every > 15 {
		t.Errorf("rows left out are %.1f %% off, those of a P4 %.1f %%, all %.1f %%; want at most 15, 28 and 15 %%", loo/n, other/others, every)
	}
	table := readTable(t, "gv100")
	for i, f := range fitted {
		if have := table.Events[f].PJ; math.Abs(have/all[i]-1) > 0.01 {
			t.Errorf("%s is %g pJ, the fit gives %.4g", f, have, all[i])
		}
	}
}
