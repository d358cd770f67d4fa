package gpusim

import (
	"math"

	"gpusim/configs"
	"gpusim/energy"
)

// governor finds the clock at which a board holds its power limit while it
// repeats one call over and over, as those who measure do: the highest step at
// which the average power is within the limit. It simulates at a clock, prices
// what happened, and predicts from that the power at the other steps; the
// memory clock does not move. A call that is within the limit at the sustained
// clock is simulated once.
type governor struct {
	m        *configs.Machine
	period   func(kernelTimesUS []float64) float64 // of one call, in microseconds
	simulate func(clock configs.Freq) (Result, error)
}

// trial is one simulated clock.
type trial struct {
	clock   configs.Freq
	result  Result
	idleUS  float64 // between two calls
	powerW  float64 // average over calls and what lies between
	dynamic float64 // uJ of a call that follow the core voltage squared
	fixed   float64 // uJ of a call that do not depend on the clock
}

// mostTrials bounds the simulations of one call. Two or three are the rule.
const mostTrials = 12

// run simulates at the clock that the board holds.
func (v *governor) run() (Result, error) {
	k := &v.m.GPU.Clock
	first, err := v.at(k.Sustained)
	if err != nil || !k.PowerCap || first.powerW <= float64(v.m.TDP) {
		return first.result, err
	}
	high, last, before := first, first, first // high: the lowest clock known to be too high
	var best *trial                           // the highest clock known to be within the limit
	for n := 1; n < mostTrials || best == nil; n++ {
		clock := v.highest(&last, &before, &high, best)
		if clock == 0 {
			break
		}
		before = last
		if last, err = v.at(clock); err != nil {
			return Result{}, err
		}
		if last.powerW > float64(v.m.TDP) {
			high = last
		} else {
			b := last
			best = &b
		}
	}
	if best == nil { // static power alone is at the limit
		best = &last
	}
	r := best.result
	r.PowerCapped = true
	if first.result.TimeUS < (1-costly)*r.TimeUS {
		r.Bound = boundPower
	}
	return r, nil
}

// costly is the share of its time from which the cap counts as what limits a call.
const costly = 0.02

// at simulates and prices at a clock.
func (v *governor) at(clock configs.Freq) (trial, error) {
	r, err := v.simulate(clock)
	if err != nil {
		return trial{}, err
	}
	t := trial{clock: clock, result: r}
	if v.period != nil {
		times := make([]float64, len(r.Layers))
		for i := range r.Layers {
			times[i] = r.Layers[i].TimeUS
		}
		t.idleUS = max(0, v.period(times)-r.TimeUS)
	}
	for i := range r.Energy.Rows {
		row := &r.Energy.Rows[i]
		switch row.Column {
		case energy.Static:
		case energy.DRAM, energy.Link:
			t.fixed += row.EnergyUJ
		default:
			t.dynamic += row.EnergyUJ
		}
	}
	t.powerW = v.power(&t, clock, r.TimeUS)
	return t, nil
}

// power is the average power of a trial's events at another clock, if a call
// then takes timeUS.
func (v *governor) power(t *trial, clock configs.Freq, timeUS float64) float64 {
	spec := &v.m.Energy
	was, is := v.m.GPU.Clock.VoltageAt(t.clock), v.m.GPU.Clock.VoltageAt(clock)
	scale := 1.0
	if was != is && spec.Voltage != 0 {
		scale = float64(is) / float64(was)
	}
	return energy.IdlePowerW(energy.AtVoltage(spec, is)) + (t.dynamic*scale*scale+t.fixed)/(timeUS+t.idleUS)
}

// highest is the highest clock between the known ones that is expected to be
// within the limit, 0 if there is none left to try. What a call takes at other
// clocks is a part that follows the core clock and a part that does not, as the
// last two trials show; of one trial alone all is taken to follow it.
func (v *governor) highest(last, before, high *trial, best *trial) configs.Freq {
	stays := 0.0
	if last.clock != before.clock {
		a, b := last.result.TimeUS, before.result.TimeUS
		x, y := 1/float64(last.clock), 1/float64(before.clock)
		stays = math.Min(math.Max(0, (b*x-a*y)/(x-y)), a)
	}
	step, lowest := v.m.GPU.Clock.Step, configs.Freq(0)
	if best != nil {
		lowest = best.clock
	}
	// Steps count from the sustained clock down.
	clock := high.clock - step
	for ; clock > lowest && clock >= step; clock -= step {
		time := stays + (last.result.TimeUS-stays)*float64(last.clock)/float64(clock)
		if v.power(last, clock, time) <= float64(v.m.TDP) {
			return clock
		}
	}
	if best == nil && clock+step < high.clock {
		// Nothing is expected to do, as of a call that waits for memory at all clocks
		// seen: where it turns to waiting for the core is found by halves.
		return high.clock - max(step, high.clock/(2*step)*step)
	}
	// The prediction was wrong where a call turned from waiting for memory to
	// waiting for the core: halve what is between.
	if best != nil && best.powerW < (1-slack)*float64(v.m.TDP) && high.clock > best.clock+step {
		return high.clock - (high.clock-best.clock)/(2*step)*step
	}
	return 0
}

// slack is how far below the limit a clock may be while higher ones are not known
// to be too high.
const slack = 0.05
