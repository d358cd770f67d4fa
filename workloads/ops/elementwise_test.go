package ops

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// plain are the operations on one value by Go's own library.
var plain = map[string]func(x float64) float64{
	"relu": func(x float64) float64 { return max(x, 0) }, "relu6": func(x float64) float64 { return min(max(x, 0), 6) },
	"leakyrelu": func(x float64) float64 { return max(x, 0.01*x) },
	"gelu":      func(x float64) float64 { return x / 2 * (1 + math.Erf(x/math.Sqrt2)) },
	"gelu_tanh": func(x float64) float64 { return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) },
	"sigmoid":   func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"silu":      func(x float64) float64 { return x / (1 + math.Exp(-x)) },
	"tanh":      math.Tanh, "exp": math.Exp, "log": math.Log, "sqrt": math.Sqrt, "abs": math.Abs,
	"rsqrt": func(x float64) float64 { return 1 / math.Sqrt(x) }, "neg": func(x float64) float64 { return -x },
	"square": func(x float64) float64 { return x * x }, "copy": func(x float64) float64 { return x },
	"addu": func(x float64) float64 { return x + 0.75 }, "subu": func(x float64) float64 { return x - 0.75 },
	"mulu": func(x float64) float64 { return x * 0.75 }, "divu": func(x float64) float64 { return x / 0.75 },
	"powu": func(x float64) float64 { return math.Pow(x, 1.7) }, "maxu": func(x float64) float64 { return max(x, 0.75) },
	"minu": func(x float64) float64 { return min(x, 0.75) },
}

var plain2 = map[string]func(x, y float64) float64{
	"add": func(x, y float64) float64 { return x + y }, "sub": func(x, y float64) float64 { return x - y },
	"mul": func(x, y float64) float64 { return x * y }, "div": func(x, y float64) float64 { return x / y },
	"pow": math.Pow, "max": func(x, y float64) float64 { return max(x, y) }, "min": func(x, y float64) float64 { return min(x, y) },
}

func TestElementwiseOfOne(t *testing.T) {
	for op, f := range plain {
		for _, dtype := range []string{"fp32", "fp16", "bf16"} {
			for _, n := range []int{1, 3, 512, 1535} {
				r := newRun(t, fmt.Sprintf("elementwise:op=%s,size=%d,dtype=%s", op, n, dtype))
				low := -9.0
				if strings.Contains("log sqrt rsqrt powu", op) {
					low = 1e-3
				}
				x := r.random("x", dtype, low, 9)
				r.execute(nil)
				r.near("out", r.get("out", dtype), epsilon(dtype), func(i int) float64 { return f(x[i]) })
			}
		}
	}
}

func TestElementwiseOfTwo(t *testing.T) {
	for op, f := range plain2 {
		for _, n := range []int{5, 1024, 1030} {
			r := newRun(t, fmt.Sprintf("elementwise:op=%s,size=%d", op, n))
			low := -5.0
			if op == "pow" {
				low = 0.01
			}
			x, y := r.random("x", "fp32", low, 5), r.random("y0", "fp32", -4, 4)
			r.execute(nil)
			r.near("out", r.get("out", "fp32"), 2e-6, func(i int) float64 { return f(x[i], y[i]) })
		}
	}
}

func TestPowSpecialCases(t *testing.T) {
	inputs := []struct{ x, y float64 }{{0, 2}, {0, -2}, {0, 0}, {1, 7}, {-2, 2}, {-2, 3}, {-2, 0.5}, {-1, 4}, {-3, 0}, {1e-42, 1.5}, {1e20, 1.5}, {3, -30}}
	r := newRun(t, fmt.Sprintf("elementwise:op=pow,size=%d", len(inputs)))
	x := r.fill("x", "fp32", func(i int) float64 { return inputs[i].x })
	y := r.fill("y0", "fp32", func(i int) float64 { return inputs[i].y })
	r.execute(nil)
	r.near("out", r.get("out", "fp32"), 3e-6, func(i int) float64 { return math.Pow(x[i], y[i]) })
}

func TestFusedChains(t *testing.T) {
	for _, c := range []struct{ channels, inner int }{{3, 49}, {8, 1}, {7, 1}, {5, 12}, {64, 3}, {1, 700}} {
		for _, dtype := range []string{"fp32", "fp16"} {
			n := 2 * c.channels * c.inner
			r := newRun(t, fmt.Sprintf("elementwise:op=bias+add+relu,size=%d,channels=%d,inner=%d,dtype=%s", n, c.channels, c.inner, dtype))
			x, b, y := r.random("x", dtype, -2, 2), r.random("y0", dtype, -2, 2), r.random("y1", dtype, -2, 2)
			r.execute(nil)
			r.near("out", r.get("out", dtype), epsilon(dtype), func(i int) float64 {
				return max(0, x[i]+b[i/c.inner%c.channels]+y[i])
			})
		}
	}
	r := newRun(t, "elementwise:op=mask+mulu+cast,size=1601,to=fp16")
	x := r.random("x", "fp32", -2, 2)
	m := r.fill("y0", "u8", func(i int) float64 { return float64(i * i % 3 % 2) })
	r.execute(nil)
	r.near("out", r.get("out", "fp16"), 1e-3, func(i int) float64 { return x[i] * m[i] * 0.75 })
}

// TestDropout keeps nine of ten, scaled, as the mask says, and draws what Philox
// draws.
func TestDropout(t *testing.T) {
	const n = 20003
	r := newRun(t, fmt.Sprintf("elementwise:op=dropout,size=%d", n))
	x := r.random("x", "fp32", 1, 2)
	r.execute(nil)
	mask, kept := r.get("mask0", "u8"), 0.0
	for i, m := range mask {
		kept += m
		word := philoxReference([4]uint32{uint32(i / 4)}, key)[i%4]
		if i < n/4*4 && (float32(word)/(1<<32) >= 0.1) != (m == 1) {
			t.Fatalf("element %d: mask %v where the draw is %v", i, m, float32(word)/(1<<32))
		}
	}
	if kept < 0.885*n || kept > 0.915*n {
		t.Errorf("%v of %d kept", kept, n)
	}
	r.near("out", r.get("out", "fp32"), 1e-6, func(i int) float64 { return x[i] * mask[i] / 0.9 })
}

// philoxReference is Philox 4x32-10 as its authors give it.
func philoxReference(x [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		p0, p1 := uint64(0xd2511f53)*uint64(x[0]), uint64(0xcd9e8d57)*uint64(x[2])
		x = [4]uint32{uint32(p1>>32) ^ x[1] ^ k[0], uint32(p1), uint32(p0>>32) ^ x[3] ^ k[1], uint32(p0)}
		k[0] += 0x9e3779b9
		k[1] += 0xbb67ae85
	}
	return x
}

// The known answer of the authors' test vectors.
func TestPhiloxReference(t *testing.T) {
	if got := philoxReference([4]uint32{}, [2]uint32{}); got != [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8} {
		t.Errorf("%x", got)
	}
}
