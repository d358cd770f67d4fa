package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

func init() { register("mma", buildMMA) }

// mmaAddrRegs is the number of registers that hold pointers, counters and
// thread indices.
const mmaAddrRegs = 20

// mma is a kernel of the matrix instructions since Turing under construction:
// warps load fragments with ldmatrix. With two stages k-tiles go through
// registers to one of two buffers, as on Turing; with more they are copied
// without registers, stages-1 k-tiles ahead, as since Ampere.
type mma struct {
	p          Problem
	c          Config
	k          *tile.Kernel
	inst       tile.MMA
	rows, cols mmaOperand
	waves      [][]chunk // of two stages

	warpM, warpN []int // per warp: where its tile begins in the CTA tile
	buffer       int32 // bytes of one shared-memory buffer
	meta         metadata
	packs        bool // see converter

	// First registers of the fragments, of the data on their way to shared
	// memory and of addresses. Accumulators begin at 0; the epilogue's
	// temporaries take the place of fragments and copies.
	regRows, regCols, regMeta, regCopy, regAddr int
}

// buildMMA generates the kernels of a product with the machine's matrix
// instructions.
func buildMMA(p Problem, c Config, l tile.Latencies) ([]*tile.Kernel, error) {
	m := &mma{p: p, c: c, packs: l.PackConversions}
	if err := m.p.pack(&m.c); err != nil {
		return nil, err
	}
	if err := m.check(&l); err != nil {
		return nil, err
	}
	if err := m.kernel(m.c.slice(m.p.K, m.c.TileK)); err != nil {
		return nil, err
	}
	m.k.TileK *= Packed(p.DType)
	return finish(m.k, m.p, m.c, l)
}

// find gives the widest matrix instruction of a machine for some types of which a
// k-tile holds two, dense or sparse.
func find(l *tile.Latencies, typ, acc string, tileK int, sparse bool) (best tile.MMA, err error) {
	for _, i := range l.MMA {
		if i.Type == typ && i.Acc == acc && i.Sparse == sparse && 2*i.K <= tileK && i.M*i.N*i.K > best.M*best.N*best.K {
			best = i
		}
	}
	if best.M == 0 {
		kind := "matrix"
		if sparse {
			kind = "sparse matrix"
		}
		return best, fmt.Errorf("gemm: the machine has no %s instruction for %s with %s accumulators and k-tiles of %d", kind, typ, acc, tileK)
	}
	return best, nil
}

// check validates the problem and the configuration and fills in defaults.
func (m *mma) check(l *tile.Latencies) (err error) {
	p, c := m.p, &m.c
	if m.inst, err = find(l, p.DType, p.Acc, c.TileK*Packed(p.DType), p.Sparse); err != nil {
		return err
	}
	if p.Sparse {
		if err := m.checkSparse(); err != nil {
			return err
		}
	}
	elem, err := elemSize(p.DType)
	if err != nil {
		return err
	}
	if c.Stages == 0 {
		c.Stages = 2
	}
	switch {
	case c.WarpM < 16 || c.WarpN < 16 || c.TileM%max(c.WarpM, 1) != 0 || c.TileN%max(c.WarpN, 1) != 0 || c.WarpM%16 != 0 || c.WarpN%16 != 0:
		return fmt.Errorf("gemm: warp tiles of %dx%d do not divide a tile of %dx%d", c.WarpM, c.WarpN, c.TileM, c.TileN)
	case !power(c.TileM) || !power(c.TileN) || !power(c.TileK) || c.WarpK > 1:
		return fmt.Errorf("gemm: a tile of %dx%dx%d in %d slices: must be powers of two, in one slice", c.TileM, c.TileN, c.TileK, c.WarpK)
	case c.TileK*elem < 32:
		return fmt.Errorf("gemm: a k-tile of %d is less than 32 bytes", c.TileK)
	case c.Stages < 2 || c.Stages > 16:
		return fmt.Errorf("gemm: %d stages (allowed: 2 to 16)", c.Stages)
	}
	if w := p.Lowered; w != nil && w.Reordered && !m.blocked() {
		return fmt.Errorf("gemm: rows are reordered for results of int8 in one slice, without beta and with biases along m, of warp tiles that are multiples of %d rows", ReorderBlock)
	}
	if elem < 2 && (!p.TransA || p.TransB) {
		return fmt.Errorf("gemm: matrix instructions of %s need both operands contiguous in k (tn), not %s", p.DType, p.Layout())
	}
	if err := c.checkVectors(p, 16/elem); err != nil {
		return err
	}
	if least := min(c.VecA, c.VecB) * elem; least < 4 && (c.Stages > 2 || elem < 2) {
		return fmt.Errorf("gemm: copies of %d bytes a lane are not possible", least)
	}
	return nil
}

func power(n int) bool { return n > 0 && n&(n-1) == 0 }

// kernel generates the main kernel; per is the k-tiles of a full slice.
func (m *mma) kernel(per int) error {
	p, c := m.p, m.c
	m.warpM, m.warpN = c.warps()
	threads := 32 * len(m.warpM)
	ts, err := p.tensors(c.workspaces())
	if err != nil {
		return err
	}
	if p.Sparse {
		ts = m.compress(ts)
	}
	elem := ts[tensorA].Elem
	m.cols = mmaOperand{chunked: chunked{tensor: tensorA, kContig: p.TransA, outer: c.TileM, vec: c.VecA}, regs: m.inst.RegsB(), frags: c.WarpM / m.inst.N}
	m.rows = mmaOperand{chunked: chunked{tensor: tensorB, kContig: !p.TransB, outer: c.TileN, vec: c.VecB}, regs: m.inst.RegsA(), frags: c.WarpN / m.inst.M,
		base: c.TileM * c.TileK * elem, tall: m.inst.M == 16}
	for _, o := range []*mmaOperand{&m.rows, &m.cols} {
		o.elem, o.tileK, o.stepChunks = elem, c.TileK, m.inst.KBytes()/16
		if o == &m.rows && p.Sparse {
			o.halve()
		}
		bytes := o.outer * o.tileK * elem
		o.chunks = bytes / 16 / threads
		if o.chunks == 0 || bytes%(16*threads) != 0 {
			return fmt.Errorf("gemm: %d threads cannot share the %d bytes of an operand's k-tile evenly", threads, bytes)
		}
	}
	m.buffer = int32((c.TileM*m.cols.tileK + c.TileN*m.rows.tileK) * elem)
	if p.Sparse {
		if err := m.placeMeta(threads); err != nil {
			return err
		}
	}
	m.k = &tile.Kernel{
		Name: m.name(), Threads: threads, TileM: c.TileM, TileN: c.TileN, TileK: c.TileK, Splits: c.Splits,
		Grid: p.grid(&c), Product: true,
		Tensors: ts, MMAs: []tile.MMA{m.inst}, Alpha: p.Alpha, Beta: p.Beta, DType: p.DType, Role: make([]uint8, threads/32),
	}
	m.regRows = m.rows.frags * m.cols.frags * m.inst.RegsC()
	m.regCols = m.regRows + 2*m.rows.fragRegs()
	m.regMeta = m.regCols + 2*m.cols.fragRegs()
	m.regCopy = m.regMeta
	if p.Sparse {
		m.regCopy += 2 * m.rows.frags
	}
	end := m.regCopy
	if c.Stages == 2 {
		m.waves, end = copyWaves(m.regCopy, &m.rows, &m.cols)
	}
	m.regAddr = max(end, m.regRows+m.epilogueRegs())
	m.k.Regs = m.regAddr + mmaAddrRegs
	m.k.Programs = []*tile.Program{{Segments: []tile.Segment{
		{Code: m.prologue()}, {Code: m.body(), Loop: true}, {Code: m.epilogue()},
	}}}
	m.k.Shared = c.Stages * int(m.buffer)
	if !m.direct() && !m.blocked() {
		m.k.Shared = max(m.k.Shared, len(m.warpM)*m.staging().bytes())
	}
	m.k.Place = phased(p, c, per)
	if p.Sparse {
		m.k.Place = kept(m.k.Place)
	}
	if c.serial() {
		m.k.Semaphores = m.k.Grid[0] * m.k.Grid[1] * p.Batch
	}
	if m.k.Regs > tile.RZ {
		return fmt.Errorf("gemm: %s needs %d registers per thread", m.k.Name, m.k.Regs)
	}
	return nil
}

// name follows the catalogue's, or else CUTLASS.
func (m *mma) name() string {
	name := m.c.Name
	if name == "" {
		name = fmt.Sprintf("tensorop_%dx%d_%dx%d", m.c.TileM, m.c.TileN, m.c.TileK, m.c.Stages)
	}
	return name + "_" + m.p.Layout()
}

func (m *mma) converter() converter { return converter{m.p, m.c, m.k, m.packs} }

// acc is the first accumulator register of fragment pair (fr, fc).
func (m *mma) acc(fr, fc int) int { return (fc*m.rows.frags + fr) * m.inst.RegsC() }
