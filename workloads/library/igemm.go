package library

// igemm are the kernels for int8 on DP4A, which move 4 bytes per load whatever
// the alignment; hence ldg4. The tiles are concluded from DeepBench's times: for
// n of 35 no narrow tile shows in them, and nowhere does split-K, be there ever
// so few CTAs. But on GP102 n of 1 and 2 take the same time, and a third of that
// of 4 where k is long; on T4 all three are level. So there is a kernel whose
// warps share out k for an n as small as that.
func igemm(family string, narrow Entry) []Entry {
	narrow.Gain = 0.90
	tiles := simt(family, []Entry{
		{TileM: 128, TileN: 128, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 256, PerSM: 2, Gain: 0.97},
		{TileM: 128, TileN: 64, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 128, PerSM: 4, Gain: 0.95, MaxN: 64},
		narrow,
	})
	for i := range tiles {
		tiles[i].Type, tiles[i].TileK, tiles[i].Whole = "int8", 32, true
		tiles[i].Name += "_ldg4"
	}
	return tiles
}
