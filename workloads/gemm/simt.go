package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

func init() { register("simt", buildSIMT) }

const (
	// simtTileK is the k extent, in words, that a warp works through per
	// main-loop iteration; the deep kernels' is twice that.
	simtTileK = 8
	// simtAddrRegs is the number of registers that hold pointers, counters
	// and thread indices. With it the unsliced kernels need 118, 122 and 126
	// registers, the numbers that profilers show for cuBLAS's, and the sliced
	// ones 90, 82 and 130 where profilers show 86, 82 and 134.
	simtAddrRegs = 14
	// simtMaxShared is the static shared memory that a CTA can have.
	simtMaxShared = 48 << 10
)

// simt is a kernel of the plain fp32, fp64 and integer pipes under construction. Each
// thread computes an outer product of a few rows and columns per k-step from
// fragments that it reads from shared memory, the scheme of Lai and Seznec
// (CGO 2013) and of Gray's maxas SGEMM, which cuBLAS's kernels share.
//
// In sliced kernels several groups of warps own the same CTA tile; each takes
// its own part of a longer CTA k-tile, and the epilogue adds their sums.
//
// Deep kernels work through twice simtTileK per iteration, so that a trip to
// memory hides behind the arithmetic of one CTA per SM. The registers that hold
// so much on its way are missing for a second set of fragments: the warps wait
// for shared memory in every k-step. That cuBLAS's small sliced kernels do so
// is concluded from their 32 KiB of shared memory and from their time, which
// hardly depends on whether L2 holds the operands.
type simt struct {
	p      Problem
	c      Config
	k      *tile.Kernel
	t      simtType
	elem   int // bytes per word
	words  int // registers per word
	vec    int // words per 16-byte fragment load
	depth  int // k extent in words that a warp works through per iteration
	first  int // column with which a row of multiply-adds begins
	slices int // groups of warps that share the CTA tile
	a, b   simtOperand

	warpM, warpN []int // per warp: where its tile begins in the CTA tile
	slice        []int // per warp: its k slice
	buffer       int32 // bytes of one shared-memory buffer

	// First registers of the data on their way to shared memory, of those that
	// their bytes are transposed through, of addresses and of the epilogue's
	// temporaries. Accumulators begin at 0.
	regCopy, regSwap, regAddr, regTemp, regIndex int
}

// buildSIMT generates a kernel like volta_sgemm and, for split-K through a
// workspace, the reduction that follows it. These kernels move single
// elements whatever the alignment, so the configuration's vector widths
// matter only to copies without registers, see simt_async.go.
func buildSIMT(p Problem, c Config, l tile.Latencies) ([]*tile.Kernel, error) {
	s := &simt{p: p, c: c}
	if l.RegisterBanks == 4 {
		s.first = 2
	}
	if err := s.check(l); err != nil {
		return nil, err
	}
	if err := s.kernel(s.c.slice(p.K, s.c.TileK)); err != nil {
		return nil, err
	}
	return finish(s.k, p, s.c, l)
}

// check validates the problem and the configuration; afterwards c.TileK is the
// k extent of the CTA tile.
func (s *simt) check(l tile.Latencies) error {
	p, c := s.p, &s.c
	var err error
	if s.t, err = simtTypeOf(p, *c, l); err != nil {
		return err
	}
	s.elem, s.words, s.vec = s.t.word, s.t.word/4, 16/s.t.word
	if c.TileK == 0 {
		c.TileK = simtTileK * s.t.pack
	}
	s.depth = c.TileK / s.t.pack
	if c.TileK%s.t.pack != 0 || s.depth != simtTileK && s.depth != 2*simtTileK {
		return fmt.Errorf("gemm: %s SIMT kernels have a k-tile of %d or %d, not %d", p.DType, simtTileK*s.t.pack, 2*simtTileK*s.t.pack, c.TileK)
	}
	if c.ByWord && !s.deep() {
		return fmt.Errorf("gemm: SIMT kernels that load fragments word by word have a k-tile of %d, not %d", 2*simtTileK*s.t.pack, c.TileK)
	}
	s.slices = max(c.WarpK, 1)
	if c.WarpK < 0 || s.slices > 4 || s.slices == 3 {
		return fmt.Errorf("gemm: %d k slices inside the CTA: must be 1, 2 or 4", c.WarpK)
	}
	c.TileK *= s.slices
	if c.WarpM < 16 || c.WarpN < 16 || c.WarpM&(c.WarpM-1) != 0 || c.WarpN&(c.WarpN-1) != 0 {
		return fmt.Errorf("gemm: SIMT warp tile of %dx%d: must be powers of two, at least 16", c.WarpM, c.WarpN)
	}
	if c.TileM < 1 || c.TileN < 1 || c.TileM%c.WarpM != 0 || c.TileN%c.WarpN != 0 || c.TileM%32 != 0 || c.TileN%32 != 0 {
		return fmt.Errorf("gemm: SIMT tile of %dx%d: must be multiples of 32 and of the warp tile %dx%d", c.TileM, c.TileN, c.WarpM, c.WarpN)
	}
	threads := s.threads()
	if threads > 1024 {
		return fmt.Errorf("gemm: SIMT tile of %dx%d with warps of %dx%d and %d k slices needs %d threads", c.TileM, c.TileN, c.WarpM, c.WarpN, s.slices, threads)
	}
	perA, perB := s.wordsPerCopy(p.TransA), s.wordsPerCopy(!p.TransB)
	if words := s.depth * s.slices; c.TileM*words%(perA*threads) != 0 || c.TileN*words%(perB*threads) != 0 {
		return fmt.Errorf("gemm: k-tiles of %dx%d and %dx%d do not divide among %d threads", c.TileM, c.TileK, c.TileN, c.TileK, threads)
	}
	lm, ln := s.lanes()
	if tm, tn := c.WarpM/lm, c.WarpN/ln; tm%s.vec != 0 || tn%s.vec != 0 || tm*tn*s.words > 128 {
		return fmt.Errorf("gemm: no %s SIMT kernel has warp tiles of %dx%d", p.DType, c.WarpM, c.WarpN)
	}
	return s.checkAsync()
}

// deep says whether a warp works through more than simtTileK per iteration.
func (s *simt) deep() bool { return s.depth > simtTileK }

func (s *simt) threads() int {
	return 32 * (s.c.TileM / s.c.WarpM) * (s.c.TileN / s.c.WarpN) * s.slices
}

// lanes is the number of lanes of a warp along m and along n.
func (s *simt) lanes() (m, n int) {
	if s.c.WarpM > s.c.WarpN {
		return 8, 4
	}
	return 4, 8
}

// lane gives a lane's index along m and n. Bits 0 and 4 belong to the side
// with four lanes, so that any eight consecutive lanes read two vectors of one
// operand and four of the other.
func (s *simt) lane(l int) (m, n int) {
	four, eight := l&1|l>>4<<1, l>>1&7
	if s.c.WarpM > s.c.WarpN {
		return eight, four
	}
	return four, eight
}

// name follows cuBLAS: the CTA tile, the k slices if any, what is special about
// int8, the BLAS transposes last.
func (s *simt) name() string {
	if s.c.Name != "" {
		return s.c.Name + "_" + s.p.Layout()
	}
	sliced := ""
	if s.slices > 1 {
		sliced = fmt.Sprintf("_sliced1x%d", s.slices)
	}
	return fmt.Sprintf("volta_%s_%dx%d%s%s_%s", s.t.prefix, s.c.TileM, s.c.TileN, sliced, s.t.suffix, s.p.Layout())
}

// kernel generates the main kernel; per is the k-tiles of a full slice.
func (s *simt) kernel(per int) error {
	p, c := s.p, s.c
	threads := s.threads()
	wm, wn := c.TileM/c.WarpM, c.TileN/c.WarpN
	for w := range threads / 32 {
		s.warpM = append(s.warpM, w%wm*c.WarpM)
		s.warpN = append(s.warpN, w/wm%wn*c.WarpN)
		s.slice = append(s.slice, w/(wm*wn))
	}
	ts, err := p.tensors(c.workspaces())
	if err != nil {
		return err
	}
	s.k = &tile.Kernel{
		Name: s.name(), Threads: threads, TileM: c.TileM, TileN: c.TileN, TileK: c.TileK, Splits: c.Splits,
		Grid: p.grid(&c), Product: true,
		Tensors: ts, Alpha: p.Alpha, Beta: p.Beta, DType: p.DType, Role: make([]uint8, threads/32),
	}
	s.operands()
	s.k.Shared = s.stages() * int(s.buffer)
	if !s.straight() {
		s.k.Shared = max(s.k.Shared, s.stageBuffers()*len(s.warpM)*s.stageBytes())
	}
	if s.k.Shared > simtMaxShared && !s.async() {
		return fmt.Errorf("gemm: %s needs %d bytes of shared memory, more than %d", s.k.Name, s.k.Shared, simtMaxShared)
	}
	s.k.Programs = []*tile.Program{{Segments: []tile.Segment{
		{Code: s.prologue()}, {Code: s.body(), Loop: true}, {Code: s.epilogue()},
	}}}
	s.k.Place = phased(p, c, per)
	if c.Splits > 1 && !c.Workspace {
		s.k.Semaphores = s.k.Grid[0] * s.k.Grid[1] * p.Batch
	}
	return nil
}

// operands lays out shared memory and registers.
func (s *simt) operands() {
	c := s.c
	lm, ln := s.lanes()
	operand := func(tensor, outer, warp, lanes int, kContig bool) simtOperand {
		o := simtOperand{
			tensor: tensor, kContig: kContig, crossed: s.wordsPerCopy(kContig) > 1, swizzled: kContig && s.deep(),
			outer: outer, tileK: s.depth * s.slices, elem: s.elem, vec: s.vec, in: s.t.in, pack: s.t.pack,
			lanes: lanes, kLanes: s.depth, count: warp / lanes, buffers: 2, pitch: outer * s.elem,
		}
		if kContig && !s.deep() {
			o.pitch += simtPad
		}
		if s.async() {
			o.wide = s.widest(&o)
		}
		return o
	}
	s.a = operand(tensorA, c.TileM, c.WarpM, lm, s.p.TransA)
	s.b = operand(tensorB, c.TileN, c.WarpN, ln, !s.p.TransB)
	s.b.base = s.a.pitch * s.a.tileK
	s.buffer = int32(s.b.base + s.b.pitch*s.b.tileK)
	if s.words == 2 {
		// A second set of A fragments would not leave room for two CTAs of
		// 256 threads. Rows of A are used one after another, so each can be
		// reloaded as soon as it is done.
		s.a.buffers = 1
	}
	if s.deep() {
		s.a.buffers, s.b.buffers = 1, 1
	}
	s.a.reg = s.a.count * s.b.count * s.words
	s.b.reg = s.a.reg + s.a.regs()
	s.regCopy = s.b.reg + s.b.regs()
	s.regTemp = s.a.reg // the epilogue's temporaries take the place of the fragments
	copies := (c.TileM + c.TileN) * s.a.tileK / s.k.Threads
	if s.async() {
		copies = 0
	}
	s.regSwap = s.regCopy + copies*s.words
	end := s.regSwap
	if s.a.crossed || s.b.crossed {
		end += wordsPerSwap
	}
	s.regAddr = max(end, s.regTemp+s.epilogueRegs())
	s.regIndex = s.regAddr + simtAddrRegs
	s.k.Regs = s.regIndex + s.p.indexRegs(s.gathered().rounds(s.k.Threads))
}

// acc is the first register of the accumulator of row i and column j of the
// thread's tile. Fragments lie in ascending registers, so that a column's
// accumulator in fp32 must be in the register bank that the column's factor is
// not in: FFMA never finds its three operands in one bank.
func (s *simt) acc(i, j int) int {
	if s.words == 2 {
		return 2 * (i*s.b.count + j)
	}
	return i*s.b.count + (j ^ 1)
}

// access adds an address generator to the kernel and returns its index.
func (s *simt) access(a tile.Access) int16 { return addAccess(s.k, a) }
