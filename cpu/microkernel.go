package cpu

import (
	"math"

	"gpusim/cpu/pipe"
)

// Registers of generated code.
const (
	regAcc   = 1   // accumulators from here on
	regP     = 64  // vectors of P, two sets
	regQ     = 130 // broadcasts of Q
	regTemp  = 136 // vectors that are moved
	regIndex = 140 // counters and pointers
)

// Streams of a micro-kernel.
const (
	streamP = iota
	streamQ
	streamC
	streamAhead // C, fetched ahead
)

// micro is one call of a micro-kernel: a register tile of C over a number of steps
// of k. Addresses are bytes.
type micro struct {
	t             tile
	rows, cols    int // of the tile that exist
	k             int
	reads         bool // C is read: another block of k has been there, or beta is not 0
	early         bool // it is read before the first step, not added at the end
	p, q, c       uint64
	pStep, qStep  int64 // bytes from one step of k to the next
	qNext         int64 // and from one column of Q to the next
	pRow          int64 // from one row of P to the next where vectors must be gathered; 0: rows are neighbours
	cNext         int64 // from one column of C to the next
	cRow          int64 // from one row of C to the next; 0: neighbours
	fused         bool
	softPrefetch  bool
	lanes, elem   int
	homeP, homeQ  [3]float64
	homeC         [3]float64
	callOverheads int

	// Of the last program: the block before the steady steps of k, and how many these
	// are.
	steadyFrom, steadySteps int
}

// unroll is how often the step is repeated in the body of the loop over k.
const unroll = 4

// program appends a call to a program.
func (u *micro) program(p *pipe.Program) {
	base := uint8(len(p.Streams))
	p.Streams = append(p.Streams,
		pipe.Stream{Base: u.p, Home: u.homeP}, pipe.Stream{Base: u.q, Home: u.homeQ}, pipe.Stream{Base: u.c, Home: u.homeC, Dirty: true}, pipe.Stream{Base: u.c, Home: u.homeC, Dirty: true})
	mem := func(stream int) uint8 { return base + uint8(stream) + 1 }
	var head []pipe.Uop
	for range u.callOverheads {
		head = append(head, pipe.Uop{Op: pipe.Int, Dst: regIndex + 1})
	}
	for i := range u.t.mv * u.t.nr {
		if u.early && i/u.t.mv < u.cols {
			at := int32(int64(i/u.t.mv)*u.cNext) + int32(i%u.t.mv*u.lanes*u.elem)
			head = append(head, pipe.Uop{Op: pipe.Load, Dst: regAcc + pipe.Reg(i), Mem: mem(streamC), Disp: at, Fn: pipe.Move, Lanes: uint8(u.lanes)})
			continue
		}
		head = append(head, pipe.Uop{Op: pipe.Vec, Dst: regAcc + pipe.Reg(i), Fn: pipe.Zero})
	}
	if u.k >= unroll && u.pRow == 0 {
		head = u.loadP(head, 0, 0, mem)
	}
	p.Blocks = append(p.Blocks, pipe.Block{Body: head, Trips: 1})
	step := func(n int) []pipe.Uop {
		var b []pipe.Uop
		for s := range n {
			b = u.step(b, s, n > 1 && u.pRow == 0, mem)
		}
		return append(b, pipe.Uop{Op: pipe.Int, Dst: regIndex, Src: [3]pipe.Reg{regIndex}}, pipe.Uop{Op: pipe.Int, Dst: regIndex + 1, Src: [3]pipe.Reg{regIndex + 1}},
			pipe.Uop{Op: pipe.Branch, Src: [3]pipe.Reg{regIndex}})
	}
	moves := func(n int) []int64 {
		m := make([]int64, len(p.Streams))
		m[base+streamP], m[base+streamQ] = int64(n)*u.pStep, int64(n)*u.qStep
		return m
	}
	// The tile of C is asked for while the first steps run, a column at a time (BLIS's
	// kernels do so; all at once they would take the fill buffers from P).
	n, ahead := u.k/unroll, 0
	if line, lines, next := u.columnsOfC(); n > 0 && !u.early {
		ahead = min(n, lines)
		body := step(unroll)
		for at := int64(0); at < line; at += 64 {
			body = append([]pipe.Uop{{Op: pipe.Prefetch, Mem: mem(streamAhead), Disp: int32(at)}}, body...)
		}
		m := moves(unroll)
		m[base+streamAhead] = next
		p.Blocks = append(p.Blocks, pipe.Block{Body: body, Trips: ahead, Step: m})
	}
	if rest := n - ahead; rest > 0 { // in two parts, so that the rate of the second can be told
		u.steadyFrom, u.steadySteps = len(p.Blocks), (rest-rest/2)*unroll
		p.Blocks = append(p.Blocks, pipe.Block{Body: step(unroll), Trips: rest / 2, Step: moves(unroll)},
			pipe.Block{Body: step(unroll), Trips: rest - rest/2, Step: moves(unroll)})
	}
	if n := u.k % unroll; n > 0 {
		p.Blocks = append(p.Blocks, pipe.Block{Body: step(1), Trips: n, Step: moves(1)})
	}
	p.Blocks = append(p.Blocks, pipe.Block{Body: u.update(mem), Trips: 1})
}

// rate is the cycles of a steady step of k in the last call of a series.
func (u *micro) rate(c *calls) float64 {
	if u.steadySteps == 0 {
		return 0
	}
	return float64(c.marks[u.steadyFrom+1]-c.marks[u.steadyFrom]) / float64(u.steadySteps)
}

// columnsOfC gives the bytes of a run of C that lies in one piece, how many runs the
// tile has, and how far apart they are.
func (u *micro) columnsOfC() (bytes int64, runs int, next int64) {
	if u.cRow != 0 {
		return int64(u.cols * u.elem), u.rows, u.cRow
	}
	return int64(u.rows * u.elem), u.cols, u.cNext
}

// loadP loads the vectors of P of a step into one of two sets of registers.
func (u *micro) loadP(b []pipe.Uop, s, set int, mem func(int) uint8) []pipe.Uop {
	vector := int32(u.lanes * u.elem)
	at := int32(int64(s) * u.pStep)
	for i := range u.t.mv {
		lanes := min(u.lanes, max(0, u.rows-i*u.lanes))
		load := pipe.Uop{Op: pipe.Load, Dst: u.vectorP(set, i), Mem: mem(streamP), Disp: at + int32(i)*vector, Fn: pipe.Move, Lanes: uint8(lanes)}
		if u.pRow != 0 { // a block of vectors along k, transposed in registers
			load.Disp, load.Stride = at+int32(int64(i*u.lanes)*u.pRow), int32(u.pRow)
		}
		b = append(b, load)
		if u.pRow != 0 {
			for range int(math.Log2(float64(u.lanes))) {
				b = append(b, pipe.Uop{Op: pipe.Shuffle, Dst: regTemp, Src: [3]pipe.Reg{u.vectorP(set, i)}})
			}
		}
	}
	return b
}

func (u *micro) vectorP(set, i int) pipe.Reg { return regP + pipe.Reg(set*u.t.mv+i) }

// step is one step of k: vectors of P times each element of Q. Where steps follow
// each other, the vectors of the next one are loaded ahead, as hand-written kernels
// do it.
func (u *micro) step(b []pipe.Uop, s int, ahead bool, mem func(int) uint8) []pipe.Uop {
	vector := int32(u.lanes * u.elem)
	atP, atQ := int32(int64(s)*u.pStep), int32(int64(s)*u.qStep)
	set := 0
	if ahead {
		set = s % 2
		b = u.loadP(b, s+1, 1-set, mem)
	} else {
		b = u.loadP(b, s, 0, mem)
	}
	if u.softPrefetch {
		for at := int32(0); at < vector*int32(u.t.mv); at += 64 {
			b = append(b, pipe.Uop{Op: pipe.Prefetch, Mem: mem(streamP), Disp: atP + at + int32(prefetchSteps*u.pStep)})
		}
		if line := int(u.qStep); line > 0 && line < 4096 && s*line/64 != (s+1)*line/64 {
			b = append(b, pipe.Uop{Op: pipe.Prefetch, Mem: mem(streamQ), Disp: atQ + int32(prefetchSteps*u.qStep)})
		}
	}
	for j := range u.t.nr {
		at := atQ + int32(int64(j)*u.qNext)
		if j >= u.cols {
			at = atQ
		}
		q := regQ + pipe.Reg(j%4)
		if !u.fused {
			b = append(b, pipe.Uop{Op: pipe.Load, Dst: q, Mem: mem(streamQ), Disp: at, Fn: pipe.Broadcast})
		}
		for i := range u.t.mv {
			acc := regAcc + pipe.Reg(j*u.t.mv+i)
			f := pipe.Uop{Op: pipe.FMA, Dst: acc, Src: [3]pipe.Reg{u.vectorP(set, i), q, acc}, Fn: pipe.MulAdd}
			if u.fused {
				f.Src[1], f.Mem, f.Disp = 0, mem(streamQ), at
			}
			b = append(b, f)
		}
	}
	return b
}

// prefetchSteps is how many steps of k ahead the code fetches.
const prefetchSteps = 8

// update adds the tile to C.
func (u *micro) update(mem func(int) uint8) []pipe.Uop {
	var b []pipe.Uop
	for j := range u.cols {
		for i := range u.t.mv {
			lanes := min(u.lanes, u.rows-i*u.lanes)
			if lanes <= 0 {
				continue
			}
			acc := regAcc + pipe.Reg(j*u.t.mv+i)
			at := int32(int64(j)*u.cNext) + int32(i*u.lanes*u.elem)
			if u.cRow != 0 {
				at = int32(int64(j)*u.cNext) + int32(int64(i*u.lanes)*u.cRow)
			}
			turn := 0
			if u.cRow != 0 {
				turn = int(math.Log2(float64(u.lanes)))
			}
			if u.reads && !u.early {
				b = append(b, pipe.Uop{Op: pipe.Load, Dst: regTemp, Mem: mem(streamC), Disp: at, Fn: pipe.Move, Lanes: uint8(lanes), Stride: int32(u.cRow)})
			}
			for range turn {
				b = append(b, pipe.Uop{Op: pipe.Shuffle, Dst: regTemp + 2, Src: [3]pipe.Reg{acc}})
			}
			sum := acc
			if u.reads && !u.early {
				sum = regTemp + 1
				b = append(b, pipe.Uop{Op: pipe.FMA, Dst: sum, Src: [3]pipe.Reg{acc, regTemp}, Fn: pipe.Add})
			}
			b = append(b, pipe.Uop{Op: pipe.Store, Src: [3]pipe.Reg{sum}, Mem: mem(streamC), Disp: at, Fn: pipe.Move, Lanes: uint8(lanes), Stride: int32(u.cRow)})
		}
	}
	if len(b) == 0 {
		b = append(b, pipe.Uop{Op: pipe.Int})
	}
	return b
}
