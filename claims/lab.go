package claims

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/energy/area"
	"gpusim/microbench"
	"gpusim/workloads"
)

// Lab runs what claims ask for, each thing once.
type Lab struct {
	ctx   context.Context
	cache *gpusim.Cache
	mu    sync.Mutex
	runs  map[string]*once
}

type once struct {
	sync.Once
	result gpusim.Result
	report *microbench.Report
	err    error
}

func newLab(ctx context.Context) *Lab {
	return &Lab{ctx: ctx, cache: gpusim.NewCache(), runs: map[string]*once{}}
}

func (l *Lab) once(key string) *once {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.runs[key] == nil {
		l.runs[key] = new(once)
	}
	return l.runs[key]
}

// call is one simulation: what an entry's command names and its value comes from.
type call struct {
	machine, work string
	sets          []string
}

// command is the line that a reader would type.
func (c call) command() string {
	return c.line("run") + " --baseline none"
}

func (c call) line(verb string) string {
	s := "gpusim " + verb + " " + c.machine
	if c.work != "" {
		s += " -w " + c.work
	}
	for _, o := range c.sets {
		if strings.ContainsAny(o, " ;") {
			o = "'" + o + "'"
		}
		s += " --set " + o
	}
	return s
}

// commands joins several calls.
func commands(calls ...call) string {
	lines := make([]string, len(calls))
	for i, c := range calls {
		lines[i] = c.command()
	}
	return strings.Join(lines, "; ")
}

func (l *Lab) machine(c call) (*configs.Machine, error) { return configs.Load(c.machine, c.sets) }

// run simulates a call.
func (l *Lab) run(c call) (gpusim.Result, error) {
	o := l.once(c.command())
	o.Do(func() {
		var m *configs.Machine
		if m, o.err = l.machine(c); o.err != nil {
			return
		}
		var w workloads.Workload
		if w, o.err = workloads.Parse(c.work); o.err != nil {
			return
		}
		start := time.Now()
		defer func() {
			slog.Info("simulated", "machine", m.Name, "workload", w.Short(), "error", o.err, "wall", time.Since(start))
		}()
		if o.result, o.err = gpusim.Run(l.ctx, m, w, gpusim.Options{Cache: l.cache}); o.err != nil {
			o.err = fmt.Errorf("%s on %s: %w", w.Short(), m.Name, o.err)
		}
	})
	return o.result, o.err
}

// both runs two calls.
func (l *Lab) both(a, b call) (gpusim.Result, gpusim.Result, error) {
	x, err := l.run(a)
	if err != nil {
		return x, x, err
	}
	y, err := l.run(b)
	return x, y, err
}

// area is the ledger of a machine.
func (l *Lab) area(c call) (area.Ledger, error) {
	m, err := l.machine(c)
	if err != nil {
		return area.Ledger{}, err
	}
	return area.Of(m)
}

// probes runs a group of microbenchmarks.
func (l *Lab) probes(machine, group string) (*microbench.Report, error) {
	o := l.once("microbench " + machine + " " + group)
	o.Do(func() {
		var m *configs.Machine
		if m, o.err = configs.Load(machine, nil); o.err != nil {
			return
		}
		o.report, o.err = microbench.Run(l.ctx, m, 1, func(g string) bool { return g == group }, nil)
	})
	return o.report, o.err
}

// column is the energy of a ledger column in microjoules.
func column(r *gpusim.Result, names ...string) float64 {
	sum := 0.0
	for _, c := range r.Energy.ByColumn() {
		for _, n := range names {
			if c.Column == n {
				sum += c.EnergyUJ
			}
		}
	}
	return sum
}

// component is a row of the energy ledger; none if it did not happen.
func component(r *gpusim.Result, name string) energy.Row {
	for _, row := range r.Energy.Rows {
		if row.Component == name {
			return row
		}
	}
	return energy.Row{Component: name}
}

// tops is operations a second in 1e12.
func tops(r *gpusim.Result) float64 { return r.Ops / r.TimeUS / 1e6 }

// pjPerOp is energy within the power scope for each operation.
func pjPerOp(r *gpusim.Result) float64 { return r.Energy.TotalUJ * 1e6 / r.Ops }

// kernel is the name of the kernel that takes longest.
func kernel(r *gpusim.Result) string {
	name, most := "", 0.0
	for i := range r.Layers {
		if l := &r.Layers[i]; l.TimeUS > most {
			name, most = l.Kernel, l.TimeUS
		}
	}
	return name
}
