package sm

import "gpusim/workloads/tile"

// Reason says what an issue slot of a sub-core was used for, or why it was
// not used. Each slot of each cycle has exactly one reason.
type Reason uint8

// The reasons of the CPI stack. A gap before an issue is charged to whatever
// held back the warp that then issued.
const (
	Issued      Reason = iota // a warp instruction (each HMMA step counts)
	Wait                      // fixed latency of the warp's previous instructions
	MathPipe                  // FP32, INT, FP64, FP16 or SFU pipe busy
	TensorPipe                // tensor core busy
	MIOThrottle               // queue of memory instructions full
	ShortBoard                // shared-memory result not there yet
	LongBoard                 // global-memory result not there yet
	BarrierWait               // other warps of the CTA have not arrived
	Membar                    // stores not visible yet, or a semaphore not signalled
	NoInst                    // instruction cache miss
	Constant                  // constant operand not in the sub-core's cache
	Dispatch                  // slot taken by steps of an MMA, or another pipe rule
	MBarrier                  // phase of a barrier in shared memory not complete
	GroupMMA                  // matrix instructions of the warp group not done
	Launch                    // CTA launch and warp start
	Idle                      // no warp resident
	NumReasons
)

var reasonNames = [NumReasons]string{
	"issued", "fixed_latency", "math_pipe", "tensor_pipe", "mio_throttle", "short_scoreboard",
	"long_scoreboard", "barrier", "membar", "no_instruction", "constant", "dispatch", "mbarrier", "wgmma", "cta_launch", "idle",
}

func (r Reason) String() string { return reasonNames[r] }

// Add sums counts of several SMs that ran the same kernel.
func (a *Counts) Add(b *Counts) {
	a.WarpInsts += b.WarpInsts
	a.SharedPasses += b.SharedPasses
	a.SharedWords += b.SharedWords
	a.SharedLanes += b.SharedLanes
	a.L1Accesses += b.L1Accesses
	a.L1Hits += b.L1Hits
	a.L1Misses += b.L1Misses
	a.Barriers += b.Barriers
	a.TensorCycles += b.TensorCycles
	a.AsideSectors += b.AsideSectors
	a.SkippedInsts += b.SkippedInsts
	for i := range a.Slots {
		a.Slots[i] += b.Slots[i]
		a.SkippedSlots[i] += b.SkippedSlots[i]
	}
	if a.Segments == nil {
		a.Segments = make([][]uint64, len(b.Segments))
		for i := range b.Segments {
			a.Segments[i] = make([]uint64, len(b.Segments[i]))
		}
	}
	for i := range b.Segments {
		for j, n := range b.Segments[i] {
			a.Segments[i][j] += n
		}
	}
}

// shared counts an access of a warp to shared memory.
func (a *Counts) shared(acc *tile.Access, warp int16) {
	a.SharedPasses += uint64(acc.Passes[warp])
	a.SharedWords += uint64(acc.Words[warp])
	a.SharedLanes += acc.LaneWords()
}

// wide counts passes of units that move all words of each: TMA, WGMMA, other SMs.
func (a *Counts) wide(passes uint64) {
	a.SharedPasses += passes
	a.SharedWords += tile.SwizzleBytes / 4 * passes
	a.SharedLanes += tile.SwizzleBytes / 4 * passes
}
