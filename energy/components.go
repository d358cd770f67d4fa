package energy

// Component names are the keys of an energy table and of Count.Component. A
// machine model counts these events and nothing else; what one event costs is
// the table's business. The unit of each event is part of its meaning, so it
// stands beside the name.

// Payload arithmetic: the operation a user asked for, without the register
// traffic, control and clocking that surround it.
const (
	FMAFP32 = "fma_fp32"     // one fp32 multiply-add of one lane
	FMAFP64 = "fma_fp64"     // one fp64 multiply-add of one lane
	FMAFP16 = "fma_fp16"     // one fp16 multiply-add of one lane (an HFMA2 lane counts two)
	MACINT8 = "mac_int8"     // one int8 multiply-add of one lane, int32 accumulate (a DP4A lane counts four)
	MMAFP32 = "mma_fma_fp32" // one multiply-add inside a Tensor Core, fp16 factors, fp32 accumulate
	MMAFP16 = "mma_fma_fp16" // one multiply-add inside a Tensor Core, fp16 factors, fp16 accumulate
	MMABF16 = "mma_fma_bf16" // the same with bf16 factors, fp32 accumulate
	MMATF32 = "mma_fma_tf32" // the same with tf32 factors, fp32 accumulate
	MMAInt8 = "mma_fma_int8" // the same with int8 factors, int32 accumulate; one of int4 counts half, of int1 an eighth: an assumption
	MMAFP8  = "mma_fma_fp8"  // the same with fp8 factors, fp32 accumulate
	SFUOp   = "sfu_op"       // one special function (MUFU) of one lane
)

// Instruction overhead of a GPU.
const (
	WarpInstruction = "warp_instruction" // one issued warp instruction of any kind, each HMMA step included
	IntOp           = "int_op"           // one integer, logic or predicate operation of one lane
	LaneSlot        = "lane_slot"        // one lane of one issued warp instruction outside Tensor Cores: operands and result latched at its unit
	FP32Lane        = "fp32_lane"        // one lane of one fp32 instruction: what it takes beyond the others here; tables without it have that in those
	MMASlot         = "mma_slot"         // one fp16 multiply-add's share of a Tensor Core's latches, operand broadcast and clock; other types by the bits of a factor
	SMCycle         = "sm_cycle"         // clock tree of one SM for one cycle while a kernel runs, with or without work for the SM
)

// Optional says whether a table may have no coefficient of a component.
func Optional(component string) bool { return component == FP32Lane }

// GPU register file: one 32-bit operand of a warp, 128 bytes. A 64-bit
// operand counts two. An operand taken from the reuse cache is not a read.
const (
	RFRead  = "rf_read"
	RFWrite = "rf_write"
)

// GPU shared memory and L1.
const (
	SharedWord = "shared_word" // one 32-bit word read from or written to a bank, for however many lanes
	SharedLane = "shared_lane" // one 32-bit word given to a lane or taken from it
	L1Sector   = "l1_sector"   // one 32-byte sector looked up and moved by a load
)

// GPU L2, per 32-byte sector read or written at a slice, hits and fills alike.
const (
	L2SectorRead  = "l2_sector_read"
	L2SectorWrite = "l2_sector_write"
)

// GPU crossbar between SMs and L2 slices.
const (
	XbarSector  = "xbar_sector"  // 32 bytes of data, either direction
	XbarRequest = "xbar_request" // one request or acknowledgement header
)

// GPU DRAM. A sector is 32 bytes on the DRAM bus.
const (
	DRAMSectorRead  = "dram_sector_read"
	DRAMSectorWrite = "dram_sector_write"
	DRAMActivate    = "dram_activate" // one row opened in one (pseudo-)channel
)

// CPU events. Payload uses FMAFP32 and FMAFP64.
const (
	CPUInstruction = "cpu_instruction" // one instruction fetched, decoded, renamed, scheduled and retired
	CPUVectorLane  = "cpu_vector_lane" // 32 bits of width of one vector arithmetic instruction: bypass, result bus, clock
	CPURegRead     = "cpu_rf_read"     // 64 bits read from the physical register file
	CPURegWrite    = "cpu_rf_write"    // 64 bits written to the physical register file
	CPUL1Word      = "cpu_l1_word"     // 64 bits (or less) loaded from or stored to L1D
	CPUL2Line      = "cpu_l2_line"     // one cache line between L2 and L1D
	CPUL3Line      = "cpu_l3_line"     // one cache line read from or written to the shared cache's arrays
	CPUMeshLine    = "cpu_mesh_line"   // one cache line over the on-chip network (core to slice or memory controller)
	CPUDRAMLine    = "cpu_dram_line"   // one cache line between the socket and main memory
)

// Events of machines with a fixed array of multipliers (NVDLA, systolic arrays).
// Payload uses MACINT8, FMAFP16 and MMABF16.
const (
	MACInt16     = "mac_int16"        // one int16 multiply-add, wide accumulate
	ArrayByte    = "array_byte"       // one byte of an operand or a sum latched in a register of the array
	ScratchWord  = "scratchpad_word"  // one word read from or written to the scratchpad of a processing element
	AccWord      = "accumulator_word" // one 32-bit sum read and written in the accumulators
	BufferByte   = "buffer_byte"      // one byte read from or written to the on-chip buffers
	DRAMByte     = "dram_byte"        // one byte between memory and the machine
	MACCycle     = "mac_cycle"        // clock and control of one multiplier for one cycle, with or without work for it (NVDLA)
	HostByte     = "host_byte"        // one byte over the link to the host
	SinglePoint  = "single_point_op"  // one element through bias, scale and activation
	LayerCommand = "layer_command"    // one setting of the machine's registers, or one of its few instructions
)

// Static components, powers that flow as long as the run takes.
const (
	Leakage       = "leakage"        // die: leakage and the part of the clock that does not follow activity
	BoardConstant = "board_constant" // everything beside the die: regulators, idle memory, fans on the board's supply
	IdlePackage   = "idle_package"   // CPU: cores' leakage, uncore and memory controllers of one socket
)
