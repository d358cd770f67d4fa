package nvlink

import "math"

// mostSends is how often a rank sends a slice of its own on a folded ring before
// rounds are taken together.
const mostSends = 2048

// coarsen gives how often ranks of a folded ring send in the program. Rounds of
// a long ring are taken together: one then moves as many bytes, takes as many hops
// and as much of the CTA as those that it stands for. All rounds are alike but the
// first few, in which the ring fills, so times and bytes add up to the same.
func (u *setup) coarsen() int {
	all := u.sends()
	few := min(all, mostSends)
	u.coarse = float64(all) / float64(few)
	return few
}

// times is a latency of one round in the rounds that are taken together.
func (u *setup) times(ps uint64) uint64 {
	if u.coarse == 1 {
		return ps
	}
	return uint64(math.Round(float64(ps) * u.coarse))
}
