package gpusim

import (
	"encoding/binary"
	"math/rand"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/replay"
)

// TestPlanarReplay executes a convolution of NCHW images on Tensor Cores, changes
// of layout included, and compares with its definition.
func TestPlanarReplay(t *testing.T) {
	m, err := configs.Load("volta", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, pass := range []string{"fwd", "bwd_data", "bwd_weight"} {
		w, err := workloads.Parse("conv:n=2,c=8,h=6,w=5,k=16,r=3,s=3,pad=1,dtype=fp16,pass=" + pass)
		if err != nil {
			t.Fatal(err)
		}
		c, err := callOf(m, w, Options{})
		if err != nil {
			t.Fatal(err)
		}
		first, last := c.kernels[0], c.kernels[len(c.kernels)-1]
		if first.Name != "nchwTonhwcKernel" || last.Name != "nhwcTonchwKernel" {
			t.Fatalf("%s: kernels %s to %s", pass, first.Name, last.Name)
		}
		var all []tile.Tensor
		for _, k := range c.kernels {
			all = append(all, k.Tensors...)
		}
		machine := replay.New(all)
		v := w.Conv
		r := rand.New(rand.NewSource(1))
		x, f, y := random(r, v.N*v.C*v.H*v.W), random(r, v.K*v.C*v.R*v.S), random(r, v.N*v.K*v.P()*v.Q())
		a, b := f, x
		switch pass {
		case "bwd_data":
			b = y
		case "bwd_weight":
			a, b = x, y
		}
		for i, in := range [][]float64{a, b} {
			mem := machine.Bytes(&c.kernels[i].Tensors[0])
			for j, e := range in {
				binary.LittleEndian.PutUint16(mem[2*j:], tile.HalfBits(e))
			}
		}
		for _, k := range c.kernels {
			if err := machine.Run(k); err != nil {
				t.Fatalf("%s: %v", pass, err)
			}
		}
		got := machine.Bytes(&last.Tensors[1])
		for i, want := range planar(v, x, f, y) {
			if g := float64(tile.HalfValue(binary.LittleEndian.Uint16(got[2*i:]))); g != want {
				t.Errorf("%s: element %d is %v, want %v", pass, i, g, want)
				break
			}
		}
	}
}

func random(r *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(r.Intn(5) - 2)
	}
	return v
}

// planar is the definition of a convolution of NCHW images with stride 1.
func planar(c *workloads.Conv, x, f, y []float64) []float64 {
	dx, df, dy := make([]float64, len(x)), make([]float64, len(f)), make([]float64, len(y))
	for n := range c.N {
		for k := range c.K {
			for p := range c.P() {
				for q := range c.Q() {
					yi := ((n*c.K+k)*c.P()+p)*c.Q() + q
					for ch := range c.C {
						for r := range c.R {
							for s := range c.S {
								h, v := p+r-c.PadH, q+s-c.PadW
								if h < 0 || h >= c.H || v < 0 || v >= c.W {
									continue
								}
								xi, fi := ((n*c.C+ch)*c.H+h)*c.W+v, ((k*c.C+ch)*c.R+r)*c.S+s
								dy[yi] += x[xi] * f[fi]
								dx[xi] += y[yi] * f[fi]
								df[fi] += x[xi] * y[yi]
							}
						}
					}
				}
			}
		}
	}
	return map[string][]float64{workloads.PassForward: dy, workloads.PassData: dx, workloads.PassWeight: df}[c.Pass]
}
