package energy

import (
	"gpusim/configs"
)

// AtVoltage gives the coefficients of a machine whose core runs at supply v:
// dynamic energy of what the core supply feeds goes with the square of the
// voltage, leakage with the voltage itself. DRAM with its interface, links and
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
			s.Power *= configs.Power(ratio)
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
