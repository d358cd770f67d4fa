package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gpusim/configs"
	"gpusim/validate"
	"gpusim/workloads"
)

// app is one invocation of the program.
type app struct {
	out, err io.Writer
	simulate validate.Runner
	load     func(nameOrPath string, sets []string) (*configs.Machine, error)
	args     []string // as typed, for manifests
	verbose  int
}

// latch keeps the first error of a writer, so that commands may print without asking.
type latch struct {
	io.Writer
	err error
}

func (l *latch) Write(text []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.Writer.Write(text)
	l.err = err
	return n, err
}

func newApp(out, err io.Writer) *app {
	return &app{out: out, err: err, simulate: simulate, load: configs.Load}
}

// main runs a command line and gives the exit code. Errors are one line.
func (a *app) main(ctx context.Context, args []string) (code int) {
	a.args = args
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(a.err, "gpusim: internal fault: %s\n", oneLine(fmt.Sprint(p)))
			slog.Debug("stack of the fault", "stack", string(debug.Stack()))
			code = exitFailure
		}
	}()
	out := &latch{Writer: a.out}
	a.out = out
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = out.err
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(a.err, "gpusim: %s\n", oneLine(err.Error()))
	return exitCode(ctx, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "gpusim",
		Short: "How fast would this machine run this network, for how many joules, and why?",
		Long: `gpusim simulates GPUs and a CPU baseline on deep-learning workloads, cycle by
cycle where it matters, and says where the time and the energy went.`,
		Example: `  gpusim run volta                                      what the machine file lists
  gpusim run volta --workload gemm:4096x4096x4096:fp16  one matrix product
  gpusim validate                                       against published measurements
  gpusim config list                                    machines that are built in`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.PersistentFlags().CountVarP(&a.verbose, "verbose", "v", "tell on stderr what happens (-vv: more)")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		a.startLog()
		return checkFlags(cmd)
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(a.runCommand(), a.compareCommand(), a.validateCommand(), a.microbenchCommand(), a.energyCommand(), a.areaCommand(), a.sweepCommand(), a.workerCommand(), a.reproduceCommand(), a.claimsCommand(), a.configCommand(), a.workloadCommand(), a.versionCommand())
	return root
}

// group is a command that only holds others.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(children...)
	return c
}

func unknownCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if near, ok := workloads.Nearest(name, names); ok {
		return usagef("%s has no command %q (did you mean %q?)", cmd.CommandPath(), name, near)
	}
	return usagef("%s has no command %q (commands: %s)", cmd.CommandPath(), name, strings.Join(names, ", "))
}

// flagError adds the nearest flag to the message for an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	msg := err.Error()
	if name, ok := strings.CutPrefix(msg, "unknown flag: --"); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near, ok := workloads.Nearest(name, names); ok {
			msg += fmt.Sprintf(" (did you mean --%s?)", near)
		}
	}
	return usagef("%s: %s", cmd.CommandPath(), msg)
}

// startLog sends the program's log to stderr, at the level that -v asks for.
func (a *app) startLog() {
	level := slog.LevelWarn
	switch {
	case a.verbose == 1:
		level = slog.LevelInfo
	case a.verbose > 1:
		level = slog.LevelDebug
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level})))
}

// oneConfig wants exactly one CONFIG argument.
func oneConfig(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return usagef("%s: no CONFIG given (a file, or a name of 'gpusim config list')", cmd.CommandPath())
	case len(args) > 1:
		return usagef("%s: one CONFIG, not %d (%s ...)", cmd.CommandPath(), len(args), strings.Join(args[:2], " "))
	}
	return nil
}

// mayHaveConfig wants one CONFIG argument or none.
func mayHaveConfig(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return oneConfig(cmd, args)
	}
	return nil
}

// completeConfigs offers the embedded machines, and files.
func completeConfigs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return append(configs.Names(), configs.SystemNames()...), cobra.ShellCompDirectiveDefault
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
