package gemm

import "gpusim/workloads/tile"

// programT walks rows that are contiguous along k: per iteration each thread
// multiplies one vector of x by the same piece of each row. The sums of all
// threads then meet in shared memory: warp r adds those of row r.
func (g *gemv) programT() *tile.Program {
	sum := g.regs(gemvTRows)
	x := g.loaded(g.vec)
	var w [gemvTRows]int
	for r := range w {
		w[r] = g.loaded(g.vec)
	}
	wideX, wideW := g.regs(g.vec), g.regs(g.vec)
	addr := g.regs(4)
	kAt := g.perThread(func(t int) int { return t * g.vec })

	vector := tensorB
	if !g.rowsOfA {
		vector = tensorA
	}
	body := []tile.Inst{load(tile.OpLDG, x, g.element(vector, g.vec*g.elem, nil, kAt))}
	for r := range w {
		row := g.perThread(func(int) int { return r })
		body = append(body, load(tile.OpLDG, w[r], g.element(g.matrix, g.vec*g.elem, row, kAt)))
	}
	xs, code := g.widen(wideX, x, g.vec)
	body = append(body, code...)
	for r := range w {
		ws, code := g.widen(wideW, w[r], g.vec)
		body = append(body, code...)
		for e := range g.vec {
			body = append(body, ins(tile.OpFFMA, sum+r, ws+e, xs+e, sum+r))
		}
	}
	body = append(body, g.advance(addr)...)

	// Sums lie as [row][thread]. Warp r adds four of them per lane, leaves 32
	// and adds these in every lane.
	at := func(row, thread int) int { return 4 * (row*g.k.Threads + thread) }
	second := at(gemvTRows, 0)
	g.k.Shared = second + gemvTThreads*4
	var end []tile.Inst
	for r := range w {
		end = append(end, store(tile.OpSTS, sum+r, g.shared(4, func(t int) int { return at(r, t) })))
	}
	end = append(end, bare(tile.OpBAR))
	g.next = 0 // the loop's registers are free now
	v := g.regs(32)
	end = append(end, load(tile.OpLDS, v, g.shared(16, func(t int) int { return at(t>>5, t&31*4) })))
	for i := 1; i < 4; i++ {
		end = append(end, ins(tile.OpFADD, v, v, v+i, tile.RZ))
	}
	end = append(end, store(tile.OpSTS, v, g.shared(4, func(t int) int { return second + 4*t })))
	for i := 0; i < 32; i += 4 {
		end = append(end, load(tile.OpLDS, v+i, g.shared(16, func(t int) int { return second + 4*(t&^31+i) })))
	}
	end = append(end, tree(v, 32)...)
	end = append(end, g.finish(v, g.perThread(func(t int) int {
		if t&31 != 0 {
			return masked
		}
		return t >> 5
	}))...)
	return &tile.Program{Segments: []tile.Segment{
		{Code: g.setup(sum, gemvTRows, addr)}, {Code: body, Loop: true}, {Code: end},
	}}
}

// programN walks a matrix that is contiguous along its rows' index: a lane
// owns vec rows, and each warp takes a few k of every iteration.
func (g *gemv) programN() *tile.Program {
	warps := gemvNThreads / 32
	sum := g.regs(g.vec)
	var x, w [gemvNUnroll]int
	for u := range w {
		x[u], w[u] = g.loaded(1), g.loaded(g.vec)
	}
	wideX, wideW := g.regs(1), g.regs(g.vec)
	addr := g.regs(4)
	rowAt := g.perThread(func(t int) int { return t & 31 * g.vec })

	vector := tensorB
	if !g.rowsOfA {
		vector = tensorA
	}
	var body []tile.Inst
	for u := range w {
		kAt := g.perThread(func(t int) int { return t>>5*gemvNUnroll + u })
		body = append(body,
			load(tile.OpLDG, x[u], g.element(vector, g.elem, nil, kAt)),
			load(tile.OpLDG, w[u], g.element(g.matrix, g.vec*g.elem, rowAt, kAt)))
	}
	for u := range w {
		xs, code := g.widen(wideX, x[u], 1)
		body = append(body, code...)
		ws, code := g.widen(wideW, w[u], g.vec)
		body = append(body, code...)
		for e := range g.vec {
			body = append(body, ins(tile.OpFFMA, sum+e, ws+e, xs, sum+e))
		}
	}
	body = append(body, g.advance(addr)...)

	// Sums lie as [warp][row]. Thread t adds those of row t; threads beyond
	// the rows repeat others' work and store nothing.
	g.k.Shared = warps * g.tileR * 4
	var end []tile.Inst
	piece := min(g.vec, 4)
	for e := 0; e < g.vec; e += piece {
		end = append(end, store(tile.OpSTS, sum+e, g.shared(4*piece, func(t int) int { return 4 * (t>>5*g.tileR + t&31*g.vec + e) })))
	}
	end = append(end, bare(tile.OpBAR))
	g.next = 0 // the loop's registers are free now
	v := g.regs(warps)
	for i := range warps {
		end = append(end, load(tile.OpLDS, v+i, g.shared(4, func(t int) int { return 4 * (i*g.tileR + t%g.tileR) })))
	}
	end = append(end, tree(v, warps)...)
	end = append(end, g.finish(v, g.perThread(func(t int) int {
		if t >= g.tileR {
			return masked
		}
		return t
	}))...)
	return &tile.Program{Segments: []tile.Segment{
		{Code: g.setup(sum, g.vec, addr)}, {Code: body, Loop: true}, {Code: end},
	}}
}

// tree adds n (a power of two) consecutive registers into the first.
func tree(v, n int) []tile.Inst {
	var code []tile.Inst
	for half := n / 2; half > 0; half /= 2 {
		for i := range half {
			code = append(code, ins(tile.OpFADD, v+i, v+i, v+i+half, tile.RZ))
		}
	}
	return code
}
