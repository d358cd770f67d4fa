// Package workloads says what to simulate: it reads the workload strings and
// files that users type and turns them into shapes. Its subpackages turn
// shapes into kernels.
package workloads

import (
	"fmt"
	"strings"
)

// KindGEMM is a matrix product.
const KindGEMM = "gemm"

// Workload is one thing to simulate. Exactly one of the pointers is set,
// named by Kind.
type Workload struct {
	Kind string
	GEMM *GEMM
	Text string // canonical form; Parse(Text) gives the same workload
}

// String gives the canonical form.
func (w Workload) String() string { return w.Text }

// Short gives the shortest form that Parse reads back to the same workload.
func (w Workload) Short() string {
	if w.GEMM == nil {
		return w.Text
	}
	return w.GEMM.short()
}

// Error is a mistake in a workload or a workload file. Unsupported marks what
// is well formed but not built yet.
type Error struct {
	File        string // empty for a workload typed on the command line
	Line        int    // 1-based, 0 when no line can be named
	Text        string // the workload as typed, may be empty
	Reason      string
	Unsupported bool
}

// Error gives one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Text != "" {
		fmt.Fprintf(&b, "workload %q: ", e.Text)
	}
	b.WriteString(e.Reason)
	return b.String()
}

// later are the kinds of the workload language that no model takes yet.
var later = []string{"conv", "softmax", "elementwise", "layernorm", "pool", "custom", "model", "allreduce"}

// Parse reads one workload string. Every error is an *Error.
func Parse(s string) (Workload, error) {
	text := strings.TrimSpace(s)
	kind, rest, ok := strings.Cut(text, ":")
	switch {
	case text == "":
		return Workload{}, &Error{Reason: `empty workload (example: "gemm:4096x4096x4096:fp16")`}
	case !ok:
		return Workload{}, &Error{Text: text, Reason: `want KIND:PARAMETERS (example: "gemm:4096x4096x4096:fp16")`}
	}
	switch k := strings.ToLower(kind); {
	case k == KindGEMM:
		g, err := parseGEMM(rest)
		if err != nil {
			return Workload{}, &Error{Text: text, Reason: err.Error()}
		}
		return OfGEMM(g)
	case contains(later, k):
		return Workload{}, &Error{Text: text, Reason: k + " workloads are not supported yet (supported: gemm)", Unsupported: true}
	}
	reason := fmt.Sprintf("unknown kind %q", kind)
	if near, ok := Nearest(kind, append([]string{KindGEMM}, later...)); ok {
		reason += fmt.Sprintf(" (did you mean %q?)", near)
	} else {
		reason += " (supported: gemm)"
	}
	return Workload{}, &Error{Text: text, Reason: reason}
}

// Form describes one form of the workload language.
type Form struct {
	Form    string
	Meaning string
}

// List gives the forms that this build takes, for 'gpusim workload list'.
func List() []Form {
	return []Form{
		{"gemm:m=4096,n=4096,k=4096,dtype=fp16", "matrix product C = op(A) x op(B), column-major as in BLAS"},
		{"  acc=fp32", "accumulator type (default: what the library uses)"},
		{"  ta=n,tb=t", "n plain, t transposed (default n)"},
		{"  batch=16", "independent products of the same shape (default 1)"},
		{"  order=row", "m, n, ta, tb are meant row-major (default col)"},
		{"  kernel=NAME", "forces one kernel of the machine's catalogue"},
		{"gemm:4096x4096x4096:fp16", "the same, short; further key=value may follow after a comma"},
		{"FILE.yaml", "a list of workloads"},
		{"FILE.csv", "every row of a table of measured GEMMs"},
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
