package sweep

import (
	"context"
	"math"
	"slices"
	"sort"
)

// refine is the second level: the front and its neighbours.
func (r *runner) refine(ctx context.Context, first *level) error {
	points, err := r.around(ctx, first)
	if err != nil {
		return err
	}
	before := map[int][]float64{}
	var a, b [][]float64
	second, err := r.level(ctx, r.sp.spec.Refine.Fidelity, func(ctx context.Context, l *level) error {
		l.counts.Total = len(points)
		// What the first level said of them, in the same order; all of it is in the store.
		err := r.evaluate(ctx, slices.Values(points), first.fidelity, func(rec *record) error {
			before[rec.point] = r.value(rec.outcome)
			return nil
		})
		if err != nil {
			return err
		}
		return r.evaluate(ctx, r.within(slices.Values(points), l, 0), l.fidelity, func(rec *record) error {
			v, err := l.take(rec)
			if v != nil {
				a, b = append(a, before[rec.point]), append(b, v)
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	if len(second.front.members) > 0 {
		r.result.Front = second.front.members
	}
	for o := range r.result.Objectives {
		x, y := make([]float64, len(a)), make([]float64, len(a))
		for i := range a {
			x[i], y[i] = a[i][o], b[i][o]
		}
		r.result.Correlations = append(r.result.Correlations, [2]float64{rankCorrelation(x, y), float64(len(x))})
	}
	return nil
}

// around picks the points of the second level: the front, or so much of it as there
// is room for, then those of its neighbours on the axes that are nearest to it in the
// objectives, ring by ring.
func (r *runner) around(ctx context.Context, first *level) ([]int, error) {
	want := r.sp.spec.Refine.Points
	chosen := map[int]bool{}
	var out []int
	pick := func(p int) {
		if !chosen[p] {
			chosen[p] = true
			out = append(out, p)
		}
	}
	ms := first.front.members
	for i := range min(want, len(ms)) { // evenly along the first objective
		pick(ms[i*len(ms)/min(want, len(ms))].point)
	}
	ring := slices.Clone(out)
	met := map[int]bool{}
	for len(out) < want && len(ring) > 0 {
		var next []int
		for _, p := range ring {
			for a := range r.sp.axes {
				for _, step := range []int{-1, 1} {
					at := r.sp.At(p)
					if at[a] += step; at[a] < 0 || at[a] >= len(r.sp.axes[a].values) {
						continue
					}
					if q := r.sp.Number(at); !chosen[q] && !met[q] {
						met[q] = true
						next = append(next, q)
					}
				}
			}
		}
		type near struct {
			point    int
			distance float64
		}
		var found []near
		ring = nil
		err := r.evaluate(ctx, slices.Values(next), first.fidelity, func(rec *record) error {
			ring = append(ring, rec.point)
			if rec.outcome == nil || rec.outcome.Error != "" {
				return nil
			}
			found = append(found, near{rec.point, behind(r.value(rec.outcome), ms)})
			return nil
		})
		if err != nil {
			return nil, err
		}
		sort.SliceStable(found, func(i, j int) bool { return found[i].distance < found[j].distance })
		for _, f := range found {
			if len(out) < want {
				pick(f.point)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// behind is how far a point is from the nearest of the front: the largest factor by which
// an objective differs, as a logarithm.
func behind(v []float64, front []member) float64 {
	least := math.Inf(1)
	for _, m := range front {
		most := 0.0
		for i := range v {
			most = math.Max(most, math.Abs(math.Log(math.Abs(v[i]/m.value[i]))))
		}
		least = math.Min(least, most)
	}
	return least
}
