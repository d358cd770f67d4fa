package gemm

import "gpusim/workloads/tile"

// staging is the epilogue of a Tensor Core kernel: it turns accumulators,
// scattered over a warp's lanes, into contiguous runs along m through a buffer
// private to the warp, some rows (values of n) a step. The buffer keeps even and
// odd groups of four fp32 columns apart and pads its rows, so that both the
// stores of accumulators and the reads of eight columns per lane are free of
// bank conflicts.
type staging struct {
	converter
	acc16        bool  // fp16 accumulators
	rows         int   // staged per step
	odd          int   // 32-bit words from the even groups of four columns to the odd ones
	warpM, warpN []int // per warp: where its tile begins in the CTA tile
	temp, addr   int   // first registers of temporaries and addresses

	puts []staged                // what stores a step's accumulators
	rowN func(step, row int) int // n, within the warp tile, of a staged row
}

// staged stores an accumulator register, or a pair, of every lane.
type staged struct {
	bytes int
	at    func(lane int) (row, m int)
	reg   func(step int) int
}

// stagePitch is the row pitch of a staging buffer in 32-bit words, an odd
// multiple of four: so eight rows of two or four words meet in no bank.
func stagePitch(c Config, acc16 bool) int {
	words := c.WarpM / 2
	if acc16 {
		words /= 2
	}
	return words + 4 + words%8
}

func (e *staging) pitch() int { return stagePitch(e.c, e.acc16) }

// bytes is the staging buffer of one warp.
func (e *staging) bytes() int { return ceilDiv(4*(e.odd+e.rows*e.pitch()), 16) * 16 }

// address is the byte address of column m of a staged row in a warp's buffer.
func (e *staging) address(warp, row, m int) int32 {
	word := m>>2&1*e.odd + row*e.pitch()
	base := warp * e.bytes()
	if e.acc16 {
		return int32(base + 4*(word+m>>3*2) + m&3*2)
	}
	return int32(base + 4*(word+m>>3*4+m&3))
}

// steps is the number of staging steps of a warp tile.
func (e *staging) steps() int { return e.c.WarpN / e.rows }

// drain describes how a staged step leaves the buffer.
type drain struct {
	vec   int  // elements of C per global access
	units int  // global accesses per lane and step
	half  bool // C is of halves
	bytes bool // C is of int8
	wide  bool // values are computed in fp32
	src   bool // C (or an earlier slice's sum) is read and added
	val   int  // registers per unit: values, packed results, source, unpacked source
	out   int
	raw   int
	add   int
	steps int // sources of the steps that every staged row has its own of, each as large as raw would be
	tmp   int // registers that activations work in
	bias  int // registers of the bias of a lane's columns, in fp32
	ahead int // registers per unit: sources of the steps for the rows staged next
}

func (e *staging) drain() drain {
	d := drain{half: e.p.OutBytes() == 2 && !e.c.Workspace, bytes: e.p.OutBytes() == 1 && !e.c.Workspace}
	d.vec = min(e.c.VecC, e.rows*e.c.WarpM/32)
	switch {
	case !d.half:
		d.vec = min(d.vec, 4)
	case e.p.InBytes() == 1: // widths count elements of the factors
		d.vec = min(d.vec, 8)
	}
	d.wide = !d.half || !e.acc16
	d.src = !e.c.Workspace && (e.p.Beta != 0 || e.c.Splits > 1)
	d.units = e.rows * e.c.WarpM / 32 / d.vec
	packed := max(d.vec/2, 1)
	d.val = packed
	if d.wide {
		d.val = d.vec
		if d.half {
			d.out = packed
		}
		if e.acc16 {
			d.out = packed // halves as they come from the buffer
		}
		if d.bytes {
			d.out = 1
		}
	}
	steps := e.c.steps(e.p)
	d.steps = steps.sources()
	d.tmp = steps.actTemps() * d.vec
	if steps.Bias && !steps.Across {
		d.steps--
		d.bias = d.vec * d.columns(e.c)
	}
	if d.src || d.steps > 0 {
		d.raw = d.vec
		if d.half {
			d.raw = packed
			if d.wide {
				d.add = d.vec
			}
		}
		if d.bytes {
			d.raw, d.add = 1, d.vec
		}
		if d.steps > 0 {
			d.add *= d.steps
			d.ahead = d.raw * d.steps
		}
	}
	return d
}

// columns is how many vectors of columns a lane has: units take turns in them.
func (d *drain) columns(c Config) int { return ceilDiv(c.WarpM/d.vec, 32) }

// raws is the sources that are read at a time: C where kernels add to it, or those of
// the steps, which no such kernel has.
func (d *drain) raws() int {
	if d.src {
		return 1
	}
	return d.steps
}

// regs is the number of temporary registers of a step.
func (e *staging) regs() int {
	d := e.drain()
	return d.units*(d.val+d.out+d.raw*d.raws()+d.add+d.ahead) + d.tmp + d.bias
}

// code writes alpha times the accumulators, plus what C asks for, or the
// partial sums of a slice to the workspace.
func (e *staging) code() []tile.Inst {
	code := e.c.openEpilogue(e.addr)
	d := e.drain()
	puts := e.stores()
	gets := e.gets(d)
	code = append(code, e.loadBias(d)...)
	code = append(code, e.loadSources(d, 0)...)
	for s := range e.steps() {
		code = append(code, e.step(s, d, puts, gets)...)
	}
	return append(code, e.c.closeEpilogue()...)
}

// stores are the accesses of puts; every step reuses them.
func (e *staging) stores() []int16 {
	var out []int16
	for _, p := range e.puts {
		addr := make([]int32, e.k.Threads)
		for t := range addr {
			row, m := p.at(t & 31)
			addr[t] = e.address(t>>5, row, m)
		}
		out = append(out, addAccess(e.k, tile.Access{Space: tile.Shared, Bytes: p.bytes, Addr: addr}))
	}
	return out
}

// unit is the staged row and first column that a lane handles in a unit.
// Reversing the low row bits puts rows whose pitch differs by 16 banks into
// one pass.
func (e *staging) unit(d drain, u, lane int) (row, m int) {
	per := e.c.WarpM / d.vec
	i := u*32 + lane
	r := i / per
	return r&^7 | r&1<<2 | r&2 | r>>2&1, i % per * d.vec
}

// gets are the accesses that read each unit back: eight columns take two,
// one from each half of the buffer.
func (e *staging) gets(d drain) [][]int16 {
	out := make([][]int16, d.units)
	bytes := 4
	if e.acc16 {
		bytes = 2
	}
	for u := range out {
		for part := 0; part < d.vec; part += 4 {
			addr := make([]int32, e.k.Threads)
			for t := range addr {
				row, m := e.unit(d, u, t&31)
				addr[t] = e.address(t>>5, row, m+part)
			}
			out[u] = append(out[u], addAccess(e.k, tile.Access{Space: tile.Shared, Bytes: min(d.vec, 4) * bytes, Addr: addr}))
		}
	}
	return out
}

// target is the global access of unit u in step s.
func (e *staging) target(s, u int, d drain) tile.Access {
	a := tile.Access{Space: tile.Global, Tensor: tensorC, Bytes: d.vec * 4, RowVar: tile.VarM, ColVar: tile.VarN}
	switch {
	case d.half:
		a.Bytes = d.vec * 2
	case d.bytes:
		a.Bytes = d.vec
	}
	if e.c.Workspace {
		a.Tensor, a.ColVar = tensorWorkspace, tile.VarSplit
	}
	a.Row, a.Col = make([]int32, e.k.Threads), make([]int32, e.k.Threads)
	for t := range e.k.Threads {
		row, m := e.unit(d, u, t&31)
		a.Row[t] = int32(e.warpM[t>>5] + m)
		a.Col[t] = int32(e.warpN[t>>5] + e.rowN(s, row))
	}
	return a
}
