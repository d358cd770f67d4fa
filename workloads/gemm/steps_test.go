package gemm

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"gonum.org/v1/gonum/mat"

	"gpusim/workloads/tile"
)

// Steps of epilogues, replayed on random numbers against gonum: biases along
// both indices, a residual, both activations, edges and batches.
func TestEpilogueSteps(t *testing.T) {
	t.Parallel()
	hmma := func(c Config) Config { c.Family = "hmma"; return c }
	ampere := mmaLatencies(mmaOf("fp16", "fp32", 16, 8, 16))
	for _, c := range []struct {
		name string
		p    Problem
		c    Config
		l    tile.Latencies
	}{
		{"hmma", Problem{M: 72, N: 40, K: 48, DType: "fp16", Acc: "fp32"}, hmma(Config{TileM: 64, TileN: 64}), voltaLatencies},
		{"hmma, odd", Problem{M: 70, N: 33, K: 32, DType: "fp16", Acc: "fp32", TransA: true}, hmma(Config{TileM: 128, TileN: 64}), voltaLatencies},
		{"hmma, fp32 out", Problem{M: 64, N: 24, K: 32, DType: "fp16", Acc: "fp32", OutType: "fp32"}, hmma(Config{TileM: 64, TileN: 64}), voltaLatencies},
		{"mma", Problem{M: 72, N: 40, K: 64, DType: "fp16", Acc: "fp32", TransA: true}, Config{Family: "mma", TileM: 64, TileN: 64, TileK: 32, WarpM: 32, WarpN: 32}, ampere},
		{"simt", Problem{M: 70, N: 33, K: 20, DType: "fp32", Acc: "fp32"}, Config{Family: "simt", TileM: 64, TileN: 64, TileK: 8, WarpM: 32, WarpN: 32}, voltaLatencies},
		{"hmma, split", Problem{M: 72, N: 40, K: 128, DType: "fp16", Acc: "fp32"}, hmma(Config{TileM: 64, TileN: 64, Splits: 3, Workspace: true}), voltaLatencies},
		{"simt, split", Problem{M: 70, N: 33, K: 64, DType: "fp32", Acc: "fp32"}, Config{Family: "simt", TileM: 64, TileN: 64, TileK: 8, WarpM: 32, WarpN: 32, Splits: 2, Workspace: true}, voltaLatencies},
		{"simt, sliced", Problem{M: 64, N: 33, K: 64, DType: "fp32", Acc: "fp32"}, Config{Family: "simt", TileM: 32, TileN: 32, TileK: 16, WarpM: 32, WarpN: 32, WarpK: 4}, voltaLatencies},
		{"simt, halves", Problem{M: 70, N: 33, K: 20, DType: "fp16", Acc: "fp32"}, Config{Family: "simt", TileM: 64, TileN: 64, TileK: 8, WarpM: 32, WarpN: 32}, voltaLatencies},
	} {
		for _, text := range []string{"bias", "add", "relu", "bias+add+relu", "bias+gelu"} {
			for _, across := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/%t", c.name, text, across), func(t *testing.T) {
					t.Parallel()
					p := c.p
					p.Batch, p.Alpha, p.Steps = 2, 0.75, StepsOf(text)
					p.Steps.Across = across
					verifySteps(t, p, c.c, c.l)
				})
			}
		}
	}
}

func verifySteps(t *testing.T, p Problem, c Config, l tile.Latencies) {
	t.Helper()
	ks, err := Build(p, c, l)
	if err != nil {
		t.Fatal(err)
	}
	ts := ks[0].Tensors
	m := newMachine(ts)
	rnd := rand.New(rand.NewSource(int64(p.M + p.N)))
	named := map[string]tile.Tensor{}
	for _, x := range ts {
		named[x.Name] = x
		if x.Bytes > 0 {
			fill(m, x, p.DType, rnd)
		}
	}
	want, bound := make([]*mat.Dense, p.Batch), make([]*mat.Dense, p.Batch)
	for b := range want {
		a, x := matrix(m, named["A"], p.DType, b), matrix(m, named["B"], p.DType, b)
		y, r := new(mat.Dense), new(mat.Dense)
		y.Mul(a, x)
		y.Scale(p.Alpha, y)
		abs := func(_, _ int, v float64) float64 { return math.Abs(v) }
		a.Apply(abs, a)
		x.Apply(abs, x)
		r.Mul(a, x)
		for _, s := range []string{biasTensor, sourceTensor} {
			if n, ok := named[s]; ok {
				add := matrix(m, n, p.Out(), b)
				if s == biasTensor { // the same for all products and along one index
					if v := add.At(1, 1); p.Steps.Across && add.At(0, 1) != v || !p.Steps.Across && add.At(1, 0) != v {
						t.Fatalf("the bias varies along the wrong index")
					}
				}
				y.Add(y, add)
				add.Apply(abs, add)
				r.Add(r, add)
			}
		}
		y.Apply(func(_, _ int, v float64) float64 {
			switch p.Steps.Act {
			case "relu":
				return math.Max(v, 0)
			case "gelu":
				return 0.5 * v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
			}
			return v
		}, y)
		want[b], bound[b] = y, r
	}
	for _, k := range ks {
		if err := m.Run(k); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.Stored["C"]; got != named["C"].Bytes {
		t.Fatalf("wrote %d bytes of C, not %d", got, named["C"].Bytes)
	}
	eps := 0x1p-20 * float64(p.K)
	if p.OutBytes() == 2 {
		eps += 0x1p-10
	}
	for b := range want {
		got := matrix(m, named["C"], p.Out(), b)
		for i := range p.M {
			for j := range p.N {
				if d := math.Abs(got.At(i, j) - want[b].At(i, j)); !(d <= eps*(1+bound[b].At(i, j))) {
					t.Fatalf("batch %d, element %d,%d: %g, want %g", b, i, j, got.At(i, j), want[b].At(i, j))
				}
			}
		}
	}
}

// Kernels that cannot do the steps say so rather than leave them out.
func TestEpilogueStepsRefused(t *testing.T) {
	p := Problem{M: 64, N: 64, K: 512, Batch: 1, DType: "fp16", Acc: "fp32", Alpha: 1, Steps: StepsOf("bias")}
	for _, c := range []Config{
		{Family: "hmma", TileM: 64, TileN: 64, Splits: 2},
		{Family: "gemv"},
	} {
		if _, err := Build(p, c, voltaLatencies); err == nil {
			t.Errorf("%+v: built", c)
		}
	}
	p.Acc = "fp16"
	if _, err := Build(p, Config{Family: "hmma", TileM: 64, TileN: 64}, voltaLatencies); err == nil {
		t.Error("fp16 accumulators: built")
	}
}

// What the steps read is one vector, once for all rows, and one tensor more than without.
func TestEpilogueStepsTraffic(t *testing.T) {
	p := Problem{M: 128, N: 64, K: 32, Batch: 1, DType: "fp16", Acc: "fp32", Alpha: 1}
	count := func(p Problem) (loads, stores int) {
		ks, err := Build(p, Config{Family: "hmma", TileM: 128, TileN: 64}, voltaLatencies)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range ks[0].Programs[0].Segments {
			for _, in := range s.Code {
				if in.Op == tile.OpLDG {
					loads++
				}
				if in.Op == tile.OpSTG {
					stores++
				}
			}
		}
		return loads, stores
	}
	plain, stores := count(p)
	p.Steps = StepsOf("bias")
	one, _ := count(p)
	p.Steps = StepsOf("bias+add+relu")
	if both, _ := count(p); one-plain != 1 || both-one != stores {
		t.Errorf("%d loads more for a bias and %d for a residual, of %d vectors a lane", one-plain, both-one, stores)
	}
}
