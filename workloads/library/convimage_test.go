package library

import (
	"strings"
	"testing"
)

// TestImageChoice: images of three or four channels have a kernel of their own where
// the library and its caller know it, and slabs of 32 channels elsewhere.
func TestImageChoice(t *testing.T) {
	for _, tc := range []struct {
		machine, conv, algo string
		want                string
	}{
		{"xavier", "c=3,k=64,r=7,s=7,dtype=fp16,layout=nhwc", "", AlgoImage},
		{"turing", "c=3,k=64,r=7,s=7,dtype=fp16,layout=nhwc", AlgoPrecomp, AlgoPrecomp}, // as DeepBench asks
		{"volta", "c=3,k=64,r=7,s=7,dtype=fp16,layout=nhwc", "", AlgoPrecomp},
		{"turing", "c=1,k=64,r=5,s=5,dtype=fp16,layout=nhwc", "", AlgoPrecomp},
		{"turing", "c=3,k=96,r=7,s=7,dtype=fp16,layout=nhwc", "", AlgoPrecomp},
		{"turing", "c=4,k=32,r=3,s=3,dtype=fp16,layout=nhwc,pass=bwd_data", "", AlgoPrecomp},
		{"volta", "c=3,k=64,r=7,s=7,dtype=fp32", "", AlgoPrecomp},
		{"turing", "c=3,k=64,r=7,s=7,dtype=fp16,layout=nhwc", "", AlgoImage},
		{"turing", "c=3,k=64,r=7,s=7,dtype=int8,layout=nchw_vect_c", "", AlgoImage},
		{"turing", "c=32,k=64,r=3,s=3,dtype=int8,layout=nchw_vect_c", "", AlgoPrecomp},
		{"ampere", "c=3,k=64,r=7,s=7,dtype=fp16,layout=nhwc", "", AlgoImage},
		{"ampere", "c=3,k=32,r=3,s=3,dtype=int8,layout=nchw_vect_c", "", AlgoImage},
		{"hopper", "c=4,k=32,r=3,s=3,dtype=fp16,layout=nhwc", "", AlgoImage},
	} {
		g, c := convOn(t, tc.machine, "conv:n=4,h=64,w=64,pad=1,"+tc.conv)
		call, err := ChooseConv(g, c, tc.algo)
		if err != nil {
			t.Fatalf("%+v: %v", tc, err)
		}
		if call.Algo != tc.want {
			t.Errorf("%+v: %s", tc, call.Algo)
		}
		ks, err := call.Build(Latencies(g))
		if err != nil {
			t.Errorf("%+v: %v", tc, err)
			continue
		}
		if k := ks[len(ks)-1]; tc.want == AlgoImage && (len(ks) != 1 || k.Name != call.Kernel) {
			t.Errorf("%+v: %d kernels, the last %s", tc, len(ks), k.Name)
		}
	}
}

// TestCompiledNetworks: layers of networks that TensorRT has laid out for Volta have
// large tiles only, whatever the library would take.
func TestCompiledNetworks(t *testing.T) {
	g, c := convOn(t, "volta", "conv:n=1,c=256,h=14,w=14,k=256,r=3,s=3,pad=1,dtype=fp16,layout=nhwc")
	for compiled, tile := range map[bool]string{false: "64x64", true: "128x128"} {
		call, err := ChooseConv(Of(g, compiled), c, "")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(call.Kernel, tile) {
			t.Errorf("compiled %v: %s, want a tile of %s", compiled, call.Kernel, tile)
		}
	}
}
