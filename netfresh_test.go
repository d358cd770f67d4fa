package gpusim

import (
	"context"
	"testing"
)

// A network that moves more than L2 holds reads its parameters in every pass; one that
// fits, and a layer alone that follows itself, find them there.
func TestNetworksReadTheirParameters(t *testing.T) {
	t.Parallel()
	m := machine(t, "volta") // 6 MiB of L2
	const layer, weights = "gemm:m=1024,n=8,k=2048,dtype=fp16,ta=t", 2 * 1024 * 2048
	small := netOf(t, `one,"`+layer+`",1`)
	large := netOf(t, `one,"`+layer+`",1`, `two,"gemm:m=1024,n=8,k=2056,dtype=fp16,ta=t",1`)
	steps := netOf(t, `steps,"`+layer+`",25`, `two,"gemm:m=1024,n=8,k=2056,dtype=fp16,ta=t",1`)
	for _, f := range []Fidelity{Sampled, Analytic} {
		dram := func(text string) float64 {
			r, err := Run(context.Background(), m, parseAll(t, text)[0], Options{Fidelity: f})
			if err != nil {
				t.Fatal(err)
			}
			return r.DRAMBytes
		}
		for _, c := range []struct {
			text        string
			least, most float64
		}{
			{layer, 0, 0.1 * weights}, {small.Text, 0, 0.1 * weights},
			{large.Text, 2 * weights, 2.2 * weights}, {steps.Text, weights, 1.2 * weights},
		} {
			if got := dram(c.text); got < c.least || got > c.most {
				t.Errorf("%s, %s: %.0f bytes of DRAM, want %.0f to %.0f", f, c.text, got, c.least, c.most)
			}
		}
	}
}

// The operations of a call are those of its main kernel, so that layers add up.
func TestLayersHaveTheOperations(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"gemm:64x64x8192:fp32", "conv:n=2,c=32,h=14,w=14,k=32,r=3,s=3,pad=1,dtype=fp16", "conv:n=4,c=64,h=14,w=14,k=64,r=3,s=3,pad=1,dtype=fp32"} {
		for _, f := range []Fidelity{Sampled, Analytic} {
			r, err := Run(context.Background(), machine(t, "volta"), parseAll(t, text)[0], Options{Fidelity: f})
			if err != nil {
				t.Fatal(err)
			}
			sum, main := 0.0, 0
			for i := range r.Layers {
				if sum += r.Layers[i].Ops; r.Layers[i].Ops > 0 {
					main = i
				}
			}
			if sum != r.Ops || r.Layers[main].TimeUS < 0.2*r.TimeUS {
				t.Errorf("%s: layers have %v operations of %v, kernel %s", text, sum, r.Ops, r.Layers[main].Kernel)
			}
		}
	}
}
