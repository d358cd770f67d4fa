package conv

import (
	"fmt"
	"math/rand"
	"testing"

	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// shapes cover odd sizes, paddings larger and smaller than the filter, strides that
// divide nothing, dilation and groups.
var shapes = []string{
	"conv:n=2,c=3,h=7,w=6,k=5,r=3,s=3,pad=1",
	"conv:n=1,c=4,h=9,w=8,k=8,r=3,s=2,stride=2",
	"conv:n=2,c=8,h=8,w=11,k=4,r=5,s=5,pad=2,stride=2",
	"conv:n=1,c=2,h=12,w=9,k=3,r=1,s=1,stride=2",
	"conv:n=1,c=2,h=7,w=7,k=3,r=1,s=1,pad=3,stride_h=3,stride_w=2",
	"conv:n=1,c=5,h=9,w=9,k=6,r=3,s=3,pad=2,dilation=2",
	"conv:n=2,c=8,h=6,w=5,k=12,r=3,s=3,pad=1,groups=4",
	"conv:n=1,c=6,h=10,w=21,k=2,r=5,s=10,stride=2,pad_w=1",
	"conv:n=1,c=40,h=4,w=4,k=36,r=3,s=3,pad=1",
}

// TestLowering multiplies the matrices that the views show and compares with the
// convolution as it is defined, for all passes and layouts.
func TestLowering(t *testing.T) {
	for _, s := range shapes {
		for _, pass := range []string{workloads.PassForward, workloads.PassData, workloads.PassWeight} {
			for _, layout := range []string{workloads.LayoutNCHW, workloads.LayoutNHWC} {
				lowered(t, fmt.Sprintf("%s,pass=%s,layout=%s", s, pass, layout))
			}
		}
	}
}

// lowered compares one.
func lowered(t *testing.T, text string) {
	t.Helper()
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Lower(w.Conv)
	if err != nil {
		t.Fatal(err)
	}
	got, want := product(t, w.Conv, &p), direct(w.Conv)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: element %d is %v, want %v", text, i, got[i], want[i])
			break
		}
	}
}

// TestBlocks does the same for channels in blocks of 32.
func TestBlocks(t *testing.T) {
	for _, s := range []string{"conv:n=2,c=64,h=7,w=6,k=96,r=3,s=3,pad=1", "conv:n=1,c=32,h=9,w=8,k=32,r=3,s=2,stride=2,pad_w=1", "conv:n=1,c=96,h=5,w=5,k=32,r=1,s=1"} {
		lowered(t, s+",layout=nchw_vect_c")
	}
}

// inputs are the two operands of a pass, small integers.
func inputs(c *workloads.Conv) (x, f, y []float64) {
	r := rand.New(rand.NewSource(1))
	fill := func(n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(r.Intn(5) - 2)
		}
		return v
	}
	return fill(c.N * c.C * c.H * c.W), fill(c.K * c.C / c.Groups * c.R * c.S), fill(c.N * c.K * c.P() * c.Q())
}

// channel is where a channel begins in a tensor of so many points.
func channel(c *workloads.Conv, s strides, ch, points int) int64 {
	if c.Layout == workloads.LayoutVectC {
		return int64(ch/slab*slab*points + ch%slab)
	}
	return int64(ch) * s.c
}

// direct is the definition; offsets follow the layout.
func direct(c *workloads.Conv) []float64 {
	x, f, y := inputs(c)
	l := lowering{c, c.C / c.Groups, c.K / c.Groups, c.P(), c.Q(), slab, 0, 1, false, false}
	in, out, fil := l.image(c.C, c.H, c.W), l.image(c.K, l.p, l.q), l.filters()
	dst := map[string][]float64{workloads.PassForward: make([]float64, len(y)), workloads.PassData: make([]float64, len(x)), workloads.PassWeight: make([]float64, len(f))}[c.Pass]
	for n := range c.N {
		for k := range c.K {
			for p := range l.p {
				for q := range l.q {
					for ch := range l.c {
						for r := range c.R {
							for s := range c.S {
								h, w := p*c.StrideH-c.PadH+r*c.DilH, q*c.StrideW-c.PadW+s*c.DilW
								if h < 0 || h >= c.H || w < 0 || w >= c.W {
									continue
								}
								xi := int64(n)*in.n + channel(c, in, k/l.k*l.c+ch, c.H*c.W) + int64(h)*in.h + int64(w)*in.w
								yi := int64(n)*out.n + channel(c, out, k, l.p*l.q) + int64(p)*out.h + int64(q)*out.w
								fi := int64(k)*fil.n + channel(c, fil, ch, c.R*c.S) + int64(r)*fil.h + int64(s)*fil.w
								switch c.Pass {
								case workloads.PassForward:
									dst[yi] += x[xi] * f[fi]
								case workloads.PassData:
									dst[xi] += y[yi] * f[fi]
								default:
									dst[fi] += x[xi] * y[yi]
								}
							}
						}
					}
				}
			}
		}
	}
	return dst
}

// product multiplies what the views of a lowered convolution show.
func product(t *testing.T, c *workloads.Conv, p *gemm.Problem) []float64 {
	t.Helper()
	w := p.Lowered
	x, f, y := inputs(c)
	a, b := x, f
	switch {
	case c.Pass == workloads.PassData:
		a = y
	case c.Pass == workloads.PassWeight:
		b = y
	}
	if c.Layout != workloads.LayoutNCHW && c.Pass != workloads.PassWeight {
		a, b = b, a
	}
	dst := make([]float64, w.C.Bytes/4)
	ph := w.Phases
	if len(ph) == 0 {
		ph = []gemm.Phase{{M: p.M, N: p.N, K: p.K}}
	}
	at := func(s *gemm.Seen, i int, batch int, v []float64, row, col int) float64 {
		off, ok := element(s, i, row, col)
		if !ok {
			return 0
		}
		return v[off+int64(batch)*s.Batch]
	}
	written := make([]bool, len(dst))
	for batch := range p.Batch {
		for i, f := range ph {
			for m := range f.M {
				for n := range f.N {
					sum := 0.0
					for k := range f.K {
						sum += at(&w.A, i, batch, a, m, k) * at(&w.B, i, batch, b, k, n)
					}
					row := m
					if w.Reordered {
						row = stepped(gemm.Reorder(1), m)
					}
					off, ok := element(&w.C, i, row, n)
					if !ok && c.Pass == workloads.PassData && c.R*c.S == 1 && c.StrideH*c.StrideW > 1 {
						continue // a point of the output that sees padding
					}
					if !ok {
						t.Fatalf("element (%d,%d) of the output is nowhere", m, n)
					}
					off += int64(batch) * w.C.Batch
					if written[off] {
						t.Fatalf("element %d of the output is written twice", off)
					}
					written[off] = true
					dst[off] = sum
				}
			}
		}
	}
	for i, ok := range written {
		if !ok {
			t.Fatalf("element %d of the output is not written", i)
		}
	}
	return dst
}

func element(s *gemm.Seen, i, row, col int) (int64, bool) {
	return s.Views[min(i, len(s.Views)-1)].Element(int32(row), int32(col))
}

// stepped is where digits lead a number.
func stepped(digits []tile.Digit, n int) (at int) {
	for i, d := range digits {
		v := n
		if i < len(digits)-1 {
			v, n = n%int(d.Size), n/int(d.Size)
		}
		at += v * int(d.Stride)
	}
	return at
}
