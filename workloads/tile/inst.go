// Package tile is the kernel format that generators write and machines run: a
// grid of CTAs whose warps each run a tile program, a compact loop nest of
// warp instructions whose memory operands come from address generators.
//
// A program carries what a compiler puts into real machine code: stall counts
// for fixed latencies and dependence barriers for variable ones (Schedule
// fills them in). So the SM needs no register scoreboard, as on silicon since
// Maxwell, and the tests can execute the very same instructions on
// real numbers.
package tile

// Op is an instruction class of the modelled machine code.
type Op uint8

// The instruction classes. Registers are 32 bit; an operand wider than that
// is a run of consecutive registers that begins at the named one.
const (
	OpNOP     Op = iota
	OpMOV        // Dst = SrcA (RZ reads as zero)
	OpFFMA       // fp32: Dst = SrcA*SrcB + SrcC (Imm may replace SrcB by a scalar, as in OpFMUL)
	OpDP4A       // int8x4: Dst(int32) = the dot product of SrcA's and SrcB's four signed bytes + SrcC(int32)
	OpFADD       // fp32: Dst = SrcA + SrcB
	OpFMUL       // fp32: Dst = SrcA * alpha (Imm selects the scalar, see ImmAlpha, ImmBeta) or SrcA*SrcB
	OpHFMA2      // fp16x2: Dst = SrcA*SrcB + SrcC, two halves per register, one rounding (Imm may replace SrcB by a scalar rounded to half, as in OpFMUL)
	OpDFMA       // fp64: Dst(2) = SrcA(2)*SrcB(2) + SrcC(2)
	OpDADD       // fp64: Dst(2) = SrcA(2) + SrcB(2)
	OpDMUL       // fp64: Dst(2) = SrcA(2) * alpha or SrcB(2)
	OpPACK       // fp32 pair to fp16x2: Dst = half(SrcA) | half(SrcB)<<16; to bf16 with ImmBF16
	OpUNPACK     // fp16 half of SrcA to fp32: Imm 0 = low, 1 = high; bf16 with ImmBF16
	OpPRMT       // byte permute: Dst takes four of the eight bytes of SrcA and SrcB; Imm says which, see PRMTLow
	OpI2I        // int32 to int8, saturated
	OpIADD       // int32: Dst = SrcA + SrcB; on addresses timing only
	OpIMAD       // int32: Dst = SrcA*SrcB + SrcC (Imm may replace SrcB by a scalar, as in OpFMUL); on addresses timing only
	OpLOP        // logic: Steps says which, see LOPAnd; 0: timing only
	OpISETP      // predicate arithmetic; timing only
	OpS2R        // read special register: Imm says which, see S2RThread; 0: timing only
	OpMUFU       // special function of SrcA: Imm says which, see MUFUEx2; 0: timing only
	OpHMMA       // m8n8k4 on four quad pairs: Steps issue slots; fragments in SrcA(2), SrcB(2), SrcC/Dst(8 fp32 or 4 fp16); Imm holds the operand layouts (HMMAACol, HMMABRow)
	OpMMA        // matrix instruction Kernel.MMAs[Access]: fragments in SrcA and SrcB, accumulators in SrcC and Dst, see MMA; a sparse one's metadata in register Mod, of lanes that Imm selects
	OpLDG        // global load, Access; Dst gets Access.Bytes/4 registers (at least one)
	OpSTG        // global store, Access, data in SrcA..
	OpLDS        // shared load
	OpSTS        // shared store
	OpLDSM       // load 8x8 matrices of 16-bit elements from shared memory (ldmatrix), Imm: see LDSMTrans
	OpLDGSTS     // copy from global (Access) to shared memory (Into) without registers; masked lanes write zeros
	OpCOMMIT     // the warp's copies since the last one are a group (LDGDEPBAR)
	OpDEPBAR     // wait until no more than Imm of the warp's groups are under way
	OpLDC        // load of Kernel.Consts[Imm-ImmConst] through the constant cache of loads
	OpRED        // atomic add to global memory without return, fp32, Access, data in SrcA
	OpBAR        // CTA-wide barrier
	OpMEMBAR     // earlier stores of this warp are visible device-wide before later instructions
	OpWAITSEM    // wait until the CTA's semaphore equals the CTA's Split (serial split-K); one warp polls, Access unused
	OpSIGSEM     // add one to the CTA's semaphore (after MEMBAR and BAR)
	OpBRA        // loop branch
	OpEXIT

	// Hopper, see async.go.
	OpSTSM     // stores SrcA(Imm) to shared memory as Imm (2 or 4) 8x8 matrices of halves: lane l gives the address of row l%8 of matrix l/8
	OpSEL      // Dst = SrcA where column Imm*8 of the tile lies in the same 128 columns of M as its first, else SrcB
	OpSETREG   // registers per thread become 8*Imm (setmaxnreg)
	OpBARG     // barrier of the warps of the warp group, or with Imm of the first Imm warp groups of the CTA
	OpFENCE    // earlier writes to shared memory are visible to the asynchronous units
	OpMBINIT   // initialises a barrier; timing only
	OpMBTX     // arrives at barrier Access and lets its phase expect Bytes
	OpMBARRIVE // arrives at barrier Access, in all CTAs of the cluster, for the stage of Imm main-loop iterations back
	OpMBWAIT   // waits at barrier Access, Steps iterations ahead, for the phase Imm before the iteration's own
	OpTMALD    // starts the load of box Access, which completes bytes on the box's barrier
	OpTMAST    // starts the store of box Access
	OpTMAWAIT  // waits until of this warp's box stores all but the latest Imm have read shared memory
	OpWGARRIVE // orders register accesses before later OpWGMMA
	OpWGMMA    // matrix instruction Access of a warp group, accumulators from Dst on; Imm: see MMAZero
	OpWGWAIT   // waits until of this warp's groups of OpWGMMA all but the latest Imm are done

	// Layers. What a predicate register holds on silicon stands in a register of
	// its own here, as 1 or 0.
	OpFMNMX // fp32: Dst = the smaller (Steps 0) or the greater (1) of SrcA and SrcB
	OpFSETP // fp32: Dst = 1 if SrcA compares so with SrcB, else 0: Steps says how, see CmpLT
	OpFSEL  // Dst = SrcA if SrcC is not 0, else SrcB
	OpSHFL  // Dst = SrcA of lane l xor Imm
	OpSHF   // shift of SrcA by SrcB: Steps says how, see ShiftLeft
	OpIMULH // Dst = the upper half of the 64-bit product of SrcA and SrcB, unsigned
	OpI2F   // Dst = SrcA as fp32: Steps says what it is, see I2FInt
	OpF2I   // Dst = SrcA as int32, rounded down
	OpI2FP  // Dst = SrcA, a signed word, as fp32, on the integer lanes; Ampere and later
	OpF2IP  // bytes 0 and 1 of Dst = SrcA and SrcB rounded to the nearest and saturated, with Steps 1 no less than 0; bytes 2 and 3 are bytes 0 and 1 of SrcC; Ampere and later
	NumOps
)

// RZ is the register that reads as zero and swallows writes.
const RZ = 255

// NoBar means that an instruction sets no dependence barrier.
const NoBar = 0

// NumBars is the number of dependence barriers of a warp, numbered 1..NumBars
// in WrBar and RdBar, bit (n-1) in Wait.
const NumBars = 6

// Imm values of OpFMUL, OpDMUL, OpFFMA, OpHFMA2 and OpIMAD: where the multiplier comes
// from. A scalar is a constant-bank operand, so SrcB is not read.
const (
	ImmReg   = 0 // multiply by SrcB
	ImmAlpha = 1 // multiply by the kernel's alpha
	ImmBeta  = 2 // multiply by the kernel's beta
	ImmOne   = 3 // multiply by one (an addition)
)

// ImmConst and above in the Imm of fp32 and integer arithmetic, comparisons, moves
// and selections: Kernel.Consts[Imm-ImmConst] stands for SrcB, of OpMOV for SrcA,
// of OpFFMA with Steps 1 for SrcC.
const ImmConst = 4

// TakesConst says whether an instruction may have a constant as an operand.
func TakesConst(op Op) bool {
	switch op {
	case OpMOV, OpFFMA, OpFADD, OpFMUL, OpFMNMX, OpFSETP, OpFSEL, OpIADD, OpIMAD, OpIMULH, OpLOP, OpSHF:
		return true
	}
	return false
}

// Mod of an instruction: it takes the absolute value of an operand, then the
// negative one.
const (
	NegA = 1 << iota
	NegB
	NegC
	AbsA
	AbsB
)

// Imm of OpMUFU.
const (
	MUFUEx2 = 1 + iota // 2 to the power of SrcA
	MUFULg2            // logarithm to base 2
	MUFURcp            // reciprocal
	MUFURsq            // of the square root
	MUFUSqrt
	MUFUTanh // Turing and later
)

// Imm of OpS2R.
const (
	S2RThread = 1 + iota // number of the thread in its CTA
	S2RCTA               // number of the CTA in the grid
)

// Steps of OpFSETP.
const (
	CmpLT = iota
	CmpLE
	CmpEQ
	CmpNE
	CmpGT
	CmpGE
)

// Steps of OpLOP and OpSHF.
const (
	LOPAnd = 1 + iota
	LOPOr
	LOPXor
	LOPXor3   // of three operands
	LOPChoose // the bits of SrcA where SrcC has ones, else those of SrcB

	ShiftLeft  = 1
	ShiftRight = 2 // zeros move in
)

// Steps of OpI2F: a signed or unsigned word, or one of its bytes.
const (
	I2FInt = iota
	I2FUint
	I2FByte // byte 0; those after it follow

	I2FSigned = I2FByte + 4 // the same of signed bytes
)

// Imm values of OpPRMT: the bytes of the result, the lowest first, a0 to a3
// being those of SrcA and b0 to b3 those of SrcB. Two rounds of them transpose
// four words of four bytes.
const (
	PRMTLow     = 0 // a0 a1 b0 b1
	PRMTHigh    = 1 // a2 a3 b2 b3
	PRMTZipLow  = 2 // a0 b0 a1 b1
	PRMTZipHigh = 3 // a2 b2 a3 b3
	PRMTSigns   = 4 // the highest bits of a0 to a3, each as a whole byte
)

// LDSMTrans in OpLDSM's Imm transposes each matrix. Lane 8i+r gives the address
// of row r of matrix i (16 bytes); register i of lane l gets the 32-bit word l%4
// of row l/4, or, transposed, elements l/4 of rows 2*(l%4) and 2*(l%4)+1.
const LDSMTrans = 1

// ImmBF16 in the Imm of OpPACK and OpUNPACK: halves are bfloat16.
const ImmBF16 = 2

// Inst is one warp instruction. The address of a memory instruction comes from its
// Access; SrcB may name a register that it depends on (RZ: none), which is not to be
// written before it has been read. The zero value of Access means "none" only
// for ops that take none.
type Inst struct {
	Op    Op
	Dst   uint8
	SrcA  uint8
	SrcB  uint8
	SrcC  uint8
	Imm   uint8
	Steps uint8 // OpHMMA: steps of the group (4 with fp32 accumulators, 2 with fp16); OpMBWAIT: iterations ahead; variants of OpFMNMX, OpFSETP, OpLOP, OpSHF, OpI2F, OpF2IP and OpFFMA; else 0

	Mod uint8 // of fp32 arithmetic, comparisons and special functions: signs of operands, see NegA; OpMMA: a register, if it is sparse

	// What the compiler decides; filled in by Schedule.
	Stall uint8 // cycles before this warp may issue its next instruction, at least 1
	Wait  uint8 // bit mask of dependence barriers that must be clear before issue
	WrBar uint8 // barrier held until the result is written; NoBar for fixed latency
	RdBar uint8 // barrier held until the source registers have been read
	Bank  uint8 // extra cycles in which operand reads conflict in the register banks

	Access int16 // index into Kernel.Accesses for LDG, STG, LDS, STS, STSM, RED, LDSM, LDGSTS; into MMAs for MMA; into Boxes, Barriers or GroupMMAs for the asynchronous ones
	Into   int16 // OpLDGSTS: index into Kernel.Accesses of where in shared memory the data go
	Guard  Guard // when false, the instruction still issues but does nothing
}

// Guard is a predicate that is uniform over a warp.
type Guard uint8

// Guards known to the SM and to replay.
const (
	GuardNone     Guard = iota
	GuardMore           // main loop only: another main-loop iteration follows this one (prefetch of the next k-tile)
	GuardFirst          // split index is 0
	GuardNotFirst       // split index is not 0
	GuardLast           // split index is the last
	GuardNotLast        // split index is not the last
	GuardAgain          // main loop only: this is not its first iteration
	GuardLeader         // the warp is the first of its warp group
)

// Segment is a run of instructions executed Trips times. Segments with PerTile
// follow each other: of a persistent grid they are gone through once for each
// tile of the CTA.
type Segment struct {
	Code    []Inst
	Loop    bool // false: once; true: CTA.Trips times (zero trips skip it)
	PerTile bool
}

// Program is what one warp role executes, segment after segment. The last
// instruction of the last segment is OpEXIT; the last instruction of a loop
// segment is OpBRA.
type Program struct {
	Segments []Segment
	Regs     int // registers that a thread may name behind OpSETREG; 0: Kernel.Regs
}

// Instructions counts the warp instructions that one warp executes, with an
// HMMA group counted as one.
func (p *Program) Instructions(trips int) int {
	n := 0
	for _, s := range p.Segments {
		if s.Loop {
			n += len(s.Code) * trips
		} else {
			n += len(s.Code)
		}
	}
	return n
}

// StaticCount is the number of machine instructions in the code, HMMA groups
// counted by their steps: it sizes the instruction footprint.
func (p *Program) StaticCount() int {
	n := 0
	for _, s := range p.Segments {
		for _, i := range s.Code {
			if i.Op == OpHMMA {
				n += int(i.Steps)
			} else {
				n++
			}
		}
	}
	return n
}
