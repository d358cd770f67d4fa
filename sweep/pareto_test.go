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

// design is a problem of three axes whose front is known: delay falls with each axis
// at another rate, energy and area rise. All three trade off against each other.
func design(at []int) []float64 {
	p, b, w := math.Pow(2, float64(at[0])/3), math.Pow(2, float64(at[1])/4), math.Pow(2, float64(at[2])/2)
	delay := math.Max(1000/p, 400/w/math.Sqrt(b)) + 20
	return []float64{delay, 3*p + delay*(0.02*p+0.05*w+0.01*b), 2*p + b + 1.5*w}
}

// NSGA-II finds 95 % of the hypervolume of the whole grid with a fifth of its points,
// and more than as many random points do.
func TestNSGA2AgainstGrid(t *testing.T) {
	t.Parallel()
	sizes := []int{20, 20, 12}
	total := 20 * 20 * 12
	var grid front
	ref := []float64{0, 0, 0}
	at := func(n int) []int { return []int{n / 240, n / 12 % 20, n % 12} }
	for n := range total {
		v := design(at(n))
		grid.add(member{point: n, value: v})
		for i := range v {
			ref[i] = math.Max(ref[i], 1.01*v[i])
		}
	}
	// Volumes count in logarithms, so that no decade of an objective weighs more.
	volume := func(f *front) float64 {
		var logs [][]float64
		for _, m := range f.members {
			logs = append(logs, []float64{math.Log(m.value[0]), math.Log(m.value[1]), math.Log(m.value[2])})
		}
		return hypervolume(logs, []float64{math.Log(ref[0]), math.Log(ref[1]), math.Log(ref[2])})
	}
	whole := volume(&grid)
	for seed := range uint64(5) {
		var found, random front
		looked := map[string]bool{}
		err := evolve(context.Background(), sizes, 60, total/5, seed, func(_ context.Context, points [][]int) ([][]float64, error) {
			var out [][]float64
			for _, p := range points {
				if looked[fmt.Sprint(p)] {
					t.Fatal("a point is looked at twice")
				}
				looked[fmt.Sprint(p)] = true
				v := design(p)
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
			random.add(member{point: i, value: design(at(p.at(i)))})
		}
		share, chance := volume(&found)/whole, volume(&random)/whole
		t.Logf("seed %d: %.2f %% of the hypervolume with %d of %d points, random %.2f %%; front %d of %d", seed, 100*share, len(looked), total, 100*chance, len(found.members), len(grid.members))
		if share < 0.95 || share < chance {
			t.Errorf("seed %d: %.4f of the hypervolume, random points have %.4f", seed, share, chance)
		}
	}
}
