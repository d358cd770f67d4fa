package gpusim

import (
	"math"

	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

// How far CTAs drift apart that have begun in step. Where DRAM is loaded, SMs do not go
// equally fast, so they get the further apart the longer it goes on; over short loops
// they come together again: who comes late to the next tile finds in L2 what others have
// waited for. [fit] Detailed runs of P4, products by rows with k of 1024, 2048, 4096 and
// 8192 over 15, 10, 16 and 20 waves. SMs are 0.7, 3.5, 10 and 42 iterations apart at the
// end (standard deviation). CTAs that share rows stay closer to each other than to
// others; here each goes its own way, so that times and DRAM bytes of these runs come out
// with a third of that.
const (
	driftRate = 1e-3   // iterations for each iteration of a place for a CTA
	driftMost = 2.5e-5 // times the square of the loop's iterations, that they are apart at most
	driftSeen = 3      // iterations apart from which it is looked at: up to there L2 holds all that CTAs share
)

// drift is that of CTAs with so many iterations.
func drift(trips int) sm.Drift {
	return sm.Drift{Rate: driftRate, Most: driftMost * float64(trips) * float64(trips)}
}

// phases are those of a product under a scheduler that does not serve all CTAs alike.
func (s *sampling) phases(w *gpu.WavePlan, sms int) sm.Phases {
	p := sm.Phases{Beside: sms, Slots: s.slots, Line: s.line}
	if s.late > 0 {
		p.Drift = drift(s.trips)
	}
	if w.By > 0 && w.Plane == 0 {
		p.From, p.At, p.By = w.From(w.At), w.At, w.By
	}
	return p
}

// lateness is how many iterations longer a window is in which CTAs that have drifted apart
// come to what others have loaded: twice what L2 holds of those side by side.
func (s *sampling) lateness(k *tile.Kernel, l2, sms, resident int) int {
	d := drift(s.trips)
	apart := d.Apart(float64(s.ctas) / float64(s.slots) * float64(s.trips))
	if apart < driftSeen {
		return 0
	}
	return turnover * l2 / s.together(k, sms, resident)
}

// together is what all CTAs load in an iteration, in bytes, if those side by side keep in
// step and have a square of tiles.
func (s *sampling) together(k *tile.Kernel, sms, resident int) int {
	side := int(math.Ceil(math.Sqrt(float64(sms))))
	return max(1, side*s.load(k)*resident)
}

// separate says whether residents of an SM, whose iterations are spread over the loop, are
// so far apart that L2 has lost what one has loaded when the next one comes to it.
func (s *sampling) separate(k *tile.Kernel, l2, sms, resident int) bool {
	return s.trips/(resident+1)*s.together(k, sms, resident) > l2
}
