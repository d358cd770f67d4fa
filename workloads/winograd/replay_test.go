package winograd

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand"
	"testing"

	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/replay"
)

// voltaLatencies are a V100's.
var voltaLatencies = tile.Latencies{
	FP32: 4, FP64: 8, INT: 4, FP16: 6, SFU: 18, HMMA: 10, HMMAAccumulate: 8, HMMAStep: 2, HMMAStepFP16: 4,
	Branch: 8, RegisterBanks: 2, OperandsPerRead: 2, SharedBanks: 32, SharedBytesClk: 128,
}

func floats(mem []byte) []float64 {
	out := make([]float64, len(mem)/4)
	for i := range out {
		out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(mem[4*i:])))
	}
	return out
}

// direct computes what a pass is, in fp64: x and w give y, y and w give x, x and
// y give w. The one that is computed is overwritten.
func direct(p Problem, x, w, y []float64) {
	clear(map[Pass][]float64{Forward: y, BackwardData: x, BackwardWeight: w}[p.Pass])
	for n := range p.N {
		for k := range p.K {
			for op := range p.P() {
				for oq := range p.Q() {
					yi := ((n*p.K+k)*p.P()+op)*p.Q() + oq
					for c := range p.C {
						for r := range p.R {
							for s := range p.S {
								h, v := op+r-p.PadH, oq+s-p.PadW
								if h < 0 || h >= p.H || v < 0 || v >= p.W {
									continue
								}
								xi, wi := ((n*p.C+c)*p.H+h)*p.W+v, ((k*p.C+c)*p.R+r)*p.S+s
								switch p.Pass {
								case Forward:
									y[yi] += x[xi] * w[wi]
								case BackwardData:
									x[xi] += y[yi] * w[wi]
								case BackwardWeight:
									w[wi] += x[xi] * y[yi]
								}
							}
						}
					}
				}
			}
		}
	}
}

// find is the tensor of a name among those of a call.
func find(t *testing.T, ks []*tile.Kernel, name string) tile.Tensor {
	t.Helper()
	for _, k := range ks {
		for _, ts := range k.Tensors {
			if ts.Name == name {
				return ts
			}
		}
	}
	t.Fatalf("no tensor %s", name)
	return tile.Tensor{}
}

// check runs the kernels of a call on random numbers and compares them with
// the direct convolution; tolerance is relative to the largest result.
func check(t *testing.T, p Problem, ks []*tile.Kernel, tolerance float64) {
	t.Helper()
	var all []tile.Tensor
	for _, k := range ks {
		all = append(all, k.Tensors...)
	}
	m := replay.New(all)
	for i := range m.Mem {
		m.Mem[i] = 0xff // NaN
	}
	// Of a gradient of the input, the kernels' images are the gradient of the output.
	names := map[Pass][2]string{Forward: {"x", "y"}, BackwardData: {"y", "x"}, BackwardWeight: {"x", "y"}}[p.Pass]
	where := map[string]string{"x": names[0], "w": "w", "y": names[1]}
	result := map[Pass]string{Forward: "y", BackwardData: "x", BackwardWeight: "w"}[p.Pass]
	rnd := rand.New(rand.NewSource(3))
	data := map[string][]float64{"x": make([]float64, p.N*p.C*p.H*p.W), "w": make([]float64, p.K*p.C*p.R*p.S), "y": make([]float64, p.N*p.K*p.P()*p.Q())}
	for _, name := range []string{"x", "w", "y"} {
		if name == result {
			continue
		}
		ts := find(t, ks, where[name])
		mem := m.Bytes(&ts)
		if len(mem) != 4*len(data[name]) {
			t.Fatalf("%s has %d bytes, not %d words", name, len(mem), len(data[name]))
		}
		for i := range data[name] {
			v := float32(rnd.NormFloat64())
			data[name][i] = float64(v)
			binary.LittleEndian.PutUint32(mem[4*i:], math.Float32bits(v))
		}
	}
	for _, k := range ks {
		if err := m.Run(k); err != nil {
			t.Fatal(err)
		}
	}
	direct(p, data["x"], data["w"], data["y"])
	ts := find(t, ks, where[result])
	got, largest := floats(m.Bytes(&ts)), 0.0
	for _, v := range data[result] {
		largest = max(largest, math.Abs(v))
	}
	bad := 0
	for i, v := range data[result] {
		if d := math.Abs(got[i] - p.Alpha*v); !(d <= tolerance*largest) {
			if bad++; bad < 4 {
				t.Errorf("%s[%d] = %g, want %g", result, i, got[i], p.Alpha*v)
			}
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d wrong", bad, len(got))
	}
	// Each result is stored once.
	if want := int64(4 * len(got)); m.Stored[where[result]] != want {
		t.Errorf("%d bytes stored, not %d", m.Stored[where[result]], want)
	}
}

// simt is a configuration of the product.
var simt = gemm.Config{Family: "simt", TileM: 32, TileN: 128, WarpM: 32, WarpN: 16, WarpK: 1}

// shapes: edges of tiles in both directions, padding 0 to 2, sizes that no
// vector divides.
func shapes(r int) []Problem {
	var out []Problem
	for _, s := range [][7]int{
		{1, 1, 6, 6, 1, 1, 1}, {2, 3, 7, 7, 5, 1, 1}, {3, 5, 8, 13, 33, 0, 0},
		{1, 17, 9, 6, 4, 2, 2}, {2, 9, 10, 5, 40, 2, 1}, {17, 2, 5, 5, 3, 0, 1},
	} {
		out = append(out, Problem{N: s[0], C: s[1], H: s[2], W: s[3], K: s[4], R: r, S: r, PadH: s[5], PadW: s[6], Alpha: 1.5})
	}
	return out
}

func TestNonFusedReplay(t *testing.T) {
	for _, r := range []int{3, 5} {
		for _, p := range shapes(r) {
			for _, p.Pass = range []Pass{Forward, BackwardData, BackwardWeight} {
				t.Run(fmt.Sprintf("%dx%d/%s/%d,%d,%dx%d,%d", r, r, p.Pass, p.N, p.C, p.H, p.W, p.K), func(t *testing.T) {
					ks, err := NonFused(p, simt, voltaLatencies)
					if err != nil {
						t.Fatal(err)
					}
					// fp32 loses more with larger tiles: Lavin and Gray's table.
					check(t, p, ks, map[int]float64{3: 2e-5, 5: 2e-3}[r])
				})
			}
		}
	}
}

func TestFusedReplay(t *testing.T) {
	for _, a := range arrangements {
		for _, p := range shapes(3) {
			for _, p.Pass = range []Pass{Forward, BackwardData} {
				t.Run(fmt.Sprintf("%s/%s/%d,%d,%dx%d,%d", a.name(), p.Pass, p.N, p.C, p.H, p.W, p.K), func(t *testing.T) {
					ks, err := Fused(p, a.name(), voltaLatencies)
					if err != nil {
						t.Fatal(err)
					}
					check(t, p, ks, 5e-6)
				})
			}
		}
	}
}
