package sweep

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestFrontIsWhatNobodyDominates(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var f front
		var all [][]float64
		for p := range 200 {
			v := []float64{float64(r.IntN(20)), float64(r.IntN(20)), float64(r.IntN(20))}
			all = append(all, v)
			f.add(member{point: p, value: v})
		}
		want := map[string]bool{}
		for _, a := range all {
			beaten := false
			for _, b := range all {
				beaten = beaten || dominates(b, a)
			}
			if !beaten {
				want[fmt.Sprint(a)] = true
			}
		}
		if len(f.members) != len(want) {
			t.Fatalf("%d on the front, want %d", len(f.members), len(want))
		}
		for _, m := range f.members {
			if !want[fmt.Sprint(m.value)] {
				t.Fatalf("%v is dominated", m.value)
			}
		}
	}
}

// Hypervolume against counting unit cubes.
func TestHypervolume(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		var points [][]float64
		for range 1 + r.IntN(6) {
			points = append(points, []float64{float64(r.IntN(8)), float64(r.IntN(8)), float64(r.IntN(8))})
		}
		cubes := 0
		for x := range 7 {
			for y := range 7 {
				for z := range 7 {
					for _, p := range points {
						if p[0] <= float64(x) && p[1] <= float64(y) && p[2] <= float64(z) {
							cubes++
							break
						}
					}
				}
			}
		}
		if v := hypervolume(points, []float64{7, 7, 7}); math.Abs(v-float64(cubes)) > 1e-9 {
			t.Fatalf("%v: %v, %d cubes", points, v, cubes)
		}
	}
}

func TestRankCorrelation(t *testing.T) {
	t.Parallel()
	if c := rankCorrelation([]float64{1, 2, 3, 4}, []float64{10, 100, 1000, 10000}); c != 1 {
		t.Error(c)
	}
	if c := rankCorrelation([]float64{1, 2, 3, 4}, []float64{4, 3, 2, 1}); c != -1 {
		t.Error(c)
	}
	// Ties share a rank: by hand, ranks 0 1.5 1.5 3 and 0 1 2 3 give 4.5 / sqrt(4.5 x 5).
	if c := rankCorrelation([]float64{1, 2, 2, 3}, []float64{1, 2, 3, 4}); math.Abs(c-4.5/math.Sqrt(22.5)) > 1e-12 {
		t.Error(c)
	}
}

// Elasticities of a power law are its exponents, whatever the points.
func TestElasticitiesOfAPowerLaw(t *testing.T) {
	t.Parallel()
	sp := &Space{axes: []axis{{numbers: []float64{1, 2, 4, 8}}, {numbers: []float64{10, 30, 50}}, {numbers: []float64{math.NaN(), 1}}}}
	e := newElasticities(sp, 2)
	r := rand.New(rand.NewPCG(5, 6))
	for range 40 {
		at := []int{r.IntN(4), r.IntN(3), r.IntN(2)}
		x, y := sp.axes[0].numbers[at[0]], sp.axes[1].numbers[at[1]]
		e.add(sp, at, []float64{7 * math.Pow(x, -0.8) * math.Pow(y, 0.25), x})
	}
	s, explained := e.of(0)
	if math.Abs(s[0]+0.8) > 1e-9 || math.Abs(s[1]-0.25) > 1e-9 || math.Abs(explained-1) > 1e-9 {
		t.Errorf("%v, %v", s, explained)
	}
	if s, _ := e.of(1); math.Abs(s[0]-1) > 1e-9 || math.Abs(s[1]) > 1e-9 {
		t.Errorf("%v", s)
	}
}

// Where the points do not tell there is no elasticity, whatever rounding leaves of sums.
func TestElasticitiesOfNothing(t *testing.T) {
	t.Parallel()
	sp := &Space{axes: []axis{{numbers: []float64{1.48e9, 1.53e9}}, {numbers: []float64{3, 7, 11}}, {numbers: []float64{6, 14, 22}}}}
	one, tied := newElasticities(sp, 2), newElasticities(sp, 2)
	for i := range 30 {
		x := sp.axes[1].numbers[i%3]
		one.add(sp, []int{1, i % 3, (i / 3) % 3}, []float64{x * x, 1.7})
		tied.add(sp, []int{i % 2, i % 3, i % 3}, []float64{x, 1.7})
	}
	s, explained := one.of(0)
	if !math.IsNaN(s[0]) || math.Abs(s[1]-2) > 1e-9 || math.Abs(s[2]) > 1e-9 || math.Abs(explained-1) > 1e-9 {
		t.Errorf("all points at one clock: %v, %v", s, explained)
	}
	if s, explained := one.of(1); math.Abs(s[1]) > 1e-9 || !math.IsNaN(explained) {
		t.Errorf("an objective that never changes: %v, %v", s, explained)
	}
	if s, explained := tied.of(0); !math.IsNaN(s[0]) || !math.IsNaN(s[1]) || !math.IsNaN(explained) {
		t.Errorf("two axes that move together: %v, %v", s, explained)
	}
}

// balance is a problem of three axes whose front is known: two quantities have to fit the
// first one, each along a curve of its own. Where they do, designs lie on a quarter of a
// circle; a step beside it costs a quarter, each further one more. So of the whole grid
// just one point for each value of the first axis is on the front, and all others are far
// behind.
type balance struct{ sizes [3]int }

func (b balance) best(x int) (y, z int) {
	u := float64(x) / float64(b.sizes[0]-1)
	return int(math.Round(float64(b.sizes[1]-1) * u * u)), int(math.Round(float64(b.sizes[2]-1) * (0.5 + 0.4*math.Sin(5*u))))
}

func (b balance) value(at []int) []float64 {
	y, z := b.best(at[0])
	off := math.Abs(float64(at[1]-y)) + math.Abs(float64(at[2]-z))
	scale := 1.0
	if off > 0 {
		scale = 1.25 + 0.05*off
	}
	angle := math.Pi / 2 * float64(at[0]) / float64(b.sizes[0]-1)
	return []float64{scale * (1 - 0.9*math.Cos(angle)), scale * (1 - 0.9*math.Sin(angle))}
}

// NSGA-II finds 95 % of the hypervolume of a known front with a fifth of the grid's
// points, where as many random points do not.
func TestNSGA2AgainstGrid(t *testing.T) {
	t.Parallel()
	b := balance{[3]int{20, 24, 20}}
	total := b.sizes[0] * b.sizes[1] * b.sizes[2]
	at := func(n int) []int {
		return []int{n / b.sizes[2] / b.sizes[1], n / b.sizes[2] % b.sizes[1], n % b.sizes[2]}
	}
	var grid front
	for n := range total {
		grid.add(member{point: n, value: b.value(at(n))})
	}
	if len(grid.members) != b.sizes[0] {
		t.Fatalf("%d points on the front", len(grid.members))
	}
	for _, m := range grid.members {
		p := at(m.point)
		if y, z := b.best(p[0]); y != p[1] || z != p[2] {
			t.Fatalf("%v is on the front", p)
		}
	}
	volume := func(f *front) float64 {
		var points [][]float64
		for _, m := range f.members {
			points = append(points, m.value)
		}
		return hypervolume(points, []float64{1.01, 1.01})
	}
	whole := volume(&grid)
	for seed := range uint64(10) {
		var found, random front
		looked := map[string]bool{}
		err := evolve(context.Background(), b.sizes[:], 40, total/5, seed, func(_ context.Context, points [][]int) ([][]float64, error) {
			var out [][]float64
			for _, p := range points {
				if looked[fmt.Sprint(p)] {
					t.Fatal("a point is looked at twice")
				}
				looked[fmt.Sprint(p)] = true
				v := b.value(p)
				found.add(member{point: len(looked), value: v})
				out = append(out, v)
			}
			return out, nil
		})
		if err != nil || len(looked) > total/5 {
			t.Fatalf("%d points, %v", len(looked), err)
		}
		p := newPermutation(total, seed)
		for i := range total / 5 {
			random.add(member{point: i, value: b.value(at(p.at(i)))})
		}
		share, chance := volume(&found)/whole, volume(&random)/whole
		t.Logf("seed %d: %.2f %% of the hypervolume with %d of %d points, random %.2f %%; front %d of %d", seed, 100*share, len(looked), total, 100*chance, len(found.members), len(grid.members))
		if share < 0.95 || chance >= 0.95 {
			t.Errorf("seed %d: %.4f of the hypervolume, random points have %.4f", seed, share, chance)
		}
	}
}
