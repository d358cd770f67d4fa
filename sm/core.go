package sm

import (
	"gpusim/configs"
	"gpusim/memory"
	"gpusim/tensorcore"
	"gpusim/workloads/tile"
)

// never is a time that does not come.
const never = ^uint64(0)

// Core is the engine-free state machine of one SM: sub-cores, the shared
// load/store path, L1, shared memory and resident CTAs. Run advances it in
// time order up to a horizon; everything outside reaches it through Launch
// and Reply, which name the cycle at which they take effect.
type Core struct {
	spec   *configs.SM
	l1     *configs.L1
	tspec  tensorcore.Spec
	policy Scheduler

	kernel  *tile.Kernel
	codes   []*code
	lineGen *tile.LineGen
	aside   []bool // see Prepared
	plan    *Plan

	sendsPerTrip uint64 // memory instructions of one main-loop iteration of a CTA
	loopSends    uint64 // memory instructions issued in main loops
	looping      uint64 // CTAs in their main loops
	loopCycles   uint64 // cycles that CTAs have been there, summed up to tickedAt
	ctaCycles    uint64 // and on the SM
	fullCycles   uint64 // cycles in which all its CTAs were there
	steps        steps  // of these
	fullFrom     uint64 // loopSends when all were there again, or never
	fullSends    uint64 // loopSends of those cycles
	tickedAt     uint64
	tickedSends  uint64    // loopSends then
	jumps        []Jumps   // by resident CTAs
	overlap      []Overlap // by CTAs in their main loops
	overlapped   *Overlap  // the latest
	lastExit     uint64
	ended        int    // CTAs
	spread       int64  // how far the paces that jumps rest on lie apart, in cycles
	behind       int    // see Prepared
	told         uint64 // number of the latest jump that L2 knows of

	sub      []subcore
	lsuFree  uint64 // the load/store unit's data stage
	tagsLeft uint64 // lines of earlier accesses that fill no cycle of tag lookups yet, see FirstAlone
	texFree  uint64 // that of an L1 with an SRAM of its own

	pairCycles uint64 // that an instruction holds lanes shared by two sub-cores
	passCycles uint64 // that a pass of all banks of shared memory takes
	leastWake  uint64 // from what another warp or unit does to the issue of one that waited for it

	async asyncUnits

	cache    l1cache
	icache   icache
	consts   constants
	launches []launch // by cycle
	ctas     []*cta   // free list
	warps    []*warp  // free list
	resident int

	miss     []missEntry
	missFree int32
	out      []memory.Request
	done     []Done
	lines    []tile.Line
	queue    storeQueue
	stores   int // writes not yet acknowledged
	loads    int // misses not yet answered
	lastAck  uint64

	counts Counts
}

// Done tells the dispatcher that a CTA has left the SM.
type Done struct {
	Cycle   uint64 // its resources are free from this cycle on
	Skipped uint64 // cycles that sampling has left out on this SM, see Plan
	CTA     int
}

// Counts are integer event counts of one SM.
type Counts struct {
	WarpInsts    uint64
	Segments     [][]uint64 // per program, per segment: passes by warps
	SharedPasses uint64
	SharedWords  uint64 // 32-bit words that banks of shared memory are asked for
	SharedLanes  uint64 // 32-bit words that lanes give it or take from it
	L1Accesses   uint64 // lines looked up
	L1Hits       uint64 // sectors
	L1Misses     uint64 // sectors
	Slots        [NumReasons]uint64
	Barriers     uint64
	TensorCycles uint64            // that WGMMAs hold the tensor cores of all sub-cores
	AsideSectors uint64            // loaded of what main loops do not load
	SkippedInsts uint64            // warp instructions left out by sampling
	SkippedSlots [NumReasons]int64 // issue slots left out, by the reasons around
}

type launch struct {
	cycle uint64
	cta   int
}

// cta is a resident CTA.
type cta struct {
	tile.CTA
	bars    []mbar      // all rings, one after another
	groups  []warpGroup // of kernels with asynchronous units
	shift   int32       // iterations that it reads operands further on, see Phases
	round   int32       // after which it begins again
	live    int
	arrived int
	waiting []*warp
	gen     uint32
	sampler sampler
}

// NewCore makes an idle SM.
func NewCore(g *configs.GPU) (*Core, error) {
	if _, err := NewScheduler(g.SM.Scheduler, g.SM.ActiveSet); err != nil {
		return nil, err
	}
	c := &Core{spec: &g.SM, l1: &g.L1, tspec: tensorcore.NewSpec(&g.Tensor)}
	c.async.init(g)
	c.passCycles = uint64(max(1, 4*g.SM.MIO.SharedBanks/g.SM.MIO.SharedBytesClk))
	c.sub = make([]subcore, g.SM.SubCores)
	if g.SM.PairLanes > 0 {
		c.pairCycles = uint64(busyCycles(configs.Pipe{Lanes: g.SM.PairLanes}))
		c.joinLanes()
	}
	for i := range c.sub {
		c.sub[i].unit = tensorcore.NewUnit(c.tspec)
		c.sub[i].mio = make([]uint64, g.SM.MIO.QueueDepth)
	}
	return c, nil
}

// Load prepares the SM for a kernel whose first CTAs come at cycle or later.
// Instruction and data caches are cold, as at every launch.
func (c *Core) Load(p *Prepared, cycle uint64) {
	c.kernel, c.codes, c.plan, c.policy = p.Kernel, p.codes, p.Plan, p.Policy
	c.async.reset(p)
	c.leastWake = uint64(c.spec.BarrierLatency)
	if len(p.arrivals) > 0 || len(p.matrix) > 0 {
		c.leastWake = min(c.leastWake, uint64(c.spec.MIO.SharedLatency))
	}
	c.jumps, c.overlap, c.lastExit = make([]Jumps, p.CTAsPerSM+1), make([]Overlap, p.CTAsPerSM+1), 0
	c.ended, c.overlapped = 0, nil
	c.looping, c.loopCycles, c.ctaCycles, c.tickedAt = 0, 0, 0, cycle
	c.fullCycles, c.fullSends, c.fullFrom, c.tickedSends = 0, 0, never, 0
	c.steps = steps{}
	c.sendsPerTrip, c.loopSends, c.spread = p.loopSends, 0, 0
	c.behind, c.told = p.Behind, 0
	c.lineGen, c.aside, c.tagsLeft = p.lines, p.aside, 0
	size := int64(c.l1.Size)
	if c.l1.Unified {
		size -= int64(p.CTAsPerSM) * int64(p.Kernel.Shared)
	}
	c.cache.reset(c.l1, size)
	c.queue.reset(c.spec.MIO.StoreQueue)
	c.icache.reset(&c.spec.ICache, p.codeLines, len(c.sub))
	c.consts.reset(&c.spec.Constants, p.constLines)
	for i := range c.sub {
		s := &c.sub[i]
		s.next, s.last, s.pair, s.counted, s.ops = never, -1, -1, cycle, p.ops
		s.slots = [NumReasons]uint64{}
		s.l0.reset(int(c.spec.ICache.L0)/c.spec.ICache.LineBytes, p.codeLines)
		s.address = 0
		for i := range s.consts {
			s.consts[i].reset(c.consts.held, p.constLines)
		}
	}
	c.counts = Counts{Segments: make([][]uint64, len(p.codes))}
	for i, cd := range p.codes {
		c.counts.Segments[i] = make([]uint64, len(cd.segs))
	}
}

// Launch announces a CTA whose warps may issue from cycle on.
func (c *Core) Launch(cycle uint64, index int) {
	c.launches = append(c.launches, launch{cycle, index})
	for i := len(c.launches) - 1; i > 0 && c.launches[i].cycle < c.launches[i-1].cycle; i-- {
		c.launches[i], c.launches[i-1] = c.launches[i-1], c.launches[i]
	}
}

// Next is the earliest cycle at which the SM has something to do, or false if
// it waits for the outside or is empty.
func (c *Core) Next() (uint64, bool) {
	n := uint64(never)
	for i := range c.sub {
		n = min(n, c.sub[i].next)
	}
	if len(c.launches) > 0 {
		n = min(n, c.launches[0].cycle)
	}
	n = min(n, c.async.next)
	return n, n != never
}
