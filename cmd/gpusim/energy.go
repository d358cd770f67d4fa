package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gpusim/microbench"
	"gpusim/report"
)

func (a *app) energyCommand() *cobra.Command {
	var sets []string
	var format, out string
	c := &cobra.Command{
		Use:   "ladder CONFIG",
		Short: "What an instruction costs, and how much of it is the work",
		Long: `Runs each instruction class that the GPU has in a loop at full rate, prices the
events of one instruction with the machine's energy table, and prints payload and
overhead beside the published ladder, at its node.`,
		Example: `  gpusim energy ladder ampere
  gpusim energy ladder turing --format csv
  gpusim energy ladder volta --set energy.events.warp_instruction.pj=500`,
		Args:              oneConfig,
		ValidArgsFunction: completeConfigs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.ladder(cmd.Context(), args[0], sets, format, out)
		},
	}
	fl := c.Flags()
	fl.StringVar(&format, "format", "table", "table, csv or json")
	fl.StringVar(&out, "out", "", "write ladder.csv and a manifest into this `folder`")
	setFlag(c, &sets)
	_ = c.MarkFlagDirname("out")
	return group("energy", "What events cost, and how much of it is payload", c)
}

func (a *app) ladder(ctx context.Context, config string, sets []string, format, out string) error {
	started := time.Now()
	if err := oneOf("format", format, "table", "csv", "json"); err != nil {
		return err
	}
	m, err := a.load(config, sets)
	if err != nil {
		return err
	}
	if m.GPU == nil {
		return usagef("gpusim energy ladder: %s is no GPU", m.Name)
	}
	if out != "" {
		if err := report.CheckFolder(out); err != nil {
			return err
		}
	}
	rungs, err := microbench.Ladder(ctx, m)
	if err != nil {
		return err
	}
	rows, err := report.LadderRows(m, rungs)
	if err != nil {
		return usagef("gpusim energy ladder: %v", err)
	}
	switch format {
	case "csv":
		fmt.Fprintf(a.out, "%s", report.LadderCSV(m, rows))
	case "json":
		fmt.Fprintf(a.out, "%s", report.LadderJSON(m, rows))
	default:
		fmt.Fprint(a.out, report.LadderText(m, rows))
	}
	if out == "" {
		return nil
	}
	manifest := a.manifest("energy ladder", started)
	manifest.Config = &report.ManifestConfig{Argument: config, Name: m.Name, Hash: m.Hash(), Overrides: sets}
	return report.WriteResults(out, []report.File{{Name: "ladder.csv", Data: report.LadderCSV(m, rows)}}, manifest)
}
