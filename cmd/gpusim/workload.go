package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gpusim/configs"
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
	var table string
	var skip bool
	c := &cobra.Command{
		Use:   "show W...",
		Short: "Print workloads in full, with their operations and bytes",
		Example: `  gpusim workload show gemm:4096x4096x4096:fp16
  gpusim workload show model:resnet50,batch=8,dtype=fp16 --csv layers > resnet50.csv
  gpusim workload show net.onnx --csv topology > net.csv`,
		Args: someWorkloads,
		RunE: func(_ *cobra.Command, args []string) error {
			ws, err := expand(args, skip)
			if err != nil {
				return err
			}
			if table != "" {
				return a.exportLayers(ws, table)
			}
			if len(ws) == 1 && ws[0].Net != nil {
				fmt.Fprint(a.out, report.Network(ws[0].Net))
				return nil
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
	c.Flags().StringVar(&table, "csv", "", "write a network's layers as a table: layers, which 'run' reads back, or topology, for SCALE-Sim")
	skipFlag(c, &skip)
	return c
}

// exportLayers writes the layers of one network.
func (a *app) exportLayers(ws []workloads.Workload, table string) error {
	if err := oneOf("csv", table, "layers", "topology"); err != nil {
		return err
	}
	if len(ws) != 1 || ws[0].Net == nil {
		return usagef("--csv is for one network (example: model:resnet50)")
	}
	text := ws[0].Net.LayersCSV()
	if table == "topology" {
		text = ws[0].Net.TopologyCSV()
	}
	_, err := a.out.Write(text)
	return err
}

func (a *app) workloadCheck() *cobra.Command {
	var skip bool
	c := &cobra.Command{
		Use:     "check W...",
		Short:   "Check workloads and workload files",
		Example: `  gpusim workload check my-shapes.yaml`,
		Args:    someWorkloads,
		RunE: func(_ *cobra.Command, args []string) error {
			for _, arg := range args {
				ws, err := workloads.Expand(skipping(arg, skip))
				if err != nil {
					return err
				}
				if n := ws[0].Net; n != nil && len(n.Skipped) > 0 {
					fmt.Fprintf(a.out, "%s: ok, without %s\n", arg, strings.Join(n.Skipped, ", "))
				} else if len(ws) == 1 {
					fmt.Fprintf(a.out, "%s: ok\n", arg)
				} else {
					fmt.Fprintf(a.out, "%s: ok, %d workloads\n", arg, len(ws))
				}
			}
			return nil
		},
	}
	skipFlag(c, &skip)
	return c
}

func skipFlag(c *cobra.Command, to *bool) {
	c.Flags().BoolVar(to, "skip-unknown", false, "leave operators of ONNX files out that are not known")
}

// skipping puts the flag into a workload that is an ONNX file.
func skipping(arg string, skip bool) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(arg, "model:"), ",")
	if !skip || !strings.EqualFold(filepath.Ext(name), ".onnx") || strings.Contains(arg, "skip_unknown=") {
		return arg
	}
	return "model:" + strings.TrimPrefix(arg, "model:") + ",skip_unknown=true"
}

func someWorkloads(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("%s: no workload given (example: gemm:4096x4096x4096:fp16)", cmd.CommandPath())
	}
	return nil
}

// listed are the workloads of a machine's file.
func listed(m *configs.Machine) ([]workloads.Workload, error) {
	for i := range m.Workloads {
		if _, err := expand(m.Workloads[i:i+1], false); err != nil {
			return nil, m.WorkloadError(i, err)
		}
	}
	return expand(m.Workloads, false)
}

// expand turns workload arguments into workloads, each once, in the order of
// their first mention.
func expand(args []string, skipUnknown bool) ([]workloads.Workload, error) {
	var out []workloads.Workload
	seen := map[string]bool{}
	for _, arg := range args {
		ws, err := workloads.Expand(skipping(arg, skipUnknown))
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
