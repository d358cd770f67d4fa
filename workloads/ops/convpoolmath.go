package ops

import (
	"math"

	"gpusim/workloads/tile"
)

// taps are the operands of the matrix instructions of a line of taps.
type taps struct {
	points  [][]reg // by rows of points of the instructions, of each the words of all steps
	filters [][]reg // by two instructions side by side
}

// rows is the rows of eight points that the instructions have, steps those that a line of
// taps takes.
func (f *convPool) rows() int  { return f.mma.M / 8 }
func (f *convPool) steps() int { return 4 * firstLineTaps / f.mma.KBytes() }

// request is a load that has not been emitted yet.
type request struct {
	access int16
	to     []reg
}

// operands are those of line r of the filters, and the loads that bring them.
func (f *convPool) operands(r int) (t taps, loads []request) {
	halves, per := 2*firstLines, 2*f.rows() // eights of points of a warp; words of a fragment of a whole line
	for first := 0; first < halves; first += f.rows() {
		words := make([]reg, per)
		for step := range f.steps() {
			copy(words[step*per/f.steps():], f.c.regs(per/f.steps()))
		}
		for i := range words {
			half, tap := first+i%f.rows(), i/f.rows()
			loads = append(loads, request{f.shared(4, func(t int) int {
				line, column := t/32*firstLines+half/2, half%2*8+t%32/4
				return f.weights() + 4*((line*f.Stride+r)*f.width+f.lead+column*f.Stride+4*tap+t%4)
			}), words[i : i+1]})
		}
		t.points = append(t.points, words)
	}
	for pair := range firstFilters / 16 {
		words := f.c.regs(4)
		loads = append(loads, request{f.shared(16, func(t int) int { return 16 * ((r*firstFilters/16+pair)*32 + t%32) }), words})
		t.filters = append(t.filters, words)
	}
	return t, loads
}

// products are the sums of a tile: all points of a warp by all filters, a line of taps
// after another, whose operands come while those before are multiplied.
func (f *convPool) products() {
	c := f.c
	f.acc = nil
	for range 2 * firstLines / f.rows() * firstFilters / 8 {
		r := c.regs(f.mma.RegsC())
		begin := num(0)
		if !f.packs { // sums begin at the number that makes floats of them
			begin = num(tile.IntegerFloat)
		}
		c.set(vals(r...), begin)
		f.acc = append(f.acc, r)
	}
	now, loads := f.operands(0)
	for _, l := range loads {
		c.memory(tile.OpLDS, l.access, l.to)
	}
	for r := range f.R {
		var next taps
		loads = nil
		if r+1 < f.R {
			next, loads = f.operands(r + 1)
		}
		total, done, n := len(loads), 0, 0
		all := f.steps() * len(now.points) * firstFilters / 8
		for step := range f.steps() {
			for i, points := range now.points {
				a := points[step*len(points)/f.steps()]
				for frag := range firstFilters / 8 {
					words := now.filters[frag/2][frag%2*2:]
					b := words[step*2/f.steps()]
					acc := f.acc[i*firstFilters/8+frag][0]
					c.emit(vinst{Inst: tile.Inst{Op: tile.OpMMA}, dst: acc, a: a, b: b, c: acc})
					for n++; done < total && done*all < n*total; done++ {
						c.memory(tile.OpLDS, loads[done].access, loads[done].to)
					}
				}
			}
		}
		now = next
	}
}

// sum is the register with the sum of a lane's filter, of an eight of the warp's points.
func (f *convPool) sum(eight, filter int) reg {
	r := f.acc[eight/f.rows()*firstFilters/8+filter/2]
	return r[eight%f.rows()*2+filter%2]
}

// positions are masks of the columns of points that a lane has, and the number of the
// first line of the warp's, where some lie beyond the convolution's edge; else nothing.
func (f *convPool) positions() (columns []val, line val) {
	if f.PoolPad == 0 {
		return nil, nil
	}
	c := f.c
	tid, cta := c.register(tile.S2RThread), c.register(tile.S2RCTA)
	rest, at := c.divide(vals(cta), f.k.Grid[0])
	_, strip := c.divide(rest, f.k.Grid[1])
	pitch := num(float64(f.side * f.PoolStride))
	g := c.number(c.and(c.shift(tile.ShiftRight, vals(tid), 2), word(7)))
	x := c.fma(c.number(at), pitch, c.add(g, num(float64(-f.PoolPad))))
	for half := range 2 {
		columns = append(columns, c.mask(x, 8*half, f.q))
	}
	w := c.number(c.shift(tile.ShiftRight, vals(tid), 5))
	line = c.fresh(1)
	c.set(line, c.fma(c.number(strip), num(float64(f.down*f.side*f.PoolStride)), c.fma(w, num(firstLines), num(float64(-f.PoolPad)))))
	return columns, line
}

// mask is all ones where inside says 1.
func (c *code) mask(at val, plus, size int) val {
	return c.choose(c.inside(at, plus, size), word(math.MaxUint32), num(0))
}

// place is where 16 filters of a point lie in shared memory, such that neither lanes that
// write points side by side nor those that read every second one ask a bank twice.
func place(point, filters16 int) int {
	return (point^point>>1&1)*firstFilters + (filters16^point>>2&1*2)*firstLane
}

// results turns sums into bytes and puts them into shared memory: alpha times the sum
// plus the bias, no less than 0 and no more than a byte holds. Points that are none count 0,
// which of maxima of what ReLU leaves changes nothing.
func (f *convPool) results(columns []val, line val) {
	c := f.c
	var mask val
	for eight := range 2 * firstLines {
		if line != nil && eight%2 == 0 {
			mask = c.mask(line, eight/2, f.p)
		}
		var out []reg
		var v val
		for i := range firstLane {
			v = append(v, operand{reg: f.sum(eight, i)})
		}
		if f.packs {
			v = c.unary(tile.OpI2FP, 0, 0, v)
		} else {
			v = c.add(v, num(-tile.IntegerFloat))
		}
		for i := range v {
			to := c.reg()
			c.emit(vinst{Inst: tile.Inst{Op: tile.OpFFMA, Imm: tile.ImmAlpha}, dst: to, a: v[i].reg, b: noReg, c: f.bias[i]})
			v[i] = operand{reg: to}
		}
		if !f.packs {
			v = c.add(c.min(c.max(v, num(0)), num(math.MaxInt8)), num(tile.IntegerFloat))
		}
		for i := 0; i < firstLane; i += wordChannels {
			w := f.bytes(v[i : i+wordChannels])
			if line != nil {
				w = c.and(c.and(w, columns[eight%2]), mask)
			}
			out = append(out, w[0].reg)
		}
		c.memory(tile.OpSTS, f.shared(16, func(t int) int {
			point := (t/32*firstLines+eight/2)*firstPoints + eight%2*8 + t%32/4
			return f.weights() + place(point, t%4)
		}), out)
	}
}

// bytes is the word of four numbers, no less than 0 and no more than a byte holds.
func (f *convPool) bytes(v val) val {
	if !f.packs {
		return vals(f.c.word4(v))
	}
	pair := func(a, b operand, rest reg) reg {
		in := vinst{Inst: tile.Inst{Op: tile.OpF2IP, Steps: 1}, dst: f.c.reg(), a: a.reg, b: b.reg, c: rest}
		f.c.emit(in)
		return in.dst
	}
	return vals(pair(v[0], v[1], pair(v[2], v[3], noReg)))
}

// maxima pools: a thread has four filters of a column of results.
func (f *convPool) maxima() {
	c := f.c
	units := f.side * firstFilters / wordChannels
	at := func(t int) (word, x, block int) {
		t = min(t, units-1)
		return t % (blockChannels / wordChannels), t / (blockChannels / wordChannels) % f.side, t / (blockChannels / wordChannels) / f.side
	}
	lines := make([]val, (f.side-1)*f.PoolStride+f.Pool)
	for y := range lines {
		var row []val
		for x := range f.Pool {
			r := c.regs(1)
			c.memory(tile.OpLDS, f.shared(4, func(t int) int {
				word, column, block := at(t)
				return f.weights() + place(y*firstPoints+column*f.PoolStride+x, 2*block+word/4) + word%4*4
			}), r)
			row = append(row, vals(r[0]))
		}
		lines[y] = c.across(row, (*code).maxBytes)
	}
	for y := range f.side {
		from := y * f.PoolStride
		v := c.across(append([]val{}, lines[from:from+f.Pool]...), (*code).maxBytes)
		c.address(1)
		c.memory(tile.OpSTG, addAccess(f.k, tile.Access{Tensor: firstOut, Bytes: wordChannels, RowVar: tile.VarM, ColVar: tile.VarZero, BatchFree: true,
			RowStep: int32(f.k.Grid[0]), Row: make([]int32, f.k.Threads), Col: perThread(f.k, func(t int) int {
				word, x, block := at(t)
				if t >= units {
					return f.k.Tensors[firstOut].Cols // nothing
				}
				return word*wordChannels + blockChannels*(x+f.side*(y+f.side*block))
			})}), []reg{v[0].reg})
	}
}

// maxBytes is the greater of each of four bytes from 0 to 127: a plus what b lacks to 127
// has its highest bit where a is the greater, which, spread over the byte, chooses.
func (c *code) maxBytes(a, b val) val {
	lack := c.binary(tile.OpLOP, tile.LOPXor, b, word(0x7f7f7f7f))
	r, s := c.reg(), c.reg()
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpIADD}, dst: r, a: a[0].reg, b: lack[0].reg, c: noReg})
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpPRMT, Imm: tile.PRMTSigns}, dst: s, a: r, b: noReg, c: noReg})
	out := c.reg()
	c.emit(vinst{Inst: tile.Inst{Op: tile.OpLOP, Steps: tile.LOPChoose}, dst: out, a: a[0].reg, b: b[0].reg, c: s})
	return vals(out)
}
