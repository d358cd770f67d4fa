package fft

import (
	"fmt"
	"slices"

	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

// product is a batched product of complex matrices, C = A*B with A m x k, B k x n,
// A and C contiguous along m, B along n: a gcgemm kernel, layout nt, like the
// real ones of package gemm: two buffers in shared memory, fragments a step
// ahead. A thread has four rows and four columns, of which each pair lies
// together, so that it reads two numbers at a time.
type product struct {
	m, n, k, batch int
	tile           int // rows and columns of the CTA tile, 32 or 64
	t              *tile.Kernel
}

const (
	productK = 8          // numbers along k per iteration
	regA     = 2 * 16     // behind the accumulators; two sets of eight
	regB     = regA + 2*8 //
	regData  = regB + 2*8 // on their way
	sideA    = 0          // index of the operands
	sideB    = 1          //
)

// Tensors of a product.
const (
	tensorA = iota
	tensorB
	tensorC
)

func (p *product) threads() int { return p.tile / 4 * p.tile / 4 }

// side is the bytes of an operand in a buffer.
func (p *product) side() int { return 8 * productK * p.tile }

// moves is the numbers of an operand that a thread brings per iteration.
func (p *product) moves() int { return productK * p.tile / p.threads() }

// build generates the kernel; ts are its tensors.
func (p *product) build(name string, ts [3]*tile.Tensor, l tile.Latencies) (*tile.Kernel, error) {
	k := &tile.Kernel{
		Name: fmt.Sprintf("%s_%dx%d_nt", name, p.tile, p.tile), Threads: p.threads(), Shared: 4 * p.side(), TileM: p.tile, TileN: p.tile, TileK: productK, Splits: 1,
		Grid: [3]int{ceilDiv(p.m, p.tile), ceilDiv(p.n, p.tile), p.batch}, Alpha: 1, DType: "fp32", Role: make([]uint8, p.threads()/32),
	}
	p.t = k
	for i, t := range ts {
		v := *t
		rows, cols := [...]int{p.m, p.n, p.m}[i], [...]int{p.k, p.k, p.n}[i]
		v.Rows, v.Cols, v.RowStride, v.ColStride, v.BatchStride, v.Output = rows, cols, 1, int64(rows), int64(rows)*int64(cols), i == tensorC
		k.Tensors = append(k.Tensors, v)
	}
	e := &emit.Emitter{K: k, Next: regData + 2*2*p.moves()}
	var addr []int
	for range addresses {
		addr = append(addr, e.Reg())
	}
	e.Begin(addr)
	e.Integers(addr, 40)
	e.Add(p.fetch(e, 0)...)
	for r := range regA {
		e.Add(emit.Move(r, tile.RZ))
	}
	e.Add(p.deposit(e, 0)...)
	e.Add(emit.Bare(tile.OpBAR))
	e.Add(p.fragments(e, 0, 0)...)
	begin := e.Code
	loop := p.loop(e, addr)
	e.Code = nil
	e.Integers(addr, 12)
	for i := range 4 {
		for j := range 4 {
			a := tile.Access{Tensor: tensorC, Bytes: 8, RowVar: tile.VarM, ColVar: tile.VarN}
			for t := range p.threads() {
				rows, cols := p.owner(t)
				a.Row, a.Col = append(a.Row, int32(rows[i])), append(a.Col, int32(cols[j]))
			}
			e.Add(emit.Store(tile.OpSTG, accumulator(i, j), e.Access(a)))
		}
	}
	e.Add(emit.Bare(tile.OpEXIT))
	k.Regs = e.Regs()
	k.Programs = []*tile.Program{{Segments: []tile.Segment{{Code: begin}, {Code: loop, Loop: true}, {Code: e.Code}}}}
	gx, gy, q := k.Grid[0], k.Grid[1], *p
	k.Place = func(index int, c *tile.CTA) {
		*c = tile.CTA{Index: index, Splits: 1, Tile: int32(index), Batch: int32(index / gx / gy), Trips: int32(ceilDiv(q.k, productK))}
		c.Origin[tile.VarM], c.Limit[tile.VarM] = int32(index%gx*q.tile), int32(q.m)
		c.Origin[tile.VarN], c.Limit[tile.VarN] = int32(index/gx%gy*q.tile), int32(q.n)
		c.Limit[tile.VarK] = int32(q.k)
	}
	if err := tile.Finish(k, l); err != nil {
		return nil, fmt.Errorf("fft: %w", err)
	}
	return k, nil
}

// owner gives a thread's rows and columns: pairs in both halves of the tile.
// Eight lanes lie along the rows.
func (p *product) owner(t int) (rows, cols [4]int) {
	across := p.tile / 32
	warp, lane := t/32, t%32
	m, n := warp%across*8+lane%8, warp/across*4+lane/8
	for i := range 4 {
		rows[i], cols[i] = i/2*p.tile/2+2*m+i%2, i/2*p.tile/2+2*n+i%2
	}
	return rows, cols
}

// accumulator is the first of two registers.
func accumulator(i, j int) int { return 2 * (4*i + j) }

// fetch brings numbers to registers, iterAdd iterations ahead.
func (p *product) fetch(e *emit.Emitter, iterAdd int32) []tile.Inst {
	var out []tile.Inst
	for o := range 2 {
		for r := range p.moves() {
			a := tile.Access{Tensor: o, Bytes: 8, RowVar: []tile.Var{tile.VarM, tile.VarN}[o], ColVar: tile.VarK, ColStep: productK, IterAdd: iterAdd}
			for t := range p.threads() {
				i := r*p.threads() + t
				a.Row, a.Col = append(a.Row, int32(i%p.tile)), append(a.Col, int32(i/p.tile))
			}
			out = append(out, emit.Load(tile.OpLDG, p.data(o, r), e.Access(a)))
		}
	}
	return out
}

func (p *product) data(o, r int) int { return regData + 2*(o*p.moves()+r) }

// deposit brings them to shared memory.
func (p *product) deposit(e *emit.Emitter, flip int32) []tile.Inst {
	var out []tile.Inst
	for o := range 2 {
		for r := range p.moves() {
			a := tile.Access{Space: tile.Shared, Bytes: 8, BufferStride: int32(2 * p.side()), BufferFlip: flip}
			for t := range p.threads() {
				a.Addr = append(a.Addr, int32(o*p.side()+8*(r*p.threads()+t)))
			}
			out = append(out, emit.Store(tile.OpSTS, p.data(o, r), e.Access(a)))
		}
	}
	return out
}

// fragments loads the factors of step k.
func (p *product) fragments(e *emit.Emitter, k int, flip int32) []tile.Inst {
	var out []tile.Inst
	for o := range 2 {
		for pair := range 2 {
			a := tile.Access{Space: tile.Shared, Bytes: 16, BufferStride: int32(2 * p.side()), BufferFlip: flip}
			for t := range p.threads() {
				rows, cols := p.owner(t)
				at := rows[2*pair]
				if o == sideB {
					at = cols[2*pair]
				}
				a.Addr = append(a.Addr, int32(o*p.side()+8*(k*p.tile+at)))
			}
			out = append(out, emit.Load(tile.OpLDS, factor(o, k, 2*pair), e.Access(a)))
		}
	}
	return out
}

// factor is the first of two registers of factor i of step k.
func factor(o, k, i int) int { return []int{regA, regB}[o] + k%2*8 + 2*i }

// complexProducts is step k: four multiply-adds for each pair of factors, one of them
// with its product negated. Real and imaginary parts take turns, so that
// none waits for the one before.
func complexProducts(k int) []tile.Inst {
	var out []tile.Inst
	for _, part := range [4][3]int{{0, 0, 0}, {0, 1, 1}, {1, 1, 0}, {1, 0, 1}} { // of A, of B, of the sum
		for i := range 4 {
			for n := range 4 {
				j := n
				if i%2 == 1 {
					j = 3 - n
				}
				acc := accumulator(i, j) + part[2]
				in := emit.Ins(tile.OpFFMA, acc, factor(sideB, k, j)+part[1], factor(sideA, k, i)+part[0], acc)
				if part[0]&part[1] == 1 {
					in.Mod = tile.NegB
				}
				out = append(out, in)
			}
		}
	}
	return out
}

// loop is one iteration, with everything else between its multiply-adds.
func (p *product) loop(e *emit.Emitter, addr []int) []tile.Inst {
	const per = 64 // multiply-adds of a step
	type placed struct {
		pos  int
		inst tile.Inst
	}
	var side []placed
	put := func(list []tile.Inst, from, to int) {
		for i, in := range list {
			side = append(side, placed{from + (to-from)*i/len(list), in})
		}
	}
	const bar = (productK - 1) * per
	put(emit.Guarded(tile.GuardMore, p.fetch(e, 1)...), 0, per)
	put(emit.Guarded(tile.GuardMore, p.deposit(e, 1)...), bar-per, bar)
	for k := range productK {
		put(p.fragments(e, (k+1)%productK, int32((k+1)/productK)), k*per+1, k*per+per/2)
	}
	e.Code = nil
	e.Integers(addr, 10) // pointers, toggles of the buffers, the counter and its predicates
	put(e.Code, per, bar-per)
	side = append(side, placed{bar, emit.Bare(tile.OpBAR)})
	slices.SortStableFunc(side, func(a, b placed) int { return a.pos - b.pos })
	var code []tile.Inst
	at := 0
	for k := range productK {
		for i, in := range complexProducts(k) {
			for at < len(side) && side[at].pos <= k*per+i {
				code = append(code, side[at].inst)
				at++
			}
			code = append(code, in)
		}
	}
	return append(code, emit.Bare(tile.OpBRA))
}
