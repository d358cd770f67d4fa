package gemm

import "gpusim/workloads/tile"

// epilogue takes a warp group's accumulators to C, 64 rows (along n) and a line's
// width of columns (along m) at a time, through two buffers of its own.
func (w *wgmma) epilogue(g int) []tile.Inst {
	width := wgmmaLine / w.out
	var code []tile.Inst
	part := 0
	for f := range w.frags {
		for col := 0; col < w.c.TileM; col += width {
			at := w.outAt + (2*g+part&1)*wgmmaRows*wgmmaLine
			acc := w.regAcc + w.accRegs(f*w.c.TileM+col)
			// The buffer is free when the store before the latest has read it, or
			// the latest where that was the same part's of the tile before.
			inFlight := uint8(1)
			if odd := w.frags * w.c.TileM / width % 2; odd == 1 && part == 0 {
				inFlight = 0
			}
			code = append(code, guarded(tile.GuardLeader, immediate(tile.OpTMAWAIT, inFlight)), immediate(tile.OpBARG, 0))
			code = append(code, w.scale(acc, width)...)
			if w.out == 4 {
				code = append(code, w.depositWords(acc, at, width)...)
			} else {
				code = append(code, w.deposit(acc, at, 0, width, true)...)
			}
			code = append(code, bare(tile.OpFENCE), immediate(tile.OpBARG, 0))
			code = append(code, w.push(at, (g*w.frags+f)*wgmmaRows, wgmmaRows, col, width, true))
			part++
		}
	}
	return code
}

// scale multiplies accumulators by alpha, except whole numbers.
func (w *wgmma) scale(acc, width int) []tile.Inst {
	op := tile.OpFMUL
	switch w.p.Acc {
	case "int32":
		return nil
	case "fp16":
		op = tile.OpHFMA2
	}
	var code []tile.Inst
	for i := range w.accRegs(width) {
		code = append(code, scaled(op, acc+i, acc+i, tile.RZ, tile.ImmAlpha))
	}
	return code
}

// depositWords stores 32-bit accumulators as they are: pairs of columns.
func (w *wgmma) depositWords(reg, at, width int) []tile.Inst {
	var code []tile.Inst
	for i := 0; i < width/2; i += 2 {
		a := tile.Access{Space: tile.Shared, Bytes: 8, Addr: make([]int32, w.k.Threads)}
		for t := range a.Addr {
			row, col := tile.FragMMA(t%128, i)
			a.Addr[t] = int32(at + row*w.outRow + tile.Swizzle(row, col*w.out))
		}
		code = append(code, store(tile.OpSTS, reg+i, addAccess(w.k, a)))
	}
	return code
}

// wholeEpilogue is DeepGEMM's: all sums go to one buffer, from which one store takes
// them; it has no swizzle, so that rows which lie a multiple of 128 bytes apart meet in
// their banks.
func (w *wgmma) wholeEpilogue(g int) []tile.Inst {
	code := w.deposit(0, w.outAt, g*wgmmaRows, w.c.TileM, false)
	code = append(code, bare(tile.OpFENCE), immediate(tile.OpBARG, uint8(w.groups)))
	if g > 0 {
		return code
	}
	code = append(code, w.push(w.outAt, 0, w.c.TileN, 0, w.c.TileM, false))
	return append(code, guarded(tile.GuardLeader, immediate(tile.OpTMAWAIT, 0)))
}

// deposit packs accumulators from reg on, width columns of 64 rows, and stores them
// from the given row of a buffer on.
func (w *wgmma) deposit(reg, at, row, width int, swizzled bool) []tile.Inst {
	var code []tile.Inst
	for col := 0; col < width; col += 16 {
		n := min(4, (width-col)/4) // two 8-column matrices of two 8-row halves
		temp := w.regTemp + col/16%4*4
		if w.p.Acc == "fp16" { // packed already
			temp, n = reg+col/4, 4
		}
		for i := 0; i < n && w.p.Acc != "fp16"; i++ {
			in := ins(tile.OpPACK, temp+i, reg+col/2+2*i, reg+col/2+2*i+1, tile.RZ)
			in.Imm = halves(w.p.Out())
			code = append(code, in)
		}
		a := tile.Access{Space: tile.Shared, Bytes: 16, Addr: make([]int32, w.k.Threads)}
		for t := range a.Addr {
			matrix := t % 32 / 8 % n
			r := row + t/32%4*16 + matrix%2*8 + t%8
			b := (col + matrix/2*8) * w.out
			if swizzled {
				b = tile.Swizzle(r, b)
			}
			a.Addr[t] = int32(at + r*w.outRow + b)
		}
		in := store(tile.OpSTSM, temp, addAccess(w.k, a))
		in.Imm = uint8(n)
		code = append(code, in)
	}
	return code
}

// push is the store of a buffer to C.
func (w *wgmma) push(at, row, rows, col, cols int, swizzled bool) tile.Inst {
	w.k.Boxes = append(w.k.Boxes, tile.Box{
		Tensor: tensorC, RowVar: tile.VarM, ColVar: tile.VarN, Row: int32(col), Col: int32(row), Rows: cols, Cols: rows,
		Addr: int32(at), Swizzled: swizzled,
	})
	return guarded(tile.GuardLeader, async(tile.OpTMAST, len(w.k.Boxes)-1, 0))
}
