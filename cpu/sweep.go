package cpu

import (
	"math"

	"gpusim/energy"
)

// sweep is a parallel loop over elements that lie in memory in order: what every
// layer is that is no product and no convolution. Threads get equal shares.
type sweep struct {
	name    string
	elems   float64 // of all threads together
	pieces  float64 // independent pieces that threads can be given; 0: any number
	streams []stream
	work    insts   // arithmetic on one vector of elements, memory operands left out
	div     float64 // divisions and square roots on one vector
	gather  float64 // elements fetched one by one for each element
}

// stream is a tensor that a sweep reads or writes once in order.
type stream struct {
	bytes  float64 // per element of the sweep
	write  bool
	size   float64 // bytes that lie between two uses of the same line; what fits a cache is found there
	jumps  bool    // lines follow each other in no order that a prefetcher knows
	update bool    // read before it is written
}

func read(bytes, size float64) stream  { return stream{bytes: bytes, size: size} }
func write(bytes, size float64) stream { return stream{bytes: bytes, size: size, write: true} }

// macs is the number of useful arithmetic operations of a sweep, which count as
// payload like multiply-adds.
func (s *sweep) macs(lanes float64) uint64 {
	return count(s.elems * s.work.fma)
}

// sweepCost is what a sweep costs a core.
type sweepCost struct {
	cycles float64
	in     insts // all threads
	level  int   // cache whose misses bind; -1: the core does
	lines  []lines
	thread int
}

// divCycles is how long a division or square root keeps its unit: 8 lanes of fp32
// take 5 cycles on Skylake (vdivps ymm), 16 take 10 (uops.info, Agner Fog).
const divCycles = 0.625

// runSweep prices a sweep.
func (m *model) runSweep(s *sweep) sweepCost {
	c := &m.core
	lanes := float64(c.lanes)
	vectors := s.elems / lanes
	var per insts
	per.add(s.work, 1)
	for _, st := range s.streams {
		n := st.bytes * lanes / float64(c.words*8)
		if st.write {
			per.store += n
		}
		if !st.write || st.update {
			per.vecLoad += n
		}
	}
	per.vecLoad += s.gather * lanes
	per.integer += loopOverhead
	out := sweepCost{level: -1, thread: m.cpu.Cores * m.cpu.Sockets}
	out.in.add(per, vectors)
	if s.pieces > 0 {
		out.thread = int(max(1, min(float64(out.thread), s.pieces)))
	}
	threads := float64(out.thread)
	core := max((per.fma+per.shuffle)/c.units, (per.vecLoad+per.broadcast)/c.loads, per.store/c.stores, per.total()/c.width, s.div*lanes*divCycles)
	share := vectors / threads
	if s.pieces > 0 {
		share = vectors / s.pieces * math.Ceil(s.pieces/threads)
	}
	out.cycles = core * share
	out.lines = make([]lines, len(m.cpu.Caches))
	data := 0.0
	for i := range m.cpu.Caches {
		cache := &m.cpu.Caches[i]
		capacity := float64(cache.Size)
		holders := 1.0
		if cache.Shared {
			capacity *= float64(m.cpu.Sockets)
		} else {
			holders = threads
		}
		var mine float64
		for _, st := range s.streams {
			if st.size/holders <= capacity && !m.w.Cold {
				continue
			}
			fill := s.elems * st.bytes / m.line
			out.lines[i].kernelFill += fill
			mine += fill
			if st.write {
				out.lines[i].kernelBack += fill
				mine += fill
			}
		}
		mine /= threads
		var t float64
		if i+1 < len(m.cpu.Caches) {
			t = mine * m.line / m.cpu.Caches[i+1].BytesPerClk
			data += t
			t = data
		} else {
			mem := &m.cpu.Memory
			used := float64(min(m.cpu.Sockets, out.thread))
			latency := float64(mem.Latency) * 1e-12 * m.hz
			t = mine * max(m.line*threads*m.hz/(float64(mem.Bandwidth)*mem.Efficiency*used), latency/outstandingLines)
		}
		if t > out.cycles {
			out.cycles, out.level = t, i
		}
	}
	return out
}

// sweepResult turns a cost into the exported form.
func (m *model) sweepResult(s *sweep, c *sweepCost) Result {
	r := Result{Kernel: s.name, Cycles: c.cycles + m.forkJoin(c.thread), ClockHz: m.hz, Threads: c.thread, PeakOps: m.peak()}
	r.Seconds = r.Cycles / m.hz
	r.Instructions = instructionsOf(&c.in, m.core.lanes)
	r.L1Words = (count(c.in.vecLoad) + count(c.in.store)) * uint64(m.core.words)
	for l, t := range c.lines {
		lt := LevelTraffic{Cache: m.cpu.Caches[l].Name, FillLines: count(t.kernelFill), WriteBackLines: count(t.kernelBack)}
		lt.Bytes = (lt.FillLines + lt.WriteBackLines) * uint64(m.line)
		r.Traffic = append(r.Traffic, lt)
	}
	r.Bound = boundNames[Issue]
	switch {
	case c.cycles < r.Cycles/2:
		r.Bound = boundNames[ForkJoinBarrier]
	case c.level >= 0:
		r.Bound = boundNames[m.levelReason(c.level)]
	}
	return r
}

// sweepCounts lists the energy events of a sweep.
func (m *model) sweepCounts(s *sweep, c *sweepCost, r *Result) []energy.Count {
	return m.eventCounts(s.macs(float64(m.core.lanes)), &c.in, r)
}
