package winograd

import "math/big"

// matrix is a small dense matrix of a transform.
type matrix [][]float64

// transposed is the matrix with rows and columns exchanged.
func (m matrix) transposed() matrix {
	t := make(matrix, len(m[0]))
	for i := range t {
		t[i] = make([]float64, len(m))
		for j := range m {
			t[i][j] = m[j][i]
		}
	}
	return t
}

// algorithm is a minimal filtering algorithm F(m, r) in one dimension: m outputs
// of a filter of r taps from t = m+r-1 inputs with t multiplications,
//
//	y = at * ((g * filter) .* (bt * data)).
//
// In two dimensions each matrix is applied to columns and rows.
type algorithm struct {
	m, r, t   int
	bt, g, at matrix
}

// Points of Lavin and Gray's transforms (Fast Algorithms for Convolutional
// Neural Networks, CVPR 2016), and for tiles of nine two more.
var (
	f23 = newAlgorithm(2, 3, "0", "1", "-1")
	f43 = newAlgorithm(4, 3, "0", "1", "-1", "2", "-2")
	f34 = newAlgorithm(3, 4, "0", "1", "-1", "2", "-2") // gradient of the filters: deltas of 4x4 are what is slid over the data
	f55 = newAlgorithm(5, 5, "0", "1", "-1", "2", "-2", "1/2", "-1/2", "4")
)

// newAlgorithm makes F(m, r) by the method of Toom and Cook on the given
// points and infinity. A product of polynomials of degrees m-1 and r-1 is
// evaluated at the points and interpolated; transposing the
// algorithm makes a filter of it.
func newAlgorithm(m, r int, points ...string) algorithm {
	t := m + r - 1
	var x []*big.Rat
	for _, s := range points {
		v, ok := new(big.Rat).SetString(s)
		if !ok {
			panic("winograd: point " + s)
		}
		x = append(x, v)
	}
	if len(x) != t-1 {
		panic("winograd: wrong number of points")
	}
	// Evaluation at point i: its powers; at infinity: the leading coefficient.
	evaluate := func(n int) matrix {
		e := make(matrix, t)
		for i := range e {
			e[i] = make([]float64, n)
			if i == t-1 {
				e[i][n-1] = 1
				continue
			}
			p := big.NewRat(1, 1)
			for j := range n {
				e[i][j], _ = p.Float64()
				p = new(big.Rat).Mul(p, x[i])
			}
		}
		return e
	}
	// Interpolation is the transpose of the data transform. Its row i is the
	// coefficients of the product of (X - x[j]) over all j but i, for infinity
	// over all j; the divisors go to the filter's rows, as Lavin and Gray have it.
	a := algorithm{m: m, r: r, t: t, at: evaluate(m).transposed(), g: evaluate(r)}
	a.bt = make(matrix, t)
	for i := range a.bt {
		poly := []*big.Rat{big.NewRat(1, 1)}
		div := big.NewRat(1, 1)
		for j := range x {
			if j == i {
				continue
			}
			next := make([]*big.Rat, len(poly)+1)
			for k := range next {
				next[k] = new(big.Rat)
				if k > 0 {
					next[k].Add(next[k], poly[k-1])
				}
				if k < len(poly) {
					next[k].Sub(next[k], new(big.Rat).Mul(poly[k], x[j]))
				}
			}
			poly = next
			if i < len(x) {
				div.Mul(div, new(big.Rat).Sub(x[i], x[j]))
			}
		}
		a.bt[i] = make([]float64, t)
		for k, c := range poly {
			a.bt[i][k], _ = c.Float64()
		}
		if i < len(x) {
			scale, _ := new(big.Rat).Inv(div).Float64()
			for k := range a.g[i] {
				a.g[i][k] *= scale
			}
		}
	}
	return a
}
