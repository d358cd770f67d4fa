package systolic

// Decoupled is a weight-stationary array behind a scratchpad, with load, execute
// and store queues that run apart (Gemmini: Genc et al., DAC 2021). A tile of
// weights is preloaded beside the active one, so folds follow each other without
// draining.
type Decoupled struct {
	Rows, Cols  int
	WordBytes   float64 // of operands and results
	FoldBubble  int     // cycles between folds
	Setup       int     // first command to first product, and last product to the host's fence
	BytesPerClk float64 // of the load and store queues together
}

// DecoupledRun is a product on it.
type DecoupledRun struct {
	Compute, Memory, Cycles float64
	Bytes                   float64
}

// Run is the time of a product whose inputs stay in the scratchpad.
func (d *Decoupled) Run(p Product) DecoupledRun {
	folds := float64(ceilDiv(p.K, d.Rows) * ceilDiv(p.N, d.Cols))
	// Fewer vectors than rows do not hide the preload of the next tile's weights.
	r := DecoupledRun{Compute: folds * float64(max(p.M, d.Rows)+d.FoldBubble)}
	r.Bytes = d.WordBytes * (float64(p.M)*float64(p.K) + float64(p.K)*float64(p.N) + float64(p.M)*float64(p.N))
	r.Memory = r.Bytes / d.BytesPerClk
	r.Cycles = float64(d.Setup) + max(r.Compute, r.Memory)
	return r
}
