// Package pipe runs instruction loops through one out-of-order core: front end,
// rename, schedulers, execution ports, load and store queues, retirement, caches
// with fill buffers and prefetchers.
//
// The core is simulated instruction by instruction in program order: for each one
// the cycles of its allocation, issue, completion and retirement follow from those
// of its operands and of the instructions whose places it takes. Instructions
// claim execution slots in program order, so of those that are ready the oldest
// issues first. There is no event and no step per cycle.
package pipe

// Op is what an instruction does, as far as ports and latencies tell apart.
type Op uint8

// Operations.
const (
	Int      Op = iota // address arithmetic, counters
	Branch             // the jump at the end of a loop body
	FMA                // multiply-add, add or multiply on a vector
	Vec                // other vector arithmetic: maximum, logic, integer
	Shuffle            // moves elements within a vector
	Div                // division or square root of a vector
	Load               // vector load or broadcast
	Store              // vector store
	Prefetch           // touches a line and waits for nothing
	ILoad              // load into an integer register
	NumOps
)

var opNames = [NumOps]string{"int", "branch", "fma", "vec", "shuffle", "div", "load", "store", "prefetch", "iload"}

// String names the operation as machine files do.
func (o Op) String() string { return opNames[o] }

// OpByName finds an operation.
func OpByName(name string) (Op, bool) {
	for i, n := range opNames {
		if n == name {
			return Op(i), true
		}
	}
	return 0, false
}

// Reg is an architectural register: 0 is none, the rest is up to the program.
type Reg uint8

// Uop is an instruction. One with both a Stream and an operation of arithmetic has
// a memory operand: it takes one slot of the front end, a load port and the port of
// its operation.
type Uop struct {
	Op   Op
	Dst  Reg
	Src  [3]Reg
	Mem  uint8 // stream + 1; 0: no memory operand
	Disp int32 // bytes beyond the stream's position
	// ToL2: a prefetch brings the line to L2 and takes no fill buffer of L1.
	ToL2 bool

	// What it computes, for Exec; time does not depend on it.
	Fn     Fn
	Lanes  uint8 // elements that a load or store moves
	Stride int32 // bytes from lane to lane of a load or store; 0: they are neighbours
}

// Stream is a moving address. Lines that no cache of the simulation holds yet are
// where Home says: the state that the code before has left.
type Stream struct {
	Base uint64
	// Home is the share of new lines that are found in each level: L1, L2, L3 and
	// memory, as running sums from L1 on. Zero: all come from memory.
	Home  [3]float64
	Dirty bool // its lines are written and will have to go back
	// Streamed lines are written past the caches: they are not read first.
	Streamed bool
	// Mask is 0 for a plain stream. Else the stream walks Mask+1 lines, a power of
	// two, in an order in which no two neighbours follow each other, each once a
	// round: a chase of pointers.
	Mask uint64
}

// Block is a loop: Body runs Trips times, and streams move by Step after each
// iteration and by After at the end.
type Block struct {
	Body  []Uop
	Trips int
	Step  []int64 // by stream; may be short
	After []int64
}

// Program is blocks one after another.
type Program struct {
	Streams []Stream
	Blocks  []Block
}

// Uops counts the instructions of the program.
func (p *Program) Uops() int {
	n := 0
	for i := range p.Blocks {
		n += p.Blocks[i].Trips * len(p.Blocks[i].Body)
	}
	return n
}
