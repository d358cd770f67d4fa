package sweep

import (
	"math"
	"sort"
	"strconv"
)

// objective is something to be as small, or as large, as possible. It is made of
// columns of the summary, so whatever gains a column can be one.
type objective struct {
	columns []string
	more    bool // the larger the better
	unit    string
	of      func(v []float64) float64 // of the columns; nil: the first
}

// objectives that a sweep can have. A new one is a line here.
var objectives = map[string]objective{
	"time":           {columns: []string{"time_us"}, unit: "us"},
	"energy":         {columns: []string{"energy_uj"}, unit: "uJ"},
	"edp":            {columns: []string{"time_us", "energy_uj"}, unit: "uJ us", of: func(v []float64) float64 { return v[0] * v[1] }},
	"power":          {columns: []string{"power_w"}, unit: "W"},
	"area":           {columns: []string{"area_mm2"}, unit: "mm2"},
	"cost":           {columns: []string{"cost_usd"}, unit: "USD"},
	"pj_per_op":      {columns: []string{"pj_per_op"}, unit: "pJ"},
	"dram_bytes":     {columns: []string{"dram_bytes"}, unit: "B"},
	"throughput":     {columns: []string{"tops"}, unit: "TOPS", more: true},
	"efficiency":     {columns: []string{"tops_per_w"}, unit: "TOPS/W", more: true},
	"tops_per_mm2":   {columns: []string{"tops_per_mm2"}, unit: "TOPS/mm2", more: true},
	"payload_energy": {columns: []string{"payload_energy_pct"}, unit: "%", more: true},
}

func objectiveNames() []string {
	var names []string
	for n := range objectives {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// value is what a point's summary comes to; NaN where a column is empty. It is negative
// where more is better, so that less always is.
func (o *objective) value(cells map[string]string) float64 {
	v := make([]float64, len(o.columns))
	for i, c := range o.columns {
		x, err := strconv.ParseFloat(cells[c], 64)
		if err != nil {
			return math.NaN()
		}
		v[i] = x
	}
	out := v[0]
	if o.of != nil {
		out = o.of(v)
	}
	if o.more {
		out = -out
	}
	return out
}

// shown turns a value back into what people read.
func (o *objective) shown(v float64) float64 {
	if o.more {
		return -v
	}
	return v
}
