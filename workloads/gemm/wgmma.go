package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

func init() { register("wgmma", buildWGMMA) }

// A Hopper kernel is warp specialised and persistent. One warp of the last warp
// group lets the TMA fetch k-tiles into a ring of stages; the other warp groups
// multiply them, each 64 or 128 rows of the tile, straight from shared memory; and
// a ring of full and of empty barriers keeps both in step, over the border between
// tiles too. Results leave through shared memory and the TMA.
//
// As in the Volta kernels the instruction's rows come from op(B) and its columns
// from op(A), so that accumulator pairs run along m, where C is contiguous.
//
// With scale factors (DeepGEMM) a k-tile is a block of 128: its products are added
// up by the matrix unit and then, times the factors of row and column, to sums that
// the fp32 pipes keep.
const (
	wgmmaRows   = 64 // of the instruction
	wgmmaLine   = tile.SwizzleBytes
	wgmmaSteps  = 4 // instructions along a k-tile of one line
	scaleBlock  = 128
	scaleBytes  = 4
	launchRegs2 = 168 // per thread of three warp groups: 65536 / 384
	launchRegs1 = 255 // of two
	producerReg = 40  // and behind setmaxnreg
	consumerReg = 232
)

// wgmmaTypes are those of factors, accumulators and results that go together.
var wgmmaTypes = map[[3]string]bool{
	{"fp16", "fp32", "fp16"}: true, {"fp16", "fp16", "fp16"}: true, {"fp16", "fp32", "bf16"}: true,
	{"bf16", "fp32", "bf16"}: true, {"tf32", "fp32", "fp32"}: true, {"int8", "int32", "int32"}: true,
	{"fp8", "fp32", "bf16"}: true, {"fp8", "fp32", "fp16"}: true, {"fp8", "fp16", "fp16"}: true,
}

// Barriers and, after A, B and C, scale factors of op(B)'s columns by block of k, and
// of op(A)'s by blocks of both.
const (
	barFull = iota
	barEmpty
	barCluster

	tensorScaleB = tensorC + 1
	tensorScaleA = tensorC + 2
)

// wgmma is a kernel under construction.
type wgmma struct {
	p      Problem
	c      Config
	k      *tile.Kernel
	elem   int
	out    int // bytes of an element of C
	groups int // consumer warp groups
	frags  int // 64-row instructions of each
	rows   wgmmaOperand
	cols   wgmmaOperand

	// Byte addresses in shared memory, and the bytes of a row of the epilogue's buffer.
	scaleBAt, scaleAAt, outAt int
	outRow                    int

	// First registers: sums (at 0), accumulators of the matrix unit, addresses,
	// temporaries.
	regAcc, regAddr, regTemp int
}

// wgmmaOperand is one of the two factors.
type wgmmaOperand struct {
	tensor int
	size   int  // of the CTA tile along m or n
	outer  bool // contiguous along m or n, else along k
	shared bool // the same for all CTAs of the cluster
	base   int  // byte address of its ring of stages
}

// bytes is the size of a stage.
func (o *wgmmaOperand) bytes() int { return o.size * wgmmaLine }

func buildWGMMA(p Problem, c Config, l tile.Latencies) ([]*tile.Kernel, error) {
	w := &wgmma{p: p, c: c}
	if err := w.check(); err != nil {
		return nil, err
	}
	if err := w.kernel(); err != nil {
		return nil, err
	}
	return finish(w.k, p, w.c, l)
}

// check validates the problem and the configuration and fills in defaults.
func (w *wgmma) check() error {
	p, c := &w.p, &w.c
	w.c.ClusterM, w.c.ClusterN = max(1, c.ClusterM), max(1, c.ClusterN)
	var err error
	if w.elem, err = elemSize(p.DType); err != nil {
		return err
	}
	if w.out, err = elemSize(p.Out()); err != nil {
		return err
	}
	if p.Acc == "" {
		p.Acc = "fp32"
		if p.DType == "int8" {
			p.Acc = "int32"
		}
	}
	w.groups = min(2, c.TileN/wgmmaRows)
	switch {
	case !wgmmaTypes[[3]string{p.DType, p.Acc, p.Out()}]:
		return fmt.Errorf("gemm: no WGMMA kernel multiplies %s, adds in %s and writes %s", p.DType, p.Acc, p.Out())
	case p.Beta != 0:
		return fmt.Errorf("gemm: WGMMA kernels do not read C: beta is %g, not 0", p.Beta)
	case c.Splits > 1 || c.WarpK > 1:
		return fmt.Errorf("gemm: WGMMA kernels do not split k")
	case c.TileN != 64 && c.TileN != 128 && c.TileN != 256:
		return fmt.Errorf("gemm: a WGMMA tile has 64, 128 or 256 along n, not %d", c.TileN)
	case c.TileM < 16 || c.TileM > 256 || c.TileM%8 != 0 || !c.Scaled && c.TileM%64 != 0:
		return fmt.Errorf("gemm: a WGMMA tile has 64, 128, 192 or 256 along m, with scale factors multiples of 8, not %d", c.TileM)
	case c.Stages < 2:
		return fmt.Errorf("gemm: %d stages, a ring needs two", c.Stages)
	case c.TileK != 0 && c.TileK != wgmmaLine/w.elem:
		return fmt.Errorf("gemm: WGMMA kernels have a k-tile of %d, not %d", wgmmaLine/w.elem, c.TileK)
	case w.elem != 2 && (!p.TransA || p.TransB):
		return fmt.Errorf("gemm: WGMMA reads %s along k only (layout tn), not %s", p.DType, p.Layout())
	case p.DType == "int8" && p.Alpha != 1:
		return fmt.Errorf("gemm: WGMMA kernels of int8 have an alpha of 1, not %g", p.Alpha)
	case c.Scaled && (p.DType != "fp8" || p.Acc != "fp32" || c.TileN > 128 || p.Alpha != 1):
		return fmt.Errorf("gemm: kernels with scale factors multiply fp8 in tiles of 64 or 128 along n, with alpha of 1")
	case c.ClusterM*c.ClusterN > 2:
		return fmt.Errorf("gemm: clusters of %dx%d CTAs (allowed: two)", c.ClusterM, c.ClusterN)
	}
	w.frags = c.TileN / wgmmaRows / w.groups
	if n := w.accRegs(w.frags * c.TileM); n > 208 || c.Scaled && n > 96 {
		return fmt.Errorf("gemm: a %dx%d tile needs %d accumulators per thread", c.TileM, c.TileN, n)
	}
	c.TileK, c.Splits, c.WarpM, c.WarpN = wgmmaLine/w.elem, 1, c.TileM, c.TileN/w.groups
	return nil
}

func (w *wgmma) cluster() int { return w.c.ClusterM * w.c.ClusterN }

// name follows cuBLAS 12: tile, and how many warp groups share it.
func (w *wgmma) name() string {
	if w.c.Name != "" {
		return w.c.Name + "_" + w.p.Layout()
	}
	return fmt.Sprintf("sm90_wgmma_%s_%dx%dx%d_%d_cluster%dx%d_%s", w.p.DType, w.c.TileM, w.c.TileN, w.c.TileK, w.c.Stages,
		w.c.ClusterM, w.c.ClusterN, w.p.Layout())
}

func (w *wgmma) kernel() error {
	p, c := w.p, w.c
	ts, err := w.tensors()
	if err != nil {
		return err
	}
	w.k = &tile.Kernel{
		Name: w.name(), Threads: 128 * (w.groups + 1), Regs: launchRegs2, TileM: c.TileM, TileN: c.TileN, TileK: c.TileK, Splits: 1,
		Tensors: ts, Alpha: p.Alpha, Beta: p.Beta, DType: p.DType, Cluster: w.cluster(), Product: true,
	}
	if w.groups == 1 {
		w.k.Regs = launchRegs1
	}
	w.layout()
	w.place()
	w.barriers()
	w.k.Programs = []*tile.Program{w.producer(), w.idle()}
	for g := range w.groups {
		w.k.Programs = append(w.k.Programs, w.consumer(g))
		w.k.Role = append(w.k.Role, uint8(2+g), uint8(2+g), uint8(2+g), uint8(2+g))
	}
	w.k.Role = append(w.k.Role, 0, 1, 1, 1)
	return nil
}

// tensors adds the scale factors to A, B and C.
func (w *wgmma) tensors() ([]tile.Tensor, error) {
	p := w.p
	ts, err := p.tensors(0)
	if err != nil || !w.c.Scaled {
		return ts, err
	}
	blocks := ceilDiv(p.K, scaleBlock)
	b := stored("scales of B", scaleBytes, p.N, blocks, p.Batch, false)
	b.ColStride = int64(ceilDiv(p.N, 4) * 4) // padded to what the TMA wants
	b.BatchStride = b.ColStride * int64(blocks)
	b.Bytes = b.BatchStride * int64(p.Batch) * scaleBytes
	ts = append(ts, b, stored("scales of A", scaleBytes, ceilDiv(p.M, scaleBlock), blocks, p.Batch, true))
	allocate(ts)
	return ts, nil
}

// layout divides shared memory: the rings of both operands, the scale factors and
// the epilogue's buffers.
func (w *wgmma) layout() {
	c := w.c
	w.rows = wgmmaOperand{tensor: tensorB, size: c.TileN, outer: w.p.TransB, shared: c.ClusterM > 1}
	w.cols = wgmmaOperand{tensor: tensorA, size: c.TileM, outer: !w.p.TransA, shared: c.ClusterN > 1, base: c.Stages * w.rows.bytes()}
	at := w.cols.base + c.Stages*w.cols.bytes()
	w.outAt = at
	if c.Scaled {
		w.outRow = c.TileM * w.out
		at += c.TileN * w.outRow
		w.scaleBAt = ceilDiv(at, 128) * 128
		w.scaleAAt = w.scaleBAt + c.Stages*c.TileN*scaleBytes
		at = w.scaleAAt + w.scaleRows()*w.k.Tensors[tensorScaleA].Cols*scaleBytes
	} else {
		w.outRow = wgmmaLine
		at += w.groups * 2 * wgmmaRows * wgmmaLine
	}
	w.k.Shared = at + 8*(2*c.Stages+1) // and the barriers
	w.regAcc = 0
	if c.Scaled {
		w.regAcc = c.TileM / 2
	}
	w.regAddr = w.regAcc + w.accRegs(w.frags*c.TileM)
	w.regTemp = w.regAddr + 8
}

// accRegs is the number of accumulator registers of a thread for so many columns of
// 64 rows.
func (w *wgmma) accRegs(cols int) int {
	if w.p.Acc == "fp16" {
		return cols / 4
	}
	return cols / 2
}

// scaleRows is the number of blocks of 128 along m that a tile can touch.
func (w *wgmma) scaleRows() int {
	if scaleBlock%w.c.TileM == 0 {
		return 1
	}
	return 2
}

// place walks tiles along m, a raster's width at a time, then along n. Those of a
// cluster have neighbouring numbers.
func (w *wgmma) place() {
	p, c := w.p, w.c
	size := w.cluster()
	tm, tn := ceilDiv(ceilDiv(p.M, c.TileM), c.ClusterM), ceilDiv(ceilDiv(p.N, c.TileN), c.ClusterN)
	raster := max(1, c.Raster/c.ClusterM)
	if c.Raster == 0 {
		raster = tm
	}
	k := w.k
	k.Tiles = tm * tn * size * p.Batch
	grid := k.Tiles
	if c.Grid > 0 {
		grid = min(grid, max(1, c.Grid/size)*size)
	}
	k.Grid = [3]int{grid, 1, 1}
	trips := ceilDiv(p.K, c.TileK)
	k.Place = func(index int, cta *tile.CTA) {
		rank, t := index%size, index/size
		batch := t / (tm * tn)
		t %= tm * tn
		group := t / (raster * tn)
		width := min(raster, tm-group*raster)
		t -= group * raster * tn
		x := (group*raster+t%width)*c.ClusterM + rank%c.ClusterM
		y := t/width*c.ClusterN + rank/c.ClusterM
		*cta = tile.CTA{Index: index, Batch: int32(batch), Splits: 1, Tile: int32(index), Trips: int32(trips), Rank: int32(rank)}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(x*c.TileM), int32(p.M)
		cta.Origin[tile.VarN], cta.Limit[tile.VarN] = int32(y*c.TileN), int32(p.N)
		cta.Limit[tile.VarK] = int32(p.K)
		cta.Origin[tile.VarScale], cta.Limit[tile.VarScale] = int32(x*c.TileM/scaleBlock), int32(ceilDiv(p.M, scaleBlock))
	}
}

// barriers are the rings of full and empty stages, and one for the cluster's start.
// A stage is full when all of its bytes have come, and empty when every consumer
// warp of the cluster is through with it.
func (w *wgmma) barriers() {
	bytes := w.rows.bytes() + w.cols.bytes()
	if w.c.Scaled {
		bytes += w.c.TileN * scaleBytes
	}
	w.k.Barriers = []tile.MBarrier{
		barFull:    {Name: "full", Stages: w.c.Stages, Arrivals: 1, Bytes: bytes},
		barEmpty:   {Name: "empty", Stages: w.c.Stages, Arrivals: tile.GroupWarps * w.groups * w.cluster()},
		barCluster: {Name: "cluster", Stages: 1, Arrivals: w.cluster()},
	}
}
