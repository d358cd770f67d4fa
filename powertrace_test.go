package gpusim

import (
	"math"
	"testing"

	"gpusim/configs"
	"gpusim/energy"
)

// madeUp is a result of two layers on a machine: one that follows the core clock and
// one that waits for DRAM, with so much dynamic power each.
func madeUp(m *configs.Machine, us, hot, cold float64) *Result {
	r := &Result{Workload: "made up", ClockMHz: float64(m.GPU.Clock.Sustained) / 1e6, TimeUS: 2 * us}
	table := energy.AtVoltage(&m.Energy, m.GPU.Clock.VoltageAt(m.GPU.Clock.Sustained))
	for _, l := range []struct {
		name, bound, event string
		watts              float64
	}{{"hot", boundCompute, energy.WarpInstruction, hot}, {"cold", boundDRAM, energy.DRAMSectorRead, cold}} {
		n := l.watts * us * 1e6 / table.Events[l.event].PJ
		e, err := energy.Build(table, []energy.Count{{Component: l.event, Events: uint64(n)}}, us*1e-6)
		if err != nil {
			panic(err)
		}
		r.Layers = append(r.Layers, Layer{Name: l.name, TimeUS: us, Bound: l.bound, Energy: e})
	}
	r.Energy, _ = energy.Sum(r.Layers[0].Energy, r.Layers[1].Energy)
	return r
}

// Without a cap the trace is the result, cut into intervals: same time, same energy.
func TestTraceConserves(t *testing.T) {
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := madeUp(m, 1234.5, 200, 50)
	for _, interval := range []float64{1, 100, 777, 1e5} {
		p, err := TracePower(m, r, TraceOptions{IntervalUS: interval, WindowUS: 1000})
		if err != nil {
			t.Fatal(err)
		}
		uj, us := 0.0, 0.0
		for _, s := range p.Samples {
			uj, us = uj+s.PowerW*s.DurationUS, us+s.DurationUS
			if s.PowerLoW >= s.PowerW || s.PowerHiW <= s.PowerW {
				t.Errorf("%g W does not lie in %g to %g", s.PowerW, s.PowerLoW, s.PowerHiW)
			}
		}
		for what, d := range map[string]float64{
			"time": p.TimeUS/r.TimeUS - 1, "intervals": us/r.TimeUS - 1, "energy": p.EnergyUJ/r.Energy.TotalUJ - 1, "samples": uj/r.Energy.TotalUJ - 1,
		} {
			if math.Abs(d) > 1e-9 {
				t.Errorf("interval %g us: %s off by %g", interval, what, d)
			}
		}
		if want := int(math.Ceil(r.TimeUS / interval)); len(p.Samples) != want {
			t.Errorf("interval %g us: %d samples, want %d", interval, len(p.Samples), want)
		}
	}
}

// Under a cap the clock moves inside the run: a board that averages over long times
// holds the limit on average, one that averages over short times lets the clock rise
// where little power is taken and fall where much is. Layers that wait for DRAM take
// as long as before.
func TestTraceFollowsTheCap(t *testing.T) {
	m, err := configs.Load("turing", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := madeUp(m, 40_000, 120, 15)
	idle := energy.IdlePowerW(energy.AtVoltage(&m.Energy, m.GPU.Clock.VoltageAt(m.GPU.Clock.Sustained)))
	limit := float64(m.TDP)
	if before := r.Energy.TotalUJ / r.TimeUS; before < limit || idle > limit {
		t.Fatalf("%g W before the cap, %g W idle: nothing to show", before, idle)
	}
	for _, window := range []float64{1000, 1e6} {
		p, err := TracePower(m, r, TraceOptions{IntervalUS: 100, WindowUS: window})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.EnergyUJ / p.TimeUS; got > 1.02*limit {
			t.Errorf("window %g us: %.1f W on average, the limit is %g", window, got, limit)
		}
		if p.TimeUS < r.TimeUS {
			t.Errorf("window %g us: the capped run takes %g us, without a cap %g", window, p.TimeUS, r.TimeUS)
		}
		hot, cold, cold2 := 0.0, 0.0, 0.0
		for _, s := range p.Samples {
			switch {
			case s.Layer == "cold":
				cold, cold2 = cold+s.DurationUS, max(cold2, s.ClockMHz)
			default:
				hot = max(hot, s.ClockMHz)
			}
		}
		if math.Abs(cold/40_000-1) > 0.01 {
			t.Errorf("window %g us: the layer that waits for DRAM takes %g us", window, cold)
		}
		if window == 1000 && cold2 < r.ClockMHz {
			t.Errorf("the clock does not rise again where power is low: %g MHz", cold2)
		}
		t.Logf("window %g us: %.0f us, %.1f W, clock at most %.0f MHz hot, %.0f MHz cold", window, p.TimeUS, p.EnergyUJ/p.TimeUS, hot, cold2)
	}
	if _, err := TracePower(m, r, TraceOptions{WindowUS: 1}); err == nil {
		t.Error("an interval of nothing is accepted")
	}
}
