package sm

import "fmt"

// Plan says which main-loop iterations of every CTA are left out. Windows of
// iterations are simulated; between them the loop counter jumps, all warps of
// all CTAs at the same iteration, so that their relative phase is kept. What
// a jump would have cost is the mean pace of the windows before and after it.
type Plan struct {
	Windows []Window
}

// Window is a run of simulated iterations [From, To) followed by a jump of
// Skip iterations. Pace is measured over [Settle, To): the first iterations
// of a window are left to settle.
type Window struct {
	From, Settle, To, Skip int32
}

// check refuses windows that do not follow each other or measure nothing.
func (p *Plan) check() error {
	if len(p.Windows) > maxWindows {
		return fmt.Errorf("sampling plan has %d windows, at most %d", len(p.Windows), maxWindows)
	}
	for i := range p.Windows {
		w := &p.Windows[i]
		// The clock is read when an iteration ends, so a window that begins
		// behind a jump needs one iteration to settle.
		if w.Settle < w.From || i > 0 && w.Settle == w.From || w.To <= w.Settle || w.Skip < 0 {
			return fmt.Errorf("sampling window %+v is out of order", *w)
		}
		if i > 0 && p.Windows[i-1].To+p.Windows[i-1].Skip != w.From {
			return fmt.Errorf("sampling window %+v does not begin where the jump before it lands", *w)
		}
	}
	return nil
}

// skipAt is the number of iterations that a CTA of so many trips jumps on
// reaching iteration it.
func (p *Plan) skipAt(it, trips int32) int32 {
	for i := range p.Windows {
		if p.Windows[i].To == it {
			return p.Windows[i].skip(trips)
		}
	}
	return 0
}

// skip caps a jump for a CTA with fewer iterations than the plan was made
// for, such as the last slice of split-K: its last iteration is always run.
func (w *Window) skip(trips int32) int32 { return max(0, min(w.Skip, trips-1-w.To)) }

// Simulated is the number of iterations that the plan does not skip, of n.
func (p *Plan) Simulated(n int) int {
	for _, w := range p.Windows {
		n -= int(w.Skip)
	}
	return n
}

const maxWindows = 8

// sampler follows one CTA through a plan.
type sampler struct {
	settle  [maxWindows]uint64 // time at which window i had settled
	pace    [maxWindows]uint64 // cycles of the measured part of window i
	skipped uint64             // cycles left out so far, predecessors included
}

// mark notes that the CTA's first warp has finished iteration it-1.
func (s *sampler) mark(p *Plan, it int32, t uint64) {
	if p == nil {
		return
	}
	for i := range p.Windows {
		w := &p.Windows[i]
		if it == w.Settle {
			s.settle[i] = t
		}
		if it == w.To {
			s.pace[i] = t - s.settle[i]
		}
	}
}

// finish adds up what the CTA's jumps would have cost.
func (s *sampler) finish(p *Plan, trips int32) {
	if p == nil {
		return
	}
	for i := range p.Windows {
		w := &p.Windows[i]
		skip := uint64(w.skip(trips))
		if skip == 0 {
			continue
		}
		cost := skip * s.pace[i] / uint64(w.To-w.Settle)
		if i+1 < len(p.Windows) && s.pace[i+1] > 0 {
			next := &p.Windows[i+1]
			cost = (cost + skip*s.pace[i+1]/uint64(next.To-next.Settle)) / 2
		}
		s.skipped += cost
	}
}
