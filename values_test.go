package gpusim

import (
	"testing"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// The same product swings with its data: 155 W with the least and 257 W with the most
// bits flipping have been measured on an A100 (Gregersen et al., Sustainable
// Supercomputing at SC24: almost 40 %). Nothing is fitted to that.
func TestSwingWithData(t *testing.T) {
	m, err := configs.Load("a100-pcie80", nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := workloads.Parse("gemm:m=2048,n=2048,k=2048,dtype=fp16")
	if err != nil {
		t.Fatal(err)
	}
	power := func(v energy.Values) float64 {
		r, err := Run(t.Context(), m, w, Options{Values: v})
		if err != nil {
			t.Fatal(err)
		}
		return r.Energy.PowerW(r.TimeUS * 1e-6)
	}
	random, zeros := power(energy.Random), power(energy.Zeros)
	const measured = 155.0 / 257
	t.Logf("zeros %.0f W, random %.0f W: %.3f, measured %.3f", zeros, random, zeros/random, measured)
	if got := zeros / random; got < 0.9*measured || got > 1.1*measured {
		t.Errorf("zeros take %.3f of what random numbers do, measured %.3f", got, measured)
	}
}

// What operands are changes the energy on every kind of machine, in closed form and on
// the host of a machine that lacks a layer, and nothing but the energy.
func TestValuesActEverywhere(t *testing.T) {
	for _, c := range []struct {
		machine, work string
		fidelity      Fidelity
	}{
		{"volta", "gemm:512x512x512:fp16", Analytic},
		{"volta", "conv:n=1,c=64,h=28,w=28,k=64,r=3,s=3,pad=1,dtype=fp16,layout=nhwc", Analytic},
		{"skylake-8180", "gemm:512x512x512:fp32", Sampled},
		{"skylake-8180", "softmax:rows=256,cols=256", Sampled},
		{"tpu1", "gemm:512x512x512:int8", Sampled},
		{"tpu1", "gemm:512x512x512:int8", Analytic},
		{"tpu1", "softmax:rows=256,cols=256", Sampled}, // on its host
		{"nvdla-large", "conv:n=1,c=64,h=28,w=28,k=64,r=3,s=3,pad=1,dtype=int8", Sampled},
		{"nvdla-large", "conv:n=1,c=64,h=28,w=28,k=64,r=3,s=3,pad=1,dtype=int8", Analytic},
	} {
		m, err := configs.Load(c.machine, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := workloads.Parse(c.work)
		if err != nil {
			t.Fatal(err)
		}
		run := func(v energy.Values) Result {
			r, err := Run(t.Context(), m, w, Options{Fidelity: c.fidelity, Values: v})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		random, zeros := run(energy.Random), run(energy.Zeros)
		if !(zeros.Energy.TotalUJ < random.Energy.TotalUJ) {
			t.Errorf("%s, %s, %s: zeros take %g uJ, random operands %g", c.machine, c.work, c.fidelity, zeros.Energy.TotalUJ, random.Energy.TotalUJ)
		}
		if zeros.TimeUS > random.TimeUS*(1+1e-9) { // a power limit may let them run faster
			t.Errorf("%s, %s, %s: zeros take %g us, random operands %g", c.machine, c.work, c.fidelity, zeros.TimeUS, random.TimeUS)
		}
	}
}
