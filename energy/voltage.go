package energy

import (
	"gpusim/configs"
)

// AtVoltage gives the coefficients of a machine whose core runs at supply v:
// dynamic energy of what the core supply feeds goes with the square of the
// voltage, and so does leakage [fit], whose current falls with it too: a T4 without work
// takes 27 W at 0.718 V and 34 W at 0.84 V, which beside the board's 9 W is a power
// of 2.07 (TestIdleT4). DRAM with its interface, links and
// the rest of the board have supplies of their own. A table that names no
// voltage, or a machine that names no supply (v = 0), is given back as it is.
func AtVoltage(spec *configs.Energy, v configs.Voltage) *configs.Energy {
	if v == 0 || spec.Voltage == 0 || v == spec.Voltage {
		return spec
	}
	ratio := float64(v) / float64(spec.Voltage)
	out := *spec
	out.Events = make(map[string]configs.EnergyEvent, len(spec.Events))
	for name, e := range spec.Events {
		if e.Column != DRAM && e.Column != Link {
			e.PJ *= ratio * ratio
		}
		out.Events[name] = e
	}
	out.Static = make(map[string]configs.StaticPower, len(spec.Static))
	for name, s := range spec.Static {
		if name == Leakage {
			s.Power *= configs.Power(ratio * ratio)
		}
		out.Static[name] = s
	}
	return &out
}

// IdlePowerW is the power that flows without any work, in watts.
func IdlePowerW(spec *configs.Energy) float64 {
	sum := 0.0
	for _, name := range sortedKeys(spec.Static) {
		sum += float64(spec.Static[name].Power)
	}
	return sum
}
