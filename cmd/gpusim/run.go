package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/report"
	"gpusim/workloads"
)

// runFlags are the flags of 'run' as typed.
type runFlags struct {
	workloads, sets                              []string
	out, fidelity, format, baseline, monitorAddr string
	values                                       string
	interval, window                             time.Duration
	workers                                      int
	naive, skipUnknown                           bool
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run CONFIG",
		Short: "Simulate workloads on a machine",
		Long: `Simulates workloads on a machine and compares with a CPU.

Without --workload it runs those that the machine file lists and writes the
result folder out/NAME. With --workload it prints, and writes only with --out.`,
		Example: `  gpusim run volta
  gpusim run configs/volta.yaml --workload gemm:4096x4096x4096:fp16
  gpusim run volta --workload gemm:m=35,n=700,k=2048,dtype=fp32,ta=t --fidelity detailed
  gpusim run volta --set gpu.sm.count=40 --workload shapes.yaml --out out/half --format csv`,
		Args:              oneConfig,
		ValidArgsFunction: completeConfigs,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), args[0], &f) },
	}
	fl := c.Flags()
	fl.StringArrayVarP(&f.workloads, "workload", "w", nil, "what to simulate (see 'gpusim workload list'); may be repeated")
	fl.StringVar(&f.out, "out", "", "write the result `folder`")
	fl.StringVar(&f.fidelity, "fidelity", string(gpusim.Sampled), "detailed, sampled or analytic")
	fl.StringVar(&f.format, "format", "table", "table, csv or json")
	valuesFlag(c, &f.values)
	fl.DurationVar(&f.interval, "power-interval", 0, "write power.csv into the result folder: power and clock in such `intervals` (100us)")
	fl.DurationVar(&f.window, "power-window", 10*time.Millisecond, "`time` over which a board with a power cap averages its power, for power.csv")
	fl.StringVar(&f.baseline, "baseline", "skylake-8180", "machine to compare with, or none")
	fl.StringVar(&f.monitorAddr, "monitor", "", "serve a live page of the run on this loopback `address`")
	fl.Lookup("monitor").NoOptDefVal = "localhost:0"
	fl.IntVar(&f.workers, "workers", 0, "simulations at a time (0: one per core)")
	fl.BoolVar(&f.naive, "naive", true, "run fused networks layer by layer too, to show what fusion gains")
	skipFlag(c, &f.skipUnknown)
	setFlag(c, &f.sets)
	_ = c.MarkFlagDirname("out")
	return c
}

// plan is a checked 'run'.
type plan struct {
	arg      string
	flags    *runFlags
	machine  *configs.Machine
	baseline *configs.Machine // nil: none
	work     []workloads.Workload
	listed   map[string]bool // of work: what the machine may lack, as others of its file run
	options  gpusim.Options
	out      string
	started  time.Time
}

func (a *app) run(ctx context.Context, arg string, f *runFlags) error {
	p, err := a.newPlan(arg, f)
	if err != nil {
		return err
	}
	if p.out != "" {
		if err := report.CheckFolder(p.out); err != nil {
			return err
		}
	}
	entries, err := a.simulateAll(ctx, p)
	if err != nil {
		return err
	}
	show, end := ending(entries, stopped(len(entries), len(p.work), "workloads"), "workloads")
	if !show {
		return end
	}
	a.print(entries, f.format)
	if p.out != "" {
		if err := a.writeRun(p, entries); err != nil {
			return err
		}
	}
	return end
}

// newPlan checks everything that the user typed before anything runs.
func (a *app) newPlan(arg string, f *runFlags) (*plan, error) {
	p := &plan{arg: arg, flags: f, started: time.Now()}
	var err error
	if err := oneOf("format", f.format, "table", "csv", "json"); err != nil {
		return nil, err
	}
	if p.options.Fidelity, err = fidelityOf(f.fidelity); err != nil {
		return nil, err
	}
	if f.interval > 0 && f.out == "" && len(f.workloads) > 0 {
		return nil, usagef("--power-interval writes power.csv into a result folder; name one with --out")
	}
	if p.options.Values, err = energy.ValuesNamed(f.values); err != nil {
		return nil, usagef("--values: %v", err)
	}
	p.options.Monitor = f.monitorAddr
	if p.machine, err = a.load(arg, f.sets); err != nil {
		return nil, err
	}
	if f.baseline != "none" && f.baseline != "" {
		if p.baseline, err = a.load(f.baseline, nil); err != nil {
			return nil, fmt.Errorf("--baseline: %w", err)
		}
	}
	p.out = f.out
	if len(f.workloads) > 0 {
		p.work, p.listed, err = expand(f.workloads, f.skipUnknown)
		p.chooseTypes()
		return p, err
	}
	if len(p.machine.Workloads) == 0 {
		return nil, usagef("%s lists no workloads; name some with --workload", arg)
	}
	if p.work, err = listed(p.machine); err != nil {
		return nil, err
	}
	if p.out == "" {
		p.out = filepath.Join("out", p.machine.Name)
	}
	p.chooseTypes()
	return p, nil
}

// chooseTypes gives networks of which no type was asked for the nearest that the
// machine has.
func (p *plan) chooseTypes() {
	seen := map[string]bool{}
	work := p.work[:0]
	for _, w := range p.work {
		if w.Net != nil && w.Net.Untyped {
			// Only the type: of the rest the machine's own model sees to what it lacks.
			if n := gpusim.Nearest(p.machine, w); n.Net.DType != w.Net.DType {
				if p.listed[w.Text] {
					p.listed[n.Text] = true
				}
				w = n
			}
		}
		if !seen[w.Text] {
			seen[w.Text] = true
			work = append(work, w)
		}
	}
	p.work = work
}

// print writes entries in a format.
func (a *app) print(entries []report.Entry, format string) {
	switch format {
	case "csv":
		fmt.Fprintf(a.out, "%s", report.SummaryCSV(entries))
	case "json":
		fmt.Fprintf(a.out, "%s", report.SummaryJSON(entries))
	default:
		fmt.Fprint(a.out, report.Text(entries))
	}
}

// manifest says what this process was asked for, when it began and how long it took.
func (a *app) manifest(command string, started time.Time) report.Manifest {
	return report.Manifest{
		Version: version + revision(), Command: command, CommandLine: append([]string{"gpusim"}, a.args...),
		Started: started.UTC(), WallSeconds: time.Since(started).Seconds(),
	}
}

// writeRun writes the result folder and says so: on stdout below a table, on
// stderr beside output for programs.
func (a *app) writeRun(p *plan, entries []report.Entry) error {
	m := a.manifest("run", p.started)
	m.Config = &report.ManifestConfig{Argument: p.arg, Name: p.machine.Name, Hash: p.machine.Hash(), Overrides: p.flags.sets}
	m.Options = map[string]string{"fidelity": string(p.options.Fidelity), "baseline": p.flags.baseline}
	if p.options.Values != energy.Random {
		m.Options["values"] = string(p.options.Values)
	}
	m.Interrupted = len(entries) < len(p.work)
	if b := p.baseline; b != nil {
		m.Baseline = &report.ManifestConfig{Argument: p.flags.baseline, Name: b.Name, Hash: b.Hash()}
	}
	for _, w := range p.work {
		m.Workloads = append(m.Workloads, w.Text)
	}
	m.WorkloadsHash = report.HashList(m.Workloads)
	tables, err := report.RunFiles(entries)
	if err != nil {
		return err
	}
	if i := p.flags.interval; i > 0 {
		us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
		power, err := report.PowerCSV(entries, gpusim.TraceOptions{IntervalUS: us(i), WindowUS: us(p.flags.window)})
		if err != nil {
			return &codeError{exitFailure, err}
		}
		tables = append(tables, report.File{Name: "power.csv", Data: power})
		m.Options["power_interval"], m.Options["power_window"] = i.String(), p.flags.window.String()
	}
	if err := report.WriteResults(p.out, tables, m); err != nil {
		return err
	}
	to := a.out
	if p.flags.format != "table" {
		to = a.err
	} else {
		fmt.Fprintln(to)
	}
	fmt.Fprintf(to, "results are in %s\n", strings.TrimSuffix(filepath.ToSlash(p.out), "/")+"/")
	return nil
}

// logged tells with -v what a simulation did.
func logged(machine, workload string, r *gpusim.Result, err error, took time.Duration) {
	if err != nil && !errors.Is(err, context.Canceled) {
		slog.Info("failed", "machine", machine, "workload", workload, "error", err, "wall", took)
		return
	}
	slog.Info("simulated", "machine", machine, "workload", workload, "time_us", r.TimeUS, "wall", took)
}
