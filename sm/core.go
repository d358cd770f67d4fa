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
	plan    *Plan

	sendsPerTrip uint64 // memory instructions of one main-loop iteration of a CTA
	loopSends    uint64 // memory instructions issued in main loops
	skipped      int64  // cycles that sampling has left out

	sub      []subcore
	lsuFree  uint64 // the load/store unit's data stage
	cache    l1cache
	icache   icache
	launches []launch // by cycle
	ctas     []*cta   // free list
	warps    []*warp  // free list
	resident int

	miss     []missEntry
	missFree int32
	out      []memory.Request
	done     []Done
	lines    []tile.Line
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
	L1Accesses   uint64 // lines looked up
	L1Hits       uint64 // sectors
	L1Misses     uint64 // sectors
	Slots        [NumReasons]uint64
	Barriers     uint64
	SkippedInsts uint64 // warp instructions left out by sampling
}

type launch struct {
	cycle uint64
	cta   int
}

// cta is a resident CTA.
type cta struct {
	tile.CTA
	live    int
	arrived int
	waiting []*warp
	gen     uint32
	sampler sampler
}

// warp is a resident warp. dep is the earliest cycle at which its next
// instruction may issue as far as the warp itself is concerned; pipes and
// slots are the sub-core's business.
type warp struct {
	dep    uint64
	code   *code
	pc     int32
	end    int32
	iter   int32
	seg    int16
	id     int16 // within the CTA
	role   uint8
	pipe   pipe
	why    Reason
	base   Reason // why it is not ready before cycle ready
	sub    uint8
	sem    bool // waits for a semaphore
	wait   bool // blocked: dep is never until an event outside the sub-core
	ready  uint64
	bar    [tile.NumBars]uint64
	pend   [tile.NumBars]uint8
	barWhy [tile.NumBars]Reason
	stores int32
	ack    uint64
	gen    uint32
	cta    *cta
}

// subcore is one warp scheduler with its pipes.
type subcore struct {
	warps    []*warp // oldest first
	next     uint64  // earliest issue
	mask     uint64  // warps that can issue then
	slotFree uint64
	counted  uint64 // slots before this cycle have a reason
	pipeFree [numPipes]uint64
	unit     tensorcore.Unit
	mio      []uint64 // start times of the latest memory instructions, ring
	mioHead  int
	last     int
	l0       l0cache
}

// NewCore makes an idle SM.
func NewCore(g *configs.GPU) (*Core, error) {
	p, err := NewScheduler(g.SM.Scheduler, g.SM.ActiveSet)
	if err != nil {
		return nil, err
	}
	c := &Core{spec: &g.SM, l1: &g.L1, tspec: tensorcore.NewSpec(&g.Tensor), policy: p}
	c.sub = make([]subcore, g.SM.SubCores)
	for i := range c.sub {
		c.sub[i].unit = tensorcore.NewUnit(c.tspec)
		c.sub[i].mio = make([]uint64, g.SM.MIO.QueueDepth)
	}
	return c, nil
}

// Load prepares the SM for a kernel whose first CTAs come at cycle or later.
// Instruction and data caches are cold, as at every launch.
func (c *Core) Load(p *Prepared, cycle uint64) {
	c.kernel, c.codes, c.plan = p.Kernel, p.codes, p.Plan
	c.sendsPerTrip, c.loopSends, c.skipped = p.loopSends, 0, 0
	c.lineGen = tile.NewLineGen(p.Kernel)
	c.cache.reset(c.l1, int64(c.l1.Size)-int64(p.CTAsPerSM)*int64(p.Kernel.Shared))
	c.icache.reset(&c.spec.ICache, p.codeLines, len(c.sub))
	for i := range c.sub {
		s := &c.sub[i]
		s.next, s.last, s.slotFree = never, -1, max(s.slotFree, cycle)
		s.counted = cycle
		s.l0.reset(&c.spec.ICache, p.codeLines)
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
	return n, n != never
}

// Run advances the SM through all cycles before horizon.
func (c *Core) Run(horizon uint64) {
	for {
		s := &c.sub[0]
		for i := 1; i < len(c.sub); i++ {
			if c.sub[i].next < s.next {
				s = &c.sub[i]
			}
		}
		if len(c.launches) > 0 && c.launches[0].cycle <= s.next {
			if c.launches[0].cycle >= horizon {
				return
			}
			c.start(c.launches[0])
			c.launches = append(c.launches[:0], c.launches[1:]...)
			continue
		}
		if s.next >= horizon {
			return
		}
		c.issue(s)
	}
}

// evaluate finds the earliest cycle at which a warp of the sub-core can issue
// and the warps that can issue in it.
func (s *subcore) evaluate() {
	best, mask := uint64(never), uint64(0)
	for i, w := range s.warps {
		e := w.dep
		if e > best {
			continue
		}
		e = max(e, s.pipeFree[w.pipe], s.slotFree)
		for s.unit.Holds(e) {
			e++
		}
		if e < best {
			best, mask = e, 1<<uint(i)
		} else if e == best && e != never {
			mask |= 1 << uint(i)
		}
	}
	s.next, s.mask = best, mask
}

// charge gives the slots between the last issue and cycle t their reason.
func (c *Core) charge(s *subcore, t uint64, why Reason) {
	if t <= s.counted {
		return
	}
	idle := t - s.counted - s.unit.HeldIn(s.counted-1, t)
	c.counts.Slots[why] += idle
	s.counted = t
}

// issue issues one instruction of a sub-core at s.next.
func (c *Core) issue(s *subcore) {
	t := s.next
	pick := 0
	if s.mask&(s.mask-1) == 0 {
		for s.mask>>uint(pick) != 1 {
			pick++
		}
	} else {
		pick = c.policy.Pick(s.mask, s.last)
	}
	w := s.warps[pick]
	u := &w.code.ops[w.pc]
	if u.fetch && !s.l0.has(u.line, t) {
		w.dep, w.why = c.fetch(s, u.line, t), NoInst
		s.evaluate()
		return
	}

	why := w.why
	if w.dep < t {
		switch {
		case s.pipeFree[u.pipe] == t:
			why = pipeReason(u.pipe)
		case w.dep < s.slotFree:
			why = Dispatch
		}
	}
	c.charge(s, t, why)
	c.counts.Slots[Issued] += uint64(u.slots)
	c.counts.WarpInsts++
	s.counted = t + 1
	s.slotFree = t + 1
	s.last = pick

	next := t + uint64(u.stall)
	w.base = Wait
	switch u.class {
	case clALU:
		s.pipeFree[u.pipe] = t + uint64(u.busy)
		if u.wr != 0 {
			w.hold(u.wr, t+uint64(c.spec.Pipes.SFU.Latency), Wait)
		}
	case clHMMA:
		s.pipeFree[pipeTensor] = s.unit.Issue(t, u.steps)
	case clLDS, clSTS:
		c.shared(s, w, u, t)
	case clLDG, clSTG, clRED:
		c.global(s, w, u, t)
	case clBRA:
		next = c.branch(w, next)
		w.prepare(next)
		s.evaluate()
		return
	case clBAR:
		c.barrier(s, w, u, t)
		return
	case clMEMBAR:
		w.advance(c)
		c.membar(s, w, next)
		return
	case clWAITSEM, clSIGSEM:
		c.semaphore(s, w, u, t, next)
		return
	case clEXIT:
		c.exit(s, w, pick, t)
		return
	}
	w.advance(c)
	w.prepare(next)
	s.evaluate()
}

func pipeReason(p pipe) Reason {
	switch p {
	case pipeTensor:
		return TensorPipe
	case pipeMIO:
		return MIOThrottle
	}
	return MathPipe
}

// hold raises a dependence barrier until a known cycle.
func (w *warp) hold(bar uint8, until uint64, why Reason) {
	b := bar - 1
	if until > w.bar[b] {
		w.bar[b], w.barWhy[b] = until, why
	}
}

// prepare works out when the warp's next instruction may issue, ready being
// the cycle that the compiler's stall count allows.
func (w *warp) prepare(ready uint64) {
	w.ready = ready
	u := &w.code.ops[w.pc]
	w.pipe = u.pipe
	dep, why := ready, w.base
	for m, b := u.wait, 0; m != 0; m, b = m>>1, b+1 {
		if m&1 == 0 {
			continue
		}
		if w.pend[b] != 0 {
			w.dep, w.why, w.wait = never, w.barWhy[b], true
			return
		}
		if w.bar[b] > dep {
			dep, why = w.bar[b], w.barWhy[b]
		}
	}
	w.dep, w.why, w.wait = dep, why, false
}

// advance moves to the next instruction, into the next segment if need be.
func (w *warp) advance(c *Core) {
	w.pc++
	if w.pc == w.end {
		c.counts.Segments[w.role][w.seg]++
		w.enter(int(w.seg) + 1)
	}
}

// enter starts a segment; a loop of no iterations is passed over.
func (w *warp) enter(seg int) {
	for w.code.segs[seg].loop && w.cta.Trips == 0 {
		seg++
	}
	sg := &w.code.segs[seg]
	w.seg, w.pc, w.end = int16(seg), sg.start, sg.end
	w.iter = 0
}

// branch ends a loop iteration.
func (c *Core) branch(w *warp, next uint64) uint64 {
	c.counts.Segments[w.role][w.seg]++
	w.iter++
	if c.plan != nil {
		if w.id == 0 {
			c.mark(w.cta, w.iter, next)
		}
		if by := c.plan.skipAt(w.iter, w.cta.Trips); by > 0 {
			w.iter += by
			c.counts.SkippedInsts += uint64(by) * uint64(w.end-w.code.segs[w.seg].start)
		}
	}
	if w.iter < w.cta.Trips {
		w.pc = w.code.segs[w.seg].start
		return next + uint64(c.spec.BranchLatency) - 1
	}
	w.enter(int(w.seg) + 1)
	return next
}
