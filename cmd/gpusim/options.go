package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gpusim"
	"gpusim/workloads"
)

// checkFlags refuses values that would pass for a flag that was not given, such as that of a
// variable of the shell that is not set.
func checkFlags(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) { // those that are given
		value := f.Value.String()
		switch f.Value.Type() {
		case "string":
			if value == "" {
				err = usagef("--%s: no value given", f.Name)
			}
		case "int":
			if n, _ := strconv.Atoi(value); f.Name == "workers" && n < 0 && !(n == -1 && cmd.Name() == "sweep") {
				err = usagef("--workers %d: must be 0 (one per core) or more", n)
			}
		case "duration":
			if d, _ := time.ParseDuration(value); d < 0 || d == 0 && f.Name != "idle" {
				err = usagef("--%s %v: must be above 0", f.Name, d)
			}
		}
	})
	return err
}

// oneOf checks a flag that takes one of a few words.
func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	if near, ok := workloads.Nearest(value, allowed); ok {
		return usagef("--%s %s: did you mean %q? (allowed: %s)", flag, value, near, strings.Join(allowed, ", "))
	}
	return usagef("--%s %s: allowed are %s", flag, value, strings.Join(allowed, ", "))
}

func fidelityOf(value string) (gpusim.Fidelity, error) {
	err := oneOf("fidelity", value, string(gpusim.Detailed), string(gpusim.Sampled), string(gpusim.Analytic))
	return gpusim.Fidelity(value), err
}

// valuesFlag adds --values.
func valuesFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "values", "random", "how operands are distributed: random, one-signed, integers, trained or zeros; bits that flip cost energy, but on links, which scramble them")
}
