package report

import (
	"fmt"
	"sort"
	"strings"

	"gpusim"
	"gpusim/nvlink"
)

// mostOps is how many of the longest collectives and transfers of a step are
// printed.
const mostOps = 6

// StepsCSV gives steps.csv: a row for each class of GPUs of a network on a system,
// which do the same: where the time of its step goes. nil if no entry has any.
func StepsCSV(entries []Entry) []byte {
	var rows [][]cell
	for _, e := range sorted(entries) {
		s := e.Result.Step
		if s == nil {
			continue
		}
		for _, c := range s.Classes {
			us := func(seconds float64) cell { return num(seconds * 1e6) }
			rows = append(rows, []cell{
				text(e.Machine.Name), text(e.Workload), num(float64(c.GPU)), num(float64(c.GPUs)), num(e.Result.TimeUS), us(c.Alone), us(c.Slowed),
				us(c.Exposed), us(c.Bubble + c.Idle), us(c.Comm), num(100 * (c.Bubble + c.Idle) * 1e6 / e.Result.TimeUS), num(s.ClosedUS),
			})
		}
	}
	if rows == nil {
		return nil
	}
	return encode(stepColumns, rows)
}

var stepColumns = []string{
	"machine", "workload", "first_gpu", "gpus", "step_us", "compute_us", "slowed_us", "exposed_comm_us", "bubble_us", "comm_us", "bubble_pct", "closed_form_us",
}

// TimelineCSV gives timeline.csv: what each stream of a class of GPUs did when.
func TimelineCSV(entries []Entry) []byte {
	var rows [][]cell
	for _, e := range sorted(entries) {
		if e.Result.Step == nil {
			continue
		}
		for _, s := range inOrder(e.Result.Step.Spans) {
			rows = append(rows, []cell{
				text(e.Machine.Name), text(e.Workload), num(float64(s.GPU)), text(s.Stream), text(s.Name), num(s.Start * 1e6), num(s.End * 1e6),
			})
		}
	}
	if rows == nil {
		return nil
	}
	return encode([]string{"machine", "workload", "first_gpu", "stream", "what", "start_us", "end_us"}, rows)
}

// inOrder sorts spans by GPU, stream and start.
func inOrder(spans []nvlink.Span) []nvlink.Span {
	out := append([]nvlink.Span(nil), spans...)
	sort.SliceStable(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		switch {
		case a.GPU != b.GPU:
			return a.GPU < b.GPU
		case a.Stream != b.Stream:
			return a.Stream < b.Stream
		}
		return a.Start < b.Start
	})
	return out
}

// stepLines tell where the time of a step goes.
func stepLines(r *gpusim.Result) string {
	if r.Step == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %d GPUs, a step of %s us (closed form %s)\n", r.GPUs, human(r.TimeUS), human(r.Step.ClosedUS))
	for _, c := range r.Step.Classes {
		if len(r.Step.Classes) > 1 {
			fmt.Fprintf(&b, "  GPU %d and %d like it:", c.GPU, c.GPUs-1)
		} else {
			b.WriteString("  each:")
		}
		of := func(seconds float64) string { return fmt.Sprintf("%.2f %%", 100*seconds*1e6/r.TimeUS) }
		fmt.Fprintf(&b, " kernels %s, slowed beside collectives by %s, waits for sums %s, for other stages %s; %s with sums under way\n",
			of(c.Alone), of(c.Slowed), of(c.Exposed), of(c.Bubble+c.Idle), of(c.Comm))
	}
	var ops []nvlink.Span
	for _, s := range r.Step.Spans {
		if s.Stream != nvlink.ComputeStream {
			ops = append(ops, s)
		}
	}
	sort.SliceStable(ops, func(i, j int) bool { return ops[i].End-ops[i].Start > ops[j].End-ops[j].Start })
	for i, s := range ops {
		if i == mostOps {
			fmt.Fprintf(&b, "    ... and %d more\n", len(ops)-i)
			break
		}
		fmt.Fprintf(&b, "    %s: %s us from %s us on (GPU %d, %s)\n", s.Name, human((s.End-s.Start)*1e6), human(s.Start*1e6), s.GPU, s.Stream)
	}
	return b.String()
}
