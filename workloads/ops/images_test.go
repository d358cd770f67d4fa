package ops

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gpusim/workloads"
)

// at is the place of a point in a tensor of images.
func at(l *workloads.Layer, h, w, n, c, y, x int) int {
	if l.Layout == workloads.LayoutNHWC {
		return ((n*h+y)*w+x)*l.C + c
	}
	return ((n*l.C+c)*h+y)*w + x
}

var pools = []string{
	"n=2,c=3,h=8,w=9,r=3,s=3,stride=2,pad=1", "n=1,c=5,h=7,w=7,r=7,s=7", "n=2,c=2,h=6,w=5,r=2,s=2,stride=2", "n=1,c=3,h=5,w=5,r=3,s=3,pad=1",
	"n=1,c=2,h=12,w=11,r=2,s=3,stride=3", "n=1,c=1,h=9,w=9,r=5,s=5,stride=2,pad=2",
	"n=3,c=40,h=21,w=20,r=21,s=20", "n=2,c=33,h=8,w=8,r=8,s=8,stride=8",
}

// Bytes are pooled in blocks of 32 channels, the last of which may be half empty;
// averages are rounded to the nearest.
func TestPoolBytes(t *testing.T) {
	for _, shape := range []string{
		"n=2,c=64,h=8,w=9,r=3,s=3,stride=2,pad=1", "n=1,c=40,h=7,w=7,r=7,s=7", "n=1,c=32,h=9,w=8,r=7,s=7,pad=3", "n=1,c=32,h=3,w=30,r=2,s=24,pad=1", "n=2,c=32,h=6,w=5,r=2,s=2,stride=2", "n=1,c=3,h=5,w=5,r=3,s=3,pad=1",
	} {
		for _, op := range []string{"max", "avg"} {
			r := newRun(t, fmt.Sprintf("pool:op=%s,%s,dtype=int8,layout=nchw_vect_c", op, shape))
			l, blocks := r.l, (r.l.C+31)/32
			x := make([]float64, l.N*blocks*32*l.H*l.W)
			in := r.m.Bytes(r.tensor("x"))
			for i := range x {
				x[i] = float64(r.r.IntN(256) - 128)
				in[i] = byte(int8(x[i]))
			}
			r.execute(nil)
			out := r.m.Bytes(r.tensor("out"))
			if len(out) != l.N*blocks*32*l.P()*l.Q() {
				t.Fatalf("%s: %d bytes of results", shape, len(out))
			}
			for i := range out {
				c, rest := i%32, i/32
				q, p, block := rest%l.Q(), rest/l.Q()%l.P(), rest/l.Q()/l.P()
				want := math.Inf(-1)
				sum := 0.0
				for s := range l.R * l.S {
					y, z := p*l.Stride-l.Pad+s/l.S, q*l.Stride-l.Pad+s%l.S
					if y >= 0 && y < l.H && z >= 0 && z < l.W {
						v := x[((block*l.H+y)*l.W+z)*32+c]
						want, sum = max(want, v), sum+v
					}
				}
				if op == "avg" {
					want = math.Floor(float64(float32(sum)*float32(1/float64(l.R*l.S))) + 0.5)
				}
				if got := float64(int8(out[i])); got != want {
					t.Fatalf("%s %s: byte %d is %v, want %v", op, shape, i, got, want)
				}
			}
		}
	}
}

// eachWindow calls f for each result and each point of its window inside the image.
func eachWindow(l *workloads.Layer, f func(out, in, point int)) {
	for n := range l.N {
		for c := range l.C {
			for p := range l.P() {
				for q := range l.Q() {
					for r := range l.R {
						for s := range l.S {
							y, x := p*l.Stride-l.Pad+r, q*l.Stride-l.Pad+s
							if y >= 0 && y < l.H && x >= 0 && x < l.W {
								f(at(l, l.P(), l.Q(), n, c, p, q), at(l, l.H, l.W, n, c, y, x), y*l.W+x)
							}
						}
					}
				}
			}
		}
	}
}

func TestPool(t *testing.T) {
	for _, shape := range pools {
		for _, layout := range []string{"nchw", "nhwc"} {
			for _, op := range []string{"max", "avg"} {
				r := newRun(t, fmt.Sprintf("pool:op=%s,%s,layout=%s", op, shape, layout))
				x := r.random("x", "fp32", -3, -1)
				r.execute(nil)
				want := make([]float64, len(r.get("out", "fp32")))
				for i := range want {
					if want[i] = math.Inf(-1); op == "avg" {
						want[i] = 0
					}
				}
				eachWindow(r.l, func(out, in, _ int) {
					if op == "max" {
						want[out] = max(want[out], x[in])
					} else {
						want[out] += x[in] / float64(r.l.R*r.l.S)
					}
				})
				r.near("out", r.get("out", "fp32"), 1e-6, func(i int) float64 { return want[i] })

				r = newRun(t, fmt.Sprintf("pool:op=%s,%s,layout=%s,pass=bwd", op, shape, layout))
				dy := r.random("dy", "fp32", -1, 1)
				best, point := map[int]float64{}, map[int]int{}
				eachWindow(r.l, func(out, in, p int) {
					if v, ok := best[out]; !ok || x[in] > v {
						best[out], point[out] = x[in], p
					}
				})
				if op == "max" {
					r.fill("argmax", "i32", func(i int) float64 { return float64(point[i]) })
				}
				r.execute(nil)
				want = make([]float64, len(x))
				eachWindow(r.l, func(out, in, p int) {
					if op == "avg" {
						want[in] += dy[out] / float64(r.l.R*r.l.S)
					} else if point[out] == p {
						want[in] += dy[out]
					}
				})
				r.near("dx", r.get("out", "fp32"), 1e-5, func(i int) float64 { return want[i] })
			}
		}
	}
}

// lrnOf is the formula; scale gives a point's sum.
func lrnOf(l *workloads.Layer, x []float64) (y, scale []float64) {
	hw := l.H * l.W
	for i, v := range x {
		c, s := i/hw%l.C, 0.0
		for k := c - l.Window/2; k <= c+l.Window/2; k++ {
			if k >= 0 && k < l.C {
				s += x[i+(k-c)*hw] * x[i+(k-c)*hw]
			}
		}
		scale = append(scale, lrnK+lrnAlpha/float64(l.Window)*s)
		y = append(y, v*math.Pow(scale[i], -lrnBeta))
	}
	return y, scale
}

func TestLRN(t *testing.T) {
	r := newRun(t, "lrn:n=2,c=7,h=3,w=5,size=5")
	x := r.random("x", "fp32", -200, 200)
	r.execute(nil)
	y, _ := lrnOf(r.l, x)
	r.near("out", r.get("out", "fp32"), 1e-5, func(i int) float64 { return y[i] })

	r = newRun(t, "lrn:n=2,c=7,h=3,w=5,size=5,pass=bwd")
	x, dy := r.random("x", "fp32", -200, 200), r.random("dy", "fp32", -1, 1)
	r.execute(nil)
	loss := func(x []float64) (sum float64) {
		y, _ := lrnOf(r.l, x)
		for i := range y {
			sum += y[i] * dy[i]
		}
		return sum
	}
	r.near("dx", r.get("out", "fp32"), 1e-4, func(i int) float64 { // by differences
		up, down := append([]float64{}, x...), append([]float64{}, x...)
		up[i] += 0.01
		down[i] -= 0.01
		return (loss(up) - loss(down)) / 0.02
	})
}

func TestLayout(t *testing.T) {
	for _, dtype := range []string{"fp32", "fp16"} {
		for _, back := range []bool{false, true} {
			from, to := "nchw", "nhwc"
			if back {
				from, to = to, from
			}
			r := newRun(t, fmt.Sprintf("layout:n=2,c=37,h=5,w=9,from=%s,to=%s,dtype=%s", from, to, dtype))
			x := r.random("x", dtype, -2, 2)
			r.execute(nil)
			a, b := *r.l, *r.l
			a.Layout, b.Layout = from, to
			got := r.get("out", dtype)
			for n := range a.N {
				for c := range a.C {
					for y := range a.H {
						for p := range a.W {
							if got[at(&b, a.H, a.W, n, c, y, p)] != x[at(&a, a.H, a.W, n, c, y, p)] {
								t.Fatalf("%s: %d %d %d %d", r.l, n, c, y, p)
							}
						}
					}
				}
			}
		}
	}
}

func TestBatchNorm(t *testing.T) {
	for _, shape := range []string{"n=3,c=5,h=7,w=7", "n=2,c=8,h=4,w=4", "n=1,c=64,h=3,w=5", "n=40,c=4,h=2,w=3"} {
		for _, layout := range []string{"nchw", "nhwc"} {
			text := "batchnorm:" + shape + ",layout=" + layout
			channel := func(l *workloads.Layer, i int) int {
				if layout == "nhwc" {
					return i % l.C
				}
				return i / (l.H * l.W) % l.C
			}
			r := newRun(t, text)
			x := r.random("x", "fp32", -2, 2)
			m, v := r.random("mean", "fp32", -1, 1), r.random("variance", "fp32", 0.5, 2)
			w, b := r.random("weight", "fp32", -1, 1), r.random("bias", "fp32", -1, 1)
			r.execute(nil)
			r.near("out", r.get("out", "fp32"), 1e-5, func(i int) float64 {
				c := channel(r.l, i)
				return (x[i]-m[c])/math.Sqrt(v[c]+normEpsilon)*w[c] + b[c]
			})

			r = newRun(t, text+",phase=train")
			x, w, b = r.random("x", "fp32", -2, 2), r.random("weight", "fp32", -1, 1), r.random("bias", "fp32", -1, 1)
			r.execute(nil)
			count := float64(r.l.N * r.l.H * r.l.W)
			mean, square := make([]float64, r.l.C), make([]float64, r.l.C)
			for i, v := range x {
				mean[channel(r.l, i)] += v / count
				square[channel(r.l, i)] += v * v / count
			}
			r.near("out", r.get("out", "fp32"), 1e-4, func(i int) float64 {
				c := channel(r.l, i)
				return (x[i]-mean[c])/math.Sqrt(square[c]-mean[c]*mean[c]+normEpsilon)*w[c] + b[c]
			})

			r = newRun(t, text+",phase=train,pass=bwd")
			x, dy := r.random("x", "fp32", -2, 2), r.random("dy", "fp32", -2, 2)
			m, inv := r.random("mean", "fp32", -1, 1), r.random("rstd", "fp32", 0.5, 2)
			w = r.random("weight", "fp32", -1, 1)
			r.execute(nil)
			db, dw := make([]float64, r.l.C), make([]float64, r.l.C)
			for i := range x {
				c := channel(r.l, i)
				db[c] += dy[i]
				dw[c] += dy[i] * (x[i] - m[c]) * inv[c]
			}
			r.near("dbias", r.get("dbias", "fp32"), 1e-4, func(i int) float64 { return db[i] })
			r.near("dweight", r.get("dweight", "fp32"), 1e-4, func(i int) float64 { return dw[i] })
			r.near("dx", r.get("out", "fp32"), 1e-4, func(i int) float64 {
				c := channel(r.l, i)
				return w[c] * inv[c] * (dy[i] - db[c]/count - (x[i]-m[c])*inv[c]*dw[c]/count)
			})
		}
	}
}

// ReLU and a sum behind a batch norm, and their gradients, in its own passes.
func TestBatchNormThenReLU(t *testing.T) {
	for _, shape := range []string{"n=2,c=8,h=4,w=4", "n=1,c=64,h=3,w=5", "n=40,c=4,h=2,w=3", "n=3,c=36,h=7,w=5"} {
		for _, sum := range []bool{false, true} {
			text := "batchnorm:" + shape + ",layout=nhwc,phase=train,epilogue=" + map[bool]string{false: "relu", true: "add+relu"}[sum]
			r := newRun(t, text)
			c := r.l.C
			x, w, b := r.random("x", "fp32", -2, 2), r.random("weight", "fp32", -1, 1), r.random("bias", "fp32", -1, 1)
			z := make([]float64, len(x))
			if sum {
				z = r.random("z", "fp32", -1, 1)
			}
			r.execute(nil)
			count := float64(len(x) / c)
			mean, square := make([]float64, c), make([]float64, c)
			for i, v := range x {
				mean[i%c] += v / count
				square[i%c] += v * v / count
			}
			y := make([]float64, len(x))
			for i := range x {
				c := i % c
				y[i] = (x[i]-mean[c])/math.Sqrt(square[c]-mean[c]*mean[c]+normEpsilon)*w[c] + b[c] + z[i]
			}
			r.near("out", r.get("out", "fp32"), 1e-4, func(i int) float64 { return max(0, y[i]) })
			mask := r.get("mask", "u8")
			for i := range y {
				if set := int(mask[i/4])>>(i%4)&1 == 1; set != (y[i] > 0) && math.Abs(y[i]) > 1e-4 {
					t.Fatalf("%s: mask of point %d is %v, y %v", text, i, set, y[i])
				}
			}

			for _, layout := range []string{"nchw", "nhwc"} { // with running statistics
				r := newRun(t, strings.NewReplacer("phase=train,", "", "nhwc", layout).Replace(text))
				x, w, b := r.random("x", "fp32", -2, 2), r.random("weight", "fp32", -1, 1), r.random("bias", "fp32", -1, 1)
				m, v := r.random("mean", "fp32", -1, 1), r.random("variance", "fp32", 0.5, 2)
				z := make([]float64, len(x))
				if sum {
					z = r.random("z", "fp32", -1, 1)
				}
				r.execute(nil)
				r.near("out", r.get("out", "fp32"), 1e-5, func(i int) float64 {
					k := i % c
					if layout == "nchw" {
						k = i / (r.l.H * r.l.W) % c
					}
					return max(0, (x[i]-m[k])/math.Sqrt(v[k]+normEpsilon)*w[k]+b[k]+z[i])
				})
			}

			r = newRun(t, text+",pass=bwd")
			x, dy := r.random("x", "fp32", -2, 2), r.random("dy", "fp32", -2, 2)
			m, inv := r.random("mean", "fp32", -1, 1), r.random("rstd", "fp32", 0.5, 2)
			w = r.random("weight", "fp32", -1, 1)
			mask = r.fill("mask", "u8", func(i int) float64 { return float64(i * 7 % 16) })
			r.execute(nil)
			db, dw := make([]float64, c), make([]float64, c)
			for i := range dy {
				if int(mask[i/4])>>(i%4)&1 == 0 {
					dy[i] = 0
				}
				db[i%c] += dy[i]
				dw[i%c] += dy[i] * (x[i] - m[i%c]) * inv[i%c]
			}
			r.near("dbias", r.get("dbias", "fp32"), 1e-4, func(i int) float64 { return db[i] })
			r.near("dweight", r.get("dweight", "fp32"), 1e-4, func(i int) float64 { return dw[i] })
			r.near("dx", r.get("out", "fp32"), 1e-4, func(i int) float64 {
				c := i % c
				return w[c] * inv[c] * (dy[i] - db[c]/count - (x[i]-m[c])*inv[c]*dw[c]/count)
			})
			if sum {
				r.near("dz", r.get("dz", "fp32"), 0, func(i int) float64 { return dy[i] })
			}
		}
	}
}
