package validate

import (
	"errors"
	"fmt"
	"math"

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
			n := networkRow{batch: r.size("batch", 1)}
			n.net = workloads.Network{DType: dtype, Phase: workloads.PhaseInfer}
			var skip skipped
			if _, err := describe(&n.net, model, ""); errors.As(err, &skip) {
				t.skipped = append(t.skipped, Skip{tab.File, r.line, string(skip)})
				return nil
			} else if err != nil {
				return err
			}
			if r.text("throughput") != "" {
				over.us = float64(n.batch) / r.measured("throughput") * 1e6
			}
			row.network = &n
			if scope == scopeWall {
				row.metric, row.measured = metricEnergy, 1e3*r.measured("power_w")/r.measured("throughput")
				row.class = metricEnergy + "/" + dtype
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

// comparePower compares a row's average power.
func (r *row) comparePower(m *configs.Machine, res *gpusim.Result) Row {
	if r.power.scope == scopeWall {
		return r.compareWall(m, res)
	}
	us := r.power.us
	if us == 0 {
		us = res.TimeUS
		if r.power.clock > 0 && m.GPU != nil { // taken to follow the clock
			us *= res.ClockMHz * 1e6 / float64(r.power.clock)
		}
	}
	out := Row{
		File: r.file, Line: r.line, Class: r.class, Metric: r.metric, Workload: r.work.Short(), Measured: r.measured, Recorded: r.kernel,
		Simulated: gpusim.AveragePower(m, res, us, r.power.clock, r.power.scope),
	}
	if s := r.power.scope; s != res.Energy.Scope && s != gpusim.ScopeChip {
		out.Simulated = math.NaN()
	}
	if len(res.Layers) > 0 {
		out.Kernel = res.Layers[0].Kernel
	}
	out.ErrorPct = ErrorPct(out.Measured, out.Simulated)
	return out
}

// compareWall compares the energy of a sample at the wall.
func (r *row) compareWall(m *configs.Machine, res *gpusim.Result) Row {
	out := Row{
		File: r.file, Line: r.line, Class: r.class, Metric: r.metric, Workload: r.work.Short(), Measured: r.measured, Recorded: r.kernel, Simulated: math.NaN(),
	}
	if w, ok := gpusim.AtWall(m, res); ok {
		out.Simulated = w.EnergyUJ / float64(res.Batch) / 1e3
	}
	out.ErrorPct = ErrorPct(out.Measured, out.Simulated)
	return out
}
