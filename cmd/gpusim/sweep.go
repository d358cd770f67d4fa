package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gpusim"
	"gpusim/configs"
	"gpusim/report"
	"gpusim/sweep"
)

// sweepFlags are the flags of 'sweep' as typed.
type sweepFlags struct {
	out, store, listen string
	login              sweep.Login
	workers            int
	resume             bool
	slurm, submit      bool
	tasks, cpus        int
}

// tokenVariable holds the token of the queue, so that it need not stand on a command line.
const tokenVariable = "GPUSIM_NATS_TOKEN"

func (a *app) sweepCommand() *cobra.Command {
	var f sweepFlags
	c := &cobra.Command{
		Use:   "sweep SWEEP.yaml",
		Short: "Vary a machine along axes and find the best variants",
		Long: `Simulates workloads on the variants of a machine that a file describes, prints the
Pareto front and writes sweep.csv, pareto.csv, elasticities.csv and a picture.

What is finished stays in the result folder's store: a sweep that was stopped goes on
with --resume and gives the same files, byte for byte. With --store several sweeps
share their points. Embedded sweeps: ` + strings.Join(configs.Sweeps(), ", ") + `.`,
		Example: `  gpusim sweep volta-tensor-hbm
  gpusim sweep mine.yaml --out out/mine --resume
  gpusim sweep mine.yaml --listen 127.0.0.1:4222        workers may join: gpusim worker --nats nats://127.0.0.1:4222
  gpusim sweep mine.yaml --nats nats://head:4222 --slurm --tasks 64 --submit`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s: one sweep's file (or one of: %s)", cmd.CommandPath(), strings.Join(configs.Sweeps(), ", "))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return configs.Sweeps(), cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.sweep(cmd, args[0], &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.out, "out", "", "result `folder` (default out/NAME)")
	fl.StringVar(&f.store, "store", "", "`file` that keeps finished points, shared with other sweeps (default "+sweep.StoreName+" in the result folder)")
	fl.BoolVar(&f.resume, "resume", false, "go on with what the result folder's store holds")
	fl.IntVar(&f.workers, "workers", 0, "points at a time in this process (0: one per core; -1: none, others work)")
	fl.StringVar(&f.listen, "listen", "127.0.0.1:0", "`address` of the queue in this process, where others may join")
	loginFlags(c, &f.login)
	fl.BoolVar(&f.slurm, "slurm", false, "write an array job for Slurm that starts workers (workers.sbatch in the result folder)")
	fl.BoolVar(&f.submit, "submit", false, "submit it and run the sweep")
	fl.IntVar(&f.tasks, "tasks", 8, "workers of the array job")
	fl.IntVar(&f.cpus, "cpus", 1, "cores of each of them")
	_ = c.MarkFlagDirname("out")
	return c
}

// loginFlags are those about reaching a queue elsewhere.
func loginFlags(c *cobra.Command, l *sweep.Login) {
	fl := c.Flags()
	fl.StringVar(&l.URL, "nats", "", "`URL` of a NATS server with JetStream, such as nats://host:4222")
	fl.StringVar(&l.Token, "token", "", "token of the queue (default: environment variable "+tokenVariable+")")
	fl.StringVar(&l.CA, "tls-ca", "", "PEM `file` of the authority that signed the server's certificate")
	fl.StringVar(&l.Cert, "tls-cert", "", "PEM `file` of this client's certificate")
	fl.StringVar(&l.Key, "tls-key", "", "PEM `file` of its key")
	fl.DurationVar(&l.AckWait, "ack-wait", 30*time.Second, "after so long without a sign of life a point goes to another worker")
}

func (a *app) sweep(cmd *cobra.Command, file string, f *sweepFlags) error {
	ctx, started := cmd.Context(), time.Now()
	if f.login.Token == "" {
		f.login.Token = os.Getenv(tokenVariable)
	}
	spec, err := sweep.Load(file)
	if err != nil {
		return err
	}
	if f.out == "" {
		f.out = filepath.Join("out", spec.Name)
	}
	if !handsOut(spec) {
		for _, name := range queueFlags {
			if cmd.Flags().Changed(name) {
				return usagef("--%s has no effect: %s has fidelity: analytic, so all its points are worked out in this process", name, file)
			}
		}
		if f.workers < 0 {
			return usagef("--workers %d: %s has fidelity: analytic, so nobody else works on its points", f.workers, file)
		}
	}
	if f.submit && !f.slurm {
		return usagef("gpusim sweep: --submit goes with --slurm")
	}
	sp, err := sweep.NewSpace(spec)
	if err != nil {
		return err
	}
	if err := report.CheckFolder(f.out); err != nil {
		return err
	}
	undo, err := report.MakeFolder(f.out)
	if err != nil {
		return err
	}
	defer undo()
	if f.slurm {
		if done, err := a.slurm(ctx, spec, f); done || err != nil {
			return err
		}
	}
	queue, stop, err := a.openQueue(ctx, sp, spec, f)
	if err != nil {
		return err
	}
	defer stop()
	store, err := openStore(f) // last: a shared one stays once it is made
	if err != nil {
		return err
	}
	defer store.Close()
	table, err := sp.NewTable(f.out)
	if err != nil {
		return fmt.Errorf("cannot write into the result folder %s: %w", f.out, err)
	}
	defer table.Close()
	bar := newSweepBar(a.err)
	result, err := sp.Run(ctx, store, sweep.Options{Workers: f.workers, Queue: queue, Progress: bar.set}, table.Add)
	bar.stop()
	switch {
	case err != nil && ctx.Err() != nil:
		done := 0
		for _, l := range result.Levels {
			done += l.Finished + l.Failed
		}
		return &codeError{exitInterrupted, fmt.Errorf("interrupted; %d points are finished, --resume goes on", done)}
	case err != nil:
		return err
	}
	fmt.Fprint(a.out, result.Text())
	if err := a.writeSweep(spec, file, f, result, table, started); err != nil {
		return err
	}
	slog.Info("swept", "kernels simulated", result.Simulated, "wall", time.Since(started))
	return store.Close()
}

// openStore opens the store of finished points.
func openStore(f *sweepFlags) (*sweep.Store, error) {
	path, own := f.store, f.store == ""
	if own {
		path = sweep.StorePath(f.out)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	store, err := sweep.OpenStore(path)
	if err != nil {
		return nil, err
	}
	store.Own = own
	n, err := store.Count()
	if err == nil && own && n > 0 && !f.resume {
		err = usagef("%s holds points of an earlier sweep: --resume goes on with them, another --out begins anew", path)
	}
	if err != nil {
		_ = store.Close()
		return nil, err
	}
	return store, nil
}

// queueFlags are about others that work too.
var queueFlags = []string{"listen", "nats", "token", "tls-ca", "tls-cert", "tls-key", "ack-wait", "slurm", "submit", "tasks", "cpus"}

// handsOut says whether others can work on points: closed forms are worked out here.
func handsOut(spec *sweep.Spec) bool {
	return spec.Fidelity != string(gpusim.Analytic) || spec.Refine != nil
}

// openQueue opens the queue if there is something to hand out.
func (a *app) openQueue(ctx context.Context, sp *sweep.Space, spec *sweep.Spec, f *sweepFlags) (*sweep.Queue, func(), error) {
	nothing := func() {}
	if !handsOut(spec) {
		return nil, nothing, nil
	}
	var server *sweep.Server
	if f.login.URL == "" {
		var err error
		if server, err = sweep.Serve(f.listen, f.login.Token); err != nil {
			return nil, nothing, &codeError{exitBadInput, err}
		}
	}
	queue, err := sp.OpenQueue(ctx, f.login, server)
	if err != nil {
		if server != nil {
			server.Close()
		}
		var p *sweep.ProtocolError
		if errors.As(err, &p) {
			err = &codeError{exitBadInput, err}
		}
		return nil, nothing, err
	}
	slog.Info("workers may join", "command", "gpusim worker --nats "+queue.Login())
	working, cancel := context.WithCancel(ctx)
	left := make(chan struct{})
	go func() {
		defer close(left)
		if f.workers < 0 {
			return
		}
		if err := queue.Work(working, sp, f.workers); err != nil && working.Err() == nil {
			slog.Warn("no work is done in this process", "error", err)
		}
	}()
	return queue, func() {
		cancel()
		<-left
		queue.Close()
		if server != nil {
			server.Close()
		}
	}, nil
}

func (a *app) writeSweep(spec *sweep.Spec, file string, f *sweepFlags, r *sweep.Result, table *sweep.Table, started time.Time) error {
	m := a.manifest("sweep", started)
	m.Inputs = map[string]string{spec.Source(): spec.Hash()}
	m.Seed, m.ModelHash = uint64(spec.Search.Seed), gpusim.ModelHash()
	base := r.Space.Machine()
	m.Config = &report.ManifestConfig{Argument: spec.Base, Name: base.Name, Hash: base.Hash(), Overrides: spec.Set}
	m.Options = map[string]string{"fidelity": spec.Fidelity, "search": spec.Search.Method}
	m.Interrupted = r.TimeOver
	for _, l := range r.Levels {
		m.Options["points "+l.Level] = fmt.Sprint(l.Finished + l.Failed)
	}
	for _, w := range spec.Workloads {
		m.Workloads = append(m.Workloads, w.Run)
	}
	m.WorkloadsHash = report.HashList(m.Workloads)
	rows, err := table.Finish()
	if err != nil {
		return err
	}
	if err := report.WriteResults(f.out, append(r.Files(), rows), m); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "results are in %s/\n", strings.TrimSuffix(filepath.ToSlash(f.out), "/"))
	return nil
}

// slurm writes the array job and, with --submit, submits it; done says that this was all
// that was asked for.
func (a *app) slurm(ctx context.Context, spec *sweep.Spec, f *sweepFlags) (done bool, err error) {
	url := f.login.URL
	if url == "" {
		host, err := os.Hostname()
		if err != nil {
			return false, err
		}
		_, port, ok := strings.Cut(f.listen, ":")
		if strings.HasPrefix(f.listen, "127.") || !ok || port == "0" || port == "" {
			return false, usagef("gpusim sweep: --slurm needs a queue that compute nodes reach: --nats URL, or --listen 0.0.0.0:4222 with a token")
		}
		url = "nats://" + host + ":" + port
	}
	program, err := os.Executable()
	if err != nil {
		return false, err
	}
	if f.tasks < 1 || f.cpus < 1 {
		return false, usagef("gpusim sweep: --tasks and --cpus are at least 1")
	}
	job := sweep.Slurm{Program: program, URL: url, Tasks: f.tasks, CPUs: f.cpus, Log: filepath.Join(f.out, "worker-%a.log"), CA: f.login.CA}
	path := filepath.Join(f.out, "workers.sbatch")
	if err := os.WriteFile(path, []byte(job.Script(spec.Name)), 0o755); err != nil {
		return false, err
	}
	if !f.submit {
		fmt.Fprintf(a.out, "sbatch %s    starts %d workers; then run the sweep without --slurm\n", path, f.tasks)
		return true, nil
	}
	out, err := exec.CommandContext(ctx, "sbatch", path).CombinedOutput()
	if err != nil {
		return false, fmt.Errorf("sbatch %s: %w: %s", path, err, oneLine(string(out)))
	}
	fmt.Fprintln(a.err, oneLine(string(out)))
	return false, nil
}
