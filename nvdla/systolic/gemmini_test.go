package systolic

import "testing"

// RTL cycles of Gemmini, 16 x 16, int8, as published. Setup and FoldBubble are
// fitted to the two smallest products, BytesPerClk to that with 16 rows; the
// other three check them.
func TestGemminiRTL(t *testing.T) {
	d := Decoupled{Rows: 16, Cols: 16, WordBytes: 1, FoldBubble: 4, Setup: 2600, BytesPerClk: 9.3}
	for _, r := range []struct {
		p      Product
		cycles float64
		within float64
	}{
		{Product{M: 64, K: 64, N: 64}, 3810, 5}, {Product{M: 128, K: 128, N: 128}, 10530, 5}, {Product{M: 256, K: 256, N: 256}, 69653, 5},
		{Product{M: 16, K: 512, N: 512}, 32506, 5}, {Product{M: 512, K: 512, N: 64}, 74413, 9}, {Product{M: 512, K: 512, N: 512}, 543240, 5},
	} {
		got := d.Run(r.p)
		e := 100 * (got.Cycles/r.cycles - 1)
		t.Logf("%+v: %.0f cycles (%.0f, %+.1f %%)", r.p, got.Cycles, r.cycles, e)
		if e > r.within || e < -r.within {
			t.Errorf("%+v: %+.1f %%", r.p, e)
		}
	}
}
