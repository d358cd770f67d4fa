package gpu

import (
	"slices"

	"gpusim/memory"
	"gpusim/sm"
)

// WavePlan leaves whole waves out of a large grid: CTAs [At, At+By) of each
// plane are not run. A plane is Plane CTAs, the whole grid where that is 0;
// slices of split-K are planes, so that an output tile is left out in all of
// them and nobody waits for a slice that is not there. What is left out of all
// planes is a multiple of the CTAs that the GPU holds at once (Slots). More than
// a wave comes before the gap in each, and what comes behind it in the last is
// a wave at most, so that those before have the GPU full.
//
// Of a kernel that streams (Streams) there is one plane, and the pace is that of
// what comes behind the gap, in an L2 that is in the state in which the gap leaves it.
// What comes before shows how the kernel begins. The first Settle CTAs behind the gap
// show no pace.
//
// Where a part of a GPU is simulated, Beside of the CTAs left out are those that the
// rest of it runs meanwhile: they take no time. Slots are the part's, and there is one
// plane. Or, where CTAs are numbered by parts, Others are those, behind all that are run.
type WavePlan struct {
	Slots, At, By, Plane int
	Streams              bool
	Settle               int
	Beside, Others       int
}

// Spare leaves CTAs out that run beside the ones that the plan is for, whose number is
// ran: in its gap, or behind them if it has none.
func (p *WavePlan) Spare(beside, ran int) {
	if p.By == 0 {
		*p = WavePlan{Slots: p.Slots, At: ran, Streams: true} // no pace is asked for
	}
	p.By += beside
	p.Beside = beside
}

// planes is the number of planes of a grid of n.
func (p *WavePlan) planes(n int) int {
	if p.Plane == 0 {
		return 1
	}
	return n / p.Plane
}

// Run is the number of CTAs that are run of a grid of n.
func (p *WavePlan) Run(n int) int { return n - p.By*p.planes(n) - p.Others }

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

// plane is the plane of CTA i of the grid if the pace of what is left out there is
// that of those like i, else -1.
func (p *WavePlan) plane(i int) int {
	plane := 0
	if p.Plane > 0 {
		plane, i = i/p.Plane, i%p.Plane
	}
	if p.By == 0 || i >= p.At != p.Streams {
		return -1
	}
	return plane
}

// skipped is the time of the CTAs left out of a plane, at the pace of those
// before them, in time that includes skipped iterations. Their ends are
// compared with those a wave later, because CTAs end in steps, and on average,
// because CTAs drift and waves overlap. Of four waves or more the first half
// only fills the caches. spread is how far off it is if a wave is as far from
// the average as one place is, on average.
func (p *WavePlan) skipped(ends []uint64) (cycles, spread uint64) {
	from := p.From(len(ends))
	n := len(ends) - p.Slots - from
	if p.Streams { // the last of all have the GPU for themselves
		from, n = p.Settle, len(ends)-2*p.Slots-p.Settle
	}
	if n <= 0 {
		return 0, 0
	}
	slices.Sort(ends)
	took := uint64(0)
	for i := from; i < from+n; i++ {
		took += ends[i+p.Slots] - ends[i]
	}
	mean, off := took/uint64(n), uint64(0)
	for i := from; i < from+n; i++ {
		one := ends[i+p.Slots] - ends[i]
		off += max(one, mean) - min(one, mean)
	}
	by := uint64(p.By - p.Beside)
	return mean * by / uint64(p.Slots), off * by / uint64(n*p.Slots)
}

// From is the number of the first CTA, of n, on which the pace of what is left out rests.
func (p *WavePlan) From(n int) int { return max(0, n/2/p.Slots-1) * p.Slots }

// Cycles is the kernel's duration including what sampling left out.
func (l *Launch) Cycles() uint64 { return l.End - l.Start + l.Skipped }

// virtualEnd is a CTA's end, and what its SM had left out by then.
type virtualEnd struct{ at, skipped uint64 }

// ended notes a CTA's end.
func (l *Launch) ended(d sm.Done) {
	if plane := l.Waves.plane(d.CTA); plane >= 0 {
		for len(l.ends) <= plane {
			l.ends = append(l.ends, nil)
		}
		l.ends[plane] = append(l.ends[plane], virtualEnd{d.Cycle, d.Skipped})
	}
}

// close adds up what sampling left out, of loops and of waves. It gives what jumps are
// worth of what SMs were charged for them.
func (l *Launch) close(sms []*sm.Comp, m *memory.Counters, perSector float64) (worth float64) {
	o := l.leftOut(sms, m, perSector)
	took := make([]uint64, len(sms))
	for i, n := range pooled(o.jumps) {
		took[i] = max(l.Start, sms[i].Core.LastExit()) + n - l.Start
		l.Spread = max(l.Spread, sms[i].Core.Spread())
	}
	longest := o.longest(sms, took)
	longest -= min(longest, o.hidden)
	ran := l.lastDone - l.Start
	l.SkippedLoops = max(ran, longest) - ran
	l.Skipped = l.SkippedLoops
	for _, ends := range l.ends {
		cycles, spread := l.Waves.skipped(o.times(ends, l.Start, l.lastDone))
		l.Skipped += cycles
		l.Spread += spread
	}
	return o.worth
}

// owe adds to what sampling left out, or takes off it, what L2 owes DRAM.
func (l *Launch) owe(cycles int64) {
	l.Skipped = uint64(max(int64(l.SkippedLoops), int64(l.Skipped)+cycles))
}

// pooled are the cycles that each SM left out. The last SM to finish is the
// one that erred most to the slow side, so each is taken to go at the pace of
// all that held as many CTAs, except for what they lie further apart than the
// windows of single SMs do.
func pooled(jumps [][]sm.Jumps) []uint64 {
	out := make([]uint64, len(jumps))
	for held := range jumps[0] {
		var all sm.Jumps
		for i := range jumps {
			j := &jumps[i][held]
			all.Sends += j.Sends
			all.Cycles += j.Cycles
			all.Doubt += j.Doubt
		}
		if all.Sends == 0 {
			continue
		}
		mean := func(j *sm.Jumps) int64 { return int64(j.Sends * uint64(max(0, all.Cycles)) / all.Sends) }
		apart := uint64(0)
		for i := range jumps {
			j := &jumps[i][held]
			d := j.Cycles - mean(j)
			apart += uint64(d * d)
		}
		const one = 1 << 10
		own := int64(one * (apart - min(apart, all.Doubt)) / max(1, apart))
		for i := range jumps {
			j := &jumps[i][held]
			m := mean(j)
			out[i] += uint64(max(0, m+(j.Cycles-m)*own/one))
		}
	}
	return out
}
