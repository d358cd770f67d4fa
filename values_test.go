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
