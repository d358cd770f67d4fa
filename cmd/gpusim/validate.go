package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gpusim/configs"
	"gpusim/report"
	"gpusim/validate"
)

type validateFlags struct {
	against, sets                  []string
	format, out, asserts, fidelity string
	force                          bool
	workers                        int
}

func (a *app) validateCommand() *cobra.Command {
	var f validateFlags
	c := &cobra.Command{
		Use:   "validate [CONFIG]",
		Short: "Compare simulated with measured times",
		Long: `Simulates the rows of measured tables and tells how far off the simulation is.

Without --against it takes the published measurements that ship with gpusim:
times of library calls, and cycles of whole programs that other simulators were
judged by. The device named in a row chooses the machine; CONFIG overrides that.
Without CONFIG these are the V100's, with one those of its devices.`,
		Example: `  gpusim validate
  gpusim validate --against mine.csv --format json
  gpusim validate volta --against mine.csv --set gpu.clock.sustained="1.4 GHz"
  gpusim validate --assert mape=15,p90=35`,
		Args:              mayHaveConfig,
		ValidArgsFunction: completeConfigs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.validate(cmd.Context(), args, &f)
		},
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.against, "against", nil, "measured table, a CSV `file`; may be repeated")
	fl.StringVar(&f.format, "format", "table", "table or json")
	fl.StringVar(&f.out, "out", "", "write validation.csv, suites.csv and a manifest into this `folder`")
	fl.BoolVar(&f.force, "force-recorded", false, "use the kernels that the tables recorded instead of the library's choice")
	fl.StringVar(&f.asserts, "assert", "", "exit 3 unless these `bounds` hold: mape, wmape, median, p90, max, bias (at most), log_r, rows (at least)")
	fl.StringVar(&f.fidelity, "fidelity", "sampled", "detailed, sampled or analytic")
	fl.IntVar(&f.workers, "workers", 0, "simulations at a time (0: one per core)")
	setFlag(c, &f.sets)
	_ = c.MarkFlagFilename("against", "csv")
	_ = c.MarkFlagDirname("out")
	return c
}

func (a *app) validate(ctx context.Context, args []string, f *validateFlags) error {
	started := time.Now()
	if err := oneOf("format", f.format, "table", "json"); err != nil {
		return err
	}
	asserts, err := validate.ParseAssertions(f.asserts)
	if err != nil {
		return &codeError{exitBadInput, err}
	}
	o := validate.Options{Run: a.simulate, ForceRecorded: f.force, Workers: f.workers}
	if o.Fidelity, err = fidelityOf(f.fidelity); err != nil {
		return err
	}
	var forced *configs.Machine
	if len(args) > 0 {
		if forced, err = a.load(args[0], f.sets); err != nil {
			return err
		}
	}
	o.Machine = a.machineFor(forced, f.sets)

	tables, hashes, err := loadTables(f.against, forced)
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := report.CheckFolder(f.out); err != nil {
			return err
		}
	}
	var bar *progress
	o.Progress = func(done, total int) {
		if bar == nil {
			bar = newProgress(a.err, "validating", total)
		}
		bar.set(done)
	}
	rep, err := tables.Run(ctx, o)
	if bar != nil {
		bar.stop()
	}
	if err != nil {
		return err
	}
	if err := a.printValidation(rep, f, time.Since(started).Seconds()); err != nil {
		return err
	}
	if f.out != "" {
		if err := a.writeValidation(rep, args, f, hashes, started); err != nil {
			return err
		}
	}
	return outcome(rep, asserts)
}

// outcome turns a report into the command's error, most severe first.
func outcome(rep *validate.Report, asserts []validate.Assertion) error {
	total := rep.Total()
	switch broken := total.Check(asserts); {
	case rep.Interrupted:
		return &codeError{exitInterrupted, errors.New("interrupted; the rows that finished are reported")}
	case rep.Failed > 0:
		return &codeError{exitFailure, fmt.Errorf("%d rows could not be simulated to the end", rep.Failed)}
	case len(broken) > 0:
		return &codeError{exitCheck, errors.New(strings.Join(broken, "; "))}
	}
	return nil
}

// machineFor finds a row's machine by its device name, each loaded once.
func (a *app) machineFor(forced *configs.Machine, sets []string) func(string) (*configs.Machine, error) {
	loaded := map[string]*configs.Machine{}
	return func(device string) (*configs.Machine, error) {
		if forced != nil {
			return forced, nil
		}
		name, ok := configs.ForDevice(device)
		if !ok && slices.Contains(configs.SystemNames(), device) {
			name, ok = device, true
		}
		if !ok {
			return nil, nil
		}
		if m := loaded[name]; m != nil {
			return m, nil
		}
		m, err := a.load(name, sets)
		loaded[name] = m
		return m, err
	}
}

// loadTables reads the tables named, or the published ones; with a machine
// only those rows of the latter that are about it. It also gives the hashes of
// the files named.
func loadTables(files []string, forced *configs.Machine) (*validate.Tables, map[string]string, error) {
	t := &validate.Tables{}
	hashes := map[string]string{}
	for _, file := range files {
		if err := t.LoadFile(file); err != nil {
			return nil, nil, err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		hashes[file] = report.Hash(text)
	}
	if len(files) > 0 {
		return t, hashes, nil
	}
	err := t.LoadPublished(
		func(device string) bool {
			if forced == nil { // the machine of the main job; all devices together take an hour
				return strings.Contains(device, "V100")
			}
			return device == forced.Name || slices.ContainsFunc(forced.Devices, func(d string) bool { return strings.EqualFold(d, device) })
		},
		func(device string) bool { return forced == nil || sameChip(forced, device) },
	)
	if err == nil && t.Len() == 0 && t.Suites() == 0 {
		err = usagef("no published measurements of %s ship with gpusim; name a table with --against", forced.Name)
	}
	return t, hashes, err
}

// sameChip says whether a machine is of the architecture of a device: counts
// of SM cycles hold for all boards of one chip, whatever their clocks.
func sameChip(m *configs.Machine, device string) bool {
	name, ok := configs.ForDevice(device)
	if !ok || m.GPU == nil {
		return false
	}
	board, err := configs.Load(name, nil)
	return err == nil && board.GPU != nil && board.GPU.ComputeCapability == m.GPU.ComputeCapability
}

func (a *app) printValidation(rep *validate.Report, f *validateFlags, wall float64) error {
	if f.format == "json" {
		text, err := rep.JSON(wall)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "%s", text)
		return nil
	}
	published, err := validate.PublishedSuites()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%stook %.1f s\n", report.ValidationText(rep, published), wall)
	return nil
}

func (a *app) writeValidation(rep *validate.Report, args []string, f *validateFlags, hashes map[string]string, started time.Time) error {
	m := a.manifest("validate", started)
	m.Inputs, m.Interrupted = hashes, rep.Interrupted
	m.Options = map[string]string{"fidelity": f.fidelity, "force_recorded": fmt.Sprint(f.force)}
	for _, c := range rep.Machines {
		arg := c.Name
		if len(args) > 0 {
			arg = args[0]
		}
		m.Configs = append(m.Configs, report.ManifestConfig{Argument: arg, Name: c.Name, Hash: c.Hash(), Overrides: f.sets})
	}
	files := []report.File{{Name: "validation.csv", Data: rep.CSV()}}
	if text := rep.SuitesCSV(); text != nil {
		files = append(files, report.File{Name: "suites.csv", Data: text})
	}
	if err := report.WriteResults(f.out, files, m); err != nil {
		return err
	}
	to := a.out
	if f.format != "table" {
		to = a.err
	}
	fmt.Fprintf(to, "results are in %s/\n", strings.TrimSuffix(f.out, "/"))
	return nil
}
