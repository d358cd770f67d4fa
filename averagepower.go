package gpusim

import (
	"context"
	"fmt"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// ScopeChip is the scope of powers of the die alone.
const ScopeChip = "chip"

// AveragePower is the average power in watts of a machine that repeats a simulated
// call every us microseconds at a clock (0: that of the simulation): the events of the
// call, the clock trees all the time, and the power that always flows. With the scope
// chip of a machine whose table is of a board, DRAM and what else is beside the die do
// not count.
func AveragePower(m *configs.Machine, r *Result, us float64, clock configs.Freq, scope string) float64 {
	simulated := configs.Freq(r.ClockMHz * 1e6)
	if clock == 0 {
		clock = simulated
	}
	spec, scale := &m.Energy, 1.0
	if m.GPU != nil {
		spec = energy.AtVoltage(spec, m.GPU.Clock.VoltageAt(clock))
		if was := m.GPU.Clock.VoltageAt(simulated); was != 0 && m.Energy.Voltage != 0 {
			scale = float64(m.GPU.Clock.VoltageAt(clock)) / float64(was)
			scale *= scale
		}
	}
	chip := scope == ScopeChip && spec.PowerScope != ScopeChip
	watts := energy.IdlePowerW(spec)
	if chip {
		watts -= float64(spec.Static[energy.BoardConstant].Power)
	}
	for i := range r.Energy.Rows {
		row := &r.Energy.Rows[i]
		uj := row.EnergyUJ
		switch {
		case row.Column == energy.Static, chip && row.Column == energy.DRAM:
			uj = 0
		case row.Column == energy.DRAM || row.Column == energy.Link:
		case row.Component == energy.SMCycle || row.Component == energy.MACCycle: // as many cycles as the time has
			uj *= scale * us / r.TimeUS
			if simulated != 0 {
				uj *= float64(clock) / float64(simulated)
			}
		default:
			uj *= scale
		}
		watts += uj / us
	}
	return watts
}

// RunProducts runs the convolutions and products of a network, one after another:
// what a machine without units for other layers can do of it.
func RunProducts(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	if w.Net == nil {
		return Result{}, &InputError{fmt.Errorf("workload %q is no network", w.Short())}
	}
	out := Result{Machine: m.Name, Workload: w.Text}
	o.alone = true // what the machine lacks of a layer is no part of its power
	var parts []energy.Ledger
	for _, l := range w.Net.Layers {
		if l.Work.Conv == nil && l.Work.GEMM == nil {
			continue
		}
		one := l.Work
		if one.Conv != nil && Lacks(m, one, "") != "" { // its products all the same
			c := *one.Conv
			c.Epilogue = ""
			one.Conv = &c
		}
		r, err := Run(ctx, m, one, o)
		if err != nil {
			return Result{}, fmt.Errorf("layer %q: %w", l.Name, err)
		}
		out.ClockMHz = r.ClockMHz
		out.TimeUS += float64(l.Count) * r.TimeUS
		parts = append(parts, r.Energy.Times(l.Count))
	}
	var err error
	out.Energy, err = energy.Sum(parts...)
	return out, err
}
