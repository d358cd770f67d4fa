package gemm

import (
	"slices"

	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

// Short names for what generators of all kinds of kernels write.
var (
	ins     = emit.Ins
	bare    = emit.Bare
	load    = emit.Load
	store   = emit.Store
	integer = emit.Integer
)

func guarded(g tile.Guard, i tile.Inst) tile.Inst {
	i.Guard = g
	return i
}

// scaled is dst = a times a scalar (which imm selects) plus c.
func scaled(op tile.Op, dst, a, c int, imm uint8) tile.Inst {
	i := ins(op, dst, a, tile.RZ, c)
	i.Imm = imm
	return i
}

// setup reads thread and CTA indices and does about forty integer
// instructions of address and predicate setup in n registers from reg on, as
// in disassembled library kernels.
func setup(reg, n int) []tile.Inst {
	var code []tile.Inst
	for i := range 4 {
		code = append(code, ins(tile.OpS2R, reg+i, tile.RZ, tile.RZ, tile.RZ))
	}
	ops := [...]tile.Op{tile.OpIMAD, tile.OpLOP, tile.OpIADD, tile.OpISETP, tile.OpIMAD}
	for i := range 40 {
		code = append(code, integer(ops[i%len(ops)], reg+i%n))
	}
	return code
}

// placed is an instruction that belongs before the math instruction with
// index pos of the loop body.
type placed struct {
	pos  int
	inst tile.Inst
}

// spread places instructions evenly over the math instructions of k-steps
// [from, to), of which each has per.
func spread(dst []placed, list []tile.Inst, from, to float64, per int) []placed {
	for i, in := range list {
		at := from + (to-from)*float64(i)/float64(len(list))
		dst = append(dst, placed{int(at * float64(per)), in})
	}
	return dst
}

func (h *hmma) spread(dst []placed, list []tile.Inst, from, to float64) []placed {
	return spread(dst, list, from, to, h.perStep())
}

// sortPlaced orders instructions by position and, within one, by rank.
func sortPlaced(k *tile.Kernel, side []placed) {
	slices.SortStableFunc(side, func(a, b placed) int {
		if a.pos != b.pos {
			return a.pos - b.pos
		}
		return rank(k, a.inst) - rank(k, b.inst)
	})
}

// weave merges placed instructions, in their order, into the math of a loop
// body and closes it with the branch.
func weave(math []tile.Inst, side []placed) []tile.Inst {
	var code []tile.Inst
	for pos, m := range math {
		for len(side) > 0 && side[0].pos <= pos {
			code, side = append(code, side[0].inst), side[1:]
		}
		code = append(code, m)
	}
	for _, s := range side {
		code = append(code, s.inst)
	}
	return append(code, bare(tile.OpBRA))
}

// perStep is the number of matrix instructions (16x16x4) per k-step.
func (h *hmma) perStep() int { return h.rows.frags * h.cols.frags }

// fragments loads group g of an operand's fragments into its registers.
func (h *hmma) fragments(o *hmmaOperand, g int, flip int32) []tile.Inst {
	var out []tile.Inst
	base, outer := h.regRows, h.warpN
	if !o.rows {
		base, outer = h.regCols, h.warpM
	}
	for i := range o.fragLoads() {
		reg := base + g&1*o.fragRegs() + 4*i
		out = append(out, load(tile.OpLDS, reg, h.access(o.fragment(outer, g, i, h.buffer, flip))))
	}
	return out
}

// math is the matrix instructions of k-step s. Every accumulator is used once
// per k-step, which keeps dependent instructions perStep apart.
func (h *hmma) math(s int) []tile.Inst {
	var out []tile.Inst
	for fc := range h.cols.frags {
		for fr := range h.rows.frags {
			acc := h.acc(fr, fc)
			in := ins(tile.OpHMMA, acc, h.regRows+h.rows.fragReg(s, fr), h.regCols+h.cols.fragReg(s, fc), acc)
			in.Imm, in.Steps = h.rows.layoutBit()|h.cols.layoutBit(), 4
			if h.acc16 {
				in.Steps = 2
			}
			out = append(out, in)
		}
	}
	return out
}

// prologue computes addresses, brings the first k-tile to shared memory and
// the first fragments to registers, and clears the accumulators while the
// first loads are under way.
func (h *hmma) prologue() []tile.Inst {
	code := setup(h.regAddr, hmmaAddrRegs)
	for w, wave := range h.waves {
		code = append(code, fetch(&h.p, h.regAddr+hmmaAddrRegs-indexWork, h.k, wave, 0, tile.GuardNone)...)
		if w == 0 {
			for r := range h.accRegs() {
				code = append(code, ins(tile.OpMOV, r, tile.RZ, tile.RZ, tile.RZ))
			}
		}
		code = append(code, deposit(h.k, wave, h.buffer, 0, tile.GuardNone)...)
	}
	code = append(code, bare(tile.OpBAR))
	code = append(code, h.fragments(&h.rows, 0, 0)...)
	return append(code, h.fragments(&h.cols, 0, 0)...)
}

// body is one k-tile: its matrix instructions, and between them the fragment
// loads of the k-step (or pair) to come, the global loads of the next k-tile,
// its stores to the other buffer and the barrier.
func (h *hmma) body() []tile.Inst {
	// The barrier stands after the last fragment load of this k-tile, which
	// is half a k-step earlier when fragments come two k-steps at a time.
	bar := 7.0
	if h.rows.kContig || h.cols.kContig {
		bar = 6.5
	}
	var side []placed
	for w, wave := range h.waves {
		length := bar / float64(len(h.waves))
		begin, end := float64(w)*length, float64(w+1)*length
		side = h.spread(side, fetch(&h.p, h.regAddr+hmmaAddrRegs-indexWork, h.k, wave, 1, tile.GuardMore), begin, begin+min(1, length*0.4))
		side = h.spread(side, deposit(h.k, wave, h.buffer, 1, tile.GuardMore), end-min(1, length*0.4), end)
	}
	// Fragment loads follow the first matrix instruction of their k-step,
	// which waits for the loads of the k-step before: a dependence barrier
	// counts all loads that share it, and these must not be among them.
	after := 1 / float64(h.perStep())
	for _, o := range []*hmmaOperand{&h.rows, &h.cols} {
		gs := o.groupSteps()
		for g := 1; g < hmmaSteps/gs; g++ {
			list := h.fragments(o, g, 0)
			n := len(list) / gs
			for s := range gs {
				at := float64((g-1)*gs + s)
				side = h.spread(side, list[s*n:(s+1)*n], at+after, at+0.5)
			}
		}
		// Next k-tile; in the last iteration this reads stale data that
		// nothing uses.
		list, last := h.fragments(o, 0, 1), float64(hmmaSteps-1)
		if n := len(list) / gs; n < len(list) {
			side, list = h.spread(side, list[:n], bar, bar+after), list[n:]
		}
		side = h.spread(side, list, last+after, last+0.5)
	}
	// Pointer increments of both operands (64 bit), the loop counter, loop
	// and residue predicates, and the toggles of the shared-memory pointers.
	r := h.regAddr
	ints := []tile.Inst{
		integer(tile.OpISETP, r+4), integer(tile.OpISETP, r+4), integer(tile.OpISETP, r+4),
		integer(tile.OpIADD, r), integer(tile.OpIADD, r+1), integer(tile.OpIADD, r+2), integer(tile.OpIADD, r+3),
		integer(tile.OpLOP, r+5), integer(tile.OpLOP, r+6), integer(tile.OpLOP, r+7), integer(tile.OpLOP, r+8),
		integer(tile.OpIADD, r+4), integer(tile.OpISETP, r+4),
	}
	side = h.spread(side, ints[:3], 0, 0.01)
	side = h.spread(side, ints[3:], 1, 6)
	side = append(side, placed{int(bar * float64(h.perStep())), bare(tile.OpBAR)})
	sortPlaced(h.k, side)
	var math []tile.Inst
	for s := range hmmaSteps {
		math = append(math, h.math(s)...)
	}
	return weave(math, side)
}

// rank orders instructions that share a position in the loop body: what the
// next k-step waits for goes first, and the barrier parts the loads of this
// k-tile from those of the next.
func rank(k *tile.Kernel, i tile.Inst) int {
	switch {
	case i.Op == tile.OpCOMMIT:
		return 2
	case i.Op == tile.OpDEPBAR:
		return 3
	case i.Op == tile.OpBAR:
		return 4
	case i.Op != tile.OpLDS && i.Op != tile.OpLDSM:
		return 1
	case k.Accesses[i.Access].BufferFlip == 1:
		return 5
	}
	return 0
}
