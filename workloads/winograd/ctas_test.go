package winograd

import (
	"testing"

	"gpusim/workloads/tile"
)

// TestFusedCTAs: as many as the kernel's grid has, both ways, and no fewer than the
// outputs need.
func TestFusedCTAs(t *testing.T) {
	for _, p := range []Problem{
		{N: 5, C: 8, H: 9, W: 9, K: 70, Pass: Forward},
		{N: 5, C: 70, H: 9, W: 11, K: 8, Pass: BackwardData},
		{N: 1, C: 8, H: 56, W: 13, K: 32, Pass: Forward},
		{N: 16, C: 8, H: 5, W: 5, K: 1, Pass: Forward},
	} {
		p.R, p.S, p.PadH, p.PadW, p.Alpha = 3, 3, 1, 1, 1
		ks, err := Fused(p, nil, tile.Latencies{})
		if err != nil {
			t.Fatal(err)
		}
		g := ks[1].Grid
		filters := p.K
		if p.Pass == BackwardData {
			filters = p.C
		}
		least := ceilDiv(p.N*ceilDiv(p.H, 2)*ceilDiv(p.W, 2), fusedTiles) * ceilDiv(filters, fusedFilters)
		if got, err := FusedCTAs(p, nil); err != nil || got != g[0]*g[1]*g[2] || got < least {
			t.Errorf("%+v: %d CTAs (%v), grid %v, at least %d", p, got, err, g, least)
		}
	}
	if _, err := FusedCTAs(Problem{N: 1, C: 8, H: 9, W: 9, K: 8, R: 5, S: 5, Alpha: 1}, nil); err == nil {
		t.Error("filters of 5x5 have a fused kernel")
	}
}
