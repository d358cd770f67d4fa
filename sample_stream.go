package gpusim

import (
	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

// Kernels that stream through their tensors are all waves and hardly a loop. Whole
// waves are left out of them once the pace has settled: their first waves read and
// write in step, and what L2 held before has to go.
const (
	streamLine   = 8       // warp instructions that a line counts as: what it takes to simulate
	streamBudget = 5 << 20 // warp instructions simulated at least, where there are as many
	streamWaves  = 4       // waves simulated at least
	streamTurns  = 2.5     // times that what is simulated fills L2: the pace is that of the second half
)

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

// streaming leaves out whole waves if that saves half at least.
func (s *sampling) streaming(l2 int) gpu.WavePlan {
	p := gpu.WavePlan{Slots: s.slots}
	wave := max(1, s.slots*s.lines*128)
	keep := s.slots * max(streamWaves, streamBudget/s.insts(s.slots, s.trips), int(streamTurns*float64(l2))/wave)
	full := s.ctas / s.slots * s.slots
	if by := full - keep; by >= keep {
		p.At, p.By = keep, by
	}
	return p
}
