// Package gpusim simulates deep-learning machines: how fast, for how many
// joules, and why. Run is its one entry point.
package gpusim

import (
	"gpusim/configs"
	"gpusim/energy"
	"gpusim/memory"
	"gpusim/nvlink"
)

// Fidelity says how much of a run is simulated instruction by instruction.
type Fidelity string

// Fidelities.
const (
	Detailed Fidelity = "detailed" // every instruction
	Sampled  Fidelity = "sampled"  // steady loops and repeated waves are extrapolated
	Analytic Fidelity = "analytic" // closed form
)

// Options are the choices of one run. The zero value means sampled, kernel
// time on the device without host effects.
type Options struct {
	Fidelity  Fidelity
	Kernel    string             // forces a catalogue kernel; empty lets the library choose
	Splits    int                // forces the split-K factor when Kernel is set; 0 lets the library choose
	MaxCycles uint64             // guard; 0 = default
	Budget    int                // warp instructions of a kernel up to which sampling leaves nothing out; 0 = 8 Mi, of a network's layers 1 Mi
	Progress  func(done float64) // called now and then with the finished share, may be nil
	// Period is the time from one call to the next, in microseconds, of one whose
	// kernels take the given times, where calls are measured by repeating them: the
	// power cap acts on the average with the idle time between. Nil: back to back.
	Period func(kernelTimesUS []float64) float64
	// Values is how operands are distributed, see energy.Values: the bits that flip
	// cost energy, and under a power cap time. Empty: random.
	Values  energy.Values
	Workers int    // layers of a network that are simulated at a time; 0: one
	Cache   *Cache // of the layers of networks, may be shared; nil: one for this run

	Monitor string // loopback address of the live page, empty = off

	setting
}

// setting is what a run inside another run is told beside the options.
type setting struct {
	onMachine *OneMachine      // the cache for this machine, if the caller has it
	clients   []memory.Client  // that share the DRAM of a GPU
	inner     bool             // images of one unit of a system on a chip
	host      *configs.Machine // in place of the one that a machine's file names
	fresh     bool             // a layer of a network between whose runs others take the caches
	compiled  bool             // a layer of a network that an inference compiler has laid out
	alone     bool             // a layer of a network, which sees to what the machine lacks
	as        string           // type that a machine with a fixed array computes in, where that is not the workload's own
	apart     bool             // of networks on systems: GPUs that do the same are simulated one by one
}

// Result is one workload on one machine. A number that does not apply is NaN
// (floats) or nil; units stand in the names.
type Result struct {
	Machine      string
	Workload     string
	DType        string // canonical
	Batch        int
	GPUs         int
	TimeUS       float64 // simulated
	TimeLoUS     float64 // interval of the extrapolation, see Layer.SpreadUS
	TimeHiUS     float64
	Ops          float64 // multiply and add count as two
	PeakTOPS     float64 // nominal boost-clock peak of the type
	Bound        string  // what limits it: compute, dram, l2, latency, launch, issue, shared ...
	Energy       energy.Ledger
	ClockMHz     float64
	PowerCapped  bool // the power cap lowered the clock
	DRAMBytes    float64
	L2HitPct     float64
	Fidelity     Fidelity
	SimulatedPct float64 // share of warp instructions that was simulated rather than extrapolated
	WarpInsts    float64
	ImagesPerS   float64          // samples per second of a network; 0 for all else
	Layers       []Layer          // one per kernel; of a network one per layer
	Links        []nvlink.LinkUse // of systems
	Units        []Unit           // of a system on a chip, with the images that each did
	Fallback     *Fallback        // what a host did, of machines that execute a list of operators; nil: of others
	Step         *Step            // of networks on systems
	AlgGBps      float64          // of collectives: bytes of a rank's buffer over time
	clientReads  float64          // lines that others than the GPU read from its DRAM, and the seconds that they waited for them, all together
	clientWait   float64
	written      float64 // of DRAMBytes, on NVDLA
	BusGBps      float64 // likewise times what the algorithm needs at least on every link (nccl-tests)
}

// Layer is one kernel (or CPU loop nest) of a workload, or one layer of a
// network, with the name and the launch of its longest kernel.
type Layer struct {
	Name      string  // layer name
	Count     int     // how often a network runs it, one after another; 0 outside networks
	Kernels   int     // that it launches, all times together; 0 outside networks
	ClockMHz  float64 // that it was simulated at; 0: that of the result
	Kernel    string
	Grid      string // "32x32x1"
	CTATile   string // "128x128x32"
	Waves     float64
	Occupancy float64 // resident warps over the most the SM can hold, 0..1
	TimeUS    float64
	SpreadUS  float64 // half the interval of the extrapolation
	Ops       float64
	Bound     string
	WarpInsts float64
	DRAMBytes float64
	L2HitPct  float64
	Energy    energy.Ledger
	Stalls    []Stall

	SimulatedPct float64 // as of Result; 0 where there are no warp instructions
}

// Stall is one reason of the CPI stack: each issue slot of each cycle has
// exactly one reason, so slots sum to sub-cores x cycles.
type Stall struct {
	Reason string
	Slots  uint64
}
