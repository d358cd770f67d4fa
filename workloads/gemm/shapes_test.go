package gemm

import (
	"math/rand"
	"testing"
)

// TestRandomShapes draws problems and kernels of the families that compute
// full matrix products.
func TestRandomShapes(t *testing.T) {
	rnd := rand.New(rand.NewSource(12))
	extent := func() int {
		if rnd.Intn(4) == 0 {
			return 1 + rnd.Intn(8)
		}
		return 1 + rnd.Intn(150)
	}
	for n := range 40 {
		var p Problem
		var c Config
		if n&1 == 0 {
			tl := hmmaTiles[rnd.Intn(len(hmmaTiles))]
			c = Config{Family: "hmma", TileM: tl.m, TileN: tl.n}
			p.DType, p.Acc = "fp16", []string{"fp32", "fp16"}[rnd.Intn(2)]
			p.OutType = []string{"fp16", "fp32"}[rnd.Intn(2)]
		} else {
			i := rnd.Intn(len(simtTiles))
			c, p.DType = simtConfig(i), simtTiles[i].dtype
		}
		p.M, p.N, p.K, p.Batch = extent(), extent(), extent(), 1+rnd.Intn(2)
		p.TransA, p.TransB = rnd.Intn(2) == 0, rnd.Intn(2) == 0
		p.Alpha, p.Beta = rnd.NormFloat64(), 0
		if rnd.Intn(2) == 0 {
			p.Beta = rnd.NormFloat64()
		}
		c.Splits, c.Workspace = 1+rnd.Intn(4), rnd.Intn(2) == 0
		verify(t, p, c)
	}
}
