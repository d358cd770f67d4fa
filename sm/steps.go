package sm

import "slices"

const (
	cleanTrips = 2 // iterations of each resident, from when all are in their loops, until what others have begun or ended no longer shows in the pace
	keptSteps  = 16
	leastSteps = 5
)

// steps are the latest cycles that an SM took for so many memory instructions in main
// loops while all its CTAs were there. Their median is the pace of a long loop: in a
// sampled run CTAs begin and end far more often than in the whole, and what their stores
// hold up DRAM for, of other SMs' too, falls into few of the steps.
type steps struct {
	cycles, sends uint64 // of the present one
	each          uint64 // memory instructions of one
	held, n       int
	last          [keptSteps]uint64
}

// add counts cycles and memory instructions of an SM with so many residents.
func (s *steps) add(cycles, sends, each uint64, held int) {
	if held != s.held || each != s.each {
		*s = steps{each: each, held: held}
	}
	s.cycles += cycles
	s.sends += sends
	if s.sends >= each {
		s.last[s.n%keptSteps] = s.cycles * each / s.sends
		s.n++
		s.cycles, s.sends = 0, 0
	}
}

// median is that of the latest steps if there are enough with so many residents, else 0.
func (s *steps) median(held int) uint64 {
	n := min(s.n, keptSteps)
	if n < leastSteps || held != s.held {
		return 0
	}
	sorted := s.last
	slices.Sort(sorted[:n])
	return (sorted[n/2] + sorted[(n-1)/2]) / 2
}
