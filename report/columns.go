package report

import "gpusim"

// column is one column of summary.csv.
type column struct {
	name string
	get  func(*figures) cell
}

// summaryColumns is the contract with notebooks: names, order and units stay.
var summaryColumns = []column{
	{"machine", func(f *figures) cell { return text(f.machine) }},
	{"workload", func(f *figures) cell { return text(f.workload) }},
	{"dtype", func(f *figures) cell { return text(f.dtype) }},
	{"batch", func(f *figures) cell { return positive(f.batch) }},
	{"gpus", func(f *figures) cell { return positive(f.gpus) }},
	{"time_us", func(f *figures) cell { return num(f.timeUS) }},
	{"time_lo_us", func(f *figures) cell { return num(f.loUS) }},
	{"time_hi_us", func(f *figures) cell { return num(f.hiUS) }},
	{"ops", func(f *figures) cell { return num(f.ops) }},
	{"tops", func(f *figures) cell { return num(f.tops()) }},
	{"peak_pct", func(f *figures) cell { return num(f.peakPct()) }},
	{"images_per_s", func(f *figures) cell { return num(f.imagesPerS) }}, // networks only
	{"bound", func(f *figures) cell { return text(f.bound) }},
	{"energy_uj", func(f *figures) cell { return num(f.energyUJ()) }},
	{"energy_lo_uj", func(f *figures) cell { return num(f.energyLo()) }},
	{"energy_hi_uj", func(f *figures) cell { return num(f.energyHi()) }},
	{"pj_per_op", func(f *figures) cell { return num(f.pjPerOp()) }},
	{"power_w", func(f *figures) cell { return num(f.powerW()) }},
	{"power_scope", func(f *figures) cell { return text(f.ledger.Scope) }},
	{"payload_energy_pct", func(f *figures) cell { return num(f.payloadPct()) }},
	{"clock_mhz", func(f *figures) cell { return num(f.clockMHz) }},
	{"area_mm2", func(f *figures) cell { return num(f.areaMM2) }},
	{"tops_per_w", func(f *figures) cell { return num(f.topsPerW()) }},
	{"tops_per_mm2", func(f *figures) cell { return num(f.tops() / f.areaMM2) }},
	{"dram_bytes", func(f *figures) cell { return num(f.dramBytes) }},
	{"l2_hit_pct", func(f *figures) cell { return num(f.l2HitPct) }},
	{"fallback_us", func(f *figures) cell { return num(f.fallbackUS) }}, // machines that leave operators to a host only
	{"baseline_machine", func(f *figures) cell { return text(f.baseline().Machine) }},
	{"baseline_dtype", func(f *figures) cell { return text(f.baseline().DType) }},
	{"speedup", func(f *figures) cell { return num(f.speedup()) }},
	{"energy_ratio", func(f *figures) cell { return num(f.energyRatio()) }},
	{"fidelity", func(f *figures) cell { return text(f.fidelity) }},
	{"simulated_pct", func(f *figures) cell { return num(f.simulatedPct) }},
	{"warp_instructions", func(f *figures) cell { return num(f.warpInsts) }},
	{"error", func(f *figures) cell { return text(f.err) }},
}

// baseline never gives nil; its texts are empty where there is none.
func (f *figures) baseline() *gpusim.Result {
	if f.base == nil {
		return &gpusim.Result{}
	}
	return f.base
}

// Columns of the other tables.
// energy.csv ends with the ledger column, so that shares of payload and
// overhead can be summed from the file alone.
var (
	layerExtra    = []string{"layer", "kernel", "grid", "cta_tile", "waves", "occupancy"}
	energyColumns = []string{"machine", "workload", "layer", "component", "events", "pj_per_event", "energy_uj", "share_pct", "ledger", "energy_lo_uj", "energy_hi_uj"}
	linkColumns   = []string{"machine", "workload", "link", "dir", "bytes", "busy_pct", "wire_bytes"}
	stallColumns  = []string{"machine", "workload", "layer", "reason", "issue_slots", "share_pct"}
)

func summaryRow(f figures) []cell { return rowOf(f, summaryColumns) }

func rowOf(f figures, columns []column) []cell {
	row := make([]cell, len(columns))
	for i, c := range columns {
		row[i] = c.get(&f)
	}
	return row
}

func summaryNames() []string { return namesOf(summaryColumns) }

func namesOf(columns []column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}
