package configs

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Error is a mistake in a machine file, an energy table or a --set argument.
// Line and Col count from 1 and are 0 where no place in a file can be named.
// For a --set argument File is the argument as typed ("--set key=value").
type Error struct {
	File   string
	Line   int
	Col    int
	Key    string // dotted path from the top of the file, empty for the file as a whole
	Reason string
}

// Error gives one line: file:line:col: key.path: reason.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(clip(e.File))
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, max(1, e.Col))
	}
	// A --set argument begins with the key already.
	if e.Key != "" && !strings.HasPrefix(e.File, setPrefix+e.Key+"=") {
		b.WriteString(": " + clip(e.Key))
	}
	b.WriteString(": " + clip(e.Reason))
	return oneLine(b.String())
}

// WorkloadError is a mistake in the i-th workload that the machine's file lists. This
// package knows where they stand, but not what they mean.
func (m *Machine) WorkloadError(i int, err error) error {
	e := &Error{File: m.Name, Key: fmt.Sprintf("workloads.%d", i), Reason: err.Error()}
	if n := m.listed.find(strconv.Itoa(i)); n != nil {
		e.File, e.Line, e.Col = n.file, n.line, n.col
	}
	return e
}

// clip cuts the middle out of a text that quotes a huge value.
func clip(s string) string {
	const keep = 800 // the longest list of allowed values is quoted whole
	if len(s) <= 2*keep {
		return s
	}
	return s[:keep] + " ... " + s[len(s)-keep:]
}

// oneLine writes line breaks and other control characters, which quoted keys
// and arguments may hold, as Go does.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// hint puts a suggestion and an allowed range behind a reason; either may be
// empty.
func hint(suggestion, allowed string) string {
	var parts []string
	if suggestion != "" {
		parts = append(parts, fmt.Sprintf("did you mean %q?", suggestion))
	}
	if allowed != "" {
		parts = append(parts, "allowed "+allowed)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// nearest gives the candidate with the least edit distance to s, the first of
// equals, if it is near enough to be what was meant: at most a third of its
// letters differ.
func nearest(s string, candidates []string) (string, bool) {
	best, found := "", false
	least := 0
	for _, c := range candidates {
		longest := max(len(s), len(c))
		if longest > 64 {
			continue
		}
		d := distance(strings.ToLower(s), strings.ToLower(c))
		if d > max(1, longest/3) || d >= longest {
			continue
		}
		if !found || d < least {
			best, least, found = c, d, true
		}
	}
	return best, found
}

// distance is the number of insertions, deletions, replacements and swaps of
// neighbours between two strings, counted in bytes (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
