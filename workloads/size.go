package workloads

// Size gives a size of a workload by its key in the workload language; false if
// its kind has no such key.
func Size(w Workload, key string) (int, bool) {
	switch {
	case w.GEMM != nil:
		g := w.GEMM
		return pick(key, gemmSizes, g.M, g.N, g.K, g.Batch)
	case w.Conv != nil:
		c := w.Conv
		return pick(key, convSizes, c.N, c.C, c.H, c.W, c.K, c.R, c.S, c.PadH, c.PadW, c.StrideH, c.StrideW, c.DilH, c.DilW, c.Groups)
	case w.Layer != nil:
		if f := kindOfLayer(w.Layer.Kind).field(key); f != nil && f.size != nil {
			return *f.size(w.Layer), true
		}
	}
	return 0, false
}

// Keys of sizes, in the order in which Size gives them to pick.
var (
	gemmSizes = []string{"m", "n", "k", "batch"}
	convSizes = []string{"n", "c", "h", "w", "k", "r", "s", "pad_h", "pad_w", "stride_h", "stride_w", "dilation_h", "dilation_w", "groups"}
)

// pick gives the size with a key. Sweeps ask for every layer of every machine, so it
// builds no map.
func pick(key string, keys []string, sizes ...int) (int, bool) {
	for i, k := range keys {
		if k == key {
			return sizes[i], true
		}
	}
	return 0, false
}
