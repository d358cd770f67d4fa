package conv

import (
	"fmt"
	"testing"

	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// TestBlockEpilogue executes int8 kernels whose filters are reordered with both
// shapes of matrix instructions, with and without pack conversions, warp tiles of one
// and of two blocks of channels and all epilogues, and sees that results leave by one
// store for eight of a lane's sums and never through shared memory.
func TestBlockEpilogue(t *testing.T) {
	tall := voltaLatencies
	tall.MMA = []tile.MMA{{Name: "IMMA.16832", Type: "int8", Acc: "int32", M: 16, N: 8, K: 32, Cycles: 8, Latency: 24, Accumulate: 16}}
	packs := tall
	packs.PackConversions = true
	for name, lat := range map[string]tile.Latencies{"8816": voltaLatencies, "16832": tall, "packs": packs} {
		for _, c := range []gemm.Config{
			{TileM: 64, TileN: 64, WarpM: 32, WarpN: 32}, {TileM: 64, TileN: 128, WarpM: 32, WarpN: 64},
			{TileM: 128, TileN: 64, WarpM: 64, WarpN: 32}, {TileM: 64, TileN: 256, WarpM: 64, WarpN: 64},
		} {
			c.Family, c.TileK, c.Stages, c.Splits = "mma", 64, 2, 1
			for _, s := range []string{"conv:n=2,c=32,h=5,w=6,k=64,r=3,s=3,pad=1", "conv:n=3,c=64,h=9,w=8,k=96,r=1,s=1"} {
				for _, e := range []string{"", "bias", "relu", "add", "bias+relu", "bias+add+relu", "gelu", "bias+gelu", "bias+add+gelu"} {
					text := s + ",dtype=int8,layout=nchw_vect_c"
					if e != "" {
						text += ",epilogue=" + e
					}
					t.Run(fmt.Sprintf("%s/%dx%d/%s", name, c.TileM, c.TileN, text), func(t *testing.T) {
						p := epiloguedFor(t, text, c, lat)
						stores := 0
						for _, in := range p.Segments[len(p.Segments)-1].Code {
							switch in.Op {
							case tile.OpSTG:
								stores++
							case tile.OpSTS, tile.OpLDS:
								t.Fatal("the epilogue goes through shared memory")
							}
						}
						if want := c.WarpM * c.WarpN / 32 / 8; stores != want {
							t.Errorf("%d stores, want %d", stores, want)
						}
					})
				}
			}
		}
	}
}

// TestReorderedRefused: a kernel that cannot write reordered rows where they belong is
// not built.
func TestReorderedRefused(t *testing.T) {
	good := gemm.Config{Family: "mma", TileM: 64, TileN: 64, TileK: 64, WarpM: 32, WarpN: 32, Stages: 2, Splits: 1}
	for name, change := range map[string]func(p *gemm.Problem, c *gemm.Config){
		"slices in turn":    func(_ *gemm.Problem, c *gemm.Config) { c.Splits = 2 },
		"beta":              func(p *gemm.Problem, _ *gemm.Config) { p.Beta = 1 },
		"warps of 16 rows":  func(_ *gemm.Problem, c *gemm.Config) { c.WarpM = 16 },
		"words":             func(p *gemm.Problem, _ *gemm.Config) { p.OutType = "int32" },
		"another generator": func(_ *gemm.Problem, c *gemm.Config) { c.Family, c.TileK = "simt", 8 },
	} {
		_, p := problem(t, "conv:n=1,c=64,h=5,w=6,k=64,r=3,s=3,dtype=int8,layout=nchw_vect_c", Slabs{})
		c := good
		if _, err := gemm.Build(p, c, voltaLatencies); err != nil {
			t.Fatal(err)
		}
		change(&p, &c)
		if _, err := gemm.Build(p, c, voltaLatencies); err == nil {
			t.Errorf("%s: built", name)
		}
	}
}
