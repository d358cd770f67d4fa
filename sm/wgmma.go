package sm

import (
	"fmt"

	"gpusim/configs"
	"gpusim/workloads/tile"
)

// mathRing bounds how many matrix instructions the warps of a group are apart.
const mathRing = 128

// warpGroup is four warps whose tensor cores work on one matrix instruction.
type warpGroup struct {
	issued  [mathRing]uint8  // by number of the instruction: warps that have issued it
	done    [mathRing]uint64 // when it is done
	started uint32           // instructions that all warps have issued
	math    []*warp          // that wait for instructions not all have issued
	arrived []*warp          // at its barrier
	came    int
}

// matrixOp is the timing of a matrix instruction.
type matrixOp struct {
	hold   uint64 // cycles that it holds the tensor cores
	after  uint64 // from then to its accumulators in registers
	passes uint64 // of shared memory for its factors
}

// matrixOps times the matrix instructions of a kernel: those of the machine file by
// n, but no faster than shared memory delivers their factors. Factor B serves all
// four tensor cores at once, A has 16 rows for each.
func matrixOps(k *tile.Kernel, g *configs.GPU) ([]matrixOp, error) {
	var out []matrixOp
	for i := range k.GroupMMAs {
		m := &k.GroupMMAs[i]
		spec := findMMA(g, m)
		if spec == nil {
			return nil, fmt.Errorf("kernel %s: this machine has no warp-group MMA of %s with %s accumulators and k of %d", k.Name, m.Type, m.Acc, m.K)
		}
		bytes := (spec.M + m.N) * m.K * m.A.Elem
		passes := (bytes + tile.SwizzleBytes - 1) / tile.SwizzleBytes
		math := (spec.Cycles*m.N + spec.N - 1) / spec.N
		shared := (bytes + g.SM.MIO.SharedBytesClk - 1) / g.SM.MIO.SharedBytesClk
		out = append(out, matrixOp{hold: uint64(max(math, shared)), after: uint64(spec.Latency - spec.Cycles), passes: uint64(passes)})
	}
	return out, nil
}

func findMMA(g *configs.GPU, m *tile.GroupMMA) *configs.MMA {
	for i := range g.Tensor.Instructions {
		s := &g.Tensor.Instructions[i]
		if s.Type == m.Type && s.Acc == m.Acc && s.M == 64 && s.K == m.K && !s.Sparse {
			return s
		}
	}
	return nil
}

// matrix issues a warp's part of a matrix instruction. The last of the group's four
// warps to do so puts it into the queue of the tensor cores, which the warp groups
// of the SM share and which serves in order.
func (c *Core) matrix(s *subcore, w *warp, u *uop, t, next uint64) {
	g, a := &w.cta.groups[w.id/tile.GroupWarps], &w.async
	n := a.math
	if n-g.started >= mathRing {
		panic(fmt.Sprintf("CTA %d: the warps of a group are %d matrix instructions apart", w.cta.Index, mathRing))
	}
	a.math++
	if u.imm&tile.MMACommit != 0 {
		a.ends[a.groups%maxGroups] = a.math
		a.groups++
	}
	if g.issued[n%mathRing]++; g.issued[n%mathRing] == tile.GroupWarps {
		g.issued[n%mathRing] = 0
		op := &c.async.matrix[u.access]
		begin := max(t, c.async.tensorFree)
		c.async.tensorFree = begin + op.hold
		c.counts.TensorCycles += op.hold
		c.counts.wide(op.passes)
		g.done[n%mathRing] = begin + op.hold + op.after
		g.started = n + 1
		kept := g.math[:0]
		for _, o := range g.math {
			if o.async.target > g.started {
				kept = append(kept, o)
				continue
			}
			c.unblock(o, g.done[(o.async.target-1)%mathRing])
		}
		g.math = kept
	}
	c.advance(s, w)
	s.prepare(w, next, Wait)
}

// awaitMatrix keeps a warp until all but the latest groups of its matrix
// instructions are done.
func (c *Core) awaitMatrix(s *subcore, w *warp, u *uop, next uint64) {
	g, a := &w.cta.groups[w.id/tile.GroupWarps], &w.async
	c.advance(s, w)
	if a.groups <= uint32(u.imm) {
		s.prepare(w, next, Wait)
		return
	}
	upTo := a.ends[(a.groups-uint32(u.imm)-1)%maxGroups]
	if g.started >= upTo {
		s.prepare(w, max(next, g.done[(upTo-1)%mathRing]), GroupMMA)
		return
	}
	a.target = upTo
	g.math = append(g.math, w)
	s.blockFor(w, GroupMMA, next)
}

// meet takes a warp to the barrier of its group or, with imm, of the first groups.
func (c *Core) meet(s *subcore, w *warp, u *uop, t, next uint64) {
	c.counts.Barriers++
	groups, warps := &w.cta.groups[w.id/tile.GroupWarps], tile.GroupWarps
	if u.imm > 0 {
		groups, warps = &w.cta.groups[len(w.cta.groups)-1], int(u.imm)*tile.GroupWarps
	}
	c.advance(s, w)
	if groups.came++; groups.came < warps {
		groups.arrived = append(groups.arrived, w)
		s.blockFor(w, BarrierWait, next)
		return
	}
	free := t + uint64(c.spec.BarrierLatency)
	groups.came = 0
	for _, o := range groups.arrived {
		c.unblock(o, free)
	}
	groups.arrived = groups.arrived[:0]
	s.prepare(w, max(free, next), BarrierWait)
}
