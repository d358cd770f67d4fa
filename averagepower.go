package gpusim

import (
	"gpusim/configs"
	"gpusim/energy"
)

// AveragePower is the average power in watts of a machine that repeats a simulated
// call every us microseconds at a clock (0: that of the simulation): the events of the
// call, the clock trees for as long as the machine is not idle, and the power that
// always flows.
func AveragePower(m *configs.Machine, r *Result, us float64, clock configs.Freq) float64 {
	simulated := configs.Freq(r.ClockMHz * 1e6)
	if clock == 0 {
		clock = simulated
	}
	idle, scale := energy.IdlePowerW(&m.Energy), 1.0
	if m.GPU != nil {
		idle = energy.IdlePowerW(energy.AtVoltage(&m.Energy, m.GPU.Clock.VoltageAt(clock)))
		if was := m.GPU.Clock.VoltageAt(simulated); was != 0 && m.Energy.Voltage != 0 {
			scale = float64(m.GPU.Clock.VoltageAt(clock)) / float64(was)
			scale *= scale
		}
	}
	uj := 0.0
	for i := range r.Energy.Rows {
		row := &r.Energy.Rows[i]
		switch {
		case row.Column == energy.Static:
		case row.Column == energy.DRAM || row.Column == energy.Link:
			uj += row.EnergyUJ
		case row.Component == energy.SMCycle: // as many cycles as the measured time has
			uj += row.EnergyUJ * scale * us * float64(clock) / (r.TimeUS * float64(simulated))
		default:
			uj += row.EnergyUJ * scale
		}
	}
	return idle + uj/us
}
