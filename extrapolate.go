package gpusim

import (
	"math/bits"

	"gpusim/sm"
	"gpusim/sm/gpu"
)

// scaled is n times a ratio of integers, rounded, without overflow.
func scaled(n uint64, r ratio) uint64 {
	if r.den == 0 {
		return n
	}
	hi, lo := bits.Mul64(n, r.num)
	lo, carry := bits.Add64(lo, r.den/2, 0)
	q, _ := bits.Div64(hi+carry, lo, r.den)
	return q
}

// ratio scales simulated counts to the whole kernel.
type ratio struct{ num, den uint64 }

// memCounts are a kernel's memory events, extrapolated to its whole grid.
type memCounts struct {
	L2Hits, L2Misses                  uint64
	L2ReadSectors, L2WriteSectors     uint64
	DRAMReadSectors, DRAMWriteSectors uint64
	Activates, Requests               uint64
	loopScale, ctaScale               ratio
}

// extrapolate scales what was simulated of a kernel to the whole: loads go
// with main-loop iterations, stores with CTAs.
func extrapolate(r *gpu.Report, w *gpu.Work) memCounts {
	l := r.Launch
	n := l.Kernel.CTAs()
	ran := l.Waves.Run(n)
	c := memCounts{ctaScale: ratio{uint64(n), uint64(ran)}, loopScale: ratio{uint64(n), uint64(ran)}}
	if w.Trips > 0 {
		trips := w.Trips / uint64(n)
		done := trips
		if l.Plan != nil {
			done = uint64(l.Plan.Simulated(int(trips)))
		}
		c.loopScale = ratio{w.Trips, max(1, done*uint64(ran))}
	}
	if n := l.Kernel.Tiles; n > 0 {
		tiles, trips := ranTiles(r)
		c.ctaScale, c.loopScale = ratio{uint64(n), tiles}, ratio{w.Trips, trips}
	}
	m := &r.Memory
	// What main loops do not load goes with CTAs too: C, a residual, sums of other slices.
	part := func(n, once, of uint64) uint64 {
		once = scaled(n, ratio{min(once, of), max(1, of)})
		return scaled(n-once, c.loopScale) + scaled(once, c.ctaScale)
	}
	aside := min(r.SM.AsideSectors, m.L2ReadSectors)
	read := func(n uint64) uint64 { return part(n, aside, m.L2ReadSectors) }
	hits := aside - min(aside, m.AsideMisses)
	hit := func(n uint64) uint64 { return part(n, hits, m.L2Hits) }
	missed := func(n uint64) uint64 { return part(n, m.AsideMisses, m.L2Misses) }
	c.L2Hits, c.L2Misses = hit(m.L2Hits), missed(m.L2Misses)
	c.L2ReadSectors, c.L2WriteSectors = read(m.L2ReadSectors), scaled(m.L2WriteSectors, c.ctaScale)
	c.DRAMReadSectors, c.DRAMWriteSectors = missed(m.DRAMReadSectors), scaled(m.DRAMWriteSectors, c.ctaScale)
	c.Activates, c.Requests = missed(m.Activates), read(m.Requests)
	return c
}

// slots are the issue slots of a whole launch by reason. Iterations left out
// went as those around them on the same SM; an SM that left out fewer than the
// last one to finish was idle meanwhile. In waves left out no SM was, and all parts of
// a GPU are alike.
func slots(g part, r *gpu.Report) [sm.NumReasons]uint64 {
	var out [sm.NumReasons]uint64
	all, loops := uint64(0), int64(0)
	for i, n := range r.SM.Slots {
		loops += r.SM.SkippedSlots[i]
		out[i] = uint64(max(0, int64(n)+r.SM.SkippedSlots[i]))
		all += out[i]
	}
	busy := all - out[sm.Idle]
	perCycle := uint64(g.SM.Count * g.SM.SubCores)
	waves := ratio{busy + (r.Launch.Skipped-r.Launch.SkippedLoops)*perCycle, busy}
	for i := range out {
		if sm.Reason(i) != sm.Idle {
			out[i] = scaled(out[i], waves)
		}
	}
	out[sm.Idle] += uint64(max(0, int64(r.Launch.SkippedLoops*perCycle)-loops))
	// Other parts have as many CTAs, but for what does not divide: there they are idle.
	n := r.Launch.Kernel.CTAs()
	whole := ratio{uint64(n), uint64(g.ctas(n))}
	idle := uint64(0)
	for i := range out {
		idle += uint64(g.of) * out[i]
		if sm.Reason(i) != sm.Idle {
			out[i] = scaled(out[i], whole)
			idle -= min(idle, out[i])
		}
	}
	out[sm.Idle] = idle
	return out
}

// unseen is how much the pace of what is left out differs from that of its
// surroundings without a window showing it. Fitted on 26 random GEMMs of which
// sampling left something out: the interval held the detailed time of 25.
const unseen = 0.03

// beside is the same of the parts of a GPU that are not simulated, of the whole time.
// [fit] With it the intervals of 57 of 62 calls of V100's ResNet-50 training step held
// the detailed times, when each was simulated on three waves.
const beside = 0.02

// spread is half the interval of a launch's time on a part of a GPU, in cycles.
func spread(l *gpu.Launch, p part) float64 {
	n := float64(l.Spread) + unseen*float64(l.Skipped)
	if p.of > 1 {
		n += beside * float64(l.Cycles())
	}
	return n
}
