package library

import (
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
)

// TestFusedTiles: each library's fused Winograd takes an arrangement of tiles that it has
// kernels for.
func TestFusedTiles(t *testing.T) {
	for _, c := range []struct{ machine, shape, want string }{
		{"volta", "n=16,c=64,h=56,w=56,k=64", "tile148"},
		{"volta", "n=8,c=64,h=28,w=28,k=64", "tile148"},
		{"turing", "n=8,c=64,h=7,w=7,k=64", "tile148"},
		{"maxwell", "n=16,c=64,h=56,w=56,k=64", "tile148"}, // cuDNN 5
		{"maxwell", "n=8,c=64,h=28,w=28,k=64", "tile228"},
		{"titanx-pascal", "n=8,c=64,h=14,w=14,k=64", "tile418"},
		{"maxwell", "n=8,c=64,h=7,w=7,k=64", "tile148"},
		{"pascal", "n=8,c=64,h=7,w=7,k=64", "tile244"}, // cuDNN 6
		{"p4", "n=8,c=64,h=14,w=14,k=64", "tile418"},   // cuDNN 8
		{"ampere", "n=8,c=64,h=7,w=7,k=64", "tile244"},
	} {
		m, err := configs.Load(c.machine, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := workloads.Parse("conv:dtype=fp32,r=3,s=3,pad=1," + c.shape)
		if err != nil {
			t.Fatal(err)
		}
		call, err := ChooseConv(m.GPU, w.Conv, AlgoWinograd)
		if err != nil {
			t.Fatalf("%s, %s: %v", c.machine, c.shape, err)
		}
		ks, err := call.Build(Latencies(m.GPU))
		if err != nil {
			t.Fatal(err)
		}
		if got := ks[len(ks)-1].Name; !strings.Contains(got, c.want) {
			t.Errorf("%s, %s: %s, want %s", c.machine, c.shape, got, c.want)
		}
	}
}
