package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gpusim/configs"
	"gpusim/energy/area"
	"gpusim/report"
)

func (a *app) areaCommand() *cobra.Command {
	var sets []string
	var format string
	var dies bool
	c := &cobra.Command{
		Use:   "area CONFIG",
		Short: "The area of a machine's die, part by part, and what a good die costs",
		Long: `Prints a ledger of the die: SMs, caches, crossbar, interfaces, arrays, each with
its count, its area and the range in which that lies. Figures stand in configs/area
with their sources; each can be overridden with --set.`,
		Example: `  gpusim area volta
  gpusim area volta --set gpu.tensor_core.shape=none --set gpu.tensor_core.fma_per_clk=0    without Tensor Cores
  gpusim area volta --set area.process=n7                                                   in another process
  gpusim area --dies                                                                        beside dies of published size`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case dies && len(args) > 0:
				return usagef("gpusim area: --dies takes no CONFIG, it compares all dies that are known")
			case dies:
				return nil
			}
			return oneConfig(cmd, args)
		},
		ValidArgsFunction: completeConfigs,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := oneOf("format", format, "table", "csv", "json"); err != nil {
				return err
			}
			if dies {
				if len(sets) > 0 {
					return usagef("gpusim area: --set does not go with --dies")
				}
				return a.dies(format)
			}
			m, err := a.load(args[0], sets)
			if err != nil {
				return err
			}
			return a.area(m, format)
		},
	}
	c.Flags().BoolVar(&dies, "dies", false, "compare with the published dies of GPUs instead, each generation also with figures fitted to all others")
	c.Flags().StringVar(&format, "format", "table", "table, csv or json")
	setFlag(c, &sets)
	return c
}

func (a *app) area(m *configs.Machine, format string) error {
	l, err := area.Of(m)
	if err != nil {
		return usagef("gpusim %v", err)
	}
	switch format {
	case "csv":
		fmt.Fprintf(a.out, "%s", report.AreaCSV(m, &l))
	case "json":
		return a.json(struct {
			Machine string       `json:"machine"`
			Ledger  *area.Ledger `json:"ledger"`
			Cost    area.Cost    `json:"cost"`
		}{m.Name, &l, l.Cost()})
	default:
		fmt.Fprint(a.out, report.AreaText(m, &l))
	}
	return nil
}

func (a *app) dies(format string) error {
	d, err := area.Dies()
	if err != nil {
		return err
	}
	switch format {
	case "csv":
		fmt.Fprintf(a.out, "%s", report.DiesCSV(d))
	case "json":
		return a.json(d)
	default:
		fmt.Fprint(a.out, report.DiesText(d))
	}
	return nil
}

func (a *app) json(v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}
