package tile

// Unit is the kind of unit of a sub-core that executes an instruction.
type Unit uint8

// The units. UnitNone is that of instructions which the scheduler itself
// executes: branches, barriers and the like.
const (
	UnitNone Unit = iota
	UnitFP32
	UnitINT
	UnitFP64
	UnitFP16
	UnitSFU
	UnitTensor
	UnitMIO
	NumUnits
)

// UnitOf is the unit that an instruction goes to on a machine with a unit for
// each kind.
func UnitOf(op Op) Unit {
	switch op {
	case OpFFMA, OpFADD, OpFMUL:
		return UnitFP32
	case OpDFMA, OpDADD, OpDMUL:
		return UnitFP64
	case OpHFMA2:
		return UnitFP16
	case OpDP4A:
		return UnitINT
	case OpMOV, OpPRMT, OpI2I, OpIADD, OpIMAD, OpLOP, OpISETP, OpPACK, OpUNPACK, OpSEL,
		OpFMNMX, OpFSETP, OpFSEL, OpSHF, OpIMULH, OpI2FP, OpF2IP: // comparisons of fp32 go to the integer lanes (ALU) since Volta
		return UnitINT
	case OpMUFU, OpI2F, OpF2I:
		return UnitSFU
	case OpHMMA, OpMMA:
		return UnitTensor
	case OpLDG, OpSTG, OpLDS, OpSTS, OpLDSM, OpLDGSTS, OpLDC, OpRED, OpS2R, OpSHFL, OpSIGSEM, OpWAITSEM,
		OpSTSM, OpMBINIT, OpMBTX, OpMBARRIVE, OpMBWAIT, OpTMALD, OpTMAST:
		return UnitMIO
	}
	return UnitNone
}
