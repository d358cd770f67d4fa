package library

import "gpusim/workloads/gemm"

// sparseEntries are CUTLASS's kernels with 2:4 sparsity for sm_80, of elements of so
// many bytes: k-tiles of 128 bytes, zeros counted, in three stages (recalled). Those
// of cuSPARSELt have the same instructions; which tiles it takes is not published.
func sparseEntries(name, typ string, bytes int) []Entry {
	shapes := []Entry{
		{TileM: 256, TileN: 128, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.90},
		{TileM: 128, TileN: 256, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.90},
		{TileM: 128, TileN: 128, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.85},
		{TileM: 64, TileN: 128, WarpM: 32, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.70},
		{TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, Threads: 128, PerSM: 3, Gain: 0.55},
	}
	for i := range shapes {
		shapes[i].TileK, shapes[i].Stages, shapes[i].Sparse = 128/bytes, 3, true
	}
	return mmaKernels(typ, "cutlass_80_tensorop_"+name+"_%dx%d_%dx%d", shapes)
}

// sparseBytes is the shared memory that a kernel takes: k-tiles of op(A), of half of
// op(B) and of metadata. Boards of compute capability 8.6 and 8.9 have less than an A100.
func (e *Entry) sparseBytes(p gemm.Problem) int {
	b := p.InBytes()
	return e.Stages * e.TileK * (e.TileM*b + e.TileN*b/2 + e.TileN/(8/max(1, b/2)))
}
