package gpusim

import (
	"math/bits"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

// Sampling leaves out main-loop iterations and whole waves where they repeat.
// The numbers below are about how much is simulated, not about how fast
// anything is: more iterations cost time and gain accuracy.
const (
	settleFirst = 8   // iterations until the first loads no longer show in the pace
	settleLater = 2   // iterations after a jump until caches follow again
	measured    = 8   // iterations over which a pace is taken
	tailWindow  = 6   // last iterations, always simulated
	longLoop    = 256 // iterations beyond which the pace is probed again, at geometrically spaced k
	fullWaves   = 3   // waves simulated of a grid that has more than leastWaves
	leastWaves  = 4
	smallKernel = 1 << 20 // warp instructions up to which nothing is left out
)

// plan prepares a kernel for launch and decides what to leave out.
func plan(k *tile.Kernel, g *configs.GPU, f Fidelity) (*gpu.Launch, error) {
	var cta tile.CTA
	k.Place(0, &cta)
	trips := int(cta.Trips)
	p, err := sm.Prepare(k, g, nil)
	if err != nil {
		return nil, err
	}
	l := &gpu.Launch{Prepared: p}
	insts := 0
	for _, r := range k.Role {
		insts += k.Programs[r].Instructions(trips)
	}
	if f == Detailed || insts*k.CTAs() <= smallKernel {
		return l, nil
	}
	p.Plan = loopPlan(trips)
	l.Waves = wavePlan(k.CTAs(), max(1, k.Splits), g.SM.Count*p.CTAsPerSM)
	return l, nil
}

// loopPlan places windows in a loop of so many iterations; nil if it is too
// short for anything to be left out.
func loopPlan(trips int) *sm.Plan {
	head := settleFirst + measured
	if trips <= 2*(head+tailWindow) {
		return nil
	}
	starts := []int{0}
	for at := longLoop; at < trips-longLoop && len(starts) < 4; at *= 8 {
		starts = append(starts, at)
	}
	p := &sm.Plan{}
	for i, from := range starts {
		settle := settleLater
		if i == 0 {
			settle = settleFirst
		}
		to := from + settle + measured
		next := trips - settleLater - tailWindow
		if i+1 < len(starts) {
			next = starts[i+1]
		}
		p.Windows = append(p.Windows, sm.Window{From: int32(from), Settle: int32(from + settle), To: int32(to), Skip: int32(next - to)})
	}
	last := trips - settleLater - tailWindow
	p.Windows = append(p.Windows, sm.Window{From: int32(last), Settle: int32(last + settleLater), To: int32(trips)})
	return p
}

// wavePlan leaves out whole waves after the second. Of split-K it leaves out
// the same tiles in each slice.
func wavePlan(ctas, splits, slots int) gpu.WavePlan {
	p := gpu.WavePlan{Slots: slots}
	plane := ctas / splits
	keep := (fullWaves*slots + splits - 1) / splits
	by := (plane - keep) / slots * slots
	if ctas/slots <= leastWaves || by <= 0 {
		return p
	}
	p.At, p.By = keep*2/3, by
	if splits > 1 {
		p.Plane = plane
	}
	return p
}

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
	m := &r.Memory
	c.L2Hits, c.L2Misses = scaled(m.L2Hits, c.loopScale), scaled(m.L2Misses, c.loopScale)
	c.L2ReadSectors, c.L2WriteSectors = scaled(m.L2ReadSectors, c.loopScale), scaled(m.L2WriteSectors, c.ctaScale)
	c.DRAMReadSectors, c.DRAMWriteSectors = scaled(m.DRAMReadSectors, c.loopScale), scaled(m.DRAMWriteSectors, c.ctaScale)
	c.Activates, c.Requests = scaled(m.Activates, c.loopScale), scaled(m.Requests, c.loopScale)
	return c
}
