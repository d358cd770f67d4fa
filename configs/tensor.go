package configs

// Rate is the peak of a type on the Tensor Cores in dense multiply-adds a clock
// and sub-core, 0 if they do not take it.
func (t *TensorCore) Rate(typ string) float64 {
	if t.Shape == "884" && typ == "fp16" {
		return float64(t.FMAPerClk)
	}
	rate := 0.0
	for _, i := range t.Instructions {
		if i.Type != typ || i.Sparse {
			continue
		}
		r := float64(i.M*i.N*i.K) / float64(i.Cycles)
		if i.M == 64 { // of a warp group, on the four sub-cores
			r /= 4
		}
		rate = max(rate, r)
	}
	return rate
}
