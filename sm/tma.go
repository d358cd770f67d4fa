package sm

import (
	"math/bits"

	"gpusim/configs"
	"gpusim/memory"
	"gpusim/workloads/tile"
)

// asyncUnits is what an SM has beside its sub-cores from Hopper on: the TMA, the
// queue of its tensor cores, and the ways to the other SMs of a cluster.
type asyncUnits struct {
	next       uint64 // earliest line that the TMA sends, never if it has nothing to do
	loads      boxQueue
	stores     boxQueue
	flights    []boxFlight
	freeFlight []int32

	tensorFree uint64
	matrix     []matrixOp
	barAt      []int   // first barrier of each ring
	arrivals   []int32 // of a phase, by barrier

	latency   uint64 // issue of a box to its first line
	perLine   uint64 // cycles between lines that are loaded
	storeRate uint64 // bytes stored per cycle
	toPeer    uint64 // cycles from an SM of a cluster to another

	id        int
	residents []*cta // of kernels with clusters
	out       []PeerSignal
}

// boxQueue is the boxes that the TMA loads, or stores, in order.
type boxQueue struct {
	jobs []boxJob
	at   uint64 // next line
}

// boxJob is a box with the place up to which it has been sent.
type boxJob struct {
	w         *warp
	cta       *cta
	work      tile.CTA
	box       *tile.Box
	iter      int32
	bar       int // that a load completes bytes on
	flight    int32
	rest      int32 // bytes that no line has been charged with
	line, end int
	addr      uint64 // of what is left of the line
	left      int    // bytes of it
}

// boxFlight is the lines of a load that are on their way.
type boxFlight struct {
	cta   *cta
	bar   int
	lines int
	sent  bool
}

func (a *asyncUnits) init(g *configs.GPU) {
	a.next, a.toPeer = never, uint64(g.SM.ClusterLatency)
	a.latency, a.perLine = uint64(g.SM.TMA.Latency), uint64(g.SM.TMA.LineInterval)
	a.storeRate = uint64(max(1, g.Crossbar.SMRequestBytes))
}

func (a *asyncUnits) reset(p *Prepared) {
	a.next, a.loads.at, a.stores.at, a.tensorFree = never, 0, 0, 0
	a.matrix, a.barAt, a.arrivals = p.matrix, p.barAt, p.arrivals
}

// prepare gives a CTA its barriers and warp groups.
func (a *asyncUnits) prepare(c *Core, b *cta) {
	if len(a.arrivals) == 0 && len(a.matrix) == 0 {
		return
	}
	n := c.kernel.Warps()/tile.GroupWarps + 1 // the last is for barriers of several groups
	if len(b.bars) != len(a.arrivals) || len(b.groups) != n {
		b.bars, b.groups = make([]mbar, len(a.arrivals)), make([]warpGroup, n)
	}
	for i := range b.bars {
		b.bars[i] = mbar{left: a.arrivals[i], waiting: b.bars[i].waiting[:0]}
	}
	for i := range b.groups {
		g := &b.groups[i]
		*g = warpGroup{math: g.math[:0], arrived: g.arrived[:0]}
	}
	if c.kernel.Cluster > 1 {
		a.residents = append(a.residents, b)
	}
}

// asynchronous issues an instruction of the asynchronous units.
func (c *Core) asynchronous(s *subcore, w *warp, u *uop, t, next uint64) {
	switch u.class {
	case clMBTX, clMBARRIVE, clMBWAIT:
		c.mbarrier(s, w, u, t, next)
	case clTMALD, clTMAST:
		c.box(s, w, u, t, next)
	case clTMAWAIT:
		c.awaitStores(s, w, u, next)
	case clWGMMA:
		c.matrix(s, w, u, t, next)
	case clWGWAIT:
		c.awaitMatrix(s, w, u, next)
	case clBARG:
		c.meet(s, w, u, t, next)
	}
}

// box hands a box to the TMA.
func (c *Core) box(s *subcore, w *warp, u *uop, t, next uint64) {
	c.loopSends += uint64(u.inLoop)
	if !w.guarded(u) {
		c.send(s, t, 0)
		c.advance(s, w)
		s.prepare(w, next, Wait)
		return
	}
	start := c.send(s, t, 1)
	b := &c.kernel.Boxes[u.access]
	j := boxJob{w: w, cta: w.cta, work: *w.work, box: b, iter: w.iter}
	_, bytes := b.Lines(c.kernel)
	j.line, j.end = b.Share(c.kernel, &j.work)
	j.rest = int32((j.end - j.line) * bytes)
	c.counts.wide(uint64(j.rest+tile.SwizzleBytes-1) / tile.SwizzleBytes)
	q := &c.async.loads
	if u.class == clTMAST {
		q = &c.async.stores
		w.async.stores++
	} else {
		stages := c.kernel.Barriers[b.Barrier].Stages
		j.bar = c.async.barAt[b.Barrier] + int(w.seq)%stages
		j.flight = c.fly(&j)
	}
	j.line--
	j.step(c.kernel)
	if len(q.jobs) == 0 {
		q.at = max(q.at, start+c.async.latency)
	}
	q.jobs = append(q.jobs, j)
	c.async.schedule()
	c.advance(s, w)
	s.prepare(w, next, Wait)
}

func (c *Core) fly(j *boxJob) int32 {
	a := &c.async
	f := boxFlight{cta: j.cta, bar: j.bar}
	if n := len(a.freeFlight); n > 0 {
		i := a.freeFlight[n-1]
		a.freeFlight = a.freeFlight[:n-1]
		a.flights[i] = f
		return i
	}
	a.flights = append(a.flights, f)
	return int32(len(a.flights) - 1)
}

// step goes on to the next line that has anything within the limits.
func (j *boxJob) step(k *tile.Kernel) {
	for j.left == 0 && j.line < j.end {
		if j.line++; j.line < j.end {
			j.addr, j.left = j.box.Line(k, &j.work, j.iter, j.line)
		}
	}
}

func (a *asyncUnits) schedule() {
	a.next = never
	for _, q := range []*boxQueue{&a.loads, &a.stores} {
		if len(q.jobs) > 0 {
			a.next = min(a.next, q.at)
		}
	}
}

// moveBoxes lets the TMA send lines up to a cycle, or until a warp of the SM may have
// been woken. Loads and stores do not wait for each other; a store takes the time that
// its data need at the SM's port.
func (c *Core) moveBoxes(last uint64) {
	a := &c.async
	for woken := false; a.next <= last && !woken; a.schedule() {
		if q := &a.loads; len(q.jobs) > 0 && q.at == a.next {
			woken = c.loadLine(q)
		} else {
			woken = c.storeLine(&a.stores)
		}
	}
}

// cut takes from a box what is left of a line of memory.
func (j *boxJob) cut(k *tile.Kernel) (line uint64, sectors uint8, bytes int) {
	line = j.addr &^ (lineBytes - 1)
	first := int(j.addr - line)
	bytes = min(j.left, lineBytes-first)
	const sector = lineBytes / sectorsPerLine
	for b := first / sector; b <= (first+bytes-1)/sector; b++ {
		sectors |= 1 << b
	}
	j.addr += uint64(bytes)
	j.left -= bytes
	j.step(k)
	return line, sectors, bytes
}

// loadLine asks L2 for a line. Its last one answers for what lies beyond the limits
// too. woken says that a barrier has got something already.
func (c *Core) loadLine(q *boxQueue) (woken bool) {
	j, at := &q.jobs[0], q.at
	f := &c.async.flights[j.flight]
	if j.left == 0 { // nothing of it exists
		c.signal(j.cta, j.bar, 0, -j.rest, at)
		if j.box.Multicast {
			c.tellPeers(j.cta, j.bar, 0, -j.rest, at)
		}
		c.land(j.flight)
		woken = true
	} else {
		line, sectors, bytes := j.cut(c.kernel)
		credit := int32(bytes)
		if j.left == 0 {
			credit = j.rest
		}
		j.rest -= credit
		f.lines++
		c.loads++
		r := memory.Request{
			Cycle: at + uint64(c.l1.HitLatency), Line: line, Sectors: sectors, Kind: memory.Read, Bytes: uint16(credit),
			Tag: c.newMiss(missEntry{kind: missBox, slot: j.flight}),
		}
		if j.box.Multicast {
			r.Peer = int16(c.async.id + 1 - 2*int(j.work.Rank) + 1)
			r.Value = int32(uint32(j.cta.Index/c.kernel.Cluster)<<barrierBit | uint32(j.bar))
		}
		c.out = append(c.out, r)
		q.at += c.async.perLine
	}
	if j.left == 0 {
		f.sent = true
		q.pop()
	}
	return woken
}

// pop drops the first job.
func (q *boxQueue) pop() {
	n := copy(q.jobs, q.jobs[1:])
	q.jobs[n] = boxJob{}
	q.jobs = q.jobs[:n]
}

// land frees the flight of a load all of which has come.
func (c *Core) land(i int32) {
	c.async.flights[i] = boxFlight{}
	c.async.freeFlight = append(c.async.freeFlight, i)
}

// landed brings a line's bytes to its barrier.
func (c *Core) landed(r memory.Reply, e *missEntry) {
	c.loads--
	f := &c.async.flights[e.slot]
	f.lines--
	b, bar := f.cta, f.bar
	if f.sent && f.lines == 0 {
		c.land(e.slot)
	}
	c.freeMiss(r.Tag)
	c.signal(b, bar, 0, -int32(r.Bytes), r.Ready)
}

// storeLine sends a line to L2. woken says that it was a box's last.
func (c *Core) storeLine(q *boxQueue) (woken bool) {
	j, at := &q.jobs[0], q.at
	if j.left > 0 {
		line, sectors, _ := j.cut(c.kernel)
		w := j.w
		w.stores++
		c.stores++
		c.out = append(c.out, memory.Request{
			Cycle: at + uint64(c.l1.HitLatency), Line: line, Sectors: sectors, Kind: memory.Write,
			Tag: c.newMiss(missEntry{kind: missStore, warp: w, gen: w.gen, slot: noSlot}),
		})
		n := uint64(32 * bits.OnesCount8(sectors))
		q.at += (n + c.async.storeRate - 1) / c.async.storeRate
	}
	if j.left == 0 {
		w := j.w
		q.pop()
		w.async.stores--
		if w.wait && c.why(w) == Membar && w.async.allowed >= 0 && w.async.stores <= w.async.allowed {
			w.async.allowed = -1
			c.unblock(w, at+uint64(c.spec.MIO.SharedLatency))
		}
		return true
	}
	return false
}

// awaitStores keeps a warp until all but the latest box stores of its have read
// shared memory.
func (c *Core) awaitStores(s *subcore, w *warp, u *uop, next uint64) {
	active := w.guarded(u)
	c.advance(s, w)
	if w.async.allowed = int32(u.imm); !active || w.async.stores <= w.async.allowed {
		w.async.allowed = -1
		s.prepare(w, next, Membar)
		return
	}
	s.blockFor(w, Membar, next)
}
