package report

import (
	"fmt"
	"math"

	"gpusim"
)

var powerCSVColumns = []string{"machine", "workload", "t_us", "power_w", "clock_mhz", "power_lo_w", "power_hi_w", "layer"}

// PowerCSV gives power.csv: a row for each interval of each workload that was
// simulated, its end, and the average power and the core clock in it.
func PowerCSV(entries []Entry, o gpusim.TraceOptions) ([]byte, error) {
	var rows [][]cell
	for _, e := range sorted(entries) {
		if e.Err != nil || len(e.Result.Energy.Rows) == 0 {
			continue
		}
		t, err := gpusim.TracePower(e.Machine, &e.Result, o)
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", e.Workload, e.Machine.Name, err)
		}
		for _, s := range t.Samples {
			clock := s.ClockMHz
			if clock == 0 {
				clock = math.NaN()
			}
			rows = append(rows, []cell{text(e.Machine.Name), text(e.Workload), num(s.TimeUS), num(s.PowerW), num(clock), num(s.PowerLoW), num(s.PowerHiW), text(s.Layer)})
		}
	}
	return encode(powerCSVColumns, rows), nil
}
