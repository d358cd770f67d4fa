package library

import "fmt"

// xmmaTiles and cutlassTiles are the kernels for fp32 that cuBLAS 12 launches on Hopper.
// Gains of single products are fitted to the names of 58 of NeuSight's 100, those of batches
// to 40 of 81; with CTAs that roll 34 and 39 single ones of 49 each are right, of batches 21
// of 40 and of the other 41 26 (23 before). Without, wide products of 2.4 rounds of 128x128
// were given to 64x64, which takes 40 % longer. None of the 98 of xmma is split; the two of
// CUTLASS are, with a long k and few tiles.
func xmmaTiles() []Entry {
	return xmma([]Entry{
		{TileM: 128, TileN: 128, WarpM: 64, WarpN: 64, WarpK: 1, Threads: 128, PerSM: 2, Gain: 0.80, GainB: 0.80},
		{TileM: 64, TileN: 256, WarpM: 64, WarpN: 64, WarpK: 1, Threads: 128, PerSM: 2, Gain: 0.77, GainB: 0.78},
		{TileM: 64, TileN: 128, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 128, PerSM: 3, Gain: 0.72, GainB: 0.69},
		{TileM: 128, TileN: 64, WarpM: 64, WarpN: 32, WarpK: 1, Threads: 128, PerSM: 3, Gain: 0.68, GainB: 0.65},
		{TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, WarpK: 1, Threads: 128, PerSM: 5, Gain: 0.68, GainB: 0.70},
		{TileM: 32, TileN: 128, WarpM: 32, WarpN: 32, WarpK: 1, Threads: 128, PerSM: 5, Gain: 0.63, GainB: 0.50},
		{TileM: 32, TileN: 32, WarpM: 16, WarpN: 32, WarpK: 1, Threads: 64, PerSM: 8, Gain: 0.29, GainB: 0.47},
	})
}

func cutlassTiles() []Entry {
	return simt("cutlass_80_simt_sgemm", []Entry{
		{TileM: 256, TileN: 128, WarpM: 64, WarpN: 64, WarpK: 1, Stages: 4, Threads: 256, PerSM: 1, Gain: 0.60, GainB: 0.80},
		{TileM: 128, TileN: 256, WarpM: 64, WarpN: 64, WarpK: 1, Stages: 4, Threads: 256, PerSM: 1, Gain: 0.60},
	})
}

// xmma names tiles as kernels of the xmma family, whose names give n first.
func xmma(tiles []Entry) []Entry {
	const family = "sm80_xmma_gemm_f32f32_f32f32_f32"
	tiles = simt(family, tiles)
	for i := range tiles {
		tiles[i].Whole, tiles[i].rolling, tiles[i].Stages = true, true, 3
		tiles[i].Name = fmt.Sprintf("%s_tilesize%dx%d", family, tiles[i].TileN, tiles[i].TileM)
	}
	return tiles
}
