package sweep

import "math"

// elasticities are the percent that an objective changes by where an axis changes by
// one percent: the slopes of the plane through the logarithms of all points, by least
// squares. Only sums are kept, so memory does not grow with points.
type elasticities struct {
	axes       []int // with numbers, all above 0, and more than one value
	n          float64
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
	e.x = make([]float64, len(e.axes))
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
// they explain; NaN where the points do not tell.
func (e *elasticities) of(objective int) (slopes []float64, explained float64) {
	d := len(e.axes)
	a := make([][]float64, d) // normal equations of centred values, with the right side
	for i := range a {
		a[i] = make([]float64, d+1)
		for k := range d {
			a[i][k] = e.xx[max(i, k)][min(i, k)] - e.x[i]*e.x[k]/e.n
		}
		a[i][d] = e.xy[objective][i] - e.x[i]*e.y[objective]/e.n
	}
	right := make([]float64, d)
	for i := range a {
		right[i] = a[i][d]
	}
	slopes = solve(a)
	variance := e.yy[objective] - e.y[objective]*e.y[objective]/e.n
	for i, s := range slopes {
		explained += s * right[i] / variance
	}
	return slopes, explained
}

// solve is Gauss' elimination with pivots; a singular system gives NaN.
func solve(a [][]float64) []float64 {
	d := len(a)
	for c := range d {
		p := c
		for r := c + 1; r < d; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[p][c]) {
				p = r
			}
		}
		a[c], a[p] = a[p], a[c]
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
	out := make([]float64, d)
	for i := range out {
		out[i] = a[i][d] / a[i][i]
		if math.IsInf(out[i], 0) {
			out[i] = math.NaN()
		}
	}
	return out
}
