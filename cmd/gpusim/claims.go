package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"gpusim/claims"
	"gpusim/report"
)

type claimsFlags struct {
	out, format string
	only        []string
	workers     int
}

func (a *app) claimsCommand() *cobra.Command {
	var f claimsFlags
	c := &cobra.Command{
		Use:   "claims",
		Short: "What is said about these machines against what the simulator gives",
		Long: `Evaluates each claim with the simulations that show it, and gives its value and a
verdict: agrees, partly, disagrees, or not modelled with the reason. Verdicts are
results; nothing is fitted to them. Takes a few minutes.`,
		Example: `  gpusim claims --out results/claims    claims.md and claims.csv with a manifest
  gpusim claims --only TPU              those whose text has a word in it`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.claims(cmd.Context(), &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.out, "out", "", "write claims.md, claims.csv and a manifest into this `folder`")
	fl.StringVar(&f.format, "format", "table", "table, csv or md")
	fl.StringArrayVar(&f.only, "only", nil, "`word` in the claim or its topic; may be repeated")
	fl.IntVar(&f.workers, "workers", 0, "claims at a time (0: one per core)")
	_ = c.MarkFlagDirname("out")
	return c
}

func (a *app) claims(ctx context.Context, f *claimsFlags) error {
	started := time.Now()
	if err := oneOf("format", f.format, "table", "csv", "md"); err != nil {
		return err
	}
	var entries []claims.Entry
	for _, e := range claims.All() {
		if len(f.only) == 0 || mentions(&e, f.only) {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return usagef("gpusim claims: no claim has %q in it", strings.Join(f.only, ", "))
	}
	if f.out != "" {
		if err := report.CheckFolder(f.out); err != nil {
			return err
		}
	}
	bar := newProgress(a.err, "judging", len(entries))
	var done atomic.Int64
	rows, _ := claims.Evaluate(ctx, entries, f.workers, func() { bar.set(int(done.Add(1))) })
	bar.stop()
	interrupted := stopped(len(rows), len(entries), "claims")
	if len(rows) == 0 { // nothing to show
		return interrupted
	}
	switch f.format {
	case "csv":
		fmt.Fprintf(a.out, "%s", claims.CSV(rows))
	case "md":
		fmt.Fprintf(a.out, "%s", claims.Markdown(rows))
	default:
		fmt.Fprint(a.out, report.ClaimsText(rows))
	}
	if f.out == "" {
		return interrupted
	}
	m := a.manifest("claims", started)
	m.Options = map[string]string{"only": strings.Join(f.only, ",")}
	m.Interrupted = interrupted != nil
	if err := report.WriteResults(f.out, []report.File{
		{Name: "claims.csv", Data: claims.CSV(rows)},
		{Name: "claims.md", Data: claims.Markdown(rows)},
	}, m); err != nil {
		return err
	}
	return interrupted
}

// mentions says whether one of the words stands in a claim or its topic.
func mentions(e *claims.Entry, words []string) bool {
	text := strings.ToLower(e.Topic + " " + e.Claim)
	for _, w := range words {
		if strings.Contains(text, strings.ToLower(w)) {
			return true
		}
	}
	return false
}
