package library

// narrowKepler is the kernel that cuBLAS until CUDA 7.5 takes for narrow products: its
// name, of a tile of 32 x 64 in steps of 16 and of 8 x 16 threads, stands in profiles
// of Caffe (BVLC/caffe#579); that Maxwell runs it for n of 32 or less is read off
// DeepBench's times on M40 and TITAN X, where n of 16 and of 32 and both layouts of A
// take as long, twice to three times what its own tiles take.
func narrowKepler() []Entry {
	return []Entry{{Name: "sgemm_sm35_ldg_32x16x64x8x16", Family: "simt", Type: "fp32", TileM: 32, TileN: 64, WarpM: 16, WarpN: 32, TileK: 16, WarpK: 1, Threads: 128, PerSM: 8, Gain: 1, MaxN: 32, Only: true}}
}

// smallN are the kernels for n of 16 or less of CUDA 8 and later: known by name
// from profiles; that n of 16 goes to them is read off DeepBench's times for n
// of 16 and 32, of which the former are up to three times the latter.
func smallN(types ...string) []Entry {
	var out []Entry
	for _, t := range types {
		out = append(out, Entry{Name: "gemmSN", Family: "small_n", Type: t, TileM: 32, TileN: 16, TileK: 4, WarpK: 1, Threads: 128, PerSM: 16, Gain: 1, MaxN: 16, Only: true})
	}
	return out
}
