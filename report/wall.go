package report

import (
	"fmt"

	"gpusim"
)

// wallLine says what a run takes at the wall; empty where the machine does not say what
// stands between.
func wallLine(e *Entry) string {
	w, ok := gpusim.AtWall(e.Machine, &e.Result)
	if !ok {
		return ""
	}
	s := fmt.Sprintf("at the wall %s W (%s to %s): %s of the board, %s of the rest of the system, supply %.1f %% efficient",
		human(w.PowerW), human(w.LowW), human(w.HighW), human(w.BoardW), human(w.PartsW), 100*w.Efficiency)
	if n := float64(e.Result.Batch); e.isNetwork() && n > 0 {
		s += fmt.Sprintf("; %s mJ a sample (%s to %s)", human(w.EnergyUJ/n/1e3), human(w.LowUJ/n/1e3), human(w.HighUJ/n/1e3))
	}
	return s
}

var wallColumns = []string{"machine", "workload", "system", "devices", "board_power_w", "other_power_w", "supply_efficiency_pct",
	"wall_power_w", "wall_power_lo_w", "wall_power_hi_w", "wall_energy_uj", "wall_energy_lo_uj", "wall_energy_hi_uj"}

// WallCSV gives wall.csv: a row for each workload on a machine that says what stands
// between it and the wall, powers and energies of one device's share; nil if there is
// none.
func WallCSV(entries []Entry) []byte {
	var rows [][]cell
	for _, e := range sorted(entries) {
		if e.Err != nil {
			continue
		}
		if w, ok := gpusim.AtWall(e.Machine, &e.Result); ok {
			rows = append(rows, []cell{text(e.Machine.Name), text(e.Workload), text(e.Machine.Wall.System), positive(e.Machine.Wall.Devices), num(w.BoardW), num(w.PartsW), num(100 * w.Efficiency),
				num(w.PowerW), num(w.LowW), num(w.HighW), num(w.EnergyUJ), num(w.LowUJ), num(w.HighUJ)})
		}
	}
	if rows == nil {
		return nil
	}
	return encode(wallColumns, rows)
}
