// Package claims holds what is said about deep-learning machines against what the
// simulator gives. Each claim is an entry with the command that shows it, how its
// value is read and the rule of its verdict; verdicts are results, nothing is fitted
// to them.
package claims

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// Verdict says how a claim and the simulator's answer agree.
type Verdict string

// Verdicts.
const (
	Agrees      Verdict = "agrees"
	Partly      Verdict = "partly"
	Disagrees   Verdict = "disagrees"
	NotModelled Verdict = "not modelled" // the note says why
)

// Entry is one claim, or one figure of a claim that has several.
type Entry struct {
	Topic    string // heading under which it stands
	Claim    string
	Command  string // shows it; calls of gpusim are joined by "; "
	Read     string // how the value follows from what the command prints
	Unit     string
	Expected string                     // what the claim would have
	eval     func(*Lab) (answer, error) // an error is the reason why there is no answer
}

// answer is the value of an entry with its verdict.
type answer struct {
	value   float64
	verdict Verdict
	note    string
}

// Row is an entry with its answer.
type Row struct {
	Entry
	Value   float64 // NaN where there is none
	Verdict Verdict
	Note    string
}

// All lists the entries in the order in which they are reported.
func All() []Entry {
	var out []Entry
	for _, topic := range []func() []Entry{cpuClaims, gpuClaims, arrayClaims, comparisonClaims, formatClaims, edgeClaims, systemClaims} {
		out = append(out, topic()...)
	}
	return out
}

// Evaluate answers entries, workers at a time (0: one per core), and tells finished
// after each. What one of them runs the others need not run again. A claim whose run
// fails says so in its note; only the end of ctx is an error, beside which stand the
// rows that were answered before it.
func Evaluate(ctx context.Context, entries []Entry, workers int, finished func()) ([]Row, error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	lab := newLab(ctx)
	answers := make([]*Row, len(entries))
	queue := make(chan int)
	var wg sync.WaitGroup
	for range min(workers, len(entries)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range queue {
				if r := lab.answer(entries[i]); ctx.Err() == nil { // else it may be about the interrupt
					answers[i] = &r
				}
				if finished != nil {
					finished()
				}
			}
		}()
	}
	for i := range entries {
		if ctx.Err() != nil {
			break
		}
		queue <- i
	}
	close(queue)
	wg.Wait()
	var rows []Row
	for _, r := range answers {
		if r != nil {
			rows = append(rows, *r)
		}
	}
	if len(rows) == len(entries) {
		return rows, nil
	}
	return rows, ctx.Err()
}

// answer evaluates one entry; a fault of a model is the reason of this row alone.
func (l *Lab) answer(e Entry) (r Row) {
	r = Row{Entry: e, Value: math.NaN(), Verdict: NotModelled}
	defer func() {
		if p := recover(); p != nil {
			slog.Debug("stack of the fault", "claim", e.Claim, "stack", string(debug.Stack()))
			r.Value, r.Verdict, r.Note = math.NaN(), NotModelled, fmt.Sprintf("internal fault: %v", p)
		}
	}()
	a, err := e.eval(l)
	if err != nil {
		r.Note = strings.Join(strings.Fields(err.Error()), " ")
		return r
	}
	r.Value, r.Verdict, r.Note = a.value, a.verdict, a.note
	return r
}

// judge gives Agrees for a value from low to high, Partly where it lies within the
// wider bounds, else Disagrees.
func judge(v, low, high, wideLow, wideHigh float64) Verdict {
	switch {
	case v >= low && v <= high:
		return Agrees
	case v >= wideLow && v <= wideHigh:
		return Partly
	}
	return Disagrees
}

// atLeast is judge without upper bounds.
func atLeast(v, bound, wide float64) Verdict { return judge(v, bound, math.Inf(1), wide, math.Inf(1)) }
