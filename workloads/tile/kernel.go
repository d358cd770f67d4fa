package tile

import "slices"

// Var names the CTA-dependent origin that an access is relative to.
type Var uint8

// The origins and limits a CTA carries.
const (
	VarZero Var = iota // origin 0, limit from the tensor
	VarM
	VarN
	VarK
	VarSplit // row = split index (workspace of partial sums)
	VarScale // block of 128 of M: scale factors of op(A)
	NumVars
)

// Space is a memory space.
type Space uint8

// Memory spaces.
const (
	Global Space = iota
	Shared
)

// Tensor is a strided matrix (or batch of them) in device memory.
//
// Element (row, col) of batch b lies at
// Base + (b*BatchStride + row*RowStride + col*ColStride)*Elem bytes.
type Tensor struct {
	Name        string
	Base        uint64 // device address, a multiple of 256
	Elem        int    // bytes per element
	Rows, Cols  int    // extents in elements
	RowStride   int64  // elements
	ColStride   int64  // elements
	BatchStride int64  // elements
	Bytes       int64  // whole allocation, all batches
	Output      bool   // the kernel writes it
	Parameter   bool   // of a network: no kernel near before has written or read it
	Touched     int64  // bytes that the kernel touches, where that is not all
	Views       []View // in place of RowStride and ColStride; a CTA says which
}

// Access is an address generator: thread t of the CTA touches Bytes
// contiguous bytes that begin at element (row, col) of a tensor, with
//
//	row = CTA.Origin[RowVar] + iter*RowStep + Row[t]
//	col = CTA.Origin[ColVar] + iter*ColStep + Col[t]
//
// where iter is the main-loop iteration (0 outside the loop) plus IterAdd; with
// Gather, row takes Gather[iter mod its length] for iter*RowStep.
// A lane whose row or col is at or beyond its limit (CTA.Limit of the
// variable; the tensor's extent for VarZero) does nothing; vectors never
// straddle a limit, because generators pick vector widths that divide it.
// Loads of masked lanes give zeros.
//
// In shared memory thread t touches Bytes at byte Addr[t] of the CTA's shared
// memory, plus (iter mod Buffers)*BufferStride when the main loop has several
// buffers.
type Access struct {
	Space Space
	Bytes int // per lane: 1, 2, 4, 8 or 16

	// Global.
	Tensor           int
	RowVar, ColVar   Var
	RowStep, ColStep int32
	Gather           []int32 // rows by iteration, over and over, in place of iter*RowStep; nil for none
	IterAdd          int32
	Row, Col         []int32 // per thread of the CTA
	BatchFree        bool    // the tensor has no batch dimension
	Bypass           bool    // of a load: past L1 (.cg)
	Uniform          bool    // the address comes from uniform registers, one for all lanes
	bounds           []bound // per warp; filled in by Finish

	// Shared.
	Addr         []int32 // per thread of the CTA
	Matrices     int     // that an OpLDSM loads, 1, 2 or 4; 0 for other instructions
	BufferStride int32
	Buffers      int32    // of the ring; 0 means two
	BufferFlip   int32    // added to iter before the buffer is chosen
	Peer         int      // of a load: from the CTA of the cluster so many ranks further on, in turn; 0: from its own
	Passes       []uint8  // per warp: shared-memory data passes (wavefronts); filled in by Finish
	Words        []uint16 // per warp: 32-bit words that banks are asked for in them; filled in by Finish
}

// Buffer is the byte offset of the buffer that a main-loop iteration uses.
func (a *Access) Buffer(iter int32) int32 {
	n := a.Buffers
	if n == 0 {
		n = 2
	}
	return (iter + a.BufferFlip) % n * a.BufferStride
}

// LaneBytes is what an access moves for each lane.
func (a *Access) LaneBytes() int {
	if a.Matrices > 0 {
		return 4 * a.Matrices
	}
	return a.Bytes
}

// LaneWords is the 32-bit words that lanes of a warp give to or take from shared
// memory; lanes that ask for the same word count it each.
func (a *Access) LaneWords() uint64 { return 32 * uint64(max(1, a.LaneBytes()/4)) }

// CTA is what distinguishes one CTA of a grid from another.
type CTA struct {
	Index  int
	Origin [NumVars]int32
	Limit  [NumVars]int32
	Batch  int32
	Split  int32 // split-K slice
	Splits int32
	Tile   int32 // output tile index: names the semaphore
	Trips  int32 // main-loop iterations
	Rank   int32 // within its cluster
	View   int32 // of tensors that have several
}

// Kernel is one launch.
type Kernel struct {
	Name      string
	Grid      [3]int // x fastest
	Threads   int    // per CTA, a multiple of 32
	Regs      int    // per thread
	Shared    int    // bytes per CTA
	TileM     int
	TileN     int
	TileK     int
	Splits    int
	Programs  []*Program // one per warp role
	Role      []uint8    // per warp of the CTA: index into Programs
	Accesses  []Access
	Tensors   []Tensor
	MMAs      []MMA // matrix instructions that its programs use
	Alpha     float64
	Beta      float64
	Consts    []uint32 // of instructions with Imm from ImmConst on, as bits
	DType     string   // canonical type of the payload arithmetic, such as fp16
	CodeBytes int      // instruction footprint

	// Streams says that the kernel goes through its tensors once, side by side, as
	// layers do: what caches hold of a launch before is the ends of all of them.
	Streams bool

	// Yields says that its code tells the warp scheduler every few instructions to go
	// on with another warp, as compilers' code does: a greedy scheduler then serves
	// its warps in turn.
	Yields bool

	// Product says that a CTA multiplies TileM rows from VarM on by TileN columns from
	// VarN on, and that those at or beyond the limits are zeros.
	Product bool

	// Place fills in the CTA with the given linear index (x fastest), or of a
	// persistent grid the tile with that index.
	Place func(index int, c *CTA)

	// Tiles makes a grid persistent: CTA i works on tiles i, i+CTAs, i+2*CTAs and so
	// on, as many as there are. All have the same Trips. 0: a CTA is a tile.
	Tiles int

	Boxes     []Box      // of the tensor memory accelerator
	Barriers  []MBarrier // in shared memory
	GroupMMAs []GroupMMA // matrix instructions of warp groups
	Cluster   int        // CTAs of a cluster, neighbours in the grid; 0 and 1: none

	// Semaphores is the number of serial split-K semaphores (one per tile), 0 if none.
	Semaphores int
}

// CTAs is the number of CTAs in the grid.
func (k *Kernel) CTAs() int { return k.Grid[0] * k.Grid[1] * k.Grid[2] }

// Bytes are those of all its tensors.
func (k *Kernel) Bytes() (n int) {
	for i := range k.Tensors {
		n += int(k.Tensors[i].Bytes)
	}
	return n
}

// Written says of each tensor whether an instruction of the kernel writes it.
func (k *Kernel) Written() []bool { return k.touch(OpSTG, OpRED) }

// Read says of each tensor whether a load or a copy of the kernel reads it; boxes are
// not looked at.
func (k *Kernel) Read() []bool { return k.touch(OpLDG, OpLDGSTS) }

// touch says of each tensor whether one of such instructions has to do with it.
func (k *Kernel) touch(ops ...Op) []bool {
	out := make([]bool, len(k.Tensors))
	for _, p := range k.Programs {
		for i := range p.Segments {
			for j := range p.Segments[i].Code {
				if in := &p.Segments[i].Code[j]; slices.Contains(ops, in.Op) {
					out[k.Accesses[in.Access].Tensor] = true
				}
			}
		}
	}
	return out
}

// Warps is the number of warps per CTA.
func (k *Kernel) Warps() int { return k.Threads / 32 }

// Line is the part of one 128-byte line that a warp instruction touches.
type Line struct {
	Addr    uint64 // address of the line
	Sectors uint8  // mask of its 32-byte sectors
}

// Latencies are the fixed latencies and port rules that Schedule compiles
// against, in SM cycles: issue of the producer to issue of a dependent.
type Latencies struct {
	FP32, FP64, INT, FP16, SFU int
	DP4A                       int
	HMMA                       int   // to a dependent that is not an accumulating MMA
	HMMAAccumulate             int   // to a dependent MMA on the same accumulator
	HMMAStep, HMMAStepFP16     int   // issue interval of steps with fp32 and fp16 accumulators
	MMA                        []MMA // matrix instructions of a warp beyond HMMA.884
	Branch                     int
	RegisterBanks              int
	OperandsPerRead            int
	DualIssue                  bool // independent instructions of different pipes pair up
	FP32Pairs                  bool // and so do two of the fp32 pipe
	IntOnFP32                  bool // integer and fp32 instructions are of one pipe
	PackConversions            bool // OpI2FP and OpF2IP exist
	SharedBanks                int
	SharedBytesClk             int
}
