package gemm

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand"
	"testing"

	"gonum.org/v1/gonum/mat"

	"gpusim/workloads/tile"
)

// voltaLatencies are the GV100 latencies of the published microbenchmarks;
// functional tests do not depend on them.
var voltaLatencies = tile.Latencies{
	FP32: 4, FP64: 8, INT: 4, FP16: 6, SFU: 20, DP4A: 4, HMMA: 16, HMMAAccumulate: 8, Branch: 8,
	RegisterBanks: 2, OperandsPerRead: 2,
	SharedBanks: 32, SharedBytesClk: 128,
}

// fill gives a tensor normal numbers rounded to its type.
func fill(m *machine, t tile.Tensor, dtype string, rnd *rand.Rand) {
	at := m.Mem[t.Base-tile.DeviceBase:]
	for i := range int(t.Bytes) / t.Elem {
		v := rnd.NormFloat64()
		switch {
		case t.Elem == 1:
			at[i] = byte(encode(dtype, float64(rnd.Intn(7)-3)))
		case dtype == "bf16" && t.Elem == 2:
			binary.LittleEndian.PutUint16(at[2*i:], uint16(tile.BF16Bits(float32(v))))
		case dtype == "tf32": // as precise as the instruction is
			put(at, i, 4, float64(math.Float32frombits(math.Float32bits(float32(v))&^0x1fff)))
		default:
			put(at, i, t.Elem, v)
		}
	}
}

func put(at []byte, i, elem int, v float64) {
	switch elem {
	case 2:
		binary.LittleEndian.PutUint16(at[2*i:], tile.HalfBits(v))
	case 4:
		binary.LittleEndian.PutUint32(at[4*i:], math.Float32bits(float32(v)))
	default:
		binary.LittleEndian.PutUint64(at[8*i:], math.Float64bits(v))
	}
}

// matrix reads one batch of a tensor of a type.
func matrix(m *machine, t tile.Tensor, dtype string, batch int) *mat.Dense {
	out := mat.NewDense(t.Rows, t.Cols, nil)
	at := m.Mem[t.Base-tile.DeviceBase:]
	for r := range t.Rows {
		for c := range t.Cols {
			i := int64(batch)*t.BatchStride + int64(r)*t.RowStride + int64(c)*t.ColStride
			switch t.Elem {
			case 1:
				out.Set(r, c, tile.Value(dtype, uint32(at[i])))
			case 2:
				h := binary.LittleEndian.Uint16(at[2*i:])
				if dtype == "bf16" {
					out.Set(r, c, float64(math.Float32frombits(uint32(h)<<16)))
				} else {
					out.Set(r, c, float64(tile.HalfValue(h)))
				}
			case 4:
				out.Set(r, c, float64(math.Float32frombits(binary.LittleEndian.Uint32(at[4*i:]))))
			default:
				out.Set(r, c, math.Float64frombits(binary.LittleEndian.Uint64(at[8*i:])))
			}
		}
	}
	return out
}

// verify runs the kernels of p on random numbers and compares C with gonum.
func verify(t *testing.T, p Problem, c Config) []*tile.Kernel {
	t.Helper()
	return verifyOn(t, p, c, voltaLatencies)
}

// verifyOn does so for a machine's latencies and matrix instructions.
func verifyOn(t *testing.T, p Problem, c Config, l tile.Latencies) []*tile.Kernel {
	t.Helper()
	ks, err := Build(p, c, l)
	if err != nil {
		t.Fatalf("%+v %+v: %v", p, c, err)
	}
	ts := ks[0].Tensors
	last := ts[len(ts)-1]
	m := newMachine(ts)
	rnd := rand.New(rand.NewSource(int64(p.M*7919 + p.N*104729 + p.K)))
	for _, x := range ts[:3] {
		fill(m, x, p.DType, rnd)
	}
	want := make([]*mat.Dense, p.Batch)
	bound := make([]*mat.Dense, p.Batch)
	for b := range want {
		a, x, y := matrix(m, ts[tensorA], p.DType, b), matrix(m, ts[tensorB], p.DType, b), matrix(m, ts[tensorC], p.Out(), b)
		want[b], bound[b] = new(mat.Dense), new(mat.Dense)
		want[b].Mul(a, x)
		want[b].Scale(p.Alpha, want[b])
		y2 := new(mat.Dense)
		y2.Scale(p.Beta, y)
		want[b].Add(want[b], y2)
		// Sum of the magnitudes: what rounding errors are relative to.
		abs := func(_, _ int, v float64) float64 { return math.Abs(v) }
		a.Apply(abs, a)
		x.Apply(abs, x)
		y2.Apply(abs, y2)
		bound[b].Mul(a, x)
		bound[b].Scale(math.Abs(p.Alpha), bound[b])
		bound[b].Add(bound[b], y2)
	}
	for _, k := range ks {
		if err := m.Run(k); err != nil {
			t.Fatalf("%+v %+v: %v", p, c, err)
		}
	}
	times := int64(1)
	if len(ks) == 1 {
		times = int64(ks[0].Splits)
	}
	if got, want := m.Stored["C"], times*ts[tensorC].Bytes; got != want {
		t.Fatalf("%s wrote %d bytes of C, not %d", ks[0].Name, got, want)
	}
	if len(ks) > 1 && m.Stored["workspace"] != last.Bytes {
		t.Fatalf("%s wrote %d bytes of workspace, not %d", ks[0].Name, m.Stored["workspace"], last.Bytes)
	}
	eps := 0x1p-23 * float64(p.K/4+8)
	switch {
	case p.DType == "fp64":
		eps = 0x1p-52 * float64(p.K/4+8)
	case p.Acc == "fp16":
		eps = 0x1p-11 * float64(p.K/4+8)
	}
	for b := range want {
		got := matrix(m, ts[tensorC], p.Out(), b)
		for i := range p.M {
			for j := range p.N {
				w := want[b].At(i, j)
				tol := eps * bound[b].At(i, j)
				switch p.Out() {
				case "bf16":
					tol += math.Abs(w) * 0x1p-8
				case "fp16":
					tol += math.Abs(w)*0x1p-11 + 0x1p-24
					if len(ks) == 1 && ks[0].Splits > 1 {
						tol += bound[b].At(i, j) * 0x1p-11 * float64(ks[0].Splits)
					}
				}
				if d := math.Abs(got.At(i, j) - w); !(d <= tol) {
					t.Fatalf("%s: batch %d C(%d,%d) = %g, want %g within %g\n%+v\n%+v", ks[0].Name, b, i, j, got.At(i, j), w, tol, p, c)
				}
			}
		}
	}
	return ks
}

func fp16(m, n, k int, ta, tb bool, acc string) Problem {
	return Problem{M: m, N: n, K: k, Batch: 1, TransA: ta, TransB: tb, DType: "fp16", Acc: acc, Alpha: 1}
}

func TestHMMAFunctional(t *testing.T) {
	for _, tl := range hmmaTiles {
		for trans := range 4 {
			for _, acc := range []string{"fp32", "fp16"} {
				p := fp16(tl.m+8, tl.n+16, 72, trans&1 != 0, trans&2 != 0, acc)
				t.Run(fmt.Sprintf("%dx%d/%s/%s", tl.m, tl.n, p.Layout(), acc), func(t *testing.T) {
					verify(t, p, Config{Family: "hmma", TileM: tl.m, TileN: tl.n})
				})
			}
		}
	}
}

func TestHMMAShapes(t *testing.T) {
	type tc struct {
		p Problem
		c Config
	}
	var cases []tc
	tiles := hmmaTiles
	rnd := rand.New(rand.NewSource(1))
	shapes := [][3]int{{1, 40, 64}, {40, 1, 33}, {1, 1, 1}, {17, 31, 1}, {37, 41, 43}, {64, 64, 31}, {130, 66, 34}, {127, 129, 65}, {131, 70, 97}, {72, 136, 40}}
	for i, s := range shapes {
		for trans := range 4 {
			p := fp16(s[0], s[1], s[2], trans&1 != 0, trans&2 != 0, []string{"fp32", "fp16"}[(i+trans)&1])
			if rnd.Intn(2) == 0 {
				p.Alpha, p.Beta = 0.5, -1.25
			}
			if rnd.Intn(3) == 0 {
				p.OutType = "fp32"
			}
			if rnd.Intn(3) == 0 {
				p.Batch = 3
			}
			tl := tiles[rnd.Intn(len(tiles))]
			cases = append(cases, tc{p, Config{Family: "hmma", TileM: tl.m, TileN: tl.n}})
		}
	}
	for _, c := range cases {
		ks := verify(t, c.p, c.c)
		if len(ks) != 1 {
			t.Fatalf("%d kernels without split-K", len(ks))
		}
	}
}

// TestHMMAVectors covers every alignment class on both kinds of operand.
func TestHMMAVectors(t *testing.T) {
	for _, v := range []int{8, 4, 2, 1} {
		for trans := range 4 {
			for _, acc := range []string{"fp32", "fp16"} {
				for _, out := range []string{"fp16", "fp32"} {
					p := fp16(72, 80, 72, trans&1 != 0, trans&2 != 0, acc)
					p.OutType, p.Beta, p.Alpha = out, 0.5, -2
					tl := hmmaTiles[(v+trans)%len(hmmaTiles)]
					verify(t, p, Config{Family: "hmma", TileM: tl.m, TileN: tl.n, VecA: v, VecB: v, VecC: v})
				}
			}
		}
	}
}

func TestHMMASplitK(t *testing.T) {
	for _, ws := range []bool{true, false} {
		for i, tl := range hmmaTiles {
			for j, beta := range []float64{0, 0.75} {
				acc := []string{"fp32", "fp16"}[(i+i/4+j)%2]
				p := fp16(tl.m/2+9, tl.n/2+7, 300, i&1 != 0, i&2 != 0, acc)
				p.Beta, p.Batch = beta, 1+i%2
				ks := verify(t, p, Config{Family: "hmma", TileM: tl.m, TileN: tl.n, Splits: 4, Workspace: ws})
				want := 1
				if ws {
					want = 2
				}
				// 10 k-tiles in slices of 3 make 4 slices.
				if len(ks) != want || ks[0].Splits != 4 {
					t.Errorf("workspace=%v: %d kernels, %d splits", ws, len(ks), ks[0].Splits)
				}
			}
		}
	}
	// Three k-tiles in five slices: two would be empty and are dropped.
	ks := verify(t, fp16(64, 64, 70, false, false, "fp32"), Config{Family: "hmma", TileM: 64, TileN: 64, Splits: 5, Workspace: true})
	if ks[0].Splits != 3 {
		t.Errorf("%d slices of 3 k-tiles", ks[0].Splits)
	}
}
