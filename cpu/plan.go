package cpu

import (
	"math"

	"gpusim/configs"
	"gpusim/cpu/pipe"
)

// plan is one way to run a problem: what the library decides.
type plan struct {
	lay          layout
	t            tile
	packP, packQ bool
	depth        int  // of the blocks of k: 0 as square as half a cache allows; else both slivers of a micro-kernel take depth times their part of L1
	narrow       bool // nc small enough that panels of Q stay in the shared cache beside what passes of C
	tb, tm, tn   int  // grid of threads over batch, P's and Q's own dimension
	tk           int  // and over k: each has sums of its own, added up at the end
}

func (p *plan) threads() int { return p.tb * p.tm * p.tn * p.tk }

// kOf is the steps of k of one thread.
func (m *model) kOf(p *plan) int { return (m.w.K + p.tk - 1) / p.tk }

// phase is the time of one kind of work of the slowest thread, in cycles:
// core cycles, and beyond them what a level of the hierarchy adds.
type phase struct {
	core   float64
	excess float64
	level  int // cache whose misses bind (excess > 0)
}

func (p phase) total() float64 { return p.core + p.excess }

// estimate is what a plan costs.
type estimate struct {
	plan        plan
	kb          float64 // k blocks
	mc, nc, kc  float64
	parts       cycleParts // the slowest thread's kernel cycles
	mean        float64    // kernel cycles of the mean thread by the closed form
	worst       float64    // and of the slowest
	kernel      phase
	packing     phase
	sync        float64 // fork, join and barriers, cycles
	kernelLoads float64 // cycles in which the slowest thread's kernels keep the load ports busy
	packLoads   float64 // and its packing
	in          insts   // of all threads
	traffic     []lines // all threads, per cache
	cycles      float64
	stalls      [pipe.NumReasons]float64 // of the kernels, from the simulated core
}

// model prices plans of one problem on one machine.
type model struct {
	cpu   *configs.CPU
	core  core
	w     *Problem
	batch int
	line  float64
	hz    float64
}

// aBlock is the private cache that holds the packed block of P.
func (m *model) aBlock() *configs.Cache {
	c := &m.cpu.Caches[0]
	for i := range m.cpu.Caches {
		if !m.cpu.Caches[i].Shared {
			c = &m.cpu.Caches[i]
		}
	}
	return c
}

// sharedCache is the last cache if cores share it, else nil.
func (m *model) sharedCache() *configs.Cache {
	if c := &m.cpu.Caches[len(m.cpu.Caches)-1]; c.Shared {
		return c
	}
	return nil
}

// blocks chooses kc, mc and nc for a slab. The block of P takes half of its
// cache (the other half streams Q and C) and is as square as k allows, because a
// square block moves least per multiply-add. With a depth, kc is cut so that the
// sliver of Q stays in L1 while the slivers of P pass by. The panels of Q take
// half of the shared cache together.
func (m *model) blocks(p *plan, mSlab, nSlab float64) (mc, nc, kc, kb float64) {
	half := float64(m.aBlock().Size) / 2 / float64(m.core.elem)
	k := float64(m.kOf(p))
	mr, nr := float64(m.core.rows(p.t)), float64(p.t.nr)
	deepest := math.Floor(math.Sqrt(half))
	if p.depth > 0 {
		l1 := float64(p.depth) * float64(m.cpu.Caches[0].Size) / float64(m.core.elem) * l1Share
		deepest = min(math.Floor(half/mr), math.Floor(l1/(mr+nr)))
	}
	kb = math.Ceil(k / math.Max(1, deepest))
	kc = k / kb
	mc = math.Max(1, math.Floor(half/kc/mr)) * mr
	mc = mSlab / math.Ceil(mSlab/mc)
	nc = nSlab
	if s := m.sharedCache(); s != nil {
		nc = float64(s.Size) / 2 / float64(m.core.elem) / kc / float64(p.tn*p.tb*p.tk)
		if p.narrow {
			nc = float64(s.Size) / 2 / float64(m.core.elem) / float64(m.perSocket(p.threads())) / (kc/float64(m.perSocket(p.tm)) + mc)
		}
		nc = math.Max(1, math.Floor(nc/nr)) * nr
		nc = nSlab / math.Ceil(nSlab/nc)
	}
	return mc, nc, kc, kb
}

// l1Share is the part of L1 that the slivers of one micro-kernel may fill: the
// tile of C and the next sliver of P come and go beside them.
const l1Share = 0.75

// slab is the largest piece of an extent that one of parts threads gets when
// whole tiles are dealt out.
func slab(extent, unit, parts int) int {
	units := (extent + unit - 1) / unit
	return min(extent, (units+parts-1)/parts*unit)
}

// nestOf builds the loop nest of one thread on an mSlab x nSlab piece.
func (m *model) nestOf(p *plan, e *estimate, mSlab, nSlab float64) nest {
	ldOf := func(kContig bool, own int) float64 {
		if kContig {
			return float64(m.w.K)
		}
		return float64(own)
	}
	s := nest{
		m: mSlab, n: nSlab, k: float64(m.kOf(p)),
		mc: min(e.mc, mSlab), nc: min(e.nc, nSlab), kc: e.kc,
		mr: min(float64(m.core.rows(p.t)), mSlab, e.mc), nr: min(float64(p.t.nr), nSlab, e.nc),
		elem: float64(m.core.elem), line: m.line, pPack: p.packP, qPack: p.packQ,
		pK: p.lay.p.kContig, qK: p.lay.q.kContig, cRow: p.lay.cContig,
		ldP: ldOf(p.lay.p.kContig, p.lay.m), ldQ: ldOf(p.lay.q.kContig, p.lay.n), ldC: float64(m.w.M),
		qShare: float64(m.perSocket(p.tm)),
	}
	for r := range s.share {
		s.share[r] = 1
	}
	return s
}

func (m *model) perSocket(n int) int { return (n + m.cpu.Sockets - 1) / m.cpu.Sockets }

// missesOf gives the traffic between cache level and the next for one thread
// on one item.
func (m *model) missesOf(s nest, p *plan, level int) lines {
	capacity := m.capacityOf(&s, p, level)
	items := math.Ceil(float64(m.batch) / float64(p.tb))
	return s.misses(capacity, items, !m.w.Cold)
}

// capacityOf is the lines of a cache that a thread has, and sets what the nest
// shares in it.
func (m *model) capacityOf(s *nest, p *plan, level int) float64 {
	c := &m.cpu.Caches[level]
	capacity := float64(c.Size) / m.line
	s.sets = float64(c.Size) / m.line / float64(max(1, c.Ways))
	if c.Shared {
		s.sets = 0 // slices are chosen by a hash of all address bits
		capacity /= float64(m.perSocket(p.threads()))
		s.share[refPSrc] = float64(p.tn)
		s.share[refQBuf] = float64(m.perSocket(p.tm))
		if !p.packQ {
			s.share[refQSrc] = s.share[refQBuf]
		}
	}
	return capacity
}

// price estimates a plan, or gives up (false) as soon as it cannot be faster
// than limit cycles (0: none).
func (m *model) price(p plan, limit float64) (estimate, bool) {
	e := estimate{plan: p}
	c := &m.core
	mMax, nMax := slab(p.lay.m, c.rows(p.t), p.tm), slab(p.lay.n, p.t.nr, p.tn)
	mAvg, nAvg := float64(p.lay.m)/float64(p.tm), float64(p.lay.n)/float64(p.tn)
	items := math.Ceil(float64(m.batch) / float64(p.tb))
	batch := float64(m.batch)
	e.mc, e.nc, e.kc, e.kb = m.blocks(&p, float64(mMax), float64(nMax))

	shape := kernelShape{k: m.kOf(&p), kBlocks: e.kb, shuffleP: !p.packP && p.lay.p.kContig,
		shuffleC: !p.lay.cContig, readsFirst: m.w.Beta != 0}
	parts, own := c.kernelCost(p.t, mMax, nMax, shape)
	e.kernelLoads = (own.vecLoad + own.broadcast) / c.loads * items
	e.parts = parts.times(items)
	if limit > 0 && e.parts.sum() >= limit {
		return e, false
	}
	whole, in := c.kernelCost(p.t, p.lay.m, p.lay.n, shape)
	e.in.add(in, batch*float64(p.tk))
	e.mean = whole.sum() * float64(p.tk) * batch / float64(p.threads())
	e.worst = e.parts.sum()
	e.kernel.core = e.worst

	k := float64(m.kOf(&p))
	if p.packP {
		again := math.Ceil(float64(nMax) / e.nc)
		cyc, in := c.packCost(float64(mMax)*k*again, p.lay.p.kContig)
		e.packing.core += cyc * items
		e.packLoads += in.vecLoad / c.loads * items
		e.in.add(in, batch*float64(p.tm*p.tn*p.tk)*mAvg/float64(mMax))
	}
	sharers := float64(m.perSocket(p.tm))
	if p.packQ {
		cyc, in := c.packCost(float64(nMax)*k/sharers, p.lay.q.kContig)
		e.packing.core += cyc * items
		e.packLoads += in.vecLoad / c.loads * items
		e.in.add(in, batch*float64(p.tm*p.tn*p.tk)*nAvg/float64(nMax))
	}
	m.memoryTime(&e, float64(mMax), float64(nMax), mAvg, nAvg, items)
	m.syncTime(&e, items)
	if p.tk > 1 {
		s := m.reduction(&p)
		e.sync += m.tree(p.threads()) + s.elems/float64(p.threads()*c.lanes)*(float64(len(s.streams))*m.line*float64(p.threads())*m.hz/float64(m.cpu.Memory.Bandwidth))
		e.in.add(insts{vecLoad: float64(p.tk), fma: float64(p.tk), store: 1}, s.elems/float64(c.lanes))
	}
	e.cycles = e.kernel.total() + e.packing.total() + e.sync
	return e, limit == 0 || e.cycles < limit
}

// reduction adds up what the threads along k have. Their sums lie in their caches.
func (m *model) reduction(p *plan) sweep {
	e := float64(m.core.elem)
	n := float64(p.lay.m) * float64(p.lay.n) * float64(m.batch)
	s := sweep{name: "split_k_sum", elems: n, work: insts{fma: float64(p.tk)}}
	for range p.tk {
		s.streams = append(s.streams, stream{bytes: e, size: n * e * float64(p.tk), remote: true})
	}
	s.streams = append(s.streams, write(e, n*e))
	return s
}

// memoryTime fills in traffic and what it adds to the two phases, by the
// execution-cache-memory model (Treibig and Hager 2009; Stengel et al., ICS
// 2015): in these cores arithmetic overlaps with everything, but L1 serves either
// the core's loads or a transfer from below, and transfers of one line between
// successive levels follow one another. Prefetching hides their latency, except
// for the first access to the level that supplies a phase. Main memory is shared
// by the socket's threads and bounds them together.
func (m *model) memoryTime(e *estimate, mMax, nMax, mAvg, nAvg, items float64) {
	p := &e.plan
	caches := m.cpu.Caches
	e.traffic = make([]lines, len(caches))
	slowest, mean := m.nestOf(p, e, mMax, nMax), m.nestOf(p, e, mAvg, nAvg)
	all := float64(p.tm*p.tn*p.tk) * float64(m.batch)
	phases := [2]*phase{&e.packing, &e.kernel}
	data := [2]float64{e.packLoads, e.kernelLoads}
	var most, first, socket [2]float64
	for i := range caches {
		t := m.missesOf(mean, p, i)
		e.traffic[i] = lines{t.packFill * all, t.packBack * all, t.kernelFill * all, t.kernelBack * all}
		own := m.missesOf(slowest, p, i)
		var perLine, latency float64
		if i+1 < len(caches) {
			latency = float64(caches[i+1].Latency)
			perLine = m.line / caches[i+1].BytesPerClk
		} else {
			mem := &m.cpu.Memory
			latency = float64(mem.Latency) * 1e-12 * m.hz
			used := float64(min(m.cpu.Sockets, p.threads()))
			perByte := m.hz / (float64(mem.Bandwidth) * mem.Efficiency * used)
			socket = [2]float64{e.traffic[i].pack() * m.line * perByte, e.traffic[i].kernel() * m.line * perByte}
		}
		beyondL2, memory := i >= m.privateLevels()-1, i+1 == len(caches)
		if beyondL2 {
			perLine = max(perLine, latency/outstandingLines)
		}
		for j, mine := range [2]float64{own.pack(), own.kernel()} {
			if mine == 0 {
				continue
			}
			cost := perLine
			if j == 1 && beyondL2 {
				cost = max(cost, latency/m.inFlight(p))
			}
			first[j] = latency
			if memory {
				// The L2 prefetcher fetches from memory without the core's L1.
				socket[j] = max(socket[j], mine*items*cost)
				continue
			}
			data[j] += mine * items * cost
			if mine*items*cost > most[j] {
				most[j] = mine * items * cost
				phases[j].level = i
			}
		}
	}
	for j, ph := range phases {
		ph.excess = max(0, data[j]-ph.core)
		if socket[j] > ph.total() {
			ph.excess = socket[j] - ph.core
			ph.level = len(caches) - 1
		}
		ph.excess += first[j]
	}
}

// prefetchRun is the run of consecutive lines from which on the L2 streamer is
// taken to hide latency: it needs about three accesses in a page to start.
const prefetchRun = 4

// inFlight is how many lines a micro-kernel keeps in flight beyond L2. Packed
// panels and long runs are prefetched; short runs of an unpacked operand, each in
// another page, are fetched only as far ahead as the reorder window reaches.
func (m *model) inFlight(p *plan) float64 {
	perStep, short := 0.0, false
	for _, o := range []struct {
		packed, kContig bool
		extent          int
	}{{p.packP, p.lay.p.kContig, m.core.rows(p.t)}, {p.packQ, p.lay.q.kContig, p.t.nr}} {
		run := float64(o.extent*m.core.elem) / m.line
		if o.packed || o.kContig || run >= prefetchRun {
			continue
		}
		short = true
		perStep += run
	}
	if !short || m.cpu.Issue.Window < 1 {
		return outstandingLines
	}
	steps := float64(m.cpu.Issue.Window) / float64(p.t.mv*p.t.nr+p.t.mv+p.t.nr)
	return min(outstandingLines, max(1, steps*perStep))
}

// privateLevels is the number of caches a core has to itself.
func (m *model) privateLevels() int {
	n := 0
	for i := range m.cpu.Caches {
		if !m.cpu.Caches[i].Shared {
			n++
		}
	}
	return max(1, n)
}

// syncTime adds fork, join and the barriers around each shared panel of Q. A
// synchronisation is a tree of cache-line hand-overs between cores; each costs a
// trip to the shared cache and a snoop back.
func (m *model) syncTime(e *estimate, items float64) {
	p := &e.plan
	e.sync = m.forkJoin(p.threads())
	if p.packQ {
		nMax := slab(p.lay.n, p.t.nr, p.tn)
		panels := math.Ceil(float64(nMax)/e.nc) * e.kb * items
		e.sync += 2 * panels * m.tree(m.perSocket(p.tm))
	}
}

// tree is the cycles in which n threads hear of something.
func (m *model) tree(n int) float64 {
	if n < 2 {
		return 0
	}
	hop := 2 * float64(m.cpu.Caches[len(m.cpu.Caches)-1].Latency)
	if m.cpu.CoreToCore > 0 {
		hop = float64(m.cpu.CoreToCore) * 1e-12 * m.hz
	}
	return math.Ceil(math.Log2(float64(n))) * hop
}

// forkJoin is the cycles in which n threads start and are waited for: the threading
// library's own code, and hand-overs.
func (m *model) forkJoin(n int) float64 {
	if n < 2 {
		return 0
	}
	return 2*m.tree(n) + float64(m.cpu.Region)*1e-12*m.hz
}
