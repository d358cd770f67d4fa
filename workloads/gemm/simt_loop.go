package gemm

import "gpusim/workloads/tile"

// simtCopyRegs bounds the registers that hold global data on its way to shared
// memory. A k-tile that needs more is moved in several waves.
const simtCopyRegs = 16

func (s *simt) copyWaves() int { return ceilDiv(s.copies*s.words, simtCopyRegs) }

// copyRegs is the number of registers of the largest wave.
func (s *simt) copyRegs() int { return ceilDiv(s.copies, s.copyWaves()) * s.words }

// simtCopy is one element per thread of an operand's k-tile and the registers
// it passes through.
type simtCopy struct {
	o     *simtOperand
	round int
	reg   int
}

// waves assigns each element of a k-tile to a wave and registers.
func (s *simt) waves() [][]simtCopy {
	out := make([][]simtCopy, s.copyWaves())
	per := ceilDiv(s.copies, len(out))
	n := 0
	for _, o := range []*simtOperand{&s.b, &s.a} {
		for r := range o.rounds(s.k.Threads) {
			out[n/per] = append(out[n/per], simtCopy{o, r, s.regCopy + n%per*s.words})
			n++
		}
	}
	return out
}

// fetch and deposit are the instructions that bring a wave's elements from
// global memory to registers and from there to shared memory.
func (s *simt) fetch(wave []simtCopy, iterAdd int32, g tile.Guard) []tile.Inst {
	var out []tile.Inst
	for _, c := range wave {
		out = append(out, guarded(g, load(tile.OpLDG, c.reg, s.access(c.o.global(s.k.Threads, c.round, iterAdd)))))
	}
	return out
}

func (s *simt) deposit(wave []simtCopy, flip int32, g tile.Guard) []tile.Inst {
	var out []tile.Inst
	for _, c := range wave {
		out = append(out, guarded(g, store(tile.OpSTS, c.reg, s.access(c.o.store(s.k.Threads, c.round, s.buffer, flip)))))
	}
	return out
}

// fragments loads an operand's fragments for k-step step into its registers,
// vector after vector.
func (s *simt) fragments(o *simtOperand, step int, flip int32) []tile.Inst {
	var out []tile.Inst
	for e := 0; e < o.count; e += o.vec {
		addr := make([]int32, s.k.Threads)
		for t := range addr {
			w := t >> 5
			lane, _ := s.lane(t & 31)
			begin := s.warpM[w]
			if o.tensor == tensorB {
				_, lane = s.lane(t & 31)
				begin = s.warpN[w]
			}
			addr[t] = o.address(begin+o.outerOf(lane, e), s.slice[w]*simtTileK+step)
		}
		acc := tile.Access{Space: tile.Shared, Bytes: 16, Addr: addr, BufferStride: s.buffer, BufferFlip: flip}
		out = append(out, load(tile.OpLDS, o.frag(step, e), s.access(acc)))
	}
	return out
}

// math is the multiply-adds of k-step step, row by row and boustrophedon, so
// that successive instructions share a factor in the same operand slot.
func (s *simt) math(step int) []tile.Inst {
	op := tile.OpFFMA
	if s.words == 2 {
		op = tile.OpDFMA
	}
	var out []tile.Inst
	for i := range s.a.count {
		for n := range s.b.count {
			j := n
			if i&1 != 0 {
				j = s.b.count - 1 - n
			}
			acc := s.acc(i, j)
			out = append(out, ins(op, acc, s.a.frag(step, i), s.b.frag(step, j), acc))
		}
	}
	return out
}

// addrRegs is the number of registers for addresses and counters. Kernels that
// slice k inside the CTA are taken to be compiled for three CTAs of 256 threads
// an SM, which leaves 80 registers: two fewer than the others' share.
func (s *simt) addrRegs() int {
	if s.slices > 1 {
		return simtAddrRegs - 2
	}
	return simtAddrRegs
}

// prologue computes addresses, brings the first k-tile to shared memory and
// the first fragments to registers, and clears the accumulators while the
// first loads are under way.
func (s *simt) prologue() []tile.Inst {
	code := setup(s.regAddr, s.addrRegs())
	for w, wave := range s.waves() {
		code = append(code, s.fetch(wave, 0, tile.GuardNone)...)
		if w == 0 {
			for r := range s.a.count * s.b.count * s.words {
				code = append(code, ins(tile.OpMOV, r, tile.RZ, tile.RZ, tile.RZ))
			}
		}
		code = append(code, s.deposit(wave, 0, tile.GuardNone)...)
	}
	code = append(code, bare(tile.OpBAR))
	code = append(code, s.fragments(&s.a, 0, 0)...)
	return append(code, s.fragments(&s.b, 0, 0)...)
}

// body is one k-tile: its multiply-adds, and between them the fragment loads
// of the k-step to come, the global loads of the next k-tile, its stores to
// the other buffer and the barrier. A multiply-add holds its pipe for two
// cycles or more, so that one other instruction after each costs nothing;
// hence no two of them stand together.
func (s *simt) body() []tile.Inst {
	const (
		bar     = simtTileK - 1 // the barrier stands after the last fragment load of this k-tile
		copying = 1.0           // k-steps that a wave's loads, and then its stores, spread over
	)
	var math []tile.Inst
	for step := range simtTileK {
		math = append(math, s.math(step)...)
	}
	per := len(math) / simtTileK
	var side []placed
	put := func(list []tile.Inst, from, to float64) { side = spread(side, list, from, to, per) }

	waves := s.waves()
	length := float64(bar) / float64(len(waves))
	for w, wave := range waves {
		begin, end := float64(w)*length, float64(w+1)*length
		n := min(copying, length*0.4)
		put(s.fetch(wave, 1, tile.GuardMore), begin, begin+n)
		put(s.deposit(wave, 1, tile.GuardMore), end-n, end)
	}
	for step := range simtTileK {
		for _, o := range []*simtOperand{&s.a, &s.b} {
			// Behind the last k-step come the first fragments of the next
			// k-tile; in the last iteration this reads stale data that
			// nothing uses.
			list := s.fragments(o, (step+1)%simtTileK, int32((step+1)/simtTileK))
			at := float64(step)
			if o.buffers == 1 {
				put(list, at+1/float64(len(list)), at+1+1/float64(len(list)))
				continue
			}
			// Not before the first multiply-add of the k-step, which waits
			// for the loads of the k-step before: a dependence barrier counts
			// all loads that share it.
			put(list, at+1/float64(per), at+0.5)
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
	}, copying, bar-copying)
	side = append(side, placed{bar * per, bare(tile.OpBAR)})
	sortPlaced(s.k, side)
	for i := 1; i < len(side); i++ {
		side[i].pos = max(side[i].pos, side[i-1].pos+1)
	}
	return weave(math, side)
}
