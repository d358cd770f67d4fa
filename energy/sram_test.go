package energy

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"
)

// readTestdata gives the records of a CSV of testdata, the header first.
func readTestdata(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	recs, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

// leastSquares solves the normal equations by elimination.
func leastSquares(rows [][]float64, y []float64, without int) []float64 {
	n := len(rows[0])
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n+1)
		for r, a := range rows {
			if r == without {
				continue
			}
			for j := range n {
				m[i][j] += a[i] * a[j]
			}
			m[i][n] += a[i] * y[r]
		}
	}
	for i := range m {
		for j := n; j >= i; j-- {
			m[i][j] /= m[i][i]
		}
		for k := range m {
			if k == i {
				continue
			}
			for j := n; j >= i; j-- {
				m[k][j] -= m[k][i] * m[i][j]
			}
		}
	}
	x := make([]float64, n)
	for i := range x {
		x[i] = m[i][n]
	}
	return x
}

// The constants of the SRAM curve are the least squares of CACTI's points, and their
// stated error is that of points left out.
func TestSRAMCurve(t *testing.T) {
	recs := readTestdata(t, "cacti_sram.csv")
	var rows [][]float64
	var y [2][]float64
	for _, r := range recs[1:] {
		var v [5]float64
		for i := range v {
			x, err := strconv.ParseFloat(r[i], 64)
			if err != nil {
				t.Fatal(err)
			}
			v[i] = x
		}
		rows = append(rows, []float64{1, math.Log(v[0]), math.Log(v[1]), math.Log(v[2] / fitNM)})
		y[0], y[1] = append(y[0], math.Log(v[3])), append(y[1], math.Log(v[4]))
	}
	for i, c := range []sramFit{sramRead, sramWrite} {
		x := leastSquares(rows, y[i], -1)
		for k, have := range []float64{c.pj, c.size, c.bits, c.node} {
			if math.Abs(have-x[k]) > 1e-3 {
				t.Errorf("constant %d is %g, the fit gives %.4f", k, have, x[k])
			}
		}
		off := func(x []float64, r int) float64 {
			sum := 0.0
			for k, a := range rows[r] {
				sum += a * x[k]
			}
			return math.Abs(math.Exp(sum-y[i][r]) - 1)
		}
		mean, loo := 0.0, 0.0
		for r := range rows {
			mean += off(x, r) / float64(len(rows))
			loo += off(leastSquares(rows, y[i], r), r) / float64(len(rows))
		}
		t.Logf("%s: %d points, mean error %.1f %%, left out %.1f %%", []string{"read", "write"}[i], len(rows), 100*mean, 100*loo)
		if math.Abs(loo-c.loo) > 1e-3 {
			t.Errorf("error of points left out is %.4f, stated %g", loo, c.loo)
		}
	}
	// More bits, more bytes and older nodes cost more, with no jump where the scaling
	// equations take over.
	last := 0.0
	for _, nm := range []float64{7, 10, 16, 21.999, 22, 32, 45, 45.001, 65} {
		s, err := SRAMOf(1<<15, 128, nm)
		if err != nil {
			t.Fatal(err)
		}
		if s.ReadPJ <= last*0.999 || s.ReadLoPJ >= s.ReadPJ || s.WriteHiPJ <= s.WritePJ {
			t.Errorf("%g nm: %+v after %g", nm, s, last)
		}
		last = s.ReadPJ
	}
	if _, err := SRAMOf(8, 128, 22); err == nil {
		t.Error("128 bits of an SRAM of 8 bytes are accepted")
	}
}
