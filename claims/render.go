package claims

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Columns of claims.csv: a contract with notebooks.
var columns = []string{"claim", "command", "value", "unit", "expected", "verdict", "note"}

// CSV gives claims.csv, a row per claim in the order of All.
func CSV(rows []Row) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(columns) // a bytes.Buffer takes everything
	for _, r := range rows {
		_ = w.Write([]string{r.Claim, r.Command, number(r.Value, 12), r.Unit, r.Expected, string(r.Verdict), r.Note})
	}
	w.Flush()
	return b.Bytes()
}

// Markdown gives claims.md: what stands in the CSV, by topic, with how each value is
// read from what its command prints.
func Markdown(rows []Row) []byte {
	var b bytes.Buffer
	b.WriteString("# Claims\n\nWhat is said about these machines beside what the simulator gives. Verdicts are\nresults: nothing is fitted to them. `gpusim claims` makes this file and its CSV.\n\n")
	b.WriteString(Tally(rows) + "\n")
	topic := ""
	for _, r := range rows {
		if r.Topic != topic {
			topic = r.Topic
			fmt.Fprintf(&b, "\n## %s\n\n| claim | expected | value | verdict | read as | note |\n|---|---|---|---|---|---|\n", topic)
		}
		value := number(r.Value, 4)
		if value != "" {
			value += " " + r.Unit
		}
		fmt.Fprintf(&b, "| %s | %s | %s | **%s** | %s | %s |\n", pipe(r.Claim), pipe(r.Expected), pipe(value), r.Verdict, pipe(r.Read), pipe(r.Note))
	}
	b.WriteString("\n## Commands\n\n")
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.Command] {
			continue
		}
		seen[r.Command] = true
		fmt.Fprintf(&b, "%s:\n\n```\n%s\n```\n\n", r.Claim, strings.ReplaceAll(r.Command, "; ", "\n"))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Tally counts the verdicts.
func Tally(rows []Row) string {
	n := map[Verdict]int{}
	for _, r := range rows {
		n[r.Verdict]++
	}
	return fmt.Sprintf("%d claims: %d agree, %d partly, %d disagree, %d are not modelled.", len(rows), n[Agrees], n[Partly], n[Disagrees], n[NotModelled])
}

func number(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ""
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', digits, 64)
}

// pipe keeps a text within its cell.
func pipe(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
