package ops

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

var rowShapes = [][2]int{{1, 1}, {5, 32}, {9, 33}, {3, 128}, {7, 1000}, {2, 1024}, {3, 1028}, {2, 4096}, {2, 5000}, {9, 3001}, {5, 3072}, {5, 2046}, {9, 1279}, {9, 1151}, {5, 2052}}

// rowsOf runs f on each row.
func rowsOf(cols int, x []float64, f func(row []float64) []float64) []float64 {
	var out []float64
	for i := 0; i < len(x); i += cols {
		out = append(out, f(x[i:i+cols])...)
	}
	return out
}

func softmaxOf(row []float64) []float64 {
	top, sum := slices.Max(row), 0.0
	out := make([]float64, len(row))
	for i, v := range row {
		out[i] = math.Exp(v - top)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

func TestSoftmax(t *testing.T) {
	for _, s := range rowShapes {
		for _, dtype := range []string{"fp32", "fp16"} {
			r := newRun(t, fmt.Sprintf("softmax:rows=%d,cols=%d,dtype=%s", s[0], s[1], dtype))
			x := r.random("x", dtype, -9, -1) // all negative: what lies beyond a row must not win
			r.execute(nil)
			want := rowsOf(s[1], x, softmaxOf)
			r.near("out", r.get("out", dtype), epsilon(dtype), func(i int) float64 { return want[i] })
		}
		for dtype, eps := range map[string]float64{"fp32": 3e-5, "fp16": 3 * epsilon("fp16")} {
			r := newRun(t, fmt.Sprintf("softmax:rows=%d,cols=%d,pass=bwd,dtype=%s", s[0], s[1], dtype))
			y, dy := r.random("y", dtype, 0, 1), r.random("dy", dtype, -1, 1)
			r.execute(nil)
			want := make([]float64, len(y))
			for i := 0; i < len(y); i += s[1] {
				sum := 0.0
				for j := i; j < i+s[1]; j++ {
					sum += y[j] * dy[j]
				}
				for j := i; j < i+s[1]; j++ {
					want[j] = (dy[j] - sum) * y[j]
				}
			}
			r.near("out", r.get("out", dtype), eps, func(i int) float64 { return want[i] })
		}
	}
}

func meanOf(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func TestLayerNorm(t *testing.T) {
	for _, s := range rowShapes {
		for _, dtype := range []string{"fp32", "fp16"} {
			rows, cols := s[0], s[1]
			r := newRun(t, fmt.Sprintf("layernorm:rows=%d,cols=%d,dtype=%s", rows, cols, dtype))
			x := r.random("x", dtype, 1, 5)
			w, b := r.random("weight", dtype, -1, 1), r.random("bias", dtype, -1, 1)
			r.execute(nil)
			var mean, rstd []float64
			want := rowsOf(cols, x, func(row []float64) []float64 {
				m, v := meanOf(row), 0.0
				for _, x := range row {
					v += (x - m) * (x - m)
				}
				inv := 1 / math.Sqrt(v/float64(cols)+normEpsilon)
				mean, rstd = append(mean, m), append(rstd, inv)
				out := make([]float64, cols)
				for i, x := range row {
					out[i] = (x-m)*inv*w[i] + b[i]
				}
				return out
			})
			r.near("out", r.get("out", dtype), max(2e-4, epsilon(dtype)), func(i int) float64 { return want[i] })
			r.near("mean", r.get("mean", "fp32"), 1e-5, func(i int) float64 { return mean[i] })
			if cols > 1 {
				r.near("rstd", r.get("rstd", "fp32"), 1e-5, func(i int) float64 { return rstd[i] })
			}
		}
	}
}

func TestLayerNormBackward(t *testing.T) {
	for _, s := range [][2]int{{3, 64}, {40, 100}, {2, 1028}, {700, 48}} {
		rows, cols := s[0], s[1]
		r := newRun(t, fmt.Sprintf("layernorm:rows=%d,cols=%d,pass=bwd", rows, cols))
		x, dy, w := r.random("x", "fp32", -2, 2), r.random("dy", "fp32", -2, 2), r.random("weight", "fp32", -1, 1)
		mean, rstd := r.random("mean", "fp32", -1, 1), r.random("rstd", "fp32", 0.5, 1)
		r.execute(nil)
		want, dw, db := make([]float64, len(x)), make([]float64, cols), make([]float64, cols)
		for i := range rows {
			a, b := 0.0, 0.0
			for j := range cols {
				hat := (x[i*cols+j] - mean[i]) * rstd[i]
				a += dy[i*cols+j] * w[j]
				b += dy[i*cols+j] * w[j] * hat
				dw[j] += dy[i*cols+j] * hat
				db[j] += dy[i*cols+j]
			}
			for j := range cols {
				hat := (x[i*cols+j] - mean[i]) * rstd[i]
				want[i*cols+j] = rstd[i] * (dy[i*cols+j]*w[j] - a/float64(cols) - hat*b/float64(cols))
			}
		}
		r.near("out", r.get("out", "fp32"), 1e-5, func(i int) float64 { return want[i] })
		r.near("dweight", r.get("dweight", "fp32"), 1e-5, func(i int) float64 { return dw[i] })
		r.near("dbias", r.get("dbias", "fp32"), 1e-5, func(i int) float64 { return db[i] })
	}
}

func TestReductions(t *testing.T) {
	ops := map[string]func([]float64) float64{
		"max": func(v []float64) float64 { return slices.Max(v) }, "mean": meanOf,
		"sum": func(v []float64) float64 { return meanOf(v) * float64(len(v)) },
	}
	for op, f := range ops {
		for _, s := range append([][2]int{{1, 65536}, {100, 65}, {1000, 33}, {3000, 32}}, rowShapes...) {
			rows, cols := s[0], s[1]
			for _, dtype := range []string{"fp32", "fp16"} {
				if dtype == "fp16" && rows*cols > 1<<15 { // sums beyond its range
					continue
				}
				r := newRun(t, fmt.Sprintf("reduce:op=%s,rows=%d,cols=%d,dtype=%s", op, rows, cols, dtype))
				x := r.random("x", dtype, -2, -1)
				r.execute(nil)
				r.near("out", r.get("out", dtype), max(2e-5, epsilon(dtype)), func(i int) float64 { return f(x[i*cols : (i+1)*cols]) })
				r = newRun(t, fmt.Sprintf("reduce:op=%s,rows=%d,cols=%d,dtype=%s,axis=rows", op, rows, cols, dtype))
				x = r.random("x", dtype, -2, -1)
				r.execute(nil)
				r.near("out", r.get("out", dtype), max(2e-5, epsilon(dtype)), func(i int) float64 {
					var column []float64
					for j := range rows {
						column = append(column, x[j*cols+i])
					}
					return f(column)
				})
			}
		}
	}
}
