package gemm

import "gpusim/workloads/tile"

// scaledConsumer is DeepGEMM's: a block of k is added up by the matrix unit from zero
// on, and its result times both scale factors added to sums in registers. Nothing of
// a warp group overlaps with that but the other's matrix instructions.
func (w *wgmma) scaledConsumer(g int) *tile.Program {
	acc := w.c.TileM / 2
	t := w.regTemp // factors: two rows of the thread, one or two blocks of m, four products
	rowFactors := [2]int{t, t + 1}
	colFactors := t + 2
	products := t + 4
	nb := w.scaleRows()

	var open []tile.Inst
	open = append(open, next(w.regAddr)...)
	open = append(open, immediate(tile.OpBARG, uint8(w.groups))) // nobody reads the last tile's factors any more
	open = append(open, w.fetchScales(t)...)
	for r := range acc {
		open = append(open, ins(tile.OpMOV, r, tile.RZ, tile.RZ, tile.RZ))
	}
	open = append(open, immediate(tile.OpBARG, uint8(w.groups)))

	var loop []tile.Inst
	for b := range nb {
		loop = append(loop, load(tile.OpLDS, colFactors+b, w.columnFactor(b)))
	}
	loop = append(loop, async(tile.OpMBWAIT, barFull, 0), integer(tile.OpISETP, w.regAddr))
	for h := range rowFactors {
		loop = append(loop, load(tile.OpLDS, rowFactors[h], w.rowFactor(h)))
	}
	loop = append(loop, bare(tile.OpWGARRIVE))
	loop = append(loop, w.math(g, tile.MMAZero)...)
	loop = append(loop, immediate(tile.OpWGWAIT, 0), async(tile.OpMBARRIVE, barEmpty, 0))
	for b := range nb {
		for h := range rowFactors {
			loop = append(loop, ins(tile.OpFMUL, products+2*b+h, rowFactors[h], colFactors+b, tile.RZ))
		}
	}
	for col := 0; col < w.c.TileM; col += 8 {
		factor := products
		if nb == 2 {
			factor = products + 4
			for h := range 2 {
				in := ins(tile.OpSEL, factor+h, products+h, products+2+h, tile.RZ)
				in.Imm = uint8(col / 8)
				loop = append(loop, in)
			}
		}
		for i := col / 2; i < col/2+4; i++ {
			loop = append(loop, ins(tile.OpFFMA, i, w.regAcc+i, factor+i>>1&1, i))
		}
	}
	for i := range 4 {
		loop = append(loop, integer([...]tile.Op{tile.OpIADD, tile.OpIADD, tile.OpISETP, tile.OpLOP}[i], w.regAddr+i))
	}
	return &tile.Program{Regs: consumerReg, Segments: []tile.Segment{
		{Code: w.start(w.regAddr, false, consumerReg)},
		{Code: open, PerTile: true},
		{Code: append(loop, bare(tile.OpBRA)), Loop: true, PerTile: true},
		{Code: w.wholeEpilogue(g), PerTile: true},
		{Code: []tile.Inst{bare(tile.OpEXIT)}},
	}}
}

// consumers is the number of consumer threads.
func (w *wgmma) consumers() int { return 128 * w.groups }

// fetchScales brings the factors of the tile's columns to shared memory: all of k, a
// thread for each.
func (w *wgmma) fetchScales(reg int) []tile.Inst {
	blocks := w.k.Tensors[tensorScaleA].Cols
	var code []tile.Inst
	for b := range w.scaleRows() {
		for from := 0; from < blocks; from += w.consumers() {
			g := tile.Access{Space: tile.Global, Bytes: 4, Tensor: tensorScaleA, RowVar: tile.VarScale, ColVar: tile.VarZero,
				Row: make([]int32, w.k.Threads), Col: make([]int32, w.k.Threads)}
			s := tile.Access{Space: tile.Shared, Bytes: 4, Addr: make([]int32, w.k.Threads)}
			for t := range g.Col {
				k := from + t
				g.Row[t], g.Col[t] = int32(b), int32(k)
				s.Addr[t] = int32(w.scaleAAt + (b*blocks+min(k, blocks-1))*scaleBytes)
			}
			// Threads beyond the last block have no store of their own: theirs is
			// the last block's once more, with the value that it has.
			for t := range g.Col {
				g.Col[t] = min(g.Col[t], int32(blocks-1))
			}
			code = append(code, load(tile.OpLDG, reg, addAccess(w.k, g)), store(tile.OpSTS, reg, addAccess(w.k, s)))
		}
	}
	return code
}

// columnFactor reads the factor of the present block of k and block b of m.
func (w *wgmma) columnFactor(b int) int16 {
	blocks := w.k.Tensors[tensorScaleA].Cols
	a := tile.Access{Space: tile.Shared, Bytes: 4, Addr: make([]int32, w.k.Threads), BufferStride: scaleBytes, Buffers: int32(blocks)}
	for t := range a.Addr {
		a.Addr[t] = int32(w.scaleAAt + b*blocks*scaleBytes)
	}
	return addAccess(w.k, a)
}

// rowFactor reads the factors of the rows that a thread holds: half h of them.
func (w *wgmma) rowFactor(h int) int16 {
	a := tile.Access{Space: tile.Shared, Bytes: 4, Addr: make([]int32, w.k.Threads),
		BufferStride: int32(w.c.TileN * scaleBytes), Buffers: int32(w.c.Stages)}
	for t := range a.Addr {
		row, _ := tile.FragMMA(t%128, 2*h)
		a.Addr[t] = int32(w.scaleBAt + (min(t/128, w.groups-1)*wgmmaRows+row)*scaleBytes)
	}
	return addAccess(w.k, a)
}
