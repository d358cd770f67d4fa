package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/energy/parts"
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
	return group("energy", "What events cost, and how much of it is payload", c, a.sramCommand(), a.partsCommand())
}

// sramCommand prices an SRAM, for coefficients of one's own.
func (a *app) sramCommand() *cobra.Command {
	var size string
	var bits, nm float64
	c := &cobra.Command{
		Use:   "sram",
		Short: "What an access to an SRAM costs, by size, width and node",
		Long: `Prices a read and a write of an SRAM at 0.9 V by a curve fitted to arrays of
CACTI 7, scaled beyond 22 and 45 nm: for coefficients of machines of one's own.`,
		Example: `  gpusim energy sram --size "64 KiB" --bits 128 --nm 16`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			b, err := configs.ParseBytes(size)
			if err != nil {
				return usagef("--size: %v", err)
			}
			s, err := energy.SRAMOf(float64(b), bits, nm)
			if err != nil {
				return usagef("%v", err)
			}
			fmt.Fprintf(a.out, "%v, %g bits, %g nm, 0.9 V\nread   %.4g pJ (%.4g to %.4g)\nwrite  %.4g pJ (%.4g to %.4g)\n",
				b, bits, nm, s.ReadPJ, s.ReadLoPJ, s.ReadHiPJ, s.WritePJ, s.WriteLoPJ, s.WriteHiPJ)
			return nil
		},
	}
	fl := c.Flags()
	fl.StringVar(&size, "size", "64 KiB", "of the array")
	fl.Float64Var(&bits, "bits", 128, "that an access moves")
	fl.Float64Var(&nm, "nm", 16, "node in nanometres, 7 to 130")
	return c
}

// partsCommand compares prices of parts with published ones.
func (a *app) partsCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "parts",
		Short: "What memories, registers and multipliers cost, beside Accelergy's and Timeloop's published energies",
		Long: `Prices the parts of five published designs of Accelergy by their sizes and nodes, with
the curves and figures that the energy tables of NVDLA and systolic arrays come from,
and prints each beside the published energy; then what a multiply-add of a layer takes
in each part, with Timeloop's counts of accesses.`,
		Example: "  gpusim energy parts\n  gpusim energy parts --format csv",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := oneOf("format", format, "table", "csv"); err != nil {
				return err
			}
			actions, err := parts.Accelergy()
			if err != nil {
				return err
			}
			uses, err := parts.Timeloop()
			if err != nil {
				return err
			}
			if format == "csv" {
				_, err = fmt.Fprintf(a.out, "%s", report.PartsCSV(actions, uses))
			} else {
				_, err = fmt.Fprint(a.out, report.PartsText(actions, uses))
			}
			return err
		},
	}
	c.Flags().StringVar(&format, "format", "table", "table or csv")
	return c
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
