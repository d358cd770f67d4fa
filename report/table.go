package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	tableWidth = 116 // columns of a terminal that we count on
	labelWidth = 36  // longer workloads get a line of their own
)

// Table lays text out in aligned columns: the first left, the others as
// marked. A first cell that is too long gets a line of its own.
type Table struct {
	Header [][]string // lines of the header
	Left   map[int]bool
	Rows   [][]string
}

// String gives the table with a line break at its end.
func (t *Table) String() string {
	widths := []int{}
	fit := func(row []string, label int) {
		for i, c := range row {
			if len(widths) <= i {
				widths = append(widths, 0)
			}
			if n := utf8.RuneCountInString(c); i > 0 || n <= label {
				widths[i] = max(widths[i], n)
			}
		}
	}
	for _, h := range t.Header {
		fit(h, labelWidth)
	}
	for _, r := range t.Rows {
		fit(r, labelWidth)
	}
	var b strings.Builder
	line := func(row []string) {
		var l strings.Builder
		for i, c := range row {
			pad := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(c)))
			switch {
			case i == 0:
				if utf8.RuneCountInString(c) > widths[0] {
					b.WriteString(c + "\n")
					c, pad = "", strings.Repeat(" ", widths[0])
				}
				l.WriteString(c + pad)
			case t.Left[i]:
				l.WriteString("  " + c + pad)
			default:
				l.WriteString("  " + pad + c)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	for _, h := range t.Header {
		line(h)
	}
	total := 0
	for _, w := range widths {
		total += w + 2
	}
	b.WriteString(strings.Repeat("-", max(0, total-2)) + "\n")
	for _, r := range t.Rows {
		line(r)
	}
	return b.String()
}

// Text gives what a person reads on a terminal: a table with a line per
// workload in the order of the entries, then for each where the time and the
// energy went.
func Text(entries []Entry) string {
	if len(entries) == 0 {
		return "nothing was simulated\n"
	}
	var b strings.Builder
	m := entries[0].Machine
	fmt.Fprintf(&b, "%s: %s\n\n", m.Name, m.Description)
	t := Table{
		Header: [][]string{
			{"workload", "time", "rate", "peak", "bound", "energy", "range", "per op", "power", "payload", "speed", "saves"},
			{"", "us", "TOPS", "%", "", "mJ", "%", "pJ", "W", "%", "of base", "energy"},
		},
		Left: map[int]bool{4: true},
	}
	var failed []string
	for i := range entries {
		e := &entries[i]
		f := e.figures()
		if e.Err != nil {
			failed = append(failed, fmt.Sprintf("%s: %s", e.label(), f.err))
			t.Rows = append(t.Rows, []string{e.label(), "failed"})
			continue
		}
		t.Rows = append(t.Rows, []string{
			e.label(), human(f.timeUS), human(f.tops()), percent(f.peakPct()), f.bound, human(f.energyUJ() / 1e3),
			f.interval(), human(f.pjPerOp()), human(f.powerW()), percent(f.payloadPct()), ratio(f.speedup()), ratio(f.energyRatio()),
		})
	}
	b.WriteString(t.String())
	b.WriteString(footnotes(entries))
	for _, f := range failed {
		b.WriteString("failed: " + f + "\n")
	}
	for i := range entries {
		if i == maxBlocks {
			fmt.Fprintf(&b, "\n(%d more workloads; --out DIR writes the same for all)\n", len(entries)-i)
			break
		}
		b.WriteString(block(&entries[i]))
	}
	return b.String()
}

func (e *Entry) label() string {
	if e.Label != "" {
		return e.Label
	}
	return e.Workload
}

// footnotes say what the columns of the table mean.
func footnotes(entries []Entry) string {
	var b strings.Builder
	for i := range entries {
		e := &entries[i]
		if e.Err != nil {
			continue
		}
		if s := e.Result.Energy.Scope; s != "" {
			fmt.Fprintf(&b, "energy and power: %s, leakage included; payload: its share that is the arithmetic asked for\n", s)
		}
		break
	}
	var types []string
	name := ""
	for i := range entries {
		if r := entries[i].Baseline; r != nil {
			name = r.Machine
			if len(types) == 0 || types[len(types)-1] != r.DType {
				types = append(types, r.DType)
			}
		}
	}
	if name != "" {
		fmt.Fprintf(&b, "base: the whole of %s, computing in %s\n", name, strings.Join(types, ", "))
	}
	return b.String()
}

func percent(v float64) string {
	if s := human(v); s == "-" {
		return s
	}
	return fmt.Sprintf("%.1f", v)
}

func ratio(v float64) string {
	s := human(v)
	if s == "-" {
		return s
	}
	if v >= 100 {
		s = human(float64(int(v + 0.5)))
		s = strings.TrimSuffix(s, ".00")
	} else {
		s = fmt.Sprintf("%.1f", v)
	}
	return s + "x"
}
