package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gpusim"
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/report"
)

type compareFlags struct {
	workloads, sets  []string
	format, fidelity string
	values           string
	out              string
	workers          int
	skipUnknown      bool
}

func (a *app) compareCommand() *cobra.Command {
	var f compareFlags
	c := &cobra.Command{
		Use:   "compare CONFIG CONFIG...",
		Short: "The same workloads on several machines, in one table",
		Example: `  gpusim compare maxwell pascal volta ampere hopper -w gemm:4096x4096x4096:fp32
  gpusim compare volta skylake-8180 -w gemm:1024x1024x1024:fp32 --format csv
  gpusim compare volta tpu1 nvdla-large xavier skylake-8180 -w model:resnet50,batch=8,dtype=int8
  gpusim compare volta turing -w gemm:4096x4096x4096:fp16 --out both    summary.csv, layers.csv ... and a manifest`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usagef("%s: name at least two machines", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: completeConfigs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.compare(cmd.Context(), args, &f)
		},
	}
	fl := c.Flags()
	fl.StringArrayVarP(&f.workloads, "workload", "w", nil, "`workload` to run on each; may be repeated")
	fl.StringVar(&f.format, "format", "table", "table, csv or json")
	fl.StringVar(&f.fidelity, "fidelity", "sampled", "detailed, sampled or analytic")
	valuesFlag(c, &f.values)
	fl.StringVar(&f.out, "out", "", "write the result tables and a manifest into this `folder`")
	fl.IntVar(&f.workers, "workers", 0, "simulations at a time (0: one per core)")
	skipFlag(c, &f.skipUnknown)
	setFlag(c, &f.sets)
	return c
}

func (a *app) compare(ctx context.Context, names []string, f *compareFlags) error {
	if err := oneOf("format", f.format, "table", "csv", "json"); err != nil {
		return err
	}
	if len(f.workloads) == 0 {
		return usagef("gpusim compare: no workload given (example: --workload gemm:4096x4096x4096:fp16)")
	}
	fidelity, err := fidelityOf(f.fidelity)
	if err != nil {
		return err
	}
	values, err := energy.ValuesNamed(f.values)
	if err != nil {
		return usagef("--values: %v", err)
	}
	work, _, err := expand(f.workloads, f.skipUnknown)
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := report.CheckFolder(f.out); err != nil {
			return err
		}
	}
	started := time.Now()
	machines := make([]*configs.Machine, len(names))
	for i, n := range names {
		if machines[i], err = a.load(n, f.sets); err != nil {
			return err
		}
	}
	var tasks []*task
	for _, w := range work {
		for _, m := range machines {
			tasks = append(tasks, &task{machine: m, work: gpusim.Nearest(m, w), asked: w, options: gpusim.Options{Fidelity: fidelity, Values: values}})
		}
	}
	a.runTasks(ctx, tasks, f.workers, false)
	entries := compared(tasks, len(machines))
	show, end := ending(entries, stopped(len(entries)/len(machines), len(work), "workloads"), "simulations")
	if !show {
		return end
	}
	a.printCompared(entries, f.format)
	if f.out == "" {
		return end
	}
	m := a.manifest("compare", started)
	m.Options = map[string]string{"fidelity": f.fidelity}
	m.Interrupted = len(entries) < len(tasks)
	if f.values != string(energy.Random) {
		m.Options["values"] = f.values
	}
	for i, c := range machines {
		m.Configs = append(m.Configs, report.ManifestConfig{Argument: names[i], Name: c.Name, Hash: c.Hash(), Overrides: f.sets})
	}
	for _, w := range work {
		m.Workloads = append(m.Workloads, w.Text)
	}
	m.WorkloadsHash = report.HashList(m.Workloads)
	tables, err := report.RunFiles(entries)
	if err != nil {
		return err
	}
	if err := report.WriteResults(f.out, tables, m); err != nil {
		return err
	}
	return end
}

// compared gives the entries of the workloads that all machines are through with.
func compared(tasks []*task, machines int) (entries []report.Entry) {
	for of := range slices.Chunk(tasks, machines) {
		if slices.ContainsFunc(of, func(t *task) bool { return !t.done }) {
			continue
		}
		for _, t := range of {
			entries = append(entries, report.Entry{Machine: t.machine, Workload: t.asked.Text, Label: t.asked.Short(), Result: t.result, Err: t.err})
		}
	}
	return entries
}

// printCompared writes entries in a format. Tables for programs have what is compared
// beside a summary's columns.
func (a *app) printCompared(entries []report.Entry, format string) {
	switch format {
	case "csv":
		fmt.Fprintf(a.out, "%s", report.CompareCSV(entries))
	case "json":
		fmt.Fprintf(a.out, "%s", report.CompareJSON(entries))
	default:
		fmt.Fprint(a.out, report.CompareText(entries))
	}
}
