package sweep

import (
	"math"
	"slices"
	"sort"
)

// dominates says whether a is no worse than b in all objectives, and better in one.
func dominates(a, b []float64) bool {
	better := false
	for i := range a {
		if a[i] > b[i] {
			return false
		}
		better = better || a[i] < b[i]
	}
	return better
}

// member is a point of a front.
type member struct {
	point  int // number in its space
	value  []float64
	record *record
}

// front is the points that no other dominates, in the order of their first
// objective. What it holds does not grow with the points that it has seen.
type front struct{ members []member }

// add takes a point in if none dominates it, and puts those out that it dominates. Of
// points with equal values the first stays.
func (f *front) add(m member) bool {
	for _, v := range m.value {
		if math.IsNaN(v) {
			return false
		}
	}
	for i := range f.members {
		if v := f.members[i].value; dominates(v, m.value) || slices.Equal(v, m.value) {
			return false
		}
	}
	kept := f.members[:0]
	for _, o := range f.members {
		if !dominates(m.value, o.value) {
			kept = append(kept, o)
		}
	}
	f.members = append(kept, m)
	sort.SliceStable(f.members, func(i, j int) bool {
		if c := slices.Compare(f.members[i].value, f.members[j].value); c != 0 {
			return c < 0
		}
		return f.members[i].point < f.members[j].point
	})
	return true
}

// hypervolume is the volume between a front and a reference point that all of it
// dominates, by slices along the last objective.
func hypervolume(points [][]float64, ref []float64) float64 {
	var inside [][]float64
	for _, p := range points {
		ok := true
		for i := range ref {
			ok = ok && p[i] < ref[i]
		}
		if ok {
			inside = append(inside, p)
		}
	}
	if len(inside) == 0 {
		return 0
	}
	last := len(ref) - 1
	sort.Slice(inside, func(i, j int) bool { return inside[i][last] < inside[j][last] })
	if last == 0 {
		return ref[0] - inside[0][0]
	}
	total := 0.0
	var flat [][]float64 // without the last objective, none dominating another
	for i, p := range inside {
		q := p[:last]
		covered := false
		for _, o := range flat {
			covered = covered || dominates(o, q) || slices.Equal(o, q)
		}
		if !covered {
			flat = slices.DeleteFunc(flat, func(o []float64) bool { return dominates(q, o) })
			flat = append(flat, q)
		}
		top := ref[last]
		if i+1 < len(inside) {
			top = inside[i+1][last]
		}
		if height := top - p[last]; height > 0 {
			total += height * hypervolume(flat, ref[:last])
		}
	}
	return total
}

// rankCorrelation is Spearman's, with mean ranks for ties; NaN for less than two points
// or no spread.
func rankCorrelation(a, b []float64) float64 {
	return correlation(ranks(a), ranks(b))
}

func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return v[order[i]] < v[order[j]] })
	out := make([]float64, len(v))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && v[order[j]] == v[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			out[order[k]] = float64(i+j-1) / 2
		}
		i = j
	}
	return out
}

func correlation(a, b []float64) float64 {
	if len(a) < 2 {
		return math.NaN()
	}
	var ma, mb float64
	for i := range a {
		ma += a[i] / float64(len(a))
		mb += b[i] / float64(len(a))
	}
	var ab, aa, bb float64
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	if aa == 0 || bb == 0 {
		return math.NaN()
	}
	return ab / math.Sqrt(aa*bb)
}
