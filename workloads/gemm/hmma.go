package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

func init() { register("hmma", buildHMMA) }

// hmmaTiles are the CTA tiles of the Volta Tensor Core kernels and their warp
// tiles. The list is CUTLASS's for sm_70 (warps of 64x64, and 2x2 warps for
// the small tiles); cuBLAS kernel names show the same tiles.
var hmmaTiles = []struct{ m, n, warpM, warpN int }{
	{256, 128, 64, 64},
	{128, 256, 64, 64},
	{128, 128, 64, 64},
	{256, 64, 64, 64},
	{64, 256, 64, 64},
	{128, 64, 64, 32},
	{64, 128, 32, 64},
	{64, 64, 32, 32},
}

// hmmaAddrRegs is the number of registers that hold pointers, counters and
// thread indices.
const hmmaAddrRegs = 20

// hmma is a kernel under construction.
type hmma struct {
	p     Problem
	c     Config
	k     *tile.Kernel
	acc16 bool // fp16 accumulators
	rows  hmmaOperand
	cols  hmmaOperand
	waves [][]chunk

	warpM, warpN []int // per warp: where its tile begins in the CTA tile
	buffer       int32 // bytes of one shared-memory buffer

	// First registers of the fragments, of the data on their way to shared
	// memory, of addresses, and of the epilogue's temporaries. Accumulators
	// begin at 0.
	regRows, regCols, regCopy, regAddr, regTemp int
}

// buildHMMA generates a volta_{s,h}884gemm kernel and, for split-K through a
// workspace, the reduction that follows it.
func buildHMMA(p Problem, c Config, l tile.Latencies) ([]*tile.Kernel, error) {
	h := &hmma{p: p, c: c}
	if err := h.check(); err != nil {
		return nil, err
	}
	if err := h.kernel(h.c.slice(p.K, hmmaTileK)); err != nil {
		return nil, err
	}
	return finish(h.k, p, h.c, l)
}

// check validates the problem and the configuration and fills in defaults.
func (h *hmma) check() error {
	p, c := h.p, &h.c
	if p.DType != "fp16" {
		return fmt.Errorf("gemm: HMMA.884 multiplies fp16, not %q", p.DType)
	}
	switch p.Acc {
	case "fp32", "":
	case "fp16":
		h.acc16 = true
	default:
		return fmt.Errorf("gemm: HMMA.884 accumulates in fp32 or fp16, not %q", p.Acc)
	}
	if o := p.Out(); o != "fp16" && o != "fp32" {
		return fmt.Errorf("gemm: HMMA.884 kernels write fp16 or fp32, not %q", o)
	}
	if c.TileK == 0 {
		c.TileK = hmmaTileK
	}
	if c.TileK != hmmaTileK || c.WarpK > 1 {
		return fmt.Errorf("gemm: HMMA.884 kernels have a k-tile of %d in one slice, not %d in %d", hmmaTileK, c.TileK, c.WarpK)
	}
	known := ""
	for _, t := range hmmaTiles {
		known += fmt.Sprintf(" %dx%d", t.m, t.n)
		if t.m != c.TileM || t.n != c.TileN {
			continue
		}
		if c.WarpM == 0 && c.WarpN == 0 {
			c.WarpM, c.WarpN = t.warpM, t.warpN
		}
		if c.WarpM != t.warpM || c.WarpN != t.warpN {
			return fmt.Errorf("gemm: tile %dx%d has warp tiles of %dx%d, not %dx%d", t.m, t.n, t.warpM, t.warpN, c.WarpM, c.WarpN)
		}
		return c.checkVectors(p, 8)
	}
	return fmt.Errorf("gemm: no HMMA.884 kernel has a %dx%d tile (known:%s)", c.TileM, c.TileN, known)
}

// widestVector is the largest power of two, at most limit, that divides n.
func widestVector(n, limit int) int {
	v := limit
	for n%v != 0 {
		v /= 2
	}
	return v
}

// name follows cuBLAS: s or h for the accumulators, ldg8 for the elements per
// global load, the BLAS transposes last.
func (h *hmma) name() string {
	kind := "s"
	if h.acc16 {
		kind = "h"
	}
	return fmt.Sprintf("volta_%s884gemm_%dx%d_ldg%d_f2f_%s", kind, h.c.TileM, h.c.TileN, min(h.c.VecA, h.c.VecB), h.p.Layout())
}

// kernel generates the main kernel; per is the k-tiles of a full slice.
func (h *hmma) kernel(per int) error {
	p, c := h.p, h.c
	h.warpM, h.warpN = c.warps()
	threads := 32 * len(h.warpM)
	operand := func(tensor, outer, warp, vec, base int, kContig bool) hmmaOperand {
		return hmmaOperand{
			chunked: chunked{tensor: tensor, kContig: kContig, outer: outer, tileK: hmmaTileK, elem: 2, vec: vec, chunks: outer * hmmaTileK / hmmaChunk / threads},
			rows:    tensor == tensorB, warp: warp, base: base, frags: warp / 16,
		}
	}
	h.cols = operand(tensorA, c.TileM, c.WarpM, c.VecA, 0, p.TransA)
	h.rows = operand(tensorB, c.TileN, c.WarpN, c.VecB, c.TileM*hmmaTileK*2, !p.TransB)
	h.buffer = int32((c.TileM + c.TileN) * hmmaTileK * 2)

	ts, err := p.tensors(c.workspaces())
	if err != nil {
		return err
	}
	h.k = &tile.Kernel{
		Name: h.name(), Threads: threads, TileM: c.TileM, TileN: c.TileN, TileK: hmmaTileK, Splits: c.Splits,
		Grid: p.grid(&c), Product: true,
		Tensors: ts, Alpha: p.Alpha, Beta: p.Beta, DType: "fp16", Role: make([]uint8, threads/32),
	}
	h.regRows = h.accRegs()
	h.regCols = h.regRows + 2*h.rows.fragRegs()
	h.regCopy = h.regCols + 2*h.cols.fragRegs()
	// The epilogue's temporaries take the place of fragments and copies.
	h.regTemp = h.regRows
	var copied int
	h.waves, copied = copyWaves(h.regCopy, &h.rows, &h.cols)
	h.regAddr = max(copied, h.regTemp+h.staging().regs())
	h.k.Regs = h.regAddr + hmmaAddrRegs

	prog := &tile.Program{Segments: []tile.Segment{
		{Code: h.prologue()}, {Code: h.body(), Loop: true}, {Code: h.staging().code()},
	}}
	h.k.Programs = []*tile.Program{prog}
	h.k.Shared = max(2*int(h.buffer), len(h.warpM)*h.staging().bytes())
	h.k.Place = phased(p, c, per)
	if c.Splits > 1 && !c.Workspace {
		h.k.Semaphores = h.k.Grid[0] * h.k.Grid[1] * p.Batch
	}
	if h.k.Regs > tile.RZ {
		return fmt.Errorf("gemm: %s needs %d registers per thread", h.k.Name, h.k.Regs)
	}
	return nil
}

// placer fills in the CTAs of a grid: x walks M tiles, y N tiles, z batches and
// within them slices of K of per k-tiles each.
func placer(p Problem, c Config, per int) func(int, *tile.CTA) {
	gx, gy := ceilDiv(p.M, c.TileM), ceilDiv(p.N, c.TileN)
	at := c.walk(gx, gy)
	return func(index int, cta *tile.CTA) {
		x, y := at(index % (gx * gy))
		z := index / (gx * gy)
		split, batch := z%c.Splits, z/c.Splits
		k0 := split * per * c.TileK
		k1 := min(p.K, k0+per*c.TileK)
		*cta = tile.CTA{
			Index: index, Batch: int32(batch), Split: int32(split), Splits: int32(c.Splits),
			Tile: int32(x + gx*(y+gy*batch)), Trips: int32(ceilDiv(k1-k0, c.TileK)),
		}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(x*c.TileM), int32(p.M)
		cta.Origin[tile.VarN], cta.Limit[tile.VarN] = int32(y*c.TileN), int32(p.N)
		cta.Origin[tile.VarK], cta.Limit[tile.VarK] = int32(k0), int32(k1)
		// Columns of the workspace: slice s owns [s*N, (s+1)*N).
		cta.Origin[tile.VarSplit], cta.Limit[tile.VarSplit] = int32(split*p.N+y*c.TileN), int32((split+1)*p.N)
	}
}

// access adds an address generator to the kernel and returns its index.
func (h *hmma) access(a tile.Access) int16 { return addAccess(h.k, a) }

// acc is the first accumulator register of fragment pair (fr, fc).
func (h *hmma) acc(fr, fc int) int { return (fc*h.rows.frags + fr) * h.accSize() }

// accSize is the number of registers of one 16x16 accumulator per thread.
func (h *hmma) accSize() int {
	if h.acc16 {
		return 4
	}
	return 8
}

func (h *hmma) accRegs() int { return h.rows.frags * h.cols.frags * h.accSize() }
