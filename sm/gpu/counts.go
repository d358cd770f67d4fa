package gpu

import (
	"gpusim/workloads/tile"
)

// Work is what a kernel's instructions amount to over its whole grid. It
// follows from the program and the trip counts alone, so it is exact under
// any sampling.
type Work struct {
	Trips     uint64  // main-loop iterations, all CTAs
	Tiles     uint64  // of a persistent grid; else CTAs
	Padding   float64 // share of a product's multiply-adds beyond m or n, of which an operand is zero (zeros along k are not counted)
	WarpInsts uint64  // HMMA groups count as one
	Slots     uint64  // issue slots: HMMA steps count
	Ops       [tile.NumOps]uint64
	HMMASteps uint64
	HMMAFP32  uint64 // m8n8k4 groups with fp32 accumulators (1024 FMA each)
	HMMAFP16  uint64
	FMAs      map[string]uint64 // multiply-adds of matrix instructions but HMMA.884, by type and accumulator ("fp16/fp32")
	Latched   uint64            // registers of a warp that MMAs take or give
	RegReads  uint64            // warp-wide 32-bit operands
	RegWrites uint64
}

// Account adds up the work of a grid.
func Account(k *tile.Kernel, stepsFP32 uint8) Work {
	w := Work{FMAs: map[string]uint64{}}
	var cta tile.CTA
	padding := 0.0 // iterations
	n := k.CTAs()
	w.Tiles = uint64(max(n, k.Tiles))
	for i := range int(w.Tiles) {
		cta = tile.CTA{}
		k.Place(i, &cta)
		w.Trips += uint64(cta.Trips)
		if k.Product {
			padding += float64(cta.Trips) * (1 - inside(&cta, tile.VarM, k.TileM)*inside(&cta, tile.VarN, k.TileN))
		}
	}
	if w.Trips > 0 {
		w.Padding = padding / float64(w.Trips)
	}
	for _, role := range k.Role {
		for _, s := range k.Programs[role].Segments {
			times := uint64(n)
			switch {
			case s.Loop:
				times = w.Trips
			case s.PerTile:
				times = w.Tiles
			}
			for i := range s.Code {
				w.add(&s.Code[i], times, stepsFP32, k)
			}
		}
	}
	return w
}

// inside is the share of a tile's extent that lies within the limit: none of a tile
// that only fills up a cluster.
func inside(cta *tile.CTA, v tile.Var, extent int) float64 {
	return max(0, min(1, float64(cta.Limit[v]-cta.Origin[v])/float64(extent)))
}

func (w *Work) add(in *tile.Inst, times uint64, stepsFP32 uint8, k *tile.Kernel) {
	w.WarpInsts += times
	w.Ops[in.Op] += times
	slots := uint64(1)
	if in.Op == tile.OpHMMA {
		slots = uint64(in.Steps)
		w.HMMASteps += times * slots
		if in.Steps == stepsFP32 {
			w.HMMAFP32 += times
		} else {
			w.HMMAFP16 += times
		}
	}
	switch in.Op {
	case tile.OpMMA:
		m := &k.MMAs[in.Access]
		w.FMAs[m.Type+"/"+m.Acc] += times * uint64(m.Multiplies())
		w.Latched += times * uint64(m.RegsA()+m.RegsB()+2*m.RegsC())
	case tile.OpWGMMA:
		m := &k.GroupMMAs[in.Access]
		w.FMAs[m.Type+"/"+m.Acc] += times * uint64(64*m.N*m.K/tile.GroupWarps)
	}
	w.Slots += times * slots
	r, d := operands(in, k)
	w.RegReads += times * r
	w.RegWrites += times * d
}

// operands counts the 32-bit register operands that an instruction reads and
// writes.
func operands(in *tile.Inst, k *tile.Kernel) (reads, writes uint64) {
	if in.Op == tile.OpMMA {
		m := &k.MMAs[in.Access]
		n := m.RegsA() + m.RegsB() + m.RegsC()
		if m.Sparse {
			n++ // metadata
		}
		return uint64(n), uint64(m.RegsC())
	}
	words := uint64(1)
	switch in.Op {
	case tile.OpWGMMA: // factors come from shared memory
		n := uint64(k.GroupMMAs[in.Access].Registers())
		return n, n
	case tile.OpSTSM:
		return 1 + uint64(in.Imm), 0
	case tile.OpTMALD, tile.OpTMAST: // descriptor, coordinates, addresses
		return 4, 0
	case tile.OpMBTX, tile.OpMBARRIVE, tile.OpMBWAIT, tile.OpMBINIT:
		return 2, 0
	}
	if in.Access >= 0 && int(in.Access) < len(k.Accesses) {
		words = uint64(max(1, k.Accesses[in.Access].LaneBytes()/4))
	}
	switch in.Op {
	case tile.OpFFMA, tile.OpHFMA2, tile.OpIMAD, tile.OpLOP, tile.OpIADD, tile.OpFSEL, tile.OpF2IP:
		return 3, 1
	case tile.OpDP4A:
		return 3, 1
	case tile.OpFADD, tile.OpFMUL, tile.OpPACK, tile.OpPRMT, tile.OpISETP, tile.OpSEL,
		tile.OpFMNMX, tile.OpFSETP, tile.OpSHF, tile.OpIMULH:
		return 2, 1
	case tile.OpDFMA:
		return 6, 2
	case tile.OpDADD, tile.OpDMUL:
		return 4, 2
	case tile.OpMOV, tile.OpUNPACK, tile.OpI2I, tile.OpMUFU, tile.OpI2F, tile.OpI2FP, tile.OpF2I, tile.OpSHFL:
		return 1, 1
	case tile.OpS2R:
		return 0, 1
	case tile.OpHMMA: // each step reads A, B (2 each) and C (2), writes 2
		return 6 * uint64(in.Steps), 2 * uint64(in.Steps)
	case tile.OpLDG:
		return 2, words // 64-bit address
	case tile.OpSTG, tile.OpRED:
		return 2 + words, 0
	case tile.OpLDS, tile.OpLDSM:
		return 1, words
	case tile.OpLDGSTS:
		return 3, 0 // and the address in shared memory
	case tile.OpSTS:
		return 1 + words, 0
	}
	return 0, 0
}

// Payload is the number of warp instructions that do the arithmetic asked for.
func (w *Work) Payload() uint64 {
	return w.Ops[tile.OpDP4A] + w.Ops[tile.OpFFMA] + w.Ops[tile.OpDFMA] + w.Ops[tile.OpHFMA2] + w.Ops[tile.OpHMMA] + w.Ops[tile.OpMMA] + w.Ops[tile.OpWGMMA]
}
