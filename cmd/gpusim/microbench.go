package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gpusim/microbench"
	"gpusim/report"
)

type microbenchFlags struct {
	sets, only  []string
	format, out string
	workers     int
}

func (a *app) microbenchCommand() *cobra.Command {
	var f microbenchFlags
	c := &cobra.Command{
		Use:   "microbench CONFIG",
		Short: "Latencies and bandwidths of the modelled machine, beside measured ones",
		Long: `Runs the probes that architects run on silicon (pointer chases, streams, chains
of dependent instructions, matrix instructions, barriers) as kernels on the
simulated GPU or CPU, and prints what they find beside what others measured.`,
		Example: `  gpusim microbench volta
  gpusim microbench v100-pcie --only "memory latency" --only bandwidth
  gpusim microbench haswell-2699v3
  gpusim microbench volta --out probes    microbench.csv and the curves`,
		Args:              oneConfig,
		ValidArgsFunction: completeConfigs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.microbench(cmd.Context(), args[0], &f)
		},
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.only, "only", nil, "`group` of probes to run; may be repeated ("+strings.Join(microbench.Groups(), ", ")+")")
	fl.StringVar(&f.format, "format", "table", "table or csv")
	fl.StringVar(&f.out, "out", "", "write microbench.csv, curves.csv and a manifest into this `folder`")
	fl.IntVar(&f.workers, "workers", 0, "probes at a time (0: one per core)")
	setFlag(c, &f.sets)
	_ = c.MarkFlagDirname("out")
	return c
}

func (a *app) microbench(ctx context.Context, config string, f *microbenchFlags) error {
	started := time.Now()
	if err := oneOf("format", f.format, "table", "csv"); err != nil {
		return err
	}
	chosen := map[string]bool{}
	for _, g := range f.only {
		if err := oneOf("only", g, microbench.Groups()...); err != nil {
			return err
		}
		chosen[g] = true
	}
	m, err := a.load(config, f.sets)
	if err != nil {
		return err
	}
	if m.GPU == nil && m.CPU == nil {
		return usagef("gpusim microbench: %s is neither a GPU nor a CPU", m.Name)
	}
	for g := range chosen {
		if err := oneOf("only", g, microbench.GroupsOf(m)...); err != nil {
			return err
		}
	}
	if f.out != "" {
		if err := report.CheckFolder(f.out); err != nil {
			return err
		}
	}
	total := len(chosen)
	if total == 0 {
		total = len(microbench.GroupsOf(m))
	}
	bar := newProgress(a.err, "probing", total)
	rep, err := microbench.Run(ctx, m, f.workers, func(g string) bool { return len(chosen) == 0 || chosen[g] }, bar.set)
	bar.stop()
	interrupted := stopped(rep.Finished, total, "groups of probes")
	switch {
	case err != nil && ctx.Err() == nil:
		return err
	case rep.Finished == 0: // nothing to show
		return interrupted
	}
	rows, err := report.ProbeRows(m, rep)
	if err != nil {
		return err
	}
	if f.format == "csv" {
		fmt.Fprintf(a.out, "%s", report.ProbesCSV(rows))
	} else {
		fmt.Fprint(a.out, report.ProbeText(m, rows, rep))
	}
	if f.out == "" {
		return interrupted
	}
	manifest := a.manifest("microbench", started)
	manifest.Options = map[string]string{"only": strings.Join(f.only, ",")}
	manifest.Interrupted = interrupted != nil
	manifest.Config = &report.ManifestConfig{Argument: config, Name: m.Name, Hash: m.Hash(), Overrides: f.sets}
	if err := report.WriteResults(f.out, []report.File{
		{Name: "microbench.csv", Data: report.ProbesCSV(rows)},
		{Name: "curves.csv", Data: report.CurvesCSV(m, rep)},
	}, manifest); err != nil {
		return err
	}
	return interrupted
}
