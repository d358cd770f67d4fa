package library

import (
	"cmp"
	"math"
	"slices"
)

// narrowKepler is the kernel that cuBLAS until CUDA 7.5 takes for narrow products: its
// name, of a tile of 32 x 64 in steps of 16 and of 8 x 16 threads, stands in profiles
// of Caffe (BVLC/caffe#579); that Maxwell runs it for n of 32 or less is read off
// DeepBench's times on M40 and TITAN X, where n of 16 and of 32 and both layouts of A
// take as long, twice to three times what its own tiles take. Those of k of 512 and
// 1024 take as long as n of 64, see alone; from 1536 on they are this one.
func narrowKepler() []Entry {
	return []Entry{{Name: "sgemm_sm35_ldg_32x16x64x8x16", Family: "simt", Type: "fp32", TileM: 32, TileN: 64, WarpM: 16, WarpN: 32, TileK: 16, WarpK: 1, Threads: 128, PerSM: 8, Gain: 1, MaxN: 32, MinK: 1280, Only: true}}
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

// alone are the kernels of n of 64 or less of cuBLAS until CUDA 8's first release: that
// they are whole tiles, without split-K, is read off DeepBench's times on TITAN X
// (Pascal), M40 and TITAN X. Those of 4 to 24 CTAs go with k and not with m, as one CTA
// of 128x128 on an SM does, which meets them; on TITAN X (Pascal) larger ones lie below
// two such CTAs. TITAN Xp and GTX 1080 Ti, of a later release, take a half to a fifth.
// A library that expects a long trip to memory behind every iteration would choose so: a
// CTA that is alone on its SM then costs the same whatever its tile is.
func alone() []Entry {
	out := simt("maxwell_sgemm", wholeTiles()[:2])
	for i := range out {
		out[i].MaxN, out[i].Only, out[i].Whole, out[i].Trip = 64, true, true, 1200
	}
	return out
}

// manyColumns is the least n of products of few rows that such kernels compute. [fit]
const manyColumns = 4096

// block32 are the kernels of n of 32 or less, where gemmSN is not offered, of CUDA 8's
// second release and later: sgemm_32x32x32_NN_vec and its like stand in public profiles
// of Pascal boards, a row of NeuSight's gives them 128 threads and tiles of 32x32, and
// DeepBench's times on P100 follow them to 14 % with four warps that take a quarter of
// each k-tile. Not split along k: there times do not depend on how many tiles there are.
// Of few rows and many columns GTX 1080 Ti and TITAN Xp take what they give, a half of
// what others would, and P100 what either gives: m of 35 and n of 8457, nothing between is
// known.
func block32(types ...string) []Entry {
	var out []Entry
	for _, t := range types {
		out = append(out, Entry{Name: "sgemm_32x32x32", Family: "simt", Type: t, TileM: 32, TileN: 32, WarpM: 32, WarpN: 32, TileK: 8, WarpK: 4, Threads: 128, PerSM: 4, Gain: 1, MaxN: 32, MaxM: 64, Only: true, Whole: true})
	}
	return out
}

// onlyOf keeps the kernels beside which nothing is launched, if any: those for the fewest columns.
func onlyOf(es []Entry) []Entry {
	only := slices.DeleteFunc(slices.Clone(es), func(e Entry) bool { return !e.Only })
	if len(only) == 0 {
		return es
	}
	narrowest := slices.MinFunc(only, func(a, b Entry) int { return cmp.Compare(a.columns(), b.columns()) }).MaxN
	return slices.DeleteFunc(only, func(e Entry) bool { return e.MaxN != narrowest })
}

// columns is the largest n that a kernel is offered for whatever m is.
func (e Entry) columns() int {
	if e.MaxN == 0 {
		return math.MaxInt
	}
	return e.MaxN
}
