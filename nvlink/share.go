package nvlink

import "math"

// way is what flows of one kind take: those of all channels between two ranks
// are alike and get the same rate.
type way struct {
	all   []use
	lean  []use   // those of all that may limit it, see leaner
	limit float64 // of a flow, bytes of data per second

	index int     // among all ways of a fabric
	flows int     // that are under way
	rate  float64 // of each of them
	fixed bool
}

// sharer divides the capacity of resources among flows, max-min fairly.
type sharer struct {
	capacity []float64
	room     []float64 // left by ways whose rate is fixed
	load     []float64 // weights of the others' flows
	active   []int     // resources in use
	seen     []bool
	peak     []float64 // highest share of the capacity in use so far
}

func newSharer(g *graph) *sharer {
	n := g.resources()
	s := &sharer{capacity: make([]float64, n), room: make([]float64, n), load: make([]float64, n), seen: make([]bool, n), peak: make([]float64, n)}
	for i := range n {
		s.capacity[i] = g.capacity(i)
	}
	return s
}

// share sets the rates of flows in bytes per second: all grow together until a
// resource is full or a way meets its own limit; those stop, the others go
// on growing.
func (s *sharer) share(ways []*way) {
	for _, r := range s.active {
		s.seen[r] = false
	}
	s.active = s.active[:0]
	left := 0
	for _, w := range ways {
		if w.flows == 0 {
			continue
		}
		left++
		w.fixed = false
		n := float64(w.flows)
		for _, u := range w.lean {
			if !s.seen[u.res] {
				s.seen[u.res] = true
				s.active = append(s.active, u.res)
				s.room[u.res], s.load[u.res] = s.capacity[u.res], 0
			}
			s.load[u.res] += u.weight * n
		}
	}
	for left > 0 {
		level := math.Inf(1)
		for _, r := range s.active {
			if s.load[r] > 1e-9 {
				level = min(level, s.room[r]/s.load[r])
			}
		}
		for _, w := range ways {
			if w.flows > 0 && !w.fixed {
				level = min(level, w.limit)
			}
		}
		before := left
		left = s.stop(ways, level, left)
		if left == before {
			panic("nvlink: no flow stops growing")
		}
	}
	for _, r := range s.active {
		s.peak[r] = max(s.peak[r], 1-s.room[r]/s.capacity[r])
	}
}

// stop fixes the rate of the ways that cannot grow beyond a level and gives the
// number of those that can.
func (s *sharer) stop(ways []*way, level float64, left int) int {
	const close = 1 + 1e-9 // what fills up together stops together, whatever the rounding
	for _, w := range ways {
		if w.flows > 0 && !w.fixed && (w.limit <= level*close || s.full(w, level*close)) {
			w.rate = -level // fixed below, when all have been looked at
		}
	}
	for _, w := range ways {
		if w.flows == 0 || w.fixed || w.rate != -level {
			continue
		}
		w.fixed, w.rate = true, level
		left--
		for _, u := range w.lean {
			s.room[u.res] = max(0, s.room[u.res]-u.weight*level*float64(w.flows))
			s.load[u.res] -= u.weight * float64(w.flows)
		}
	}
	return left
}

// full says whether a way uses a resource that is full at a level.
func (s *sharer) full(w *way, level float64) bool {
	for _, u := range w.lean {
		if s.room[u.res] <= level*s.load[u.res] {
			return true
		}
	}
	return false
}
