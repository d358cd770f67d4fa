package sweep

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/pool"
	"gpusim/report"
)

// Outcome is what a point comes to: a row of summary columns, or the reason why
// there is none.
type Outcome struct {
	Cells []string `json:"cells,omitempty"`
	Error string   `json:"error,omitempty"`
}

// cells gives the summary by column.
func (o *Outcome) cells() map[string]string {
	out := make(map[string]string, len(o.Cells))
	for i, c := range report.SummaryColumns() {
		if i < len(o.Cells) {
			out[c] = o.Cells[i]
		}
	}
	return out
}

// budget is how many warp instructions of a kernel are simulated where sampling leaves
// something out: half of what layers of a network are given, for a point is one of many.
const budget = 1 << 19

// cached is how many results of kernels and layers are kept for points that differ
// only in what those do not depend on.
const cached = 5000

// run works a point out. The error is ctx's: everything else is an outcome.
func (sp *Space) run(ctx context.Context, cache *gpusim.Cache, m *configs.Machine, fidelity string) (*Outcome, error) {
	total, err := sp.total(ctx, cache, m, fidelity)
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, context.Canceled) {
			return nil, context.Cause(ctx)
		}
		return &Outcome{Error: strings.Join(strings.Fields(err.Error()), " ")}, nil
	}
	return &Outcome{Cells: report.SummaryCells(report.Entry{Machine: m, Workload: sp.spec.Name, Result: total})}, nil
}

// total runs the workloads one after another and adds them up.
func (sp *Space) total(ctx context.Context, cache *gpusim.Cache, m *configs.Machine, fidelity string) (gpusim.Result, error) {
	on := cache.On(m)
	results := make([]*gpusim.Result, len(sp.workloads))
	for i, w := range sp.workloads {
		err := pool.Guard(func() (err error) {
			results[i], err = on.Run(ctx, w.Workload, gpusim.Options{Fidelity: gpusim.Fidelity(fidelity), Budget: budget})
			return err
		})
		if err != nil {
			return gpusim.Result{}, fmt.Errorf("%s: %w", w.Text, err)
		}
	}
	return sum(sp.workloads, results)
}

// sum is a result of several workloads that run one after another, each as often as
// its weight says.
func sum(ws []work, results []*gpusim.Result) (gpusim.Result, error) {
	out := *results[0]
	out.Layers, out.Links = nil, nil
	out.ImagesPerS = 0
	out.TimeUS, out.TimeLoUS, out.TimeHiUS, out.Ops, out.DRAMBytes, out.WarpInsts = 0, 0, 0, 0, 0, 0
	var clocks, simulated, longest float64
	ledgers := make([]energy.Ledger, 0, len(ws))
	for i, r := range results {
		n := ws[i].weight
		out.TimeUS += n * r.TimeUS
		out.TimeLoUS += n * r.TimeLoUS
		out.TimeHiUS += n * r.TimeHiUS
		out.Ops += n * r.Ops
		out.DRAMBytes += n * r.DRAMBytes
		out.WarpInsts += n * r.WarpInsts
		clocks += n * r.ClockMHz * r.TimeUS
		simulated += n * r.SimulatedPct * r.TimeUS
		if r.DType != out.DType {
			out.DType, out.PeakTOPS = "mixed", math.NaN()
		}
		if r.Batch != out.Batch {
			out.Batch = 0
		}
		if n*r.TimeUS > longest {
			longest, out.Bound = n*r.TimeUS, r.Bound
		}
		if len(r.Energy.Rows) > 0 {
			ledgers = append(ledgers, scaled(r.Energy, n))
		}
	}
	out.ClockMHz, out.SimulatedPct = clocks/out.TimeUS, simulated/out.TimeUS
	out.L2HitPct = math.NaN()
	if len(ws) == 1 {
		out.L2HitPct, out.ImagesPerS = results[0].L2HitPct, results[0].ImagesPerS
	}
	out.Energy = energy.Ledger{}
	if len(ledgers) < len(ws) {
		return out, nil
	}
	var err error
	out.Energy, err = energy.Sum(ledgers...)
	return out, err
}

// scaled is a ledger of something that happens n times, n not necessarily whole.
func scaled(l energy.Ledger, n float64) energy.Ledger {
	if n == math.Trunc(n) {
		return l.Times(int(n))
	}
	out := l
	out.Rows = make([]energy.Row, len(l.Rows))
	out.TotalUJ *= n
	for i, r := range l.Rows {
		r.Events = uint64(math.Round(float64(r.Events) * n))
		r.EnergyUJ *= n
		out.Rows[i] = r
	}
	return out
}
