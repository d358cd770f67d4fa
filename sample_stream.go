package gpusim

import (
	"gpusim/configs"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

// Kernels that stream through their tensors are waves of CTAs, or loops of few of
// them. At first all read and write in step, and L2 still holds what was there
// before, of which dirty lines take DRAM's time and clean ones save it. So a part at
// the beginning is simulated as it is; then whole waves, or iterations, are left out,
// L2 is put into the state in which they would have left it, and the pace of what
// comes behind is theirs. So are convolutions and products that move more than they
// compute: their first waves go up to a fifth too fast. [fit] The numbers of waves, 16
// and both bounds were chosen among nine settings on 13 calls of a ResNet-50 training
// step against detailed runs (0.9 % on average behind it; ten other calls 1.8 %).
const (
	streamLine  = 8    // warp instructions that a line counts as: what it takes to simulate
	streamLead  = 1.25 // times that what moves before the gap fills L2
	streamPace  = 0.75 // times that what the pace rests on fills L2
	streamWaves = 3    // waves before the gap, and of those that the pace rests on, at least
	loopPace    = 0.75 // times that what a window of iterations measures fills L2
	loopLeast   = 3    // iterations that it measures at least
	loopWindows = 3    // windows, of which the first leads
	issueWaves  = 16   // waves of either where the pace is not DRAM's
	matrixLead  = 1    // waves before the gap, at least, of a product or convolution whose pace is DRAM's
	matrixPace  = 2    // and of those that the pace rests on
	matrixAgain = 1    // of which so many, the first in step again, show none
	dramBound   = 2    // times as long as DRAM moves its tensors that a product takes whose pace is DRAM's
	issueBound  = 2    // times as long as DRAM moves its tensors that a kernel issues whose pace L2 does not change
)

// oneLoop says whether a kernel has one main loop, which does not write: the second
// pass over a row finds in L2 what the first has left there, and would find all of it
// there if iterations between were left out.
func oneLoop(k *tile.Kernel) bool {
	for _, p := range k.Programs {
		loops := 0
		for _, seg := range p.Segments {
			if !seg.Loop {
				continue
			}
			loops++
			for i := range seg.Code {
				if op := seg.Code[i].Op; op == tile.OpSTG || op == tile.OpRED {
					return false
				}
			}
		}
		if loops != 1 {
			return false
		}
	}
	return true
}

// streamLoop leaves out main-loop iterations of a kernel that streams if that saves
// half of them at least.
func (s *sampling) streamLoop(l2 int) *sm.Plan {
	wave := max(1, s.bytes/s.ctas*min(s.ctas, s.slots)/s.trips)
	turns := func(n float64) int { return max(loopLeast, int(n*float64(l2))/wave+1) }
	lead, each := turns(streamLead), settleAgain+turns(loopPace)
	left := s.trips - lead - (loopWindows-1)*each
	if left < s.trips/2 {
		return nil
	}
	plan := &sm.Plan{Windows: []sm.Window{{Settle: 1, To: int32(lead), Lead: true}}}
	for i := 1; i < loopWindows; i++ {
		before := &plan.Windows[i-1]
		before.Skip = int32(left*i/(loopWindows-1) - left*(i-1)/(loopWindows-1))
		from := before.To + before.Skip
		plan.Windows = append(plan.Windows, sm.Window{From: from, Settle: from + settleAgain, To: from + int32(each)})
	}
	return plan
}

// lines counts what a warp moves between global memory and registers, in lines,
// outside the main loop and in one iteration of it.
func lines(k *tile.Kernel, p *tile.Program) (once, each int) {
	for _, seg := range p.Segments {
		n := 0
		for i := range seg.Code {
			switch in := &seg.Code[i]; in.Op {
			case tile.OpLDG, tile.OpSTG, tile.OpRED:
				n += max(1, k.Accesses[in.Access].Bytes/4)
			}
		}
		if seg.Loop {
			each += n
		} else {
			once += n
		}
	}
	return once, each
}

// streaming leaves out whole waves if that saves a third at least. CTAs that pass over
// their rows several times take twice as many waves until they are out of step.
func (s *sampling) streaming(l2 int, work float64, several bool) gpu.WavePlan {
	p := gpu.WavePlan{Slots: s.slots, Streams: true}
	wave := max(1, s.bytes/s.ctas*s.slots)
	turns := func(n float64, least int) int { return max(least, int(n*float64(l2))/wave+1) }
	before, pace := streamWaves, streamWaves
	switch {
	case !s.streams:
		before, pace, p.Settle = matrixLead, matrixPace, matrixAgain*s.slots
	case several:
		before, pace = 2*before, 2*pace
	}
	before, pace = turns(streamLead, before), turns(streamPace, pace)
	if work > issueBound {
		before, pace = min(before, issueWaves), min(pace, issueWaves)
	}
	lead := s.slots * before
	keep := lead + s.slots*(pace+2) // the pace compares waves, but for the last
	full := s.ctas / s.slots * s.slots
	if by := full - keep; by >= keep/2 {
		p.At, p.By = lead, by
	}
	return p
}

// work is how long a kernel's instructions take of the SMs at least, in times that DRAM
// takes for its tensors.
func work(p *sm.Prepared, g *configs.GPU) float64 {
	return busy(p, g) * g.DRAM.PeakBandwidth() / float64(p.Kernel.Bytes())
}

// busy is how long they take, in seconds.
func busy(p *sm.Prepared, g *configs.GPU) float64 {
	var cta tile.CTA
	p.Kernel.Place(0, &cta)
	n := p.Kernel.CTAs()
	d := p.Demand(&g.SM, &g.Tensor, uint64(n)*uint64(cta.Trips), uint64(n))
	return float64(max(d.Slots, d.SubCore)) / float64(g.SM.Count*g.SM.SubCores) / float64(g.Clock.Sustained)
}
