package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gpusim"
	"gpusim/configs"
	"gpusim/pool"
	"gpusim/report"
	"gpusim/workloads"
)

// task is one simulation of a 'run'.
type task struct {
	machine *configs.Machine
	work    workloads.Workload
	asked   workloads.Workload // of 'compare': before the machine's nearest type was taken
	options gpusim.Options
	result  gpusim.Result
	err     error
	done    bool
}

// simulateAll runs every workload on the machine and on its baseline, several
// at a time, and gives the finished ones in the order of the workloads. A
// mistake of the user's in one that was asked for by itself is an error; other
// failures stand in their entries.
func (a *app) simulateAll(ctx context.Context, p *plan) ([]report.Entry, error) {
	var tasks []*task
	own, base, naive := make([]*task, len(p.work)), make([]*task, len(p.work)), make([]*task, len(p.work))
	for i, w := range p.work {
		own[i] = &task{machine: p.machine, work: w, options: p.options}
		tasks = append(tasks, own[i])
		if w.Net != nil && p.flags.naive {
			if nw, ok := w.Net.Naive(); ok {
				naive[i] = &task{machine: p.machine, work: nw, options: p.options}
				tasks = append(tasks, naive[i])
			}
		}
		if p.baseline == nil || w.Collective != nil || w.Net != nil && w.Net.Parallel.On() { // one device has nothing to compare with
			continue
		}
		// Names of kernels mean nothing to another machine; a type that it has baseline_dtype names.
		bw := gpusim.Nearest(p.baseline, workloads.Of(w.Shape().Unforced()))
		base[i] = &task{machine: p.baseline, work: bw, options: gpusim.Options{Fidelity: p.options.Fidelity}}
		tasks = append(tasks, base[i])
	}
	a.runTasks(ctx, tasks, p.flags.workers, p.options.Monitor != "")

	var entries []report.Entry
	for i, w := range p.work {
		t := own[i]
		if !t.done {
			continue
		}
		e := report.Entry{Machine: p.machine, Workload: w.Text, Label: w.Short(), Result: t.result, Err: t.err}
		if gpusim.IsInput(t.err) && !p.listed[w.Text] {
			return nil, refusal(&e)
		}
		if b := base[i]; b != nil && t.err == nil {
			switch {
			case !b.done:
				continue // without its baseline a row would differ from a complete run
			case b.err != nil:
				slog.Warn("no baseline", "machine", p.baseline.Name, "workload", w.Short(), "error", b.err)
			default:
				e.Baseline = &b.result
			}
		}
		if n := naive[i]; n != nil && t.err == nil {
			switch {
			case !n.done:
				continue
			case n.err != nil:
				slog.Warn("not run layer by layer", "workload", w.Short(), "error", n.err)
			default:
				e.Naive = &n.result
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// runTasks runs tasks on all cores until ctx ends.
func (a *app) runTasks(ctx context.Context, tasks []*task, workers int, monitored bool) {
	workers = pool.Workers(workers)
	if monitored {
		workers = 1 // the page shows one run at a time
	}
	networks := 0
	cache := gpusim.NewCache() // networks share layers
	for _, t := range tasks {
		t.options.Cache = cache
		if t.work.Net != nil {
			networks++
		}
	}
	// Few networks leave cores to work on their layers: twice as many as there are, since
	// networks wait for layers that others work on already, as the naive mapping does.
	for _, t := range tasks {
		t.options.Workers = max(1, min(workers, 2*workers/max(1, networks)))
	}
	bar := newProgress(a.err, "simulating", len(tasks))
	defer bar.stop()
	for i, t := range tasks {
		t.options.Progress = bar.of(i)
	}
	_ = pool.Each(ctx, len(tasks), pool.Options{Workers: workers, Progress: bar.set}, func(ctx context.Context, i int) error {
		t, start := tasks[i], time.Now() // errors are the tasks' own
		a.do(ctx, t)
		t.options.Progress(1)
		logged(t.machine.Name, t.work.Short(), &t.result, t.err, time.Since(start))
		return nil
	})
}

// do runs one task; a panic of a model becomes an error of this task alone.
func (a *app) do(ctx context.Context, t *task) {
	t.err = pool.Guard(func() (err error) {
		t.result, err = a.simulate(ctx, t.machine, t.work, t.options)
		return err
	})
	var fault *pool.Fault
	if errors.As(t.err, &fault) {
		slog.Debug("stack of the fault", "stack", string(fault.Stack))
		t.err, t.done = fmt.Errorf("internal fault in %s: %v", t.work.Short(), fault.Value), true
		return
	}
	t.done = t.err == nil || ctx.Err() == nil
}
