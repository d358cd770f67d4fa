package gemm

import "gpusim/workloads/tile"

// async is an instruction on a box, barrier or matrix instruction.
func async(op tile.Op, object int, imm uint8) tile.Inst {
	i := bare(op)
	i.Access, i.Imm = int16(object), imm
	return i
}

func immediate(op tile.Op, imm uint8) tile.Inst {
	i := bare(op)
	i.Imm = imm
	return i
}

// start is the beginning of every role: indices, barriers and, of a cluster, the
// certainty that the other CTA has its barriers too before anything arrives there.
// reg names registers for addresses; leader is the warp that sets up the barriers.
func (w *wgmma) start(reg int, leader bool, regs uint8) []tile.Inst {
	code := setup(reg, 8)
	if leader {
		for range w.c.Stages {
			code = append(code, async(tile.OpMBINIT, barFull, 0), async(tile.OpMBINIT, barEmpty, 0))
		}
		code = append(code, bare(tile.OpFENCE))
	}
	code = append(code, bare(tile.OpBAR))
	if w.cluster() > 1 {
		if leader {
			code = append(code, async(tile.OpMBARRIVE, barCluster, 0))
		}
		code = append(code, async(tile.OpMBWAIT, barCluster, 0))
	}
	return append(code, immediate(tile.OpSETREG, regs/8))
}

// next finds the coordinates of a tile.
func next(reg int) []tile.Inst {
	var code []tile.Inst
	for i := range 12 {
		code = append(code, integer([...]tile.Op{tile.OpIMAD, tile.OpIADD, tile.OpISETP, tile.OpLOP}[i%4], reg+i%8))
	}
	return code
}

// idle is the warps that fill up the producer's warp group: setmaxnreg wants all
// four.
func (w *wgmma) idle() *tile.Program {
	return &tile.Program{Segments: []tile.Segment{{Code: append(w.start(0, false, producerReg), bare(tile.OpEXIT))}}}
}

// producer waits for stages to be empty and lets the TMA fill them. It leaves when
// the consumers are through with the last ones, here and in the other CTA of the
// cluster, which would otherwise write to and arrive at a CTA that is gone.
func (w *wgmma) producer() *tile.Program {
	loop := []tile.Inst{async(tile.OpMBWAIT, barEmpty, 1), async(tile.OpMBTX, barFull, 0)}
	for i := range 4 { // coordinate along k, stage and phase
		loop = append(loop, integer([...]tile.Op{tile.OpIADD, tile.OpIADD, tile.OpISETP, tile.OpLOP}[i], i))
	}
	boxes := append(w.boxes(&w.rows), w.boxes(&w.cols)...)
	if w.c.Scaled {
		boxes = append(boxes, tile.Box{
			Tensor: tensorScaleB, RowVar: tile.VarN, ColVar: tile.VarZero, ColStep: 1, Rows: w.c.TileN, Cols: 1,
			Addr: int32(w.scaleBAt), Stride: int32(w.c.TileN * scaleBytes), Barrier: barFull,
		})
	}
	for _, b := range boxes {
		w.k.Boxes = append(w.k.Boxes, b)
		loop = append(loop, async(tile.OpTMALD, len(w.k.Boxes)-1, 0))
	}
	var tail []tile.Inst
	for s := range w.c.Stages {
		in := async(tile.OpMBWAIT, barEmpty, 1)
		in.Steps = uint8(s)
		tail = append(tail, in)
	}
	return &tile.Program{Regs: producerReg, Segments: []tile.Segment{
		{Code: w.start(0, true, producerReg)},
		{Code: next(0), PerTile: true},
		{Code: append(loop, bare(tile.OpBRA)), Loop: true, PerTile: true},
		{Code: append(tail, bare(tile.OpEXIT))},
	}}
}

// boxes are the loads of an operand's k-tile: one with lines along k, or one for
// every line's width along m or n.
func (w *wgmma) boxes(o *wgmmaOperand) []tile.Box {
	per := wgmmaLine / w.elem
	var out []tile.Box
	for at := 0; at < o.size; at += per {
		b := tile.Box{Tensor: o.tensor, Swizzled: true, Barrier: barFull, Multicast: o.shared, Addr: int32(o.base), Stride: int32(o.bytes())}
		outer, size := at, per
		if o.outer {
			b.Addr += int32(at / per * w.c.TileK * wgmmaLine)
		} else {
			outer, size = 0, o.size
		}
		if o.tensor == tensorA {
			b.RowVar, b.Row, b.Rows = tile.VarM, int32(outer), size
			b.ColVar, b.Cols, b.ColStep = tile.VarK, w.c.TileK, int32(w.c.TileK)
		} else {
			b.RowVar, b.Rows, b.RowStep = tile.VarK, w.c.TileK, int32(w.c.TileK)
			b.ColVar, b.Col, b.Cols = tile.VarN, int32(outer), size
		}
		out = append(out, b)
		if !o.outer {
			break
		}
	}
	return out
}

// operand describes a factor of step s of a k-tile to the matrix unit, from the
// given row or column of the CTA tile on.
func (w *wgmma) operand(o *wgmmaOperand, from, s int) tile.SharedOperand {
	per := wgmmaLine / w.elem
	so := tile.SharedOperand{
		Addr: int32(o.base + from*wgmmaLine), Stride: int32(o.bytes()), Elem: w.elem,
		K: s * w.c.TileK / wgmmaSteps, Outer: o.outer, Block: int32(w.c.TileK * wgmmaLine),
	}
	if o.outer {
		so.Addr = int32(o.base + from/per*w.c.TileK*wgmmaLine)
	}
	return so
}

// math is the matrix instructions of a k-tile of warp group g, the group of which
// ends with the last.
func (w *wgmma) math(g int, first uint8) []tile.Inst {
	var code []tile.Inst
	for s := range wgmmaSteps {
		for f := range w.frags {
			w.k.GroupMMAs = append(w.k.GroupMMAs, tile.GroupMMA{
				N: w.c.TileM, K: w.c.TileK / wgmmaSteps, Type: w.p.DType, Acc: w.p.Acc,
				A: w.operand(&w.rows, (g*w.frags+f)*wgmmaRows, s), B: w.operand(&w.cols, 0, s),
			})
			in := async(tile.OpWGMMA, len(w.k.GroupMMAs)-1, 0)
			in.Dst = uint8(w.regAcc + w.accRegs(f*w.c.TileM))
			if s == 0 {
				in.Imm = first
			}
			code = append(code, in)
		}
	}
	code[len(code)-1].Imm |= tile.MMACommit
	return code
}

// consumer multiplies what the producer brings. One group of matrix instructions
// stays in flight, so a stage is let go one iteration late.
func (w *wgmma) consumer(g int) *tile.Program {
	if w.c.Scaled {
		return w.scaledConsumer(g)
	}
	loop := []tile.Inst{async(tile.OpMBWAIT, barFull, 0), integer(tile.OpISETP, w.regAddr), bare(tile.OpWGARRIVE)}
	loop = append(loop, w.math(g, tile.MMAZeroFirst)...)
	loop = append(loop, immediate(tile.OpWGWAIT, 1), guarded(tile.GuardAgain, async(tile.OpMBARRIVE, barEmpty, 1)))
	for i := range 4 { // counter, stage and phase
		loop = append(loop, integer([...]tile.Op{tile.OpIADD, tile.OpIADD, tile.OpISETP, tile.OpLOP}[i], w.regAddr+i))
	}
	end := []tile.Inst{immediate(tile.OpWGWAIT, 0), async(tile.OpMBARRIVE, barEmpty, 1)}
	return &tile.Program{Regs: consumerReg, Segments: []tile.Segment{
		{Code: w.start(w.regAddr, false, consumerReg)},
		{Code: next(w.regAddr), PerTile: true},
		{Code: append(loop, bare(tile.OpBRA)), Loop: true, PerTile: true},
		{Code: append(end, w.epilogue(g)...), PerTile: true},
		{Code: []tile.Inst{immediate(tile.OpTMAWAIT, 0), bare(tile.OpEXIT)}},
	}}
}
