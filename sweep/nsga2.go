package sweep

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// NSGA-II (Deb et al., IEEE Transactions on Evolutionary Computation 6(2), 2002) on the
// places of the axes: non-dominated sorting, crowding distance, binary tournaments.
// Places cross over one by one or to between those of the parents, and mutate to a
// neighbour or anywhere. A point that was looked at before is not looked at again: a
// mutant takes its place.

// individual is a point with what it came to; value is nil where there is no machine, or
// it failed.
type individual struct {
	point    int
	at       []int
	value    []float64
	rank     int
	crowding float64
}

// evolve looks at budget points at most; sizes are those of the axes. value gives the
// values of points in their order, nil for those that are none.
func evolve(ctx context.Context, sizes []int, population, budget int, seed uint64, value func(ctx context.Context, points [][]int) ([][]float64, error)) error {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	e := &evolution{sizes: sizes, r: r, seen: map[int]bool{}}
	space := 1.0
	for _, n := range sizes {
		space *= float64(n)
	}
	budget = int(math.Min(float64(budget), space))
	first := min(population, budget)
	// The first generation is a Latin hypercube, so that each axis is seen as a whole.
	var parents []*individual
	order := make([]permutation, len(sizes))
	for i := range order {
		order[i] = newPermutation(first, mix(seed)+uint64(i))
	}
	var fresh []*individual
	for i := range first {
		at := make([]int, len(sizes))
		for a, n := range sizes {
			at[a] = order[a].at(i) * n / first
		}
		fresh = append(fresh, e.unseen(at))
	}
	for len(fresh) > 0 {
		points := make([][]int, len(fresh))
		for i, x := range fresh {
			points[i] = x.at
		}
		values, err := value(ctx, points)
		if err != nil {
			return err
		}
		for i := range values { // fewer where time is over
			fresh[i].value = values[i]
		}
		if len(values) < len(fresh) {
			return nil
		}
		parents = survive(append(parents, fresh...), population)
		fresh = nil
		for len(fresh) < population && len(e.seen) < budget {
			fresh = append(fresh, e.unseen(e.child(e.choose(parents), e.choose(parents))))
		}
	}
	return nil
}

type evolution struct {
	sizes []int
	r     *rand.Rand
	seen  map[int]bool
}

func (e *evolution) number(at []int) int {
	n := 0
	for i, v := range at {
		n = n*e.sizes[i] + v
	}
	return n
}

// unseen is a new individual at a place, or near it if somebody has been there.
func (e *evolution) unseen(at []int) *individual {
	for tries := 0; e.seen[e.number(at)]; tries++ {
		if tries < 20 {
			at = e.mutate(slices.Clone(at), 1)
			continue
		}
		for i, n := range e.sizes {
			at[i] = e.r.IntN(n)
		}
		if tries > 200 { // little is left: the next free one
			n := e.number(at)
			for e.seen[n] {
				n++
				if size := e.number(top(e.sizes)) + 1; n >= size {
					n = 0
				}
			}
			for i := len(at) - 1; i >= 0; i-- {
				at[i] = n % e.sizes[i]
				n /= e.sizes[i]
			}
		}
	}
	p := e.number(at)
	e.seen[p] = true
	return &individual{point: p, at: at}
}

func top(sizes []int) []int {
	at := make([]int, len(sizes))
	for i, n := range sizes {
		at[i] = n - 1
	}
	return at
}

// choose is a binary tournament.
func (e *evolution) choose(from []*individual) *individual {
	a, b := from[e.r.IntN(len(from))], from[e.r.IntN(len(from))]
	if b.rank < a.rank || b.rank == a.rank && b.crowding > a.crowding {
		return b
	}
	return a
}

// child crosses two parents and mutates.
func (e *evolution) child(a, b *individual) []int {
	at := make([]int, len(e.sizes))
	for i := range at {
		switch x, y := a.at[i], b.at[i]; e.r.IntN(3) {
		case 0:
			at[i] = x
		case 1:
			at[i] = y
		default:
			at[i] = min(x, y) + e.r.IntN(max(x, y)-min(x, y)+1)
		}
	}
	return e.mutate(at, 0)
}

// mutate moves each axis with a chance of one in their number, at least so many.
func (e *evolution) mutate(at []int, least int) []int {
	for moved := -1; moved < least; {
		moved = max(0, moved)
		for i, n := range e.sizes {
			if n == 1 || e.r.IntN(len(e.sizes)) != 0 {
				continue
			}
			moved++
			switch e.r.IntN(4) {
			case 0:
				at[i] = e.r.IntN(n)
			case 1:
				at[i] = max(0, at[i]-1)
			case 2:
				at[i] = min(n-1, at[i]+1)
			default: // a tenth of the axis on average
				at[i] = min(n-1, max(0, at[i]+int(math.Round(e.r.NormFloat64()*float64(n)/10))))
			}
		}
		if least == 0 {
			break
		}
		if e.number(top(e.sizes)) == 0 {
			break
		}
	}
	return at
}

// survive keeps the best: by rank, and of the last rank that fits in part the least
// crowded.
func survive(all []*individual, keep int) []*individual {
	left := slices.Clone(all)
	var out []*individual
	for rank := 0; len(left) > 0 && len(out) < keep; rank++ {
		var level, rest []*individual
		for _, a := range left {
			beaten := false
			for _, b := range left {
				beaten = beaten || worse(a, b)
			}
			if beaten {
				rest = append(rest, a)
			} else {
				a.rank = rank
				level = append(level, a)
			}
		}
		crowd(level)
		if len(out)+len(level) > keep {
			sort.SliceStable(level, func(i, j int) bool { return level[i].crowding > level[j].crowding })
			level = level[:keep-len(out)]
		}
		out = append(out, level...)
		left = rest
	}
	return out
}

// worse says whether b dominates a; whoever has no values is dominated by all who have.
func worse(a, b *individual) bool {
	switch {
	case b.value == nil:
		return false
	case a.value == nil:
		return true
	}
	return dominates(b.value, a.value)
}

// crowd gives each of a level the size of the box between its neighbours.
func crowd(level []*individual) {
	for _, x := range level {
		x.crowding = 0
	}
	if len(level) == 0 || level[0].value == nil {
		return
	}
	for o := range level[0].value {
		sort.SliceStable(level, func(i, j int) bool { return level[i].value[o] < level[j].value[o] })
		last := len(level) - 1
		span := level[last].value[o] - level[0].value[o]
		level[0].crowding, level[last].crowding = math.Inf(1), math.Inf(1)
		for i := 1; i < last && span > 0; i++ {
			level[i].crowding += (level[i+1].value[o] - level[i-1].value[o]) / span
		}
	}
}
