package tile

// regs is a run of consecutive registers.
type regs struct {
	base uint8
	n    uint8
}

// operandsOf lists the registers that an instruction of kernel k reads and the
// run that it writes.
func operandsOf(k *Kernel, in *Inst) (reads [4]regs, write regs) {
	words := words(k, in)
	one := func(r uint8) regs { return regs{r, 1} }
	two := func(r uint8) regs { return regs{r, 2} }
	switch in.Op {
	case OpFFMA, OpHFMA2, OpIADD, OpIMAD, OpLOP, OpISETP, OpFSEL, OpF2IP:
		reads[0], reads[1], reads[2], write = one(in.SrcA), one(in.SrcB), one(in.SrcC), one(in.Dst)
	case OpDP4A:
		reads[0], reads[1], reads[2], write = one(in.SrcA), one(in.SrcB), one(in.SrcC), one(in.Dst)
	case OpFADD, OpPACK, OpPRMT, OpSEL, OpFMNMX, OpFSETP, OpSHF, OpIMULH:
		reads[0], reads[1], write = one(in.SrcA), one(in.SrcB), one(in.Dst)
	case OpFMUL:
		reads[0], write = one(in.SrcA), one(in.Dst)
		if in.Imm == ImmReg {
			reads[1] = one(in.SrcB)
		}
	case OpMOV, OpUNPACK, OpI2I, OpMUFU, OpI2F, OpI2FP, OpF2I, OpSHFL:
		reads[0], write = one(in.SrcA), one(in.Dst)
	case OpS2R:
		write = one(in.Dst)
	case OpDFMA:
		reads[0], reads[1], reads[2], write = two(in.SrcA), two(in.SrcB), two(in.SrcC), two(in.Dst)
	case OpDADD:
		reads[0], reads[1], write = two(in.SrcA), two(in.SrcB), two(in.Dst)
	case OpDMUL:
		reads[0], write = two(in.SrcA), two(in.Dst)
		if in.Imm == ImmReg {
			reads[1] = two(in.SrcB)
		}
	case OpHMMA:
		acc := uint8(8)
		if in.Steps == 2 {
			acc = 4
		}
		reads[0], reads[1], reads[2], write = two(in.SrcA), two(in.SrcB), regs{in.SrcC, acc}, regs{in.Dst, acc}
	case OpMMA:
		m := &k.MMAs[in.Access]
		acc := uint8(m.RegsC())
		reads[0], reads[1], reads[2] = regs{in.SrcA, uint8(m.RegsA())}, regs{in.SrcB, uint8(m.RegsB())}, regs{in.SrcC, acc}
		write = regs{in.Dst, acc}
		if m.Sparse {
			reads[3] = one(in.Mod)
		}
	case OpLDG, OpLDS, OpLDSM, OpLDC:
		reads[1], write = one(in.SrcB), regs{in.Dst, words}
	case OpLDGSTS:
		reads[1] = one(in.SrcB)
	case OpSTSM:
		reads[0] = regs{in.SrcA, in.Imm}
	case OpSTG, OpSTS, OpRED:
		reads[0], reads[1] = regs{in.SrcA, words}, one(in.SrcB)
	}
	for i := range reads {
		if reads[i].base == RZ {
			reads[i] = regs{}
		}
	}
	if write.base == RZ {
		write = regs{}
	}
	return reads, write
}

// latency is the fixed latency of an instruction's result for a dependent
// instruction, counted from the issue of its first step; 0 if it is variable
// and tracked by a dependence barrier.
func (l *Latencies) latency(k *Kernel, in *Inst) int {
	switch in.Op {
	case OpFFMA, OpFADD, OpFMUL:
		return l.FP32
	case OpHFMA2:
		return l.FP16
	case OpDFMA, OpDADD, OpDMUL:
		return l.FP64
	case OpMOV, OpPACK, OpUNPACK, OpPRMT, OpI2I, OpSEL, OpIADD, OpIMAD, OpLOP, OpISETP, OpFMNMX, OpFSETP, OpFSEL, OpSHF, OpIMULH, OpI2FP, OpF2IP:
		return l.INT
	case OpDP4A:
		return l.DP4A
	case OpHMMA:
		return l.HMMA + l.span(in) - 1
	case OpMMA:
		return k.MMAs[in.Access].Latency
	}
	return 0
}

// span is the number of cycles from an instruction's issue to the first in
// which its warp may issue again.
func (l *Latencies) span(in *Inst) int {
	if in.Op != OpHMMA {
		return 1
	}
	if in.Steps == 2 {
		return (int(in.Steps)-1)*max(1, l.HMMAStepFP16) + 1
	}
	return (int(in.Steps)-1)*max(1, l.HMMAStep) + 1
}

// accumulate is the latency from MMA a to b if b is one like a that adds to its
// accumulators.
func (l *Latencies) accumulate(k *Kernel, a, b *Inst) (latency int, ok bool) {
	if a.Op != b.Op || a.Dst != b.SrcC {
		return 0, false
	}
	switch a.Op {
	case OpHMMA:
		return l.HMMAAccumulate, a.Steps == b.Steps
	case OpMMA:
		return k.MMAs[a.Access].Accumulate, a.Access == b.Access
	}
	return 0, false
}
