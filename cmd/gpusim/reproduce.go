package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"gpusim"
	"gpusim/report"
)

func (a *app) reproduceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reproduce DIR",
		Short: "Run again what a result folder's manifest says, and compare the bytes",
		Long: `Runs the command that a result folder was made by into a temporary folder, and compares
every file but the manifest. Exit code 3 if one differs. Files that the command names are
looked for where it was run: from where its --out names this folder, else in the working
directory.`,
		Example: `  gpusim reproduce results/volta`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s: one result folder", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.reproduce(cmd.Context(), args[0]) },
	}
}

func (a *app) reproduce(ctx context.Context, dir string) error {
	path := filepath.Join(dir, report.ManifestName)
	text, err := os.ReadFile(path)
	if err != nil {
		return usagef("%s is no result folder: %v", dir, err)
	}
	var m report.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return usagef("%s: %v", path, err)
	}
	if len(m.CommandLine) < 2 || len(m.Files) == 0 {
		return usagef("%s does not say how the folder was made", path)
	}
	if m.Interrupted {
		return usagef("%s: the run was interrupted or ended by a time budget, so it cannot be repeated to the byte", path)
	}
	names := make([]string, 0, len(m.Files))
	for n := range m.Files {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names { // a folder that was changed by hand proves nothing
		data, err := os.ReadFile(filepath.Join(dir, n))
		if err != nil {
			return &codeError{exitCheck, fmt.Errorf("%s: %s is missing", dir, n)}
		}
		if report.Hash(data) != m.Files[n] {
			return &codeError{exitCheck, fmt.Errorf("%s: %s is not what the manifest describes: it was changed", dir, n)}
		}
	}
	temp, err := os.MkdirTemp("", "gpusim-reproduce")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if temp, err = filepath.Abs(temp); err != nil {
		return err
	}
	args := again(m.CommandLine[1:], temp)
	given := dir
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := a.repeat(ctx, path, args, madeIn(dir, m.CommandLine)); err != nil {
		return err
	}
	var differ []string
	for _, n := range names {
		was, err1 := os.ReadFile(filepath.Join(dir, n))
		is, err2 := os.ReadFile(filepath.Join(temp, n))
		switch {
		case err1 != nil:
			return err1
		case err2 != nil:
			differ = append(differ, n+" (not made any more)")
		case !bytes.Equal(was, is):
			differ = append(differ, fmt.Sprintf("%s (line %d)", n, firstDifference(was, is)))
		}
	}
	if len(differ) > 0 {
		why := "by version " + m.Version
		if m.ModelHash != "" && m.ModelHash != gpusim.ModelHash() {
			why += ", with other models"
		}
		return &codeError{exitCheck, fmt.Errorf("%s was made %s and comes out otherwise now: %s", given, why, strings.Join(differ, ", "))}
	}
	fmt.Fprintf(a.out, "%s: %d files are the same, byte for byte\n", given, len(names))
	return nil
}

// repeat runs a command in the folder where it seems to have been run, and if its files are
// not there, as of a folder that was moved, in the working directory.
func (a *app) repeat(ctx context.Context, manifest string, args []string, home string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	defer func() { _ = os.Chdir(here) }() // it was there a moment ago
	places := []string{home, here}
	if home == "" || home == here {
		places = places[1:]
	}
	for i, place := range places {
		if err := os.Chdir(place); err != nil {
			return err
		}
		where := ""
		if place != here {
			where = "in " + place + ": "
		}
		fmt.Fprintf(a.out, "%sgpusim %s\n", where, strings.Join(args[:len(args)-2], " "))
		var said bytes.Buffer
		sub := newApp(io.Discard, &said)
		sub.simulate, sub.load = a.simulate, a.load
		code := sub.main(ctx, args)
		if code == exitOK || code == exitCheck {
			return nil
		}
		if code != exitBadInput || i == len(places)-1 {
			return &codeError{code, fmt.Errorf("the command of %s fails: %s", manifest, oneLine(said.String()))}
		}
	}
	return nil
}

// madeIn is the folder in which the command of a result folder was run, empty if that
// cannot be told: the one in which the command's --out, or its default, names the folder.
func madeIn(dir string, command []string) string {
	out := filepath.Join("out", filepath.Base(dir))
	for i, arg := range command {
		if v, ok := strings.CutPrefix(arg, "--out="); ok {
			out = v
		} else if arg == "--out" && i+1 < len(command) {
			out = command[i+1]
		}
	}
	if !filepath.IsLocal(out) {
		return ""
	}
	home, ok := strings.CutSuffix(dir, string(filepath.Separator)+filepath.Clean(out))
	if !ok {
		return ""
	}
	return home
}

// notAgain are flags of a command line that say where to, with whom and from where on,
// with the number of words behind them.
var notAgain = map[string]int{
	"--out": 1, "--store": 1, "--nats": 1, "--token": 1, "--tls-ca": 1, "--tls-cert": 1, "--tls-key": 1, "--listen": 1, "--ack-wait": 1, "--workers": 1,
	"--tasks": 1, "--cpus": 1, "--resume": 0, "--slurm": 0, "--submit": 0, "--monitor": 0, "--assert": 1,
}

// again is a command line without what must not be repeated, into another folder.
func again(args []string, out string) []string {
	var kept []string
	for i := 0; i < len(args); i++ {
		name, _, joined := strings.Cut(args[i], "=")
		n, drop := notAgain[name]
		switch {
		case !drop:
			kept = append(kept, args[i])
		case !joined:
			i += n
		}
	}
	return append(slices.Clip(kept), "--out", out)
}

// firstDifference is the first line that differs, from 1.
func firstDifference(a, b []byte) int {
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range x {
		if i >= len(y) || !bytes.Equal(x[i], y[i]) {
			return i + 1
		}
	}
	return len(x) + 1
}
