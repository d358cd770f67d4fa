package cpu

import (
	"fmt"

	"gpusim/configs"
	"gpusim/energy"
)

// counts lists the energy events of a run.
func (m *model) counts(e *estimate, r *Result) []energy.Count {
	macs := uint64(m.w.M) * uint64(m.w.N) * uint64(m.w.K) * uint64(m.batch)
	return m.eventCounts(macs, &e.in, r)
}

// eventCounts lists the events of instructions of which macs lanes did what was
// asked for.
func (m *model) eventCounts(macs uint64, in *insts, r *Result) []energy.Count {
	w := uint64(m.core.words)
	n := &r.Instructions
	payload := energy.FMAFP32
	if m.core.elem == 8 {
		payload = energy.FMAFP64
	}
	vecLoads, broadcasts := count(in.vecLoad), count(in.broadcast)
	out := []energy.Count{
		{Component: payload, Events: macs},
		{Component: energy.CPUInstruction, Events: n.Total},
		{Component: energy.CPUVectorLane, Events: (n.FMA + n.Shuffle) * 2 * w}, // 32-bit lanes, masked ones are clocked too
		// Three operands of a multiply-add, two of a shuffle, the data of a
		// store; an integer instruction reads two words.
		{Component: energy.CPURegRead, Events: (3*n.FMA+2*n.Shuffle+n.Store)*w + 2*n.Integer},
		{Component: energy.CPURegWrite, Events: (n.FMA+n.Shuffle+vecLoads+broadcasts)*w + n.Integer},
		{Component: energy.CPUL1Word, Events: r.L1Words},
	}
	last := len(r.Traffic) - 1
	for l, t := range r.Traffic {
		moved := t.FillLines + t.WriteBackLines
		if l == last {
			out = append(out,
				energy.Count{Component: energy.CPUDRAMLine, Events: moved},
				energy.Count{Component: energy.CPUMeshLine, Events: moved})
			if m.sharedCache() != nil {
				out = append(out, energy.Count{Component: lineOf(l), Events: moved})
			}
			continue
		}
		out = append(out, energy.Count{Component: lineOf(l + 1), Events: moved})
		if m.cpu.Caches[l+1].Shared {
			out = append(out, energy.Count{Component: energy.CPUMeshLine, Events: moved})
		}
	}
	return out
}

// lineOf is a line of a cache behind the first.
func lineOf(cache int) string {
	if levelOf(cache) == 1 {
		return energy.CPUL2Line
	}
	return energy.CPUL3Line
}

// perMachine multiplies the table's static power, which is of one socket, by
// the sockets: an idle socket still draws it.
func perMachine(e *configs.Energy, sockets int) *configs.Energy {
	out := *e
	out.Static = make(map[string]configs.StaticPower, len(e.Static))
	for name, s := range e.Static {
		s.Power *= configs.Power(sockets)
		out.Static[name] = s
	}
	return &out
}

// capPower lowers the clock until the packages stay within tdp watts (0: no
// limit). Dynamic energy is taken as independent of the clock (one supply
// voltage), so the run cannot be shorter than dynamic energy over the power that
// static consumption leaves. Memory devices are outside the package's limit.
func capPower(r *Result, table *configs.Energy, counts []energy.Count, tdp float64) error {
	if tdp <= 0 {
		return nil
	}
	l, err := energy.Build(table, counts, 0)
	if err != nil {
		return err
	}
	dynamic := l.TotalUJ * 1e-6
	for _, c := range l.ByColumn() {
		if c.Column == energy.DRAM {
			dynamic -= c.EnergyUJ * 1e-6
		}
	}
	var static float64
	for _, s := range table.Static {
		static += float64(s.Power)
	}
	if static >= tdp {
		return fmt.Errorf("cpu: static power of %g W leaves nothing of the TDP of %g W", static, tdp)
	}
	least := dynamic / (tdp - static)
	if least <= r.Seconds {
		return nil
	}
	before := r.Seconds
	r.ClockHz *= before / least
	r.Seconds = least
	for i := range r.Reasons {
		r.Reasons[i].SharePct *= before / least
	}
	r.Reasons = append(r.Reasons, Reason{PowerCap, least - before, 100 * (least - before) / least})
	if least > 2*before {
		r.Bound = boundNames[PowerCap]
	}
	return nil
}
