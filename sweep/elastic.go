package sweep

import "math"

// elasticities are the percent that an objective changes by where an axis changes by
// one percent: the slopes of the plane through the logarithms of all points, by least
// squares. Only sums are kept, so memory does not grow with points.
type elasticities struct {
	axes       []int // with numbers, all above 0, and more than one value
	n          float64
	lo, hi     []float64   // by axis, of the logarithms that were met
	x          []float64   // sums of logarithms
	xx         [][]float64 // and of their products
	y, yy      []float64   // by objective
	xy         [][]float64 // by objective and axis
	objectives int
}

func newElasticities(sp *Space, objectives int) *elasticities {
	e := &elasticities{objectives: objectives, y: make([]float64, objectives), yy: make([]float64, objectives)}
	for i := range sp.axes {
		ok := len(sp.axes[i].numbers) > 1
		for _, v := range sp.axes[i].numbers {
			ok = ok && v > 0
		}
		if ok {
			e.axes = append(e.axes, i)
		}
	}
	e.x, e.lo, e.hi = make([]float64, len(e.axes)), make([]float64, len(e.axes)), make([]float64, len(e.axes))
	for i := range e.axes {
		e.lo[i], e.hi[i] = math.Inf(1), math.Inf(-1)
	}
	for range e.axes {
		e.xx = append(e.xx, make([]float64, len(e.axes)))
	}
	for range objectives {
		e.xy = append(e.xy, make([]float64, len(e.axes)))
	}
	return e
}

func (e *elasticities) add(sp *Space, at []int, value []float64) {
	for _, v := range value {
		if math.IsNaN(v) || v == 0 {
			return
		}
	}
	e.n++
	x := make([]float64, len(e.axes))
	for i, a := range e.axes {
		x[i] = math.Log(sp.axes[a].numbers[at[a]])
		e.lo[i], e.hi[i] = math.Min(e.lo[i], x[i]), math.Max(e.hi[i], x[i])
		e.x[i] += x[i]
		for k := range i + 1 {
			e.xx[i][k] += x[i] * x[k]
		}
	}
	for o, v := range value {
		l := math.Log(math.Abs(v))
		e.y[o] += l
		e.yy[o] += l * l
		for i := range x {
			e.xy[o][i] += x[i] * l
		}
	}
}

// of gives the elasticities of an objective by axis, and the share of the variance that
// they explain; NaN where the points do not tell, such as of an axis on which all are at
// one place.
func (e *elasticities) of(objective int) (slopes []float64, explained float64) {
	slopes = make([]float64, len(e.axes))
	var axes []int
	for i := range slopes {
		if slopes[i] = math.NaN(); e.lo[i] < e.hi[i] {
			axes = append(axes, i)
		}
	}
	d := len(axes)
	a := make([][]float64, d) // normal equations of centred values, with the right side
	right, least := make([]float64, d), make([]float64, d)
	for i, p := range axes {
		a[i] = make([]float64, d+1)
		for k, q := range axes {
			a[i][k] = e.xx[max(p, q)][min(p, q)] - e.x[p]*e.x[q]/e.n
		}
		right[i] = e.xy[objective][p] - e.x[p]*e.y[objective]/e.n
		a[i][d], least[i] = right[i], noise*e.xx[p][p]
	}
	variance := e.yy[objective] - e.y[objective]*e.y[objective]/e.n
	if d == 0 || !solve(a, least) || variance <= noise*e.yy[objective] {
		explained = math.NaN()
	}
	for i, p := range axes {
		slopes[p] = a[i][d]
		explained += a[i][d] * right[i] / variance
	}
	return slopes, explained
}

// noise is what rounding leaves, relative to the sums, where differences of them would be 0.
const noise = 1e-10

// solve is Gauss' elimination for a matrix that is symmetric and positive definite, whose
// pivots are as they come; the right side becomes the solution. False, and NaN, where a
// pivot is no more than the least: the system is singular but for rounding.
func solve(a [][]float64, least []float64) bool {
	d := len(a)
	for c := range d {
		if !(a[c][c] > least[c]) {
			for _, row := range a {
				row[d] = math.NaN()
			}
			return false
		}
		for r := range d {
			if r == c {
				continue
			}
			f := a[r][c] / a[c][c]
			for k := c; k <= d; k++ {
				a[r][k] -= f * a[c][k]
			}
		}
	}
	for i := range a {
		a[i][d] /= a[i][i]
	}
	return true
}
