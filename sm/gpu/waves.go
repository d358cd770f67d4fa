package gpu

import (
	"slices"

	"gpusim/sm"
)

// WavePlan leaves whole waves out of a large grid: CTAs [At, At+By) of each
// plane are not run. A plane is Plane CTAs, the whole grid where that is 0;
// slices of split-K are planes, so that an output tile is left out in all of
// them and nobody waits for a slice that is not there. What is left out of all
// planes is a multiple of the CTAs that the GPU holds at once (Slots), and more
// than a wave comes before the gap in each.
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

// plane is the plane of CTA i of the grid if a gap follows it there, else -1.
func (p *WavePlan) plane(i int) int {
	plane := 0
	if p.Plane > 0 {
		plane, i = i/p.Plane, i%p.Plane
	}
	if p.By == 0 || i >= p.At {
		return -1
	}
	return plane
}

// skipped is the time of the CTAs left out of a plane, at the pace of those
// before them, in time that includes skipped iterations. Their ends are
// compared with those a wave or more later, because CTAs end in steps, and
// mean with mean, because CTAs drift and waves overlap. Of four waves or more
// the first half only fills the caches.
func (p *WavePlan) skipped(ends []uint64) uint64 {
	from := max(0, len(ends)/2/p.Slots-1) * p.Slots
	later := len(ends) - p.Slots
	if later <= from {
		return 0
	}
	slices.Sort(ends)
	var first, last uint64
	for i := range p.Slots {
		first += ends[from+i]
		last += ends[later+i]
	}
	return (last - first) / uint64(p.Slots) * uint64(p.By) / uint64(later-from)
}

// Cycles is the kernel's duration including what sampling left out.
func (l *Launch) Cycles() uint64 { return l.End - l.Start + l.Skipped }

// virtualEnd notes a CTA's end in time that includes what was left out.
func (l *Launch) virtualEnd(d sm.Done) {
	v := d.Cycle + d.Skipped
	l.longest = max(l.longest, v)
	if plane := l.Waves.plane(d.CTA); plane >= 0 {
		for len(l.ends) <= plane {
			l.ends = append(l.ends, nil)
		}
		l.ends[plane] = append(l.ends[plane], v)
	}
}

// skipped is the time that sampling left out, of loops and of waves.
func (l *Launch) skipped() uint64 {
	n := l.longest - l.lastDone
	for _, ends := range l.ends {
		n += l.Waves.skipped(ends)
	}
	return n
}
