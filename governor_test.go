package gpusim

import (
	"context"
	"math"
	"reflect"
	"testing"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// board is a machine with a voltage curve, 10 W that always flow and 20 W of
// leakage at 0.9 V.
func board(limit configs.Power) *configs.Machine {
	return &configs.Machine{TDP: limit,
		GPU: &configs.GPU{Clock: configs.Clock{Base: 500e6, Boost: 1600e6, Sustained: 1600e6, PowerCap: true, Step: 15e6,
			Supply: []configs.SupplyPoint{{Clock: 1000e6, Voltage: 650_000}, {Clock: 1600e6, Voltage: 900_000}}}},
		Energy: configs.Energy{PowerScope: "board", Voltage: 900_000,
			Events: map[string]configs.EnergyEvent{"core": {PJ: 1000, Column: energy.Instruction}, "dram": {PJ: 1000, Column: energy.DRAM}},
			Static: map[string]configs.StaticPower{energy.BoardConstant: {Power: 10, Column: energy.Static}, energy.Leakage: {Power: 20, Column: energy.Static}},
		}}
}

// load is a call of which a part of the time follows the core clock. Times are
// those at the sustained clock.
type load struct {
	coreUS, memoryUS float64
	core, dram       uint64 // events
	trials           int
}

func (l *load) governor(m *configs.Machine) *governor {
	v := &governor{m: m}
	v.simulate = func(clock configs.Freq) (Result, error) {
		l.trials++
		us := l.coreUS*float64(m.GPU.Clock.Sustained)/float64(clock) + l.memoryUS
		e, err := energy.Build(energy.AtVoltage(&m.Energy, m.GPU.Clock.VoltageAt(clock)),
			[]energy.Count{{Component: "core", Events: l.core}, {Component: "dram", Events: l.dram}}, us*1e-6)
		return Result{TimeUS: us, ClockMHz: float64(clock) / 1e6, Energy: e, Layers: []Layer{{TimeUS: us}}}, err
	}
	return v
}

func watts(r *Result) float64 { return r.Energy.PowerW(r.TimeUS * 1e-6) }

// loads of 100 to 150 W at 1600 MHz: all arithmetic, mixed, all memory.
func loads() map[string]*load {
	return map[string]*load{
		"compute": {coreUS: 1000, core: 120_000_000},
		"mixed":   {coreUS: 500, memoryUS: 500, core: 90_000_000, dram: 30_000_000},
		"memory":  {memoryUS: 1000, core: 50_000_000, dram: 20_000_000},
	}
}

// The clock found is the highest whose power is within the limit: one step more
// is above it. Higher limits give higher clocks and shorter times.
func TestCapHoldsToWithinAStep(t *testing.T) {
	for name, l := range loads() {
		before := Result{TimeUS: math.Inf(1)}
		for limit := configs.Power(80); limit <= 180; limit += 10 {
			v := l.governor(board(limit))
			l.trials = 0
			r, err := v.run()
			if err != nil {
				t.Fatal(err)
			}
			if w := watts(&r); w > float64(limit) {
				t.Errorf("%s at %v: %.2f W", name, limit, w)
			}
			if l.trials > 5 {
				t.Errorf("%s at %v: %d simulations", name, limit, l.trials)
			}
			if r.PowerCapped != (r.ClockMHz < 1600) {
				t.Errorf("%s at %v: %.0f MHz, but capped is %v", name, limit, r.ClockMHz, r.PowerCapped)
			}
			if r.PowerCapped {
				up, err := v.simulate(configs.Freq(r.ClockMHz*1e6) + 15e6)
				if err != nil || watts(&up) <= float64(limit) {
					t.Errorf("%s at %v: a step above %.0f MHz takes only %.2f W", name, limit, r.ClockMHz, watts(&up))
				}
			}
			if r.ClockMHz < before.ClockMHz || r.TimeUS > before.TimeUS {
				t.Errorf("%s: %v gives %.0f MHz and %.0f us, less power gave %.0f MHz and %.0f us", name, limit, r.ClockMHz, r.TimeUS, before.ClockMHz, before.TimeUS)
			}
			again, err := v.run()
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Errorf("%s at %v: a second search ends elsewhere", name, limit)
			}
			before = r
		}
	}
}

// Power rises with the clock, and what is predicted from another clock is what
// comes of it.
func TestPowerRisesWithClock(t *testing.T) {
	for name, l := range loads() {
		v := l.governor(board(100))
		from, err := v.at(1600e6)
		if err != nil {
			t.Fatal(err)
		}
		last := 0.0
		for clock := configs.Freq(400e6); clock <= 1600e6; clock += 100e6 {
			at, err := v.at(clock)
			if err != nil {
				t.Fatal(err)
			}
			if at.powerW < last || name != "memory" && at.powerW == last {
				t.Errorf("%s: %.1f W at %v, %.1f W a step below", name, at.powerW, clock, last)
			}
			last = at.powerW
			if p := v.power(&from, clock, at.result.TimeUS); math.Abs(p-at.powerW) > 1e-9*p {
				t.Errorf("%s: %.3f W predicted at %v, %.3f W priced", name, p, clock, at.powerW)
			}
		}
	}
}

// A call within the limit is simulated once and comes back as it is; idle time
// between calls counts.
func TestCapThatDoesNotBind(t *testing.T) {
	for name, l := range loads() {
		v := l.governor(board(1000))
		want, _ := v.simulate(1600e6)
		l.trials = 0
		r, err := v.run()
		if err != nil || l.trials != 1 || !reflect.DeepEqual(r, want) {
			t.Errorf("%s: %d simulations, %+v, want %+v", name, l.trials, r, want)
		}
		v = l.governor(board(75))
		back, _ := v.run()
		v.period = func(us []float64) float64 { return us[0] + 500 }
		gaps, _ := v.run()
		v.period = func(us []float64) float64 { return us[0] + 5000 }
		rare, _ := v.run()
		if !(back.ClockMHz < gaps.ClockMHz && gaps.ClockMHz < rare.ClockMHz) || rare.PowerCapped {
			t.Errorf("%s: %.0f MHz back to back, %.0f and %.0f with more and more idle time", name, back.ClockMHz, gaps.ClockMHz, rare.ClockMHz)
		}
	}
}

// On the whole model: under T4's limit a compute-bound product slows as the
// clock does, one that waits for DRAM hardly; a limit out of reach changes nothing.
func TestCapOnT4(t *testing.T) {
	t.Parallel()
	run := func(text string, sets ...string) Result {
		m, err := configs.Load("turing", sets)
		if err != nil {
			t.Fatal(err)
		}
		w, err := workloads.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(context.Background(), m, w, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	const product, skinny = "gemm:m=1280,n=1024,k=512,dtype=fp32", "gemm:m=4096,n=8,k=4096,dtype=fp32"
	free := run(product, "gpu.clock.power_cap=false")
	capped := run(product)
	clock := free.ClockMHz / capped.ClockMHz
	t.Logf("%.0f us at %.0f MHz and %.0f W, %.0f us at %.0f MHz and %.0f W", free.TimeUS, free.ClockMHz, watts(&free), capped.TimeUS, capped.ClockMHz, watts(&capped))
	if w := watts(&capped); w > 70 || w < 67 || !capped.PowerCapped || capped.Bound != boundPower {
		t.Errorf("%.1f W at %.0f MHz, bound by %s", w, capped.ClockMHz, capped.Bound)
	}
	if slower := capped.TimeUS / free.TimeUS; clock < 1.3 || slower < 0.9*clock || slower > 1.01*clock {
		t.Errorf("%.2f times slower at a clock %.2f times lower", slower, clock)
	}
	if same := run(product, "tdp=2000 W"); !reflect.DeepEqual(same, free) {
		t.Error("a limit of 2 kW gives another result than none")
	}
	a, b := run(skinny, "gpu.clock.power_cap=false"), run(skinny, "tdp=85 W")
	t.Logf("%.0f us at %.0f MHz and %.0f W, %.0f us at %.0f MHz and %.0f W", a.TimeUS, a.ClockMHz, watts(&a), b.TimeUS, b.ClockMHz, watts(&b))
	if clock, slower := a.ClockMHz/b.ClockMHz, b.TimeUS/a.TimeUS; clock < 1.15 || slower > 1+(clock-1)/2 {
		t.Errorf("DRAM-bound: %.2f times slower at a clock %.2f times lower", slower, clock)
	}
}
