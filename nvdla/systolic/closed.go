package systolic

// Closed is the closed form beside Simulate: the longest of what the array computes and
// of what each SRAM moves. Which folds have to wait for their operands to come round
// follows from the places where they begin and end. A word that a convolution has at
// several places counts as several, so re-reads of its inputs are overrated.
func (a Array) Closed(l Layer, mem Memory) Run {
	m := a.Map(l.Product)
	in, wt := l.sides(&m)
	inputs, weights := newRing(mem.Input, in.words), newRing(mem.Weight, wt.words)
	for cf := range m.ColFolds {
		for rf := range m.RowFolds {
			inputs.walk(in.span(rf, cf))
			weights.walk(wt.span(rf, cf))
		}
	}
	run := Run{Mapping: m, Compute: m.Cycles()}
	run.Fetched = Accesses{inputs.moved(), weights.moved(), m.Accesses().Outputs}
	// At the end the SRAM of the results is full and half of one on its way: what is more
	// has been written, half by half.
	half := ceilDiv(mem.Output.Words, 2)
	drains := ceilDiv(max(0, int(run.Fetched.Outputs)-mem.Output.Words-half), half)
	run.Stall = max(run.Compute, inputs.cycles(), weights.cycles(), uint64(drains*ceilDiv(half, mem.Output.PerCycle))) - run.Compute
	return run
}

// walk makes the halves change places until each set between two places has been
// active, in this order.
func (r *ring) walk(from, to int) {
	if r.fits() {
		return
	}
	set := func(place int) int { return min(place, r.words-1) / r.perSet }
	step := 1
	if from > to {
		step = -1
	}
	for s := set(from); ; s += step {
		if ahead := (s - r.start + r.sets) % r.sets; ahead >= r.active {
			n := ceilDiv(ahead-r.active+1, r.spare)
			r.swaps += uint64(n)
			r.start = (r.start + n*r.spare) % r.sets
		}
		if s == set(to) {
			return
		}
	}
}
