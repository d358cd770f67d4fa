package pipe

import "fmt"

// Level is a cache as the core sees it.
type Level struct {
	Bytes, Ways  int     // of this core's part; Bytes 0: no tags, only Home tells what it holds
	Latency      int     // load to use, cycles
	CyclesPerSet float64 // cycles for one line from this level towards the core; 0 for L1
}

// Spec describes a core and its way to memory. Times are cycles of the core.
type Spec struct {
	Width       int // instructions allocated and retired per cycle
	UopCache    int // instructions of a loop body that come from the uop cache; 0: always decoded
	DecodeWidth int // instructions decoded per cycle when they do not
	Window      int // reorder buffer
	// Schedulers hold instructions until they issue: entries of those for integer,
	// vector and memory instructions; equal ones with Unified are one.
	Schedulers [3]int
	Unified    bool
	LoadQueue  int
	StoreQueue int
	IntRegs    int // rename registers beyond the architectural ones
	VectorRegs int
	Ports      [][]Op // operations of each port
	Latency    [NumOps]int
	// DivCycles is how long a division keeps its port.
	DivCycles int
	// Rest is 0, or n where the vector units do not start more in n cycles than they
	// could in n - 1.
	Rest int
	// MemoryInOrder: loads and stores issue in program order.
	MemoryInOrder bool
	BranchMiss    int // cycles from a mispredicted branch's completion to the next allocation
	Predicted     int // loops of up to so many iterations have their exits predicted
	LineBytes     int
	L1, L2, L3    Level
	FillBuffers   int // lines on their way to L1
	Superqueue    int // lines on their way to L2
	MemoryLatency int
	MemoryCycles  float64 // cycles per line from memory: this core's share of the bandwidth
	// MemoryBurst is how many cycles of its share a core may save up: cores do not need
	// memory at the same moment, so that one may have more than its share for a while.
	MemoryBurst float64
	// FillTakesPorts: the cycle in which a line enters L1 serves no load.
	FillTakesPorts bool
	StridePrefetch bool // each load instruction fetches ahead along its stride into L1
	StreamPrefetch int  // lines that the L2 prefetcher runs ahead; 0: none
	StoresPerCycle int
}

func (s *Spec) check() error {
	switch {
	case s.Width < 1 || s.DecodeWidth < 1 || s.Window < 1 || s.LoadQueue < 1 || s.StoreQueue < 1 || s.IntRegs < 1 || s.VectorRegs < 1:
		return fmt.Errorf("pipe: widths, window, queues and registers must be 1 or more")
	case s.Schedulers[0] < 1 || s.Schedulers[1] < 1 || s.Schedulers[2] < 1:
		return fmt.Errorf("pipe: schedulers must have 1 entry or more")
	case s.FillBuffers < 1 || s.Superqueue < 1 || s.LineBytes < 16 || s.LineBytes&(s.LineBytes-1) != 0:
		return fmt.Errorf("pipe: fill buffers and superqueue must be 1 or more, lines a power of two")
	case len(s.Ports) > 16:
		return fmt.Errorf("pipe: %d ports (allowed: up to 16)", len(s.Ports))
	}
	for op := Op(0); op < NumOps; op++ {
		if op == Prefetch || op == ILoad {
			continue
		}
		found := false
		for _, p := range s.Ports {
			for _, o := range p {
				found = found || o == op
			}
		}
		if !found {
			return fmt.Errorf("pipe: no port does %s", op)
		}
	}
	return nil
}
