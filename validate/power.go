package validate

import (
	"errors"
	"fmt"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// powerColumns make a table one of measured powers. Without m, n and k a row is of a
// network: model, batch and phase say which.
var powerColumns = []string{"device", "kernel", "dtype", "m", "n", "k", "power_w", "power_scope"}

const metricPower = "power_w"

// Networks whose power was measured at the wall are compared by energy.
const (
	metricEnergy = "mj_per_sample"
	scopeWall    = "wall"
)

// addPower reads a table of measured average powers. Where a row has the measured
// time of a call (time_us), or a network's rate (throughput), the energy of the
// simulated call is spread over that: an error of the simulated time is then not one
// of the power. clock_mhz is the clock that was locked. Rows at the wall are those of
// networks with a rate: the energy of a sample is compared, at the simulated rate.
func (t *Tables) addPower(tab *workloads.Table) error {
	return t.records(tab, func(r *record) error {
		device, scope := r.text("device"), r.text("power_scope")
		if device == "" {
			return fmt.Errorf("device: empty")
		}
		row := row{
			file: tab.File, line: r.line, device: device, class: "power/" + scope, metric: metricPower, measured: r.measured("power_w"),
			kernel: r.text("kernel"), method: named(WarmGraph),
		}
		values, err := energy.ValuesNamed(r.text("values"))
		if err != nil {
			return err
		}
		row.values = values
		dtype, err := workloads.DType(r.text("dtype"))
		if err != nil {
			return fmt.Errorf("dtype: %w", err)
		}
		over := measuredOver{scope: scope}
		if r.text("clock_mhz") != "" {
			over.clock = configs.Freq(r.measured("clock_mhz") * 1e6)
		}
		if r.text("time_us") != "" {
			over.us = r.measured("time_us")
		}
		if model := r.text("model"); model != "" {
			n := networkRow{net: workloads.Network{DType: dtype, Phase: workloads.PhaseInfer, Batch: r.size("batch", 1)}}
			var skip skipped
			if _, err := describe(&n.net, model, ""); errors.As(err, &skip) {
				t.skipped = append(t.skipped, Skip{tab.File, r.line, string(skip)})
				return nil
			} else if err != nil {
				return err
			}
			row.network = &n
			if r.text("throughput") != "" {
				rate := r.measured("throughput")
				over.us = float64(n.net.Batch) / rate * 1e6
				if scope == scopeWall {
					row.metric, row.measured, row.class = metricEnergy, 1e3*row.measured/rate, metricEnergy+"/"+n.net.DType
				}
			}
		} else {
			w, err := workloads.OfGEMM(workloads.GEMM{
				M: r.size("m", -1), N: r.size("n", -1), K: r.size("k", -1), Batch: 1, DType: dtype, Kernel: r.text("gpusim_kernel"),
				TransA: r.text("trans_a") == "T", TransB: r.text("trans_b") == "T",
			})
			if r.err != nil {
				return nil
			}
			if err != nil {
				return err
			}
			row.work = w
		}
		if r.err != nil {
			return nil
		}
		if scope == scopeWall && row.metric != metricEnergy {
			t.skipped = append(t.skipped, Skip{tab.File, r.line, "power at the wall is compared for networks with a throughput"})
			return nil
		}
		row.power = &over
		t.rows = append(t.rows, row)
		return nil
	})
}

// measuredOver is what a power row says about how it was measured.
type measuredOver struct {
	us    float64 // of a call, 0: as simulated
	clock configs.Freq
	scope string
}

// comparePower compares a row's average power; a reason says why it cannot be.
func (r *row) comparePower(m *configs.Machine, res *gpusim.Result) (out Row, reason string) {
	out = Row{File: r.file, Line: r.line, Class: r.class, Metric: r.metric, Workload: r.work.Short(), Measured: r.measured, Recorded: r.kernel}
	switch scope, has := r.power.scope, res.Energy.Scope; {
	case has == "":
		return out, m.Name + " has no table of energies"
	case scope == scopeWall:
		w, ok := gpusim.AtWall(m, res)
		if !ok {
			return out, fmt.Sprintf("%s has no model of what stands between the %s and the wall", m.Name, has)
		}
		out.Simulated = w.EnergyUJ / float64(res.Batch) / 1e3
	case scope != has && scope != gpusim.ScopeChip:
		return out, fmt.Sprintf("power_scope %q: the power of %s is of %s or %s", scope, m.Name, has, gpusim.ScopeChip)
	default:
		out.Simulated = gpusim.AveragePower(m, res, r.power.over(m, res), r.power.clock, scope)
		if len(res.Layers) > 0 {
			out.Kernel = res.Layers[0].Kernel
		}
	}
	out.ErrorPct = ErrorPct(out.Measured, out.Simulated)
	return out, ""
}

// over is the time in microseconds that a call's energy is spread over.
func (p *measuredOver) over(m *configs.Machine, res *gpusim.Result) float64 {
	switch {
	case p.us > 0:
		return p.us
	case p.clock > 0 && m.GPU != nil: // taken to follow the clock
		return res.TimeUS * res.ClockMHz * 1e6 / float64(p.clock)
	}
	return res.TimeUS
}
