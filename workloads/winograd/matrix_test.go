package winograd

import (
	"math"
	"math/rand"
	"testing"
)

func (m matrix) times(v []float64) []float64 {
	out := make([]float64, len(m))
	for i, row := range m {
		for j, c := range row {
			out[i] += c * v[j]
		}
	}
	return out
}

// TestAlgorithms: each algorithm is a filter.
func TestAlgorithms(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, a := range []algorithm{f23, f43, f34, f55} {
		d, g := make([]float64, a.t), make([]float64, a.r)
		for i := range d {
			d[i] = rnd.NormFloat64()
		}
		for i := range g {
			g[i] = rnd.NormFloat64()
		}
		u, v := a.g.times(g), a.bt.times(d)
		for i := range u {
			u[i] *= v[i]
		}
		for i, y := range a.at.times(u) {
			want := 0.0
			for j := range g {
				want += d[i+j] * g[j]
			}
			if math.Abs(y-want) > 1e-9 {
				t.Errorf("F(%d,%d): output %d is %g, want %g", a.m, a.r, i, y, want)
			}
		}
	}
}
