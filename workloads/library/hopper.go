package library

import (
	"fmt"

	"gpusim/configs"
	"gpusim/workloads/gemm"
)

// hopperShared is the shared memory that a CTA can have on compute capability 9.0.
const hopperShared = 232448

// wgmmaEntries are the warp-specialised kernels of cuBLAS 12 for Hopper, in clusters
// of two along m that share what they read of op(B). Tiles: names in public
// profiles; the cluster and one accumulator budget of 128 per thread: CUTLASS's
// sm90 defaults.
func wgmmaEntries(family, typ string, elem int) []Entry {
	var out []Entry
	for _, t := range [][2]int{{256, 128}, {128, 256}, {128, 128}, {256, 64}, {64, 256}, {128, 64}, {64, 128}, {64, 64}} {
		e := Entry{
			Name: fmt.Sprintf("%s_tilesize%dx%dx%d", family, t[0], t[1], 128/elem), Family: "wgmma", Type: typ,
			TileM: t[0], TileN: t[1], TileK: 128 / elem, WarpK: 1, Threads: 128 * (1 + min(2, t[1]/64)), PerSM: 1, Gain: 1, ClusterM: 2,
		}
		const epilogue, most = 2 * 64 * 128, 7 // two buffers a warp group; CUTLASS takes as many stages as fit
		e.Stages = min(most, (hopperShared-1024-epilogue*min(2, t[1]/64))/((t[0]+t[1])*128))
		out = append(out, e)
	}
	return out
}

// wgmmaCost is the time in SM cycles that a warp-specialised kernel takes by the
// library's estimate, after DeepGEMM's published rule: rounds of tiles, an iteration
// of which takes its arithmetic, its operands' way from L2 or that from shared
// memory, whichever is longest.
func wgmmaCost(g *configs.GPU, p gemm.Problem, e Entry) float64 {
	cluster := max(1, e.ClusterM)
	tiles := ceil(ceil(p.M, e.TileM), cluster) * cluster * ceil(p.N, e.TileN) * max(1, p.Batch)
	rounds := float64(ceil(tiles, g.SM.Count))
	math1 := float64(e.TileM*e.TileN*e.TileK) / Rate(g, e)
	perSM := min(float64(g.Crossbar.SMReplyBytes), float64(g.Crossbar.GPCReplyBytes*g.SM.GPCs)/float64(g.SM.Count))
	l2 := float64((e.TileM+e.TileN/cluster)*128) / perSM
	groups := min(2, e.TileN/64)
	shared := float64((groups*e.TileM+e.TileN)*128) / float64(g.SM.MIO.SharedBytesClk)
	iters := float64(ceil(p.K, e.TileK))
	out := float64(e.TileM*e.TileN*2) / float64(g.Crossbar.SMRequestBytes)
	return rounds*(iters*max(math1, l2, shared)+out) + beliefLaunch
}

// deepGEMM is the choice of DeepGEMM's first release, of which there is no other
// kernel: the fewest waves of tiles decide, then how full the last one is, then the
// larger tile along what its authors call m (our n) and the smaller along n (our m).
// Stages are as many as fit, and two CTAs share the rows of m that they read where
// there are many.
func deepGEMM(g *configs.GPU, p gemm.Problem) (Call, error) {
	if !p.TransA || p.TransB || p.M%16 != 0 || p.K%16 != 0 {
		return Call{}, fmt.Errorf("DeepGEMM multiplies fp8 with both operands along k, in multiples of 16 (layout tn, m and k; here %s, %d and %d)", p.Layout(), p.M, p.K)
	}
	tileN := 128
	if p.N <= 64 {
		tileN = 64
	}
	tiles := func(tm int) int { return ceil(p.M, tm) * ceil(p.N, tileN) * max(1, p.Batch) }
	best, full := 0, 0
	for tm := 16; tm <= 128; tm += 8 {
		last := tiles(tm) % g.SM.Count
		if last == 0 {
			last = g.SM.Count
		}
		waves, least := ceil(tiles(tm), g.SM.Count), 0
		if best > 0 {
			least = ceil(tiles(best), g.SM.Count)
		}
		if best == 0 || waves < least || waves == least && last > full {
			best, full = tm, last
		}
	}
	c := gemm.Config{
		Name:   fmt.Sprintf("deepgemm_fp8_%dx%dx128", best, tileN),
		Family: "wgmma", TileM: best, TileN: tileN, TileK: 128, Scaled: true, Raster: 16, Grid: g.SM.Count,
	}
	rows := 2
	least := 6
	if 128%best == 0 {
		rows, least = 1, 8
	}
	for c.Stages = least; c.Stages > 4 && deepGEMMShared(c, rows*ceil(p.K, 128)) > hopperShared; c.Stages-- {
	}
	if p.N >= 1024 && ceil(p.M, best)%2 == 0 && g.SM.Count%2 == 0 {
		c.ClusterM = 2
	}
	name := c.Name
	return Call{
		Name: "gemm_" + p.Layout(), Kernel: name + "_" + p.Layout(), Config: c,
		Entry: Entry{Name: name, Family: "wgmma", Type: "fp8/fp32", TileM: best, TileN: tileN, TileK: 128, WarpK: 1, PerSM: 1, Gain: 1},
	}, nil
}

// deepGEMMShared is the shared memory of a kernel whose tiles have so many scale
// factors along m and k.
func deepGEMMShared(c gemm.Config, factors int) int {
	return c.Stages*((c.TileM+c.TileN)*128+c.TileN*4) + c.TileM*c.TileN*2 + factors*4 + 16*c.Stages
}
