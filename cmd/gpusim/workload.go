package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"gpusim/report"
	"gpusim/workloads"
)

func (a *app) workloadCommand() *cobra.Command {
	return group("workload", "List, show and check workloads", a.workloadList(), a.workloadShow(), a.workloadCheck())
}

func (a *app) workloadList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the forms that a workload may take",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			forms := workloads.List()
			width := 0
			for _, f := range forms {
				width = max(width, len(f.Form))
			}
			for _, f := range forms {
				fmt.Fprintf(a.out, "%-*s  %s\n", width, f.Form, f.Meaning)
			}
			return nil
		},
	}
}

func (a *app) workloadShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show W...",
		Short:   "Print workloads in full, with their operations and bytes",
		Example: `  gpusim workload show gemm:4096x4096x4096:fp16`,
		Args:    someWorkloads,
		RunE: func(_ *cobra.Command, args []string) error {
			ws, err := expand(args)
			if err != nil {
				return err
			}
			t := report.Table{Header: [][]string{{"workload", "operations", "bytes", "operations per byte"}}}
			for _, w := range ws {
				ops, bytes := w.Shape().Ops(), w.Shape().Bytes()
				t.Rows = append(t.Rows, []string{w.Text, fmt.Sprint(ops), fmt.Sprintf("%.0f", bytes), fmt.Sprintf("%.1f", float64(ops)/bytes)})
			}
			fmt.Fprint(a.out, t.String())
			return nil
		},
	}
}

func (a *app) workloadCheck() *cobra.Command {
	return &cobra.Command{
		Use:     "check W...",
		Short:   "Check workloads and workload files",
		Example: `  gpusim workload check my-shapes.yaml`,
		Args:    someWorkloads,
		RunE: func(_ *cobra.Command, args []string) error {
			for _, arg := range args {
				ws, err := workloads.Expand(arg)
				if err != nil {
					return err
				}
				if len(ws) == 1 {
					fmt.Fprintf(a.out, "%s: ok\n", arg)
				} else {
					fmt.Fprintf(a.out, "%s: ok, %d workloads\n", arg, len(ws))
				}
			}
			return nil
		},
	}
}

func someWorkloads(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("%s: no workload given (example: gemm:4096x4096x4096:fp16)", cmd.CommandPath())
	}
	return nil
}

// expand turns workload arguments into workloads, each once, in the order of
// their first mention.
func expand(args []string) ([]workloads.Workload, error) {
	var out []workloads.Workload
	seen := map[string]bool{}
	for _, arg := range args {
		ws, err := workloads.Expand(arg)
		if err != nil {
			return nil, err
		}
		for _, w := range ws {
			if !seen[w.Text] {
				seen[w.Text] = true
				out = append(out, w)
			}
		}
	}
	return out, nil
}
