package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gpusim"
	"gpusim/workloads"
)

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
