package gpu

import (
	"slices"

	"gpusim/sm"
)

// WavePlan leaves whole waves out of a large grid: CTAs [At, At+By) of each
// plane are not run. A plane is Plane CTAs, the whole grid where that is 0;
// slices of split-K are planes, so that an output tile is left out in all of
// them and nobody waits for a slice that is not there. By is a multiple of the
// CTAs that the GPU holds at once (Slots), and at least two waves come before
// the gap.
type WavePlan struct {
	Slots, At, By, Plane int
}

// planes is the number of planes of a grid of n.
func (p *WavePlan) planes(n int) int {
	if p.Plane == 0 {
		return 1
	}
	return n / p.Plane
}

// Run is the number of CTAs that are run of a grid of n.
func (p *WavePlan) Run(n int) int { return n - p.By*p.planes(n) }

// index maps the i-th CTA that is run to its index in the grid.
func (p *WavePlan) index(i int) int {
	begin := 0
	if p.Plane > 0 {
		begin = i / (p.Plane - p.By) * p.Plane
		i %= p.Plane - p.By
	}
	if i >= p.At {
		i += p.By
	}
	return begin + i
}

// left is the number of waves left out of a grid of n.
func (p *WavePlan) left(n int) int { return p.By * p.planes(n) / max(1, p.Slots) }

// skipped is the time of the waves left out, at the pace of the waves before
// them, in time that includes skipped iterations: from the mean completion of
// one wave to that of another, because CTAs drift and waves overlap. Of n waves
// before the gap the first half only fills the caches.
func (p *WavePlan) skipped(ends []uint64, ctas int) uint64 {
	before := p.At * p.planes(ctas) / max(1, p.Slots)
	if p.By == 0 || before < 2 || len(ends) < before*p.Slots {
		return 0
	}
	slices.Sort(ends)
	mean := func(wave int) (sum uint64) {
		for _, e := range ends[wave*p.Slots : (wave+1)*p.Slots] {
			sum += e
		}
		return sum / uint64(p.Slots)
	}
	from := before/2 - 1
	took := mean(before-1) - mean(from)
	return took * uint64(p.left(ctas)) / uint64(before-1-from)
}

// Cycles is the kernel's duration including what sampling left out.
func (l *Launch) Cycles() uint64 { return l.End - l.Start + l.Skipped }

// virtualEnd notes a CTA's end in time that includes what was left out.
func (l *Launch) virtualEnd(d sm.Done) {
	v := d.Cycle + d.Skipped
	l.longest = max(l.longest, v)
	if l.Waves.By > 0 {
		l.ends = append(l.ends, v)
	}
}
