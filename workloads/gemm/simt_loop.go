package gemm

import (
	"slices"

	"gpusim/workloads/tile"
)

// simtCopy is one word per thread of an operand's k-tile, or a square of words,
// and the registers it passes through.
type simtCopy struct {
	o     *simtOperand
	round int
	reg   int
}

// copies lists what a thread brings to shared memory per CTA k-tile.
func (s *simt) copies() []simtCopy {
	var out []simtCopy
	reg := s.regCopy
	order := []*simtOperand{&s.b, &s.a}
	if s.late() && s.gathered() == &s.a { // who waits for offsets shall not wait for other loads
		order[0], order[1] = order[1], order[0]
	}
	for _, o := range order {
		for r := range o.rounds(s.k.Threads) {
			out = append(out, simtCopy{o, r, reg})
			reg += o.words() * s.words
		}
	}
	return out
}

// fetch and deposit are the instructions that bring a k-tile from global memory
// to registers and from there to shared memory.
func (s *simt) fetch(iterAdd int32, g tile.Guard) []tile.Inst {
	var out []tile.Inst
	for _, c := range s.copies() {
		if s.p.gathers(c.o.tensor) {
			offset := s.offset(c.round)
			if s.late() {
				offset = c.reg
			}
			for _, in := range addressing(s.regIndex, offset) {
				out = append(out, guarded(g, in))
			}
		}
		for i := range c.o.words() {
			out = append(out, guarded(g, load(tile.OpLDG, c.reg+i, s.access(c.o.global(s.k.Threads, c.round, i, iterAdd)))))
		}
	}
	return out
}

// lookups load the offsets by which a k-tile of a gathered operand is addressed.
func (s *simt) lookups(iterAdd int32, g tile.Guard) []tile.Inst {
	if s.p.Lowered == nil || s.p.Lowered.Table == 0 || s.late() {
		return nil
	}
	var out []tile.Inst
	for r := range s.gathered().rounds(s.k.Threads) {
		out = append(out, guarded(g, lookup(s.k, s.gathered().global(s.k.Threads, r, 0, iterAdd), s.offset(r))))
	}
	return out
}

// late says whether offsets are looked up in the k-tile that uses them, into the
// registers that the elements then come to.
func (s *simt) late() bool { return s.p.Lowered != nil && s.p.Lowered.Table > 0 && s.p.Lowered.Late }

// lateLookups load the offsets for the loads of a k-tile just before those.
func (s *simt) lateLookups(iterAdd int32, g tile.Guard) []tile.Inst {
	if !s.late() {
		return nil
	}
	var out []tile.Inst
	for _, c := range s.copies() {
		if s.p.gathers(c.o.tensor) {
			out = append(out, guarded(g, lookup(s.k, c.o.global(s.k.Threads, c.round, 0, iterAdd), c.reg)))
		}
	}
	return out
}

// offset is the register with the offset of a round of the gathered operand, or
// where there is no table the one that counts.
func (s *simt) offset(round int) int {
	if s.p.Lowered.Table > 0 {
		return s.regIndex + indexWork + round
	}
	return s.regIndex
}

// gathered is the operand that addressing is about, if any is.
func (s *simt) gathered() *simtOperand {
	if s.p.gathers(tensorB) {
		return &s.b
	}
	return &s.a
}

func (s *simt) deposit(flip int32, g tile.Guard) []tile.Inst {
	var out []tile.Inst
	copies := s.copies()
	for _, c := range copies { // first, so that no store waits for its data
		if c.o.crossed {
			out = append(out, swap(c.reg, s.regSwap, g)...)
		}
		if s.t.widen {
			out = append(out, unpack(halves(s.p.DType), c.reg, c.reg, 1, g)...)
		}
	}
	for _, c := range copies {
		out = append(out, guarded(g, store(tile.OpSTS, c.reg, s.access(c.o.store(s.k.Threads, c.round, s.buffer, flip)))))
	}
	return out
}

// fragments loads an operand's fragments for k-step step into its registers,
// vector after vector or word after word.
func (s *simt) fragments(o *simtOperand, step int, flip int32) []tile.Inst {
	var out []tile.Inst
	vec := o.vec
	if s.c.ByWord {
		vec = 1
	}
	for e := 0; e < o.count; e += vec {
		addr := make([]int32, s.k.Threads)
		for t := range addr {
			w := t >> 5
			lane, _ := s.lane(t & 31)
			begin := s.warpM[w]
			if o.tensor == tensorB {
				_, lane = s.lane(t & 31)
				begin = s.warpN[w]
			}
			addr[t] = o.address(begin+o.outerOf(lane, e), s.slice[w]*s.depth+step)
		}
		acc := tile.Access{Space: tile.Shared, Bytes: vec * o.elem, Addr: addr, BufferStride: s.buffer, Buffers: s.ring(), BufferFlip: flip}
		out = append(out, load(tile.OpLDS, o.frag(step, e), s.access(acc)))
	}
	return out
}

// math is the multiply-adds of k-step step, row by row and boustrophedon, so
// that successive instructions share a factor in the same operand slot: the
// second, which loads between them leave alone. (A pair of registers loses it
// either way.) Where registers have four banks, vectors of both factors begin in
// the same one, so that a row begins two columns further on.
func (s *simt) math(step int) []tile.Inst {
	var out []tile.Inst
	for i := range s.a.count {
		for n := range s.b.count {
			j := n
			if i&1 != 0 {
				j = s.b.count - 1 - n
			}
			j = (j + s.first) % s.b.count
			acc := s.acc(i, j)
			f, g := s.b.frag(step, j), s.a.frag(step, i)
			if s.words == 2 {
				f, g = g, f
			}
			out = append(out, ins(s.t.mad, acc, f, g, acc))
		}
	}
	return out
}

// prologue computes addresses, brings the first k-tile to shared memory and
// the first fragments to registers, and clears the accumulators while the
// first loads are under way.
func (s *simt) prologue() []tile.Inst {
	if s.async() {
		return s.asyncPrologue()
	}
	code := append(setup(s.regAddr, simtAddrRegs), s.lookups(0, tile.GuardNone)...)
	code = append(code, s.lateLookups(0, tile.GuardNone)...)
	code = append(code, s.fetch(0, tile.GuardNone)...)
	code = append(code, s.lookups(1, tile.GuardNone)...)
	code = append(code, s.clear()...)
	code = append(code, s.deposit(0, tile.GuardNone)...)
	return append(code, s.begin()...)
}

// clear sets the accumulators to zero.
func (s *simt) clear() []tile.Inst {
	var code []tile.Inst
	for r := range s.a.count * s.b.count * s.words {
		code = append(code, ins(tile.OpMOV, r, tile.RZ, tile.RZ, tile.RZ))
	}
	return code
}

// begin lets the CTA's warps meet at the first k-tile and loads its first fragments.
func (s *simt) begin() []tile.Inst {
	code := append([]tile.Inst{bare(tile.OpBAR)}, s.fragments(&s.a, 0, 0)...)
	return append(code, s.fragments(&s.b, 0, 0)...)
}

// copying is the k-steps that the global loads, and then the stores, spread over.
const copying = 1.0

// throughRegisters puts the loads of the next k-tile, with what addresses them, and its
// stores among the multiply-adds before the barrier.
func (s *simt) throughRegisters(put func(list []tile.Inst, from, to float64), bar float64) {
	if late := s.lateLookups(1, tile.GuardMore); late != nil {
		const looking = 0.5 // k-steps that look-ups spread over; loads come right behind
		put(late, 0, looking)
		put(s.fetch(1, tile.GuardMore), looking, looking+copying)
	} else {
		put(s.fetch(1, tile.GuardMore), 0, copying)
	}
	put(s.lookups(2, tile.GuardMore), copying, bar-copying)
	put(s.deposit(1, tile.GuardMore), bar-copying, bar)
}

// body is one k-tile: its multiply-adds, and between them the fragment loads
// of the k-step to come, the global loads of the next k-tile, its stores to
// the other buffer and the barrier. A multiply-add holds its pipe for two
// cycles or more, so that one other instruction after each costs nothing;
// hence no two of them stand together, but for the fragment loads of deep
// kernels, which must wait for the last multiply-add of a k-step.
func (s *simt) body() []tile.Inst {
	bar := s.depth - 1 // the barrier stands after the last fragment load of this k-tile
	var math []tile.Inst
	for step := range s.depth {
		math = append(math, s.math(step)...)
	}
	per := len(math) / s.depth
	var side, between []placed // between: all of it between two k-steps
	put := func(list []tile.Inst, from, to float64) { side = spread(side, list, from, to, per) }

	if s.async() {
		put(s.asyncCopies(int32(s.c.Stages-1)), 0, float64(bar))
	} else {
		s.throughRegisters(put, float64(bar))
	}
	for step := range s.depth {
		for _, o := range []*simtOperand{&s.a, &s.b} {
			// Behind the last k-step come the first fragments of the next
			// k-tile; in the last iteration this reads stale data that
			// nothing uses.
			list := s.fragments(o, (step+1)%s.depth, int32((step+1)/s.depth))
			at := float64(step)
			switch {
			case s.deep():
				between = spread(between, list, at+1, at+1, per)
			case o.buffers == 1:
				put(list, at+1/float64(len(list)), at+1+1/float64(len(list)))
			default:
				// Not before the first multiply-add of the k-step, which waits
				// for the loads of the k-step before: a dependence barrier counts
				// all loads that share it.
				put(list, at+1/float64(per), at+0.5)
			}
		}
	}
	// Pointer increments of both operands (64 bit), the toggles of the
	// shared-memory pointers, the loop counter, loop and residue predicates.
	r := s.regAddr
	put([]tile.Inst{integer(tile.OpISETP, r+4)}, 0, 1)
	put([]tile.Inst{
		integer(tile.OpIADD, r), integer(tile.OpIADD, r+1), integer(tile.OpIADD, r+2), integer(tile.OpIADD, r+3),
		integer(tile.OpLOP, r+5), integer(tile.OpLOP, r+6), integer(tile.OpLOP, r+7),
		integer(tile.OpIADD, r+4), integer(tile.OpISETP, r+4),
	}, copying, float64(bar)-copying)
	if s.async() {
		for _, in := range settle(s.c.Stages) {
			side = append(side, placed{bar * per, in})
		}
	}
	side = append(side, placed{bar * per, bare(tile.OpBAR)})
	sortPlaced(s.k, side)
	for i := range side {
		if i > 0 {
			side[i].pos = max(side[i].pos, side[i-1].pos+1)
		}
		if s.first > 0 && side[i].pos%s.b.count == 0 {
			side[i].pos++ // a row's first multiply-add counts on the last one's column
		}
	}
	// First, so that the barrier follows the last fragment loads of this k-tile.
	side = append(between, side...)
	slices.SortStableFunc(side, func(a, b placed) int { return a.pos - b.pos })
	return weave(math, side)
}
