package library

import "fmt"

// ampereTiles are the kernels for fp32 of Ampere and Ada.
func ampereTiles() []Entry {
	return simt("ampere_sgemm", append(wholeTiles(), forLongK(slicedTiles())...))
}

// longK is where cuBLAS 12 on Ampere changes to kernels whose warps split k,
// whatever the grid: 21 of 22 of NeuSight's products with more, and one of 180
// with less.
const longK = 32000

// forLongK marks the largest of some tiles.
func forLongK(es []Entry) []Entry {
	es[len(es)-1].LongK = true
	return es
}

// onAda is what cuBLAS 12 thinks of them on AD104: of NeuSight's 108 single products on
// L4 50 are 128x64 and two sliced. Fitted to the names of a third of them: 14 of 36
// tiles are right then, and of the others 35 of 72, for 29 of all before.
func onAda(es []Entry) []Entry {
	for i := range es {
		switch e := &es[i]; {
		case e.TileM == 128 && e.TileN == 64:
			e.Gain = 1
		case e.WarpK > 1 && !e.LongK:
			e.Gain = 0.5
		}
	}
	return es
}

// onGA100 is what cuBLAS 12 thinks of them on GA100 for single products: an SM is never
// without CTAs before the last, and tiles reach about what they do on silicon (in the
// median of NeuSight's long rows 0.92, 0.89, 0.84 and 0.81 of the rate). Gains are fitted
// to the names of 78 of NeuSight's 138 shapes of more than 60 us and k below longK, of
// which 60 are right, and of the 60 others 46. With rounds of all CTAs that an SM holds,
// and gains fitted alike, 52 and 42.
func onGA100(es []Entry) []Entry {
	gains := map[string]float64{"128x64": 0.95, "64x64": 0.86, "128x32": 0.89, "32x128": 0.90, "32x32": 0.78, "64x32": 0.81}
	for i := range es {
		e := &es[i]
		if g := gains[fmt.Sprintf("%dx%d", e.TileM, e.TileN)]; g > 0 && !e.LongK {
			e.Gain, e.rolling = g, true
		}
	}
	return es
}
