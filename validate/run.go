package validate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"

	"gpusim"
	"gpusim/configs"
	"gpusim/pool"
	"gpusim/workloads"
	"gpusim/workloads/library"
)

// Runner simulates one workload; gpusim.Run is one.
type Runner func(ctx context.Context, m *configs.Machine, w workloads.Workload, o gpusim.Options) (gpusim.Result, error)

// Options are the choices of one validation.
type Options struct {
	Run           Runner
	Machine       func(device string) (*configs.Machine, error) // the machine for a device name; nil without error = none answers to it
	Fidelity      gpusim.Fidelity
	ForceRecorded bool                  // use the recorded kernel and split-K factor instead of the library's choice
	Workers       int                   // 0 = all cores
	Progress      func(done, total int) // called from one goroutine at a time after every simulation; may be nil
}

// Row is one simulated row.
type Row struct {
	File       string
	Line       int
	Class      string
	Metric     string
	Workload   string
	Measured   float64
	Simulated  float64
	ErrorPct   float64
	Kernel     string // main kernel that was simulated
	Recorded   string // kernel that the table names, empty if none
	TileHit    bool   // simulated tile is the recorded one
	SplitHit   bool   // simulated split-K factor is the recorded one
	Algo       string // class of a convolution's algorithm by the recorded kernel's name, empty if none is told
	AlgoHit    bool   // the library's choice is of that class
	Extra      []Extra
	knowsTile  bool
	knowsSplit bool
}

// Report is the outcome.
type Report struct {
	Rows        []Row   // in the order of the tables
	Suites      []Suite // likewise
	Skipped     []Skip  // likewise
	Failed      int     // of the skipped: rows whose simulation broke down
	Interrupted bool
	Machines    []*configs.Machine // that were used, by name
}

// job is one simulation; rows with the same shape on the same machine share it.
type job struct {
	machine *configs.Machine
	work    workloads.Workload
	opts    gpusim.Options
	result  gpusim.Result
	err     error
	done    bool
}

// Run simulates all rows of the tables, several at a time, and compares. The
// report does not depend on how many run at once. When ctx ends, what is
// finished is reported and Interrupted set.
func (t *Tables) Run(ctx context.Context, o Options) (*Report, error) {
	rep := &Report{Skipped: append([]Skip(nil), t.skipped...), Suites: t.unsimulated()}
	p := planner{o: o, byKey: map[string]*job{}, machines: map[string]*configs.Machine{}, cache: gpusim.NewCache()}
	for i := range t.rows {
		r := &t.rows[i]
		opts := gpusim.Options{Fidelity: o.Fidelity, Values: r.values}
		var forced *Recorded
		if o.ForceRecorded && r.hasName {
			forced = &r.recorded
			opts.Splits = forced.Splits(r.work.Shape().Batches())
		}
		if r.network != nil {
			if reason, err := p.network(r); err != nil {
				return nil, err
			} else if reason != "" {
				rep.Skipped = append(rep.Skipped, Skip{r.file, r.line, reason})
				continue
			}
			opts.Cache = p.cache
		}
		done := func(j *job) {
			out, reason := r.compare(j.machine, &j.result)
			out.Extra = r.extra
			rep.take(out, reason)
		}
		if err := p.add(r.device, r.work, forced, opts, r.method, Skip{File: r.file, Line: r.line}, done); err != nil {
			return nil, err
		}
	}
	for i := range rep.Suites {
		s := &rep.Suites[i]
		for k := range s.Rows {
			r := &s.Rows[k]
			done := func(j *job) { s.Machine = j.machine.Name; r.simulated(&j.result) }
			opts := gpusim.Options{Fidelity: o.Fidelity, Splits: 1} // the kernel that the row names, k not split
			if err := p.add(s.Device, r.work, nil, opts, named(WarmGraph), Skip{File: r.File, Line: r.Line}, done); err != nil {
				return nil, err
			}
		}
	}
	execute(ctx, p.jobs, o)
	for i := range p.wanted {
		p.wanted[i].finish(rep)
	}
	if err := t.runDirect(ctx, o, rep, p.machines); err != nil {
		return nil, err
	}
	rep.Machines = p.used()
	t.sortSkips(rep.Skipped)
	return rep, nil
}

// planner puts rows with the same simulation together.
type planner struct {
	o        Options
	jobs     []*job
	byKey    map[string]*job
	machines map[string]*configs.Machine
	wanted   []wanted
	cache    *gpusim.Cache // of layers of networks
}

// wanted is a row that waits for a simulation.
type wanted struct {
	job  *job       // nil: there is no machine for it
	skip Skip       // the row's place, and why there is no machine
	done func(*job) // takes the result
}

// add plans a row's simulation on the machine for its device, with a recorded kernel
// where one is forced.
func (p *planner) add(device string, work workloads.Workload, forced *Recorded, opts gpusim.Options, how Method, at Skip, done func(*job)) error {
	m, err := p.o.Machine(device)
	if err != nil {
		return err
	}
	if m == nil {
		at.Reason = fmt.Sprintf("no machine file answers to the device %q", device)
		p.wanted = append(p.wanted, wanted{skip: at})
		return nil
	}
	p.machines[m.Name] = m
	if forced != nil {
		opts.Kernel = forced.of(m, work)
	}
	key := fmt.Sprintf("%s|%s|%s|%d", m.Name, work.Text, opts.Kernel, opts.Splits)
	if m.GPU != nil && m.GPU.Clock.PowerCap { // how calls follow each other decides on the clock
		key += fmt.Sprintf("|%v|%s", how, opts.Values)
		opts.Period = how.Period
	}
	j := p.byKey[key]
	if j == nil {
		j = &job{machine: m, work: work, opts: opts}
		p.byKey[key] = j
		p.jobs = append(p.jobs, j)
	}
	p.wanted = append(p.wanted, wanted{job: j, skip: at, done: done})
	return nil
}

// used gives the machines in the order of their names.
func (p *planner) used() []*configs.Machine {
	out := slices.Collect(maps.Values(p.machines))
	slices.SortFunc(out, func(a, b *configs.Machine) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// finish reports what came of a row.
func (w *wanted) finish(rep *Report) {
	switch j := w.job; {
	case j == nil:
		rep.Skipped = append(rep.Skipped, w.skip)
	case !j.done:
		rep.Interrupted = true
	case j.err != nil:
		w.skip.Reason = j.err.Error()
		if !gpusim.IsInput(j.err) {
			rep.Failed++
			w.skip.Reason = "simulation failed: " + w.skip.Reason
		}
		rep.Skipped = append(rep.Skipped, w.skip)
	default:
		w.done(j)
	}
}

// take reports a row, or skips it for a reason: one is that nothing came out.
func (r *Report) take(row Row, reason string) {
	if reason == "" && (math.IsNaN(row.Simulated) || math.IsInf(row.Simulated, 0)) {
		reason = "the simulation gives no " + row.Metric
	}
	if reason != "" {
		r.Skipped = append(r.Skipped, Skip{row.File, row.Line, reason})
		return
	}
	r.Rows = append(r.Rows, row)
}

// execute runs the jobs on all cores, each on one goroutine.
func execute(ctx context.Context, jobs []*job, o Options) {
	po := pool.Options{Workers: o.Workers}
	if o.Progress != nil {
		po.Progress = func(finished int) { o.Progress(finished, len(jobs)) }
	}
	_ = pool.Each(ctx, len(jobs), po, func(ctx context.Context, i int) error { // errors are the jobs' own
		jobs[i].run(ctx, o.Run)
		return nil
	})
}

// run simulates; a panic of a model becomes an error of this job alone.
func (j *job) run(ctx context.Context, run Runner) {
	j.err = pool.Guard(func() (err error) {
		j.result, err = run(ctx, j.machine, j.work, j.opts)
		return err
	})
	j.done = !(j.err != nil && (ctx.Err() != nil || errors.Is(j.err, context.Canceled)))
}

// compare turns a simulation into the row's figure; a reason says why it cannot be.
func (r *row) compare(m *configs.Machine, res *gpusim.Result) (out Row, reason string) {
	switch {
	case r.power != nil:
		return r.comparePower(m, res)
	case r.network != nil:
		return r.compareNetwork(res), ""
	}
	out = r.compareCall(res)
	if r.algo != "" && m.GPU != nil {
		if call, err := library.ChooseConv(m.GPU, r.work.Conv, ""); err == nil {
			out.Algo, out.AlgoHit = r.algo, library.AlgoClass(call.Algo) == r.algo
		}
	}
	return out, ""
}

// compareCall turns a simulated call into the row's figure by the row's method.
func (r *row) compareCall(res *gpusim.Result) Row {
	times := make([]float64, len(res.Layers))
	main := 0
	for i := range res.Layers {
		times[i] = res.Layers[i].TimeUS
		if times[i] > times[main] {
			main = i
		}
	}
	if len(times) == 0 {
		times = []float64{res.TimeUS}
	}
	out := Row{
		File: r.file, Line: r.line, Class: r.class, Metric: r.metric,
		Workload: r.work.Short(), Measured: r.measured, Simulated: r.method.Apply(times), Recorded: r.kernel,
	}
	if r.reading != nil {
		out.Simulated = r.reading(res)
	}
	out.ErrorPct = ErrorPct(out.Measured, out.Simulated)
	if len(res.Layers) == 0 {
		return out
	}
	l := &res.Layers[main]
	out.Kernel = l.Kernel
	if r.hasName && r.recorded.TileM > 0 {
		tile := dims(l.CTATile)
		out.knowsTile, out.TileHit = true, tile[0] == r.recorded.TileM && tile[1] == r.recorded.TileN
	}
	batch := r.work.Shape().Batches()
	if want := r.recorded.Splits(batch); r.hasName && want > 0 {
		grid := Recorded{Grid: dims(l.Grid)}
		out.knowsSplit, out.SplitHit = true, grid.Splits(batch) == want
	}
	return out
}

// sortSkips orders skips by table, in the order in which they were read, and
// line.
func (t *Tables) sortSkips(skips []Skip) {
	sort.SliceStable(skips, func(i, j int) bool {
		a, b := skips[i], skips[j]
		if a.File != b.File {
			return slices.Index(t.files, a.File) < slices.Index(t.files, b.File)
		}
		return a.Line < b.Line
	})
}
