package library

import "gpusim/workloads"

// voltaScudnn are the fp32 kernels of cuDNN 7 on Volta and Turing. A public profile
// of a V100 shows 128 threads of 128 registers for 128x64. That is what the outer
// product, its fragments and the loads take if offsets share registers with what is
// loaded by them, and four CTAs then fit an SM. The rest of a k-tile agrees: with one
// CTA to an SM 128x64 takes 1300 to 1430 cycles for it where multiply-adds need 1024,
// so a look-up is waited for. 128x32 would need 1024 cycles too if two warps computed
// it as they do the others, but 392 points by 512 filters take 950.
//
// Gains are fitted to which tile the time of DeepBench's forward passes on V100 fits:
// 128x64 wherever it has 50 CTAs or more. [fit] That of 128x32 is cuBLAS's.
func voltaScudnn() []Entry {
	es := scudnn("volta_scudnn")
	for i := range es {
		e := &es[i]
		e.late = true
		switch e.TileN {
		case 64:
			e.PerSM, e.Gain = 4, 0.92
		case 32:
			e.WarpM, e.WarpN, e.Threads, e.Gain = 32, 32, 128, 0.60
		}
	}
	return es
}

// gradientGain is the same of 128x32 for gradients of the input, of which 392 points
// by 512 channels take what 128x64 does: 63 us of V100, where the forward pass takes
// 46. [fit] on that row and the one of 2048 filters
const gradientGain = 0.45

// forPass gives the entry as it is for a pass.
func (e Entry) forPass(pass string) Entry {
	if e.late && e.TileN == 32 && pass == workloads.PassData {
		e.Gain = gradientGain
	}
	return e
}
