package sm_test

import (
	"gpusim/configs"
	"gpusim/sm"
	"gpusim/workloads/tile"
)

// oracle is a deliberately naive simulator of one SM without global memory.
// It goes through every cycle, asks every warp of every sub-core whether it
// could issue, issues the steps of an MMA one by one, and lets the load/store
// unit start one access when the one before is through. It shares no code
// with sm.Core; sm.Core must agree with it cycle by cycle.
//
// The rules it states:
//
//   - a warp's next instruction issues no earlier than its stall count says,
//     or branch or barrier latency after a taken branch or a full barrier, and
//     only when the dependence barriers that it waits for are down; of two results
//     that one barrier waits for to the same cycle the first of the Reasons is named;
//   - a pipe of L lanes takes a warp instruction every ceil(32/L) cycles, more
//     for register-bank conflicts;
//   - the steps of an MMA issue at fixed distances and own their issue slots,
//     the tensor core takes the next MMA one distance after the last step, and
//     every so many MMAs with fp32 accumulators one cycle later;
//   - memory instructions leave a sub-core at fixed distances, at most
//     QueueDepth of them not begun by the load/store unit, which serves the
//     whole SM in order, one data pass per cycle;
//   - a sub-core works out one address at a time; an access begins no earlier than its
//     address is there, and keeps its place in the queue for a while;
//   - instruction lines must be in the sub-core's L0 when a warp enters them, and so must
//     the lines of constants that are operands; what it has waited for it gets, whether it
//     is still there or not.
type oracle struct {
	g      *configs.GPU
	k      *tile.Kernel
	cycle  uint64
	subs   []*oSub
	lsu    []oAccess // waiting, in order
	lsuEnd uint64    // the unit is busy before this cycle
	l15    oCache
	consts oCache     // behind those of the sub-cores
	pieces [][]oPiece // per program
	counts sm.Counts
}

type oPiece struct { // segment
	ops  []oOp
	loop bool
}

type oOp struct {
	tile.Inst
	line  int
	enter bool // a line is entered here
}

type oSub struct {
	warps  []*oWarp // oldest first
	last   *oWarp
	free   [tile.NumOps]uint64 // when a pipe takes the next instruction, see pipe
	steps  map[uint64]bool     // slots that belong to steps of MMAs under way
	groups int                 // MMAs with fp32 accumulators so far
	begun  []uint64            // when the unit began each memory instruction; far: not yet
	sent   uint64              // cycle of the latest one
	adders uint64              // the address unit is free
	consts oCache
	l0     oCache
	idle   uint64 // empty slots that have no reason yet
	issued uint64 // cycle of the latest issue, plus one
}

type oWarp struct {
	cta               *oCTA
	id                int
	prog              int
	seg, at           int
	iter              int
	ready             uint64 // as far as stall count, branch or CTA barrier go
	why               sm.Reason
	fetched           uint64 // what it waits for of these is there
	hadLine, hadConst bool   // of its next instruction, has been waited for
	fetchedWhy        sm.Reason
	blocked           bool // at the CTA barrier
	bars              [tile.NumBars]uint64
	barWhy            [tile.NumBars]sm.Reason
	pending           [tile.NumBars]int // accesses that the unit has not begun
}

type oCTA struct {
	tile.CTA
	live, arrived int
	warps         []*oWarp
}

type oAccess struct {
	sub    *oSub
	index  int // in sub.begun
	w      *oWarp
	in     *oOp
	passes uint64
	addr   uint64 // its address is there
}

type oCache struct {
	at    map[int]uint64 // line: when it is there
	order []int
	cap   int
}

func (c *oCache) put(line int, at uint64) {
	if len(c.order) == c.cap {
		delete(c.at, c.order[0])
		c.order = c.order[1:]
	}
	c.at[line] = at
	c.order = append(c.order, line)
}

const far = ^uint64(0)

func newOracle(g *configs.GPU, k *tile.Kernel) *oracle {
	ic := &g.SM.ICache
	o := &oracle{g: g, k: k, l15: oCache{map[int]uint64{}, nil, int(ic.L1) / ic.LineBytes}}
	held := 0
	if c := &g.SM.Constants; c.LineBytes > 0 {
		held = max(1, int(c.L0)/c.LineBytes)
	}
	o.consts = oCache{map[int]uint64{}, nil, 1 << 20}
	for range g.SM.SubCores {
		o.subs = append(o.subs, &oSub{consts: oCache{map[int]uint64{}, nil, held}, steps: map[uint64]bool{}, l0: oCache{map[int]uint64{}, nil, int(ic.L0) / ic.LineBytes}})
	}
	bytes, line := 0, 0
	for _, p := range k.Programs {
		bytes = line * ic.LineBytes
		var pieces []oPiece
		before := -1
		for _, s := range p.Segments {
			pc := oPiece{loop: s.Loop}
			for i, in := range s.Code {
				l := bytes / ic.LineBytes
				pc.ops = append(pc.ops, oOp{in, l, i == 0 || l != before})
				before = l
				bytes += ic.InstructionBytes * max(1, int(in.Steps))
			}
			pieces = append(pieces, pc)
		}
		line = (bytes + ic.LineBytes - 1) / ic.LineBytes
		o.pieces = append(o.pieces, pieces)
		o.counts.Segments = append(o.counts.Segments, make([]uint64, len(pieces)))
	}
	return o
}

// launch places a CTA now.
func (o *oracle) launch(index int) {
	c := &oCTA{}
	o.k.Place(index, &c.CTA)
	c.live = o.k.Warps()
	for id := range c.live {
		w := &oWarp{cta: c, id: id, prog: int(o.k.Role[id]), ready: o.cycle, why: sm.Launch, seg: -1}
		w.nextSegment(o)
		c.warps = append(c.warps, w)
		to := o.subs[0]
		for _, s := range o.subs {
			if len(s.warps) < len(to.warps) {
				to = s
			}
		}
		if len(to.warps) == 0 {
			o.explain(to, sm.Idle)
		}
		to.warps = append(to.warps, w)
	}
}

func (w *oWarp) nextSegment(o *oracle) {
	w.seg, w.at, w.iter = w.seg+1, 0, 0
	for o.pieces[w.prog][w.seg].loop && w.cta.Trips == 0 {
		w.seg++
	}
}

func (w *oWarp) op(o *oracle) *oOp { return &o.pieces[w.prog][w.seg].ops[w.at] }

func (o *oracle) busy() bool {
	for _, s := range o.subs {
		if len(s.warps) > 0 {
			return true
		}
	}
	return false
}

// step simulates one cycle.
func (o *oracle) step() {
	o.serve()
	for _, s := range o.subs {
		o.issueFrom(s)
	}
	o.cycle++
}

// serve lets the load/store unit begin what it can in this cycle.
func (o *oracle) serve() {
	for len(o.lsu) > 0 && o.lsuEnd <= o.cycle {
		a := o.lsu[0]
		o.lsu = o.lsu[1:]
		o.lsuEnd = o.cycle + a.passes
		begin := max(o.cycle, a.addr)
		a.sub.begun[a.index] = begin + uint64(o.g.SM.MIO.QueueLatency)
		if b := int(a.in.RdBar) - 1; b >= 0 {
			a.w.pending[b]--
			a.w.raise(b, begin+uint64(o.g.SM.MIO.StoreReadLatency), sm.ShortBoard)
		}
		if b := int(a.in.WrBar) - 1; b >= 0 {
			a.w.pending[b]--
			a.w.raise(b, begin+a.passes+uint64(o.g.SM.MIO.SharedLatency)-1, sm.ShortBoard)
		}
	}
}

func (w *oWarp) raise(b int, until uint64, why sm.Reason) {
	if until > w.bars[b] || until == w.bars[b] && why < w.barWhy[b] {
		w.bars[b], w.barWhy[b] = until, why
	}
}

// own is the cycle from which the warp itself could issue, and what decided it.
func (o *oracle) own(w *oWarp) (uint64, sm.Reason) {
	if w.blocked {
		return far, sm.BarrierWait
	}
	at, why := w.ready, sm.Wait
	for b := range w.bars {
		if w.op(o).Wait>>b&1 == 0 {
			continue
		}
		if w.pending[b] > 0 {
			return far, sm.ShortBoard
		}
		if w.bars[b] > at {
			at, why = w.bars[b], w.barWhy[b]
		}
	}
	if w.why != sm.Wait && at == w.ready { // no dependence lasts longer
		why = w.why
	}
	if w.hadLine || w.hadConst {
		at, why = max(at, w.fetched), w.fetchedWhy
	}
	return at, why
}

// pipe names the pipe of an instruction by one of its ops; NOP for none.
func pipe(i tile.Op) tile.Op {
	switch i {
	case tile.OpFFMA, tile.OpFADD, tile.OpFMUL:
		return tile.OpFFMA
	case tile.OpIADD, tile.OpIMAD, tile.OpLOP, tile.OpISETP, tile.OpMOV, tile.OpPRMT, tile.OpPACK, tile.OpUNPACK,
		tile.OpFMNMX, tile.OpFSETP, tile.OpFSEL, tile.OpSHF, tile.OpIMULH, tile.OpI2FP, tile.OpF2IP:
		return tile.OpIADD
	case tile.OpDFMA, tile.OpDADD, tile.OpDMUL:
		return tile.OpDFMA
	case tile.OpHFMA2, tile.OpMUFU, tile.OpHMMA:
		return i
	case tile.OpI2F, tile.OpF2I:
		return tile.OpMUFU
	case tile.OpLDS, tile.OpSTS, tile.OpS2R, tile.OpSHFL:
		return tile.OpLDS
	}
	return tile.OpNOP
}

// open is the cycle from which an instruction's pipe takes it.
func (o *oracle) open(s *oSub, i tile.Op) uint64 {
	if pipe(i) != tile.OpLDS {
		return s.free[pipe(i)]
	}
	at := uint64(0)
	if len(s.begun) > 0 {
		at = s.sent + uint64(o.g.SM.MIO.IssueInterval)
	}
	if n := len(s.begun) - o.g.SM.MIO.QueueDepth; n >= 0 {
		at = max(at, s.begun[n]) // far while it waits for the unit
	}
	return at
}

func (o *oracle) issueFrom(s *oSub) {
	t := o.cycle
	if s.steps[t] { // a step of an MMA
		delete(s.steps, t)
		o.counts.Slots[sm.Issued]++
		return
	}
	for {
		var can []int
		for i, w := range s.warps {
			at, _ := o.own(w)
			if at <= t && (pipe(w.op(o).Op) == tile.OpNOP || o.open(s, w.op(o).Op) <= t) {
				can = append(can, i)
			}
		}
		if len(can) == 0 {
			s.idle++
			return
		}
		w := s.warps[o.choose(s, can)]
		if in := w.op(o); in.enter && !w.hadLine && (!s.l0.has(in.line) || s.l0.at[in.line] > t) {
			w.fetched, w.fetchedWhy, w.hadLine = o.fetch(s, in.line), sm.NoInst, true
			continue
		}
		if !w.hadConst {
			if at := o.constant(s, w.op(o)); at > t {
				w.fetched, w.fetchedWhy, w.hadConst = at, sm.Constant, true
				continue
			}
		}
		o.issue(s, w)
		return
	}
}

func (c *oCache) has(line int) bool { _, ok := c.at[line]; return ok }

// fetch brings a line and its successors to L0.
func (o *oracle) fetch(s *oSub, line int) uint64 {
	ic := &o.g.SM.ICache
	if at, ok := s.l0.at[line]; ok {
		return at
	}
	total := 0
	for _, p := range o.pieces {
		last := p[len(p)-1].ops
		in := last[len(last)-1]
		total = in.line + 1
	}
	for i := 0; i <= min(ic.PrefetchLines, int(ic.L0)/ic.LineBytes-1) && line+i < total && !s.l0.has(line+i); i++ {
		n, lag := line+i, uint64(2*i)
		if !o.l15.has(n) {
			o.l15.put(n, o.cycle+uint64(ic.L1MissLatency)+lag)
		}
		s.l0.put(n, max(o.cycle, o.l15.at[n])+uint64(ic.L0MissLatency)+lag)
	}
	return s.l0.at[line]
}

// constant is when the constant that an instruction has as an operand is there.
func (o *oracle) constant(s *oSub, in *oOp) uint64 {
	c := &o.g.SM.Constants
	if c.LineBytes == 0 || in.Imm < tile.ImmConst {
		return 0
	}
	line := int(in.Imm-tile.ImmConst) * 4 / c.LineBytes
	if !s.consts.has(line) {
		if !o.consts.has(line) {
			o.consts.put(line, o.cycle+uint64(c.L1MissLatency))
		}
		s.consts.put(line, max(o.cycle, o.consts.at[line])+uint64(c.L0MissLatency))
	}
	return s.consts.at[line]
}

// choose applies the scheduling policy to the positions that can issue.
func (o *oracle) choose(s *oSub, can []int) int {
	last := -1
	for i, w := range s.warps {
		if w == s.last {
			last = i
		}
	}
	next := func(from []int) int { // round robin
		for _, i := range from {
			if i > last {
				return i
			}
		}
		return from[0]
	}
	switch o.g.SM.Scheduler {
	case "gto":
		for _, i := range can {
			if i == last {
				return i
			}
		}
	case "gty":
		for _, i := range can {
			if i == last {
				return i
			}
		}
		return can[len(can)-1]
	case "lrr":
		return next(can)
	case "two-level":
		var active []int
		for _, i := range can {
			if i < o.g.SM.ActiveSet {
				active = append(active, i)
			}
		}
		if len(active) > 0 {
			return next(active)
		}
		return next(can)
	}
	return can[0] // oldest
}
