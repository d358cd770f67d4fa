package gpusim

import (
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// Sampling leaves out main-loop iterations and whole waves where they repeat.
// The numbers below are about how much is simulated, not about how fast
// anything is: more of it costs time and gains accuracy.
const (
	budget       = 8 << 20 // warp instructions of a kernel up to which nothing is left out, see Options.Budget
	settleCycles = 6144    // issue-bound cycles until the first loads no longer show in the pace
	settleMost   = 8       // iterations that stand for settleCycles at most
	settleAgain  = 2       // iterations after a jump until caches follow again
	longLoop     = 512     // iterations beyond which the pace is probed on the way too
	turnover     = 2       // times that loads fill L2 until what the CTAs before have written no longer shows in the pace
	settleLong   = 12      // iterations that stand for turnover at most
	leastWaves   = 2       // waves simulated at least, and as many of short loops that are not sampled
	unevenWaves  = 4       // the same where CTAs do not keep in step: the first end sooner after each other than later ones
	layerWaves   = 2       // the same of a layer of a network
	layerUneven  = 3       // and where several CTAs of an SM get out of step: what they do outside their loops meets the loops of others
	saved        = 2       // waves left out for each that is simulated, or all are
	layerKept    = 3       // waves simulated at most for each left out of a layer whose CTAs do not keep in step: most have few
)

// plan prepares a kernel for launch and decides what to leave out.
func plan(k *tile.Kernel, g part, o *Options) (*gpu.Launch, error) {
	if g.columns {
		k = columns(k, g.of)
	}
	l, err := planPart(k, g, o)
	if err != nil || g.of == 1 {
		return l, err
	}
	n := k.CTAs()
	if g.columns {
		l.Waves.Others = n - g.ctas(n)
		return l, nil
	}
	l.Waves.Spare(n-g.ctas(n), g.ctas(n))
	if l.Behind > 0 {
		l.Behind = l.Waves.At + l.Waves.By
	}
	return l, nil
}

// planPart does so for the CTAs that a part of a GPU runs.
func planPart(k *tile.Kernel, g part, o *Options) (*gpu.Launch, error) {
	p, err := sm.Prepare(k, g.GPU)
	if err != nil {
		return nil, err
	}
	l := &gpu.Launch{Prepared: p}
	if o.Fidelity == Detailed {
		return l, nil
	}
	var cta tile.CTA
	k.Place(0, &cta)
	s := sampling{ctas: g.ctas(k.CTAs()), bytes: k.Bytes() / g.of, trips: int(cta.Trips), slots: g.SM.Count * p.CTAsPerSM, streams: k.Streams, budget: budget}
	if o.Budget > 0 {
		s.budget = o.Budget
	}
	for _, r := range k.Role {
		fixed := k.Programs[r].Instructions(0)
		s.fixed += fixed
		s.loop += k.Programs[r].Instructions(1) - fixed
		if k.Streams {
			once, each := lines(k, k.Programs[r])
			s.fixed, s.loop = s.fixed+streamLine*once, s.loop+streamLine*each
		}
	}
	if k.Tiles > 0 {
		return l, s.persistent(p)
	}
	if s.insts(s.ctas, s.trips) <= s.budget {
		return l, nil
	}
	skips := func(several bool) bool { // whole waves, as of a stream
		l.Waves = s.streaming(int(g.L2.Size), work(p, g.GPU), several)
		if l.Waves.By == 0 {
			return false
		}
		p.Behind = l.Waves.At + l.Waves.By
		return true
	}
	if k.Streams {
		if skips(s.trips > 0 && !oneLoop(k)) {
			return l, nil
		}
		if p.LoopSends() > 0 && oneLoop(k) {
			return l, p.Sample(s.streamLoop(int(g.L2.Size)))
		}
		return l, nil
	}
	resident := min(p.CTAsPerSM, (s.ctas+g.SM.Count-1)/g.SM.Count)
	s.window = min(settleMost, max(2, settleCycles/max(1, p.LoopCycles()*resident)))
	load := max(1, s.load(k)*min(s.ctas, s.slots))
	s.settle = max(s.window, min(settleLong, (turnover*int(g.L2.Size)+load-1)/load))
	s.line = max(1, g.L2.FillBytes*gemm.Packed(k.DType)/max(1, k.TileK*k.Tensors[0].Elem))
	if k.Splits <= 1 && s.trips < 2*s.least() && work(p, g.GPU) < dramBound && skips(false) {
		return l, nil
	}
	s.leastWaves, s.saved, s.kept = leastWaves, saved, 1
	switch {
	case p.Policy.Even():
	case o.Budget > 0:
		s.leastWaves, s.saved, s.kept = layerWaves, 1, layerKept
		if resident > 1 {
			s.leastWaves = layerUneven
		}
	default:
		s.leastWaves = unevenWaves
	}
	l.Waves = s.waves(max(1, k.Splits))
	if p.LoopSends() > 0 {
		apart := !p.Policy.Even() && s.separate(k, int(g.L2.Size), g.SM.Count, resident)
		if apart {
			s.late = s.lateness(k, int(g.L2.Size), g.SM.Count, resident)
		}
		plan := s.windows(l.Waves.Run(s.ctas))
		if plan == nil && s.late > 0 { // a large L2 holds more than the loop is long: it loses nothing to drift
			s.late = 0
			plan = s.windows(l.Waves.Run(s.ctas))
		}
		if plan != nil && apart {
			plan.Phases = s.phases(&l.Waves, g.SM.Count)
		}
		if err := p.Sample(plan); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// sampling is what the decision rests on.
type sampling struct {
	ctas, trips, slots int
	bytes              int // of all tensors
	fixed, loop        int // warp instructions of a CTA outside its main loop, and of one iteration
	settle, window     int // iterations to settle, and to measure over
	line               int // iterations that share what L2 fetches at once where an operand lies along k
	leastWaves         int // waves simulated at least
	saved, kept        int // waves left out at least, for so many that are simulated
	late               int // see lateness
	streams            bool
	budget             int // warp instructions that may be simulated
}

func (s *sampling) insts(ctas, trips int) int { return ctas * (s.fixed + trips*s.loop) }

// least is the number of iterations that are simulated at least.
func (s *sampling) least() int {
	return min(s.trips, s.settle+2*s.window+settleAgain)
}

// load is what a CTA loads in an iteration, in bytes.
func (s *sampling) load(k *tile.Kernel) int {
	return (k.TileM + k.TileN) * k.TileK / gemm.Packed(k.DType) * k.Tensors[0].Elem
}

// waves leaves out whole waves, the more of them the more work a wave is, if
// that saves two thirds at least, a quarter of a layer's whose CTAs do not keep
// in step: how the last, partial wave meets the ones
// before it is a matter of how far these have drifted, and the error of that is
// shared by all that is left. Of split-K it leaves out the same tiles in each
// slice, and keeps slices so long that the next one finds the tile finished, as
// in the whole grid, and that each shows its own pace.
func (s *sampling) waves(splits int) gpu.WavePlan {
	p := gpu.WavePlan{Slots: s.slots}
	n := max(s.leastWaves, s.budget/s.insts(s.slots, s.least()))
	plane := s.ctas / splits
	keep := (n*s.slots + splits - 1) / splits
	if splits > 1 {
		keep = max(keep, s.slots+s.slots/10)
	}
	full := plane - s.ctas%s.slots
	by := full - keep
	for by > 0 && by*splits%s.slots != 0 {
		by--
	}
	if by*s.kept < s.saved*keep {
		return p
	}
	p.At, p.By = full-by, by
	if splits > 1 {
		p.Plane = plane
	}
	return p
}

// whole rounds iterations up to those that share what L2 fetches at once.
func (s *sampling) whole(n int) int {
	line := max(1, s.line)
	return (n + line - 1) / line * line
}

// windows spreads the iterations that the budget allows over the loop: a
// window at the beginning, one at the end, others evenly on the way. It is nil
// if that would not leave out half at least: a short loop is cheap, and what
// its jumps do to the last CTAs of a grid shows. Jumps begin and land where the next
// iteration, which is loaded for ahead, begins what L2 fetches at once: else each jump
// fetches twice what it leaves out the rest of, half as much again in all where windows
// are short.
func (s *sampling) windows(ctas int) *sm.Plan {
	may := min((s.budget/ctas-s.fixed)/s.loop, s.trips/2)
	line := max(1, s.line)
	simulated, each := s.whole(s.settle+s.window+s.late+1)-1, s.whole(settleAgain+s.window)
	least := simulated + each + line - 1
	if least > s.trips/2 {
		return nil
	}
	n := max(0, min((may-least)/each, sm.MaxWindows-2))
	if s.late > 0 {
		n = 0
	} else if s.trips > longLoop {
		n = max(n, 2)
	}
	p := &sm.Plan{Windows: []sm.Window{{Settle: int32(s.settle), To: int32(simulated)}}}
	left := s.trips - simulated - (n+1)*each
	for i := range n + 1 {
		before := &p.Windows[i]
		from := before.To + int32(left*(i+1)/(n+1)-left*i/(n+1))
		to := from + int32(each)
		if i == n {
			from, to = int32(s.trips-each), int32(s.trips)
		}
		shift := (from + 1) % int32(line)
		from -= shift
		if i < n {
			to -= shift
		}
		before.Skip = from - before.To
		p.Windows = append(p.Windows, sm.Window{From: from, Settle: from + settleAgain, To: to})
	}
	return p
}
