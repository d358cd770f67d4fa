package winograd

import (
	"fmt"
	"slices"

	"gpusim/workloads/stride1"
	"gpusim/workloads/tile"
)

// The fused algorithm is F(2x2,3x3). One kernel transforms the filters into
// U[c][e][k]; in the main kernel, a CTA of 256 threads computes 32 tiles of 2x2
// outputs of 32 filters. It works through four channels per iteration of its
// main loop, with two buffers in shared memory: four warps load a patch of 4x4
// per thread word by word (ldg1), transform it in registers and store its
// components; the other four bring the filters in vectors of four (ldg4). Half
// a warp owns a component and each of its threads 8 tiles times 8 filters of
// it, so that the products are those of a 128x128 tile, which the kernels'
// names have. The scheme is that of neon's xconv_winograd_2x2_3x3_32x32; cuDNN's names,
// grids and CTAs agree with it.
const (
	fusedThreads  = 256
	fusedLoaders  = 128 // threads that load images; the others load filters
	fusedTiles    = 32
	fusedFilters  = 32
	fusedChannels = 4
	fusedParts    = 16 // components
	fusedPart     = fusedChannels * fusedTiles * 4
	fusedSide     = fusedParts * fusedPart // bytes of images or of filters in a buffer
	// stagePitch is the distance of the filters of a component in the epilogue's
	// staging buffer, in words: 8 more than 32 keep the banks of eight filters apart.
	stagePitch   = 40
	stageFilters = 8 // that a round of the epilogue stages
)

// fusedRegs: 64 accumulators, two sets of fragments, a patch on its way and half of
// one that is transformed, and pointers. Two CTAs of 256 threads fit an SM with up to 128.
const (
	regFragment = 64
	regCopy     = regFragment + 2*16
	regAddress  = regCopy + 16 + 8
	fusedRegs   = regAddress + fusedAddress

	fusedAddress = 8
)

// arrangement is how the 32 tiles of a CTA lie: so many images, rows and columns
// of tiles.
type arrangement struct{ n, p, q int }

// arrangements are those whose kernels profiles show, by name: tile148 is one
// image, four rows, eight columns.
var arrangements = []arrangement{{1, 4, 8}, {2, 2, 8}, {2, 4, 4}, {4, 1, 8}}

func (a arrangement) name() string { return fmt.Sprintf("tile%d%d%d", a.n, a.p, a.q) }

// fused is the main kernel under construction.
type fused struct {
	p      Problem // as a forward pass
	flip   bool
	a      arrangement
	th, tw int // tiles along rows and columns, whole CTAs of them
	k      *tile.Kernel
}

// newFused chooses the arrangement with the fewest CTAs, the first of them, among those
// that are named, or all.
func newFused(p Problem, among []string) (*fused, error) {
	if err := check(&p, 3); err != nil {
		return nil, err
	}
	if p.Pass == BackwardWeight {
		return nil, fmt.Errorf("winograd: there is no fused kernel for gradients of filters")
	}
	f := &fused{p: p.AsForward(), flip: p.Pass == BackwardData}
	th, tw := ceilDiv(f.p.P(), 2), ceilDiv(f.p.Q(), 2)
	ctas := func(a arrangement) int { return ceilDiv(f.p.N, a.n) * ceilDiv(th, a.p) * ceilDiv(tw, a.q) }
	known := arrangements
	if len(among) > 0 {
		known = slices.DeleteFunc(slices.Clone(known), func(a arrangement) bool { return !slices.Contains(among, a.name()) })
		if len(known) < len(among) {
			return nil, fmt.Errorf("winograd: an arrangement of %q is not known (tile148, tile228, tile244, tile418 are)", among)
		}
	}
	f.a = slices.MinFunc(known, func(a, b arrangement) int { return ctas(a) - ctas(b) })
	f.th, f.tw = ceilDiv(th, f.a.p)*f.a.p, ceilDiv(tw, f.a.q)*f.a.q
	if tiles := int64(f.th) * int64(f.tw) * int64(p.N); tiles > 1<<28 || f.p.C > 1<<24 || f.p.K > 1<<24 {
		return nil, fmt.Errorf("winograd: %d tiles of %d channels and %d filters do not fit any device", tiles, p.C, p.K)
	}
	return f, nil
}

// paddedFilters is the row length of the transformed filters: whole CTAs.
func (f *fused) paddedFilters() int { return ceilDiv(f.p.K, fusedFilters) * fusedFilters }

// FusedWorkspace is the bytes that the fused algorithm keeps in memory.
func FusedWorkspace(p Problem) (int64, error) {
	f, err := newFused(p, nil)
	if err != nil {
		return 0, err
	}
	return 4 * fusedParts * int64(f.p.C) * int64(f.paddedFilters()), nil
}

// FusedCTAs is the CTAs of the fused algorithm's main kernel with arrangements as for
// Fused: they leave part of a CTA's 32 tiles empty where images have few, as those of 9x9
// points, whose 5x5 tiles take at least 40 places.
func FusedCTAs(p Problem, among []string) (int, error) {
	f, err := newFused(p, among)
	if err != nil {
		return 0, err
	}
	g := f.grid()
	return g[0] * g[1] * g[2], nil
}

// grid is that of the main kernel.
func (f *fused) grid() [3]int {
	return [3]int{ceilDiv(f.p.N, f.a.n) * f.paddedFilters() / fusedFilters, f.th / f.a.p, f.tw / f.a.q}
}

// Fused generates the kernels of the fused algorithm, for filters of 3x3, in
// launch order. among names the arrangements of a CTA's tiles that there are kernels for,
// such as tile148, nil all; it is the one that needs the fewest CTAs.
func Fused(p Problem, among []string, l tile.Latencies) ([]*tile.Kernel, error) {
	f, err := newFused(p, among)
	if err != nil {
		return nil, err
	}
	q := &f.p
	x, w, y := q.Tensors()
	u := stride1.Dense("U", 4, q.C, fusedParts, f.paddedFilters())
	stride1.Allocate(x, w, y, u)
	filters, err := f.filterTransform(w, u).build(l)
	if err != nil {
		return nil, err
	}
	if err := f.main(x, u, y, l); err != nil {
		return nil, err
	}
	return []*tile.Kernel{filters, f.k}, nil
}

// filterTransform is the kernel that transforms the filters: x counts filters,
// y channels, in CTAs of 32 x 4 threads, as profiles show.
func (f *fused) filterTransform(w, u *tile.Tensor) *transform {
	c, k := f.p.C, f.p.K
	in := filters(w, 3, c, false)
	in.x, in.y = in.y, in.x
	if f.flip { // stored as C filters of K channels
		in = filters(w, 3, k, true)
	}
	kp := int64(f.paddedFilters())
	return &transform{
		name: "generateWinogradTilesKernel", x: k, y: c, tx: 32, ty: 4, in: in, m: f23.g,
		out: side{
			t: u, n: 4, x: []tile.Digit{{Stride: 1}}, y: []tile.Digit{{Stride: fusedParts * kp}},
			e: []tile.Digit{{Size: fusedParts, Stride: kp}}, each: 2, once: 6,
		},
	}
}

// Tensors of the main kernel, and the origins of its CTAs: tiles, elements of
// the channels, filters and outputs of a filter's tile.
const (
	fusedX = iota
	fusedU
	fusedY

	varTile    = tile.VarM
	varElement = tile.VarK
	varFilter  = tile.VarN
	varOutput  = tile.VarScale
)

// main generates the main kernel.
func (f *fused) main(x, u, y *tile.Tensor, l tile.Latencies) error {
	p := &f.p
	tiles := p.N * f.th * f.tw
	digits := func(c, h, w int) []tile.Digit {
		return []tile.Digit{
			{Size: int32(f.tw), Stride: 2, W: 2}, {Size: int32(f.th), Stride: 2 * int64(w), H: 2},
			{Stride: int64(c) * int64(h) * int64(w)},
		}
	}
	patch := func(n int32, h, w int) []tile.Digit {
		return []tile.Digit{{Size: n, Stride: 1, W: 1}, {Size: n, Stride: int64(w), H: 1}, {Stride: int64(h) * int64(w)}}
	}
	tx, tu, ty := *x, *u, *y
	tx.Rows, tx.Cols = tiles, fusedParts*p.C
	tx.Views = []tile.View{{
		Row: digits(p.C, p.H, p.W), Col: patch(4, p.H, p.W), At: -int64(p.PadH)*int64(p.W) - int64(p.PadW),
		H0: int32(-p.PadH), W0: int32(-p.PadW), H: int32(p.H), W: int32(p.W),
	}}
	tu.Rows, tu.Cols, tu.RowStride, tu.ColStride = f.paddedFilters(), fusedParts*p.C, 1, int64(f.paddedFilters())
	ty.Output, ty.Rows, ty.Cols = true, tiles, 4*p.K
	ty.Views = []tile.View{{Row: digits(p.K, p.P(), p.Q()), Col: patch(2, p.P(), p.Q()), H: int32(p.P()), W: int32(p.Q())}}

	kBlocks := f.paddedFilters() / fusedFilters
	f.k = &tile.Kernel{
		Name: "scudnn_winograd_128x128_ldg1_ldg4_relu_" + f.a.name() + "t_nt_v1", Threads: fusedThreads, Regs: fusedRegs,
		Shared: 4 * fusedSide, TileM: 128, TileN: 128, TileK: fusedChannels, Splits: 1, Yields: true,
		Grid:    f.grid(),
		Tensors: []tile.Tensor{tx, tu, ty}, Alpha: p.Alpha, DType: "fp32", Role: make([]uint8, fusedThreads/32),
	}
	f.k.Programs = []*tile.Program{f.program(f.imageLoader()), f.program(f.filterLoader())}
	for w := fusedLoaders / 32; w < len(f.k.Role); w++ {
		f.k.Role[w] = 1
	}
	// Filters run fastest, so that CTAs side by side read the same images.
	gx, gy, th, tw, a, trips := f.k.Grid[0], f.k.Grid[1], f.th, f.tw, f.a, ceilDiv(p.C, fusedChannels)
	kp, c, k := f.paddedFilters(), p.C, p.K
	f.k.Place = func(index int, cta *tile.CTA) {
		n, k0 := index%gx/kBlocks*a.n, index%gx%kBlocks*fusedFilters
		ph, pw := index/gx%gy*a.p, index/gx/gy*a.q
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index), Trips: int32(trips)}
		cta.Origin[varTile], cta.Limit[varTile] = int32((n*th+ph)*tw+pw), int32(tiles)
		cta.Origin[varFilter], cta.Limit[varFilter] = int32(k0), int32(kp)
		cta.Origin[varOutput], cta.Limit[varOutput] = int32(4*k0), int32(4*k)
		cta.Limit[varElement] = int32(fusedParts * c)
	}
	if err := tile.Finish(f.k, l); err != nil {
		return fmt.Errorf("winograd: %w", err)
	}
	return nil
}

// at is the row of a CTA's tile in the view, relative to the CTA's first.
func (f *fused) at(t int) int32 {
	q, p, n := t%f.a.q, t/f.a.q%f.a.p, t/f.a.q/f.a.p
	return int32((n*f.th+p)*f.tw + q)
}
