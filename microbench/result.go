package microbench

import (
	"context"
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/pool"
)

// Result is one figure that a probe found.
type Result struct {
	Group string // what the probe is about, a heading of the table
	Key   string // stable name for files, e.g. latency.l2
	Name  string // for people
	Value float64
	Unit  string
	Note  string // how it was found, where that is not obvious
}

// Point is one point of a curve.
type Point struct {
	Curve string  // e.g. latency_by_footprint
	X, Y  float64 // units stand in Axes
	Model float64 // what theory says for X; NaN where it says nothing
}

// Axes names the axes of the curves, with units.
var Axes = map[string][2]string{
	"latency_by_footprint": {"footprint_kib", "cycles"},
	"latency_hiding":       {"warps_per_sm", "bytes_per_clk"},
}

// Report is what the probes of a machine found.
type Report struct {
	Results  []Result
	Points   []Point
	Finished int // groups of probes
}

// Get gives a result by its key; NaN if there is none.
func (r *Report) Get(key string) float64 {
	for i := range r.Results {
		if r.Results[i].Key == key {
			return r.Results[i].Value
		}
	}
	return math.NaN()
}

func (r *Report) add(group, key, name string, value float64, unit string) *Result {
	r.Results = append(r.Results, Result{Group: group, Key: key, Name: name, Value: value, Unit: unit})
	return &r.Results[len(r.Results)-1]
}

// take adds what a finished group found.
func (r *Report) take(group *Report) {
	r.Results, r.Points = append(r.Results, group.Results...), append(r.Points, group.Points...)
	r.Finished++
}

// probe is a set of related measurements.
type probe struct {
	name string
	run  func(r *rig, out *Report) error
}

// probes in the order of the table. A new one is a function and a line here.
var probes = []probe{
	{"memory latency", chases},
	{"bandwidth", bandwidths},
	{"shared memory", sharedMemory},
	{"access patterns", accessPatterns},
	{"memory instructions", memoryInstructions},
	{"constant memory", constantMemory},
	{"clusters", clusters},
	{"instructions", pipes},
	{"matrix instructions", matrix},
	{"synchronization", synchronization},
	{"latency hiding", hiding},
}

// Groups lists the names of the probes.
func Groups() []string {
	var out []string
	for _, p := range probes {
		out = append(out, p.name)
	}
	return append(out, products) // of CPUs, which share some of the others
}

// GroupsOf lists those of a machine.
func GroupsOf(m *configs.Machine) []string {
	if m.CPU == nil {
		return Groups()[:len(probes)]
	}
	var out []string
	for _, p := range cpuProbes {
		out = append(out, p.name)
	}
	return out
}

// Run runs the probes of a machine that only accepts, all of them if it is
// nil, several at a time. progress may be nil; it is told after each how many are done.
// Beside an error the report is what was finished.
func Run(ctx context.Context, m *configs.Machine, workers int, only func(group string) bool, progress func(finished int)) (*Report, error) {
	if m.CPU != nil {
		return runCPU(ctx, m, only, progress)
	}
	if m.GPU == nil {
		return &Report{}, fmt.Errorf("microbench: %s is neither a GPU nor a CPU", m.Name)
	}
	var chosen []probe
	for _, p := range probes {
		if only == nil || only(p.name) {
			chosen = append(chosen, p)
		}
	}
	reports := make([]*Report, len(chosen))
	err := pool.Each(ctx, len(chosen), pool.Options{Workers: workers, Progress: progress}, func(ctx context.Context, i int) error {
		out := &Report{}
		if err := chosen[i].run(&rig{ctx: ctx, g: m.GPU}, out); err != nil {
			return fmt.Errorf("%s of %s: %w", chosen[i].name, m.Name, err)
		}
		reports[i] = out
		return nil
	})
	all := &Report{}
	for _, r := range reports {
		if r != nil {
			all.take(r)
		}
	}
	return all, err
}
