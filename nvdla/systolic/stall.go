package systolic

import "context"

// Memory is the three SRAMs beside an array.
type Memory struct {
	Input, Weight, Output SRAM
	// WaitTwice adds each wait for an operand twice, as SCALE-Sim 3 did in August
	// 2025 (its read buffer adds the wait to its clock, then adds it again if it is
	// above zero). For comparisons with that program only.
	WaitTwice bool
}

// Run is a layer on an array with its SRAMs.
type Run struct {
	Mapping
	Compute uint64 // cycles without stalls, the closed form
	Stall   uint64 // cycles that the array waits for its SRAMs
	Fetched Accesses
}

// Cycles is the time to the last result.
func (r *Run) Cycles() uint64 { return r.Compute + r.Stall }

// Simulate steps through the folds of a layer cycle by cycle and stops the
// array whenever an operand is not in the active half of its SRAM or the
// SRAM of the results is full. Operands that fit half of their SRAM are not
// looked at word by word. The end of ctx, which is the one error, ends it with the fold.
func (a Array) Simulate(ctx context.Context, l Layer, mem Memory) (Run, error) {
	m := a.Map(l.Product)
	run := Run{Mapping: m, Compute: m.Cycles()}
	in, wt := l.sides(&m)
	inputs, weights, out := newReader(mem.Input, &in), newReader(mem.Weight, &wt), newWriter(mem.Output)
	for _, r := range []*reader{inputs, weights} {
		if r != nil {
			r.twice = mem.WaitTwice
		}
	}
	outputs := m.Accesses().Outputs
	if inputs == nil && weights == nil && outputs <= uint64(mem.Output.Words-out.drainAt) {
		run.Fetched = Accesses{uint64(in.words), uint64(wt.words), outputs}
		return run, nil
	}
	buf := make([]int, 0, max(a.Rows, a.Cols))
	cycle := int64(0)
	for cf := range m.ColFolds {
		for rf := range m.RowFolds {
			if err := ctx.Err(); err != nil {
				return run, err
			}
			for c := range m.FoldCycles() {
				late := int64(0)
				if inputs != nil {
					_, buf = in.demand(rf, cf, c, buf[:0])
					late = max(late, inputs.wait(cycle, buf))
				}
				if weights != nil {
					_, buf = wt.demand(rf, cf, c, buf[:0])
					late = max(late, weights.wait(cycle, buf))
				}
				if n := m.results(rf, cf, c); n > 0 {
					late = max(late, out.wait(cycle, n))
				}
				run.Stall += uint64(late)
				cycle += 1 + late
			}
		}
	}
	run.Fetched = Accesses{uint64(in.words), uint64(wt.words), outputs}
	if inputs != nil {
		run.Fetched.Inputs = inputs.moved()
	}
	if weights != nil {
		run.Fetched.Weights = weights.moved()
	}
	return run, nil
}
