package report

import (
	"fmt"
	"strings"

	"gpusim/claims"
)

// ClaimsText is what a person reads of claims: a line each, with its note below.
func ClaimsText(rows []claims.Row) string {
	var b strings.Builder
	topic := ""
	for _, r := range rows {
		if r.Topic != topic {
			topic = r.Topic
			fmt.Fprintf(&b, "\n%s\n", strings.ToUpper(topic))
		}
		value := human(r.Value)
		if value != "-" {
			value += " " + r.Unit
		}
		fmt.Fprintf(&b, "  %-12s %s\n", r.Verdict, r.Claim)
		fmt.Fprintf(&b, "               %s; expected %s (%s)\n", value, r.Expected, r.Read)
		if r.Note != "" {
			fmt.Fprintf(&b, "               %s\n", r.Note)
		}
	}
	return strings.TrimPrefix(b.String(), "\n") + "\n" + claims.Tally(rows) + "\n"
}
