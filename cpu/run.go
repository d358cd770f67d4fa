package cpu

import (
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/cpu/pipe"
	"gpusim/energy"
)

// Reason is one part of the run time. The reasons of a run sum to it.
type Reason struct {
	Name     string
	Seconds  float64
	SharePct float64
}

// The reasons, in the order in which results list them. The bandwidth
// reasons are the time beyond the core's own work that a level adds.
const (
	Compute         = "compute"        // multiply-adds the problem asks for at the full FMA rate
	Edge            = "edge"           // FMA slots beyond the edges of C
	Latency         = "latency"        // accumulator tile too small to hide the FMA latency
	Issue           = "issue"          // instruction width
	L1Bandwidth     = "l1_bandwidth"   // load ports
	TileUpdate      = "tile_update"    // load, add and store of tiles of C
	L2Bandwidth     = "l2_bandwidth"   // L1 misses
	L3Bandwidth     = "l3_bandwidth"   // misses of the last private cache
	DRAMBandwidth   = "dram_bandwidth" // main memory
	PackingTime     = "packing"        // copying panels
	Imbalance       = "imbalance"      // the slowest thread over the mean
	ForkJoinBarrier = "fork_join"      // thread start, end and barriers
	PowerCap        = "power_cap"      // lower clock, because the package would exceed its TDP
)

// Instructions counts retired instructions of all threads.
type Instructions struct {
	FMA       uint64 // vector multiply-adds, scaling of C included
	Load      uint64 // vector loads and broadcasts, those that are operands of multiply-adds too
	Store     uint64
	Shuffle   uint64
	Integer   uint64 // address arithmetic, counters, branches
	Total     uint64
	LaneWidth int // elements per vector
}

// LevelTraffic is what one cache exchanges with the next level below it, all
// cores together. The last entry's next level is main memory.
type LevelTraffic struct {
	Cache          string
	FillLines      uint64
	WriteBackLines uint64
	Bytes          uint64
}

// Result is one problem on one processor.
type Result struct {
	Machine      string
	Kernel       string // what ran: blocked_gemm, or the name of a loop
	DType        string // type asked for
	ComputeDType string // type it ran in
	Seconds      float64
	Cycles       float64 // core cycles at ClockHz
	ClockHz      float64
	Ops          float64 // 2*m*n*k*batch
	PeakOps      float64 // per second, all cores, ComputeDType
	Threads      int
	ThreadGrid   [3]int // over batch, m and n
	MR, NR       int    // register tile along m and n
	MC, NC, KC   int    // cache blocks along m, n and k, rounded
	PackA, PackB bool
	Instructions Instructions
	L1Words      uint64 // 64-bit words between L1D and registers
	Traffic      []LevelTraffic
	Energy       energy.Ledger
	Bound        string // what limits the run: compute, l1, l2, l3, dram, latency, issue, packing, imbalance, fork_join, power
	Reasons      []Reason
}

// Run simulates one matrix multiplication on the processor of machine m. The
// fastest of the plans that a good library has is taken. Errors are the
// user's: a machine that is not a CPU or is incomplete, extents or types out
// of range, an energy table without a coefficient that the model counts.
func Run(m *configs.Machine, w Problem) (Result, error) {
	if m == nil || m.CPU == nil {
		return Result{}, fmt.Errorf("cpu: the machine has no cpu section")
	}
	if err := w.check(); err != nil {
		return Result{}, err
	}
	mod, err := newModel(m, w.DType)
	if err != nil {
		return Result{}, err
	}
	mod.w, mod.batch = &w, max(1, w.Batch)
	if min(w.M, w.N) == 1 {
		return mod.matrixVector(m)
	}
	e, err := mod.search()
	if err != nil {
		return Result{}, err
	}
	r := mod.result(&e)
	err = finish(m, mod, w.DType, &r, mod.counts(&e, &r))
	if err != nil {
		return Result{}, err
	}
	return r, nil
}

func checkCPU(c *configs.CPU) error {
	switch {
	case len(c.Caches) == 0:
		return fmt.Errorf("cpu: no caches given")
	case c.Cores < 1 || c.Sockets < 1:
		return fmt.Errorf("cpu: cores and sockets must be 1 or more")
	case c.Clock.Vector == 0:
		return fmt.Errorf("cpu: clock.vector is missing")
	case c.Memory.Bandwidth == 0 || !(c.Memory.Efficiency > 0):
		return fmt.Errorf("cpu: memory.bandwidth and memory.efficiency must be above 0")
	}
	for i, k := range c.Caches {
		if k.Size < 1 || k.LineBytes < 1 || k.LineBytes != c.Caches[0].LineBytes || !(k.BytesPerClk > 0) {
			return fmt.Errorf("cpu: cache %s needs size, bytes_per_clk and the same line_bytes as the others", k.Name)
		}
		if i > 0 && c.Caches[i-1].Shared && !k.Shared {
			return fmt.Errorf("cpu: private cache %s stands behind a shared one", k.Name)
		}
	}
	return nil
}

// result turns an estimate into the exported form.
func (m *model) result(e *estimate) Result {
	p := &e.plan
	w := m.w
	r := Result{
		Cycles: e.cycles, ClockHz: m.hz, Seconds: e.cycles / m.hz,
		Ops:     2 * float64(w.M) * float64(w.N) * float64(w.K) * float64(m.batch),
		Kernel:  "blocked_gemm",
		PeakOps: m.peak(),
		Threads: p.threads(), ThreadGrid: [3]int{p.tb, p.tm, p.tn},
		MR: m.core.rows(p.t), NR: p.t.nr, MC: whole(e.mc), NC: whole(e.nc), KC: whole(e.kc),
		PackA: p.packP, PackB: p.packQ,
	}
	if p.lay.swapped {
		r.ThreadGrid[1], r.ThreadGrid[2] = p.tn, p.tm
		r.MR, r.NR, r.MC, r.NC = r.NR, r.MR, r.NC, r.MC
		r.PackA, r.PackB = p.packQ, p.packP
	}
	i := &e.in
	r.Instructions = instructionsOf(i, m.core.lanes)
	r.L1Words = (count(i.vecLoad)+count(i.store))*uint64(m.core.words) + count(i.broadcast)
	for l, t := range e.traffic {
		lt := LevelTraffic{Cache: m.cpu.Caches[l].Name, FillLines: count(t.packFill + t.kernelFill), WriteBackLines: count(t.packBack + t.kernelBack)}
		lt.Bytes = (lt.FillLines + lt.WriteBackLines) * uint64(m.line)
		r.Traffic = append(r.Traffic, lt)
	}
	m.reasons(e, &r)
	return r
}

// peak is the machine's rate of operations, a multiply-add counted as two.
func (m *model) peak() float64 {
	return 2 * m.core.units * float64(m.core.lanes) * float64(m.cpu.Cores*m.cpu.Sockets) * m.hz
}

func instructionsOf(i *insts, lanes int) Instructions {
	n := Instructions{FMA: count(i.fma), Load: count(i.vecLoad) + count(i.broadcast), Store: count(i.store),
		Shuffle: count(i.shuffle), Integer: count(i.integer), LaneWidth: lanes}
	n.Total = n.FMA + n.Load + n.Store + n.Shuffle + n.Integer - count(i.operand)
	return n
}

// reasons splits the run time. The slowest thread's kernel cycles count as
// work up to the mean thread's and as imbalance beyond it.
func (m *model) reasons(e *estimate, r *Result) {
	// Of the simulated cycles, the multiply-adds of the slowest thread at full rate are
	// the problem's and those of lanes beyond its edges; the rest is what the core
	// waited for.
	total := e.kernel.core
	pure := min(total, e.parts.useful+e.parts.edge)
	useful := 0.0
	if pure > 0 {
		useful = pure * e.parts.useful / (e.parts.useful + e.parts.edge)
	}
	rest, all := total-pure, 0.0
	for i, x := range e.stalls {
		if pipe.Reason(i) != pipe.Busy {
			all += x
		}
	}
	part := func(reasons ...pipe.Reason) (sum float64) {
		for _, i := range reasons {
			sum += e.stalls[i]
		}
		if all == 0 {
			return 0
		}
		return rest * sum / all
	}
	cycles := map[string]float64{
		Compute: useful, Edge: pure - useful, Latency: part(pipe.Depend), Issue: part(pipe.FrontEnd, pipe.Execution), TileUpdate: part(pipe.Recovery),
		L2Bandwidth: part(pipe.WaitL2), L3Bandwidth: part(pipe.WaitL3), DRAMBandwidth: part(pipe.WaitMemory),
		PackingTime: e.packing.core, ForkJoinBarrier: e.sync,
	}
	if all == 0 {
		cycles[Issue] += rest
	}
	// What the slowest thread has beyond the mean one is imbalance.
	if work := e.mean / e.worst; work < 1 {
		for name := range cycles {
			if name != PackingTime && name != ForkJoinBarrier {
				cycles[name] *= work
			}
		}
		cycles[Imbalance] = total * (1 - work)
	}
	top := Compute
	for _, name := range []string{Compute, Edge, Latency, Issue, L1Bandwidth, TileUpdate, L2Bandwidth, L3Bandwidth, DRAMBandwidth,
		PackingTime, Imbalance, ForkJoinBarrier} {
		c := cycles[name]
		if c > cycles[top] {
			top = name
		}
		r.Reasons = append(r.Reasons, Reason{name, c / m.hz, 100 * c / e.cycles})
	}
	r.Bound = boundNames[top]
	// A run that waits for memory is bound by it, however much arithmetic hides behind
	// the waiting.
	waits := []string{L2Bandwidth, L3Bandwidth, DRAMBandwidth}
	sum, most := 0.0, waits[0]
	for _, name := range waits {
		sum += cycles[name]
		if cycles[name] > cycles[most] {
			most = name
		}
	}
	if sum > 0.3*e.cycles && sum > cycles[ForkJoinBarrier] {
		r.Bound = boundNames[most]
	}
}

var boundNames = map[string]string{
	Compute: "compute", Edge: "compute", TileUpdate: "compute", Latency: "latency", Issue: "issue", L1Bandwidth: "l1",
	L2Bandwidth: "l2", L3Bandwidth: "l3", DRAMBandwidth: "dram",
	PackingTime: "packing", Imbalance: "imbalance", ForkJoinBarrier: "fork_join", PowerCap: "power",
}

func count(v float64) uint64 { return uint64(math.Round(max(0, v))) }
func whole(v float64) int    { return int(math.Ceil(v - 1e-9)) }
