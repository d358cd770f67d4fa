package workloads

// Size gives a size of a workload by its key in the workload language; false if
// its kind has no such key.
func Size(w Workload, key string) (int, bool) {
	switch {
	case w.GEMM != nil:
		g := w.GEMM
		v, ok := map[string]int{"m": g.M, "n": g.N, "k": g.K, "batch": g.Batch}[key]
		return v, ok
	case w.Conv != nil:
		c := w.Conv
		v, ok := map[string]int{
			"n": c.N, "c": c.C, "h": c.H, "w": c.W, "k": c.K, "r": c.R, "s": c.S, "pad_h": c.PadH, "pad_w": c.PadW, "stride_h": c.StrideH, "stride_w": c.StrideW,
			"dilation_h": c.DilH, "dilation_w": c.DilW, "groups": c.Groups,
		}[key]
		return v, ok
	case w.Layer != nil:
		if f := kindOfLayer(w.Layer.Kind).field(key); f != nil && f.size != nil {
			return *f.size(w.Layer), true
		}
	}
	return 0, false
}
