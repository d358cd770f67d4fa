package gpusim

import (
	"encoding/binary"
	"math/rand"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/stride1"
	"gpusim/workloads/stride1/stride1test"
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
		stride1test.Direct(stride1.Problem{N: v.N, C: v.C, H: v.H, W: v.W, K: v.K, R: v.R, S: v.S, PadH: v.PadH, PadW: v.PadW, Pass: stride1.Pass(pass)}, x, f, y)
		for i, want := range map[string][]float64{"fwd": y, "bwd_data": x, "bwd_weight": f}[pass] {
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
