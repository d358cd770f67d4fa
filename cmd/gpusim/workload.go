package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gpusim/configs"
	"gpusim/report"
	"gpusim/validate"
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
			ws, _, err := expand(args, skip)
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
				ws, err := expandOne(arg, skip)
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
		if _, _, err := expand(m.Workloads[i:i+1], false); err != nil {
			return nil, m.WorkloadError(i, err)
		}
	}
	work, _, err := expand(m.Workloads, false)
	return work, err
}

// expand turns workload arguments into workloads, each once, in the order of
// their first mention. listed are those that stand only in files, beside others.
func expand(args []string, skipUnknown bool) (work []workloads.Workload, listed map[string]bool, err error) {
	listed = map[string]bool{}
	for _, arg := range args {
		ws, err := expandOne(arg, skipUnknown)
		if err != nil {
			return nil, nil, err
		}
		for _, w := range ws {
			beside, seen := listed[w.Text]
			if !seen {
				work = append(work, w)
			}
			listed[w.Text] = len(ws) > 1 && (beside || !seen)
		}
	}
	return work, listed, nil
}

// expandOne turns one argument into workloads. Tables of measured rows are read as
// 'validate' reads them; what it skips is left out here.
func expandOne(arg string, skipUnknown bool) ([]workloads.Workload, error) {
	ws, skipped, ok, err := validate.Workloads(arg)
	if !ok {
		return workloads.Expand(skipping(arg, skipUnknown))
	}
	if n := len(skipped); n > 0 && err == nil {
		slog.Warn("rows left out", "file", arg, "rows", n, "first", fmt.Sprintf("line %d: %s", skipped[0].Line, skipped[0].Reason))
	}
	return ws, err
}
