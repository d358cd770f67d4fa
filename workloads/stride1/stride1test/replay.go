// Package stride1test compares generated kernels of convolutions with the direct
// convolution.
package stride1test

import (
	"encoding/binary"
	"math"
	"math/rand"
	"testing"

	"gpusim/workloads/stride1"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/replay"
)

func floats(mem []byte) []float64 {
	out := make([]float64, len(mem)/4)
	for i := range out {
		out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(mem[4*i:])))
	}
	return out
}

// Direct computes what a pass is, in fp64: x and w give y, y and w give x, x and
// y give w. The one that is computed is overwritten.
func Direct(p stride1.Problem, x, w, y []float64) {
	clear(map[stride1.Pass][]float64{stride1.Forward: y, stride1.BackwardData: x, stride1.BackwardWeight: w}[p.Pass])
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
								case stride1.Forward:
									y[yi] += x[xi] * w[wi]
								case stride1.BackwardData:
									x[xi] += y[yi] * w[wi]
								case stride1.BackwardWeight:
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

// Replay runs the kernels of a call on random numbers and compares them with
// the direct convolution; tolerance is relative to the largest result.
func Replay(t *testing.T, p stride1.Problem, ks []*tile.Kernel, tolerance float64) {
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
	names := map[stride1.Pass][2]string{stride1.Forward: {"x", "y"}, stride1.BackwardData: {"y", "x"}, stride1.BackwardWeight: {"x", "y"}}[p.Pass]
	where := map[string]string{"x": names[0], "w": "w", "y": names[1]}
	result := map[stride1.Pass]string{stride1.Forward: "y", stride1.BackwardData: "x", stride1.BackwardWeight: "w"}[p.Pass]
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
	Direct(p, data["x"], data["w"], data["y"])
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
