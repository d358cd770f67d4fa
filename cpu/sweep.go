package cpu

import (
	"math"

	"gpusim/cpu/pipe"
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
}

// stream is a tensor that a sweep reads or writes once in order.
type stream struct {
	bytes  float64 // per element of the sweep
	write  bool
	size   float64 // bytes that lie between two uses of the same line; what fits a cache is found there
	jumps  bool    // lines follow each other in no order that a prefetcher knows
	update bool    // read before it is written
	row    bool    // size is of one thread's own part
	remote bool    // other threads wrote it: no private cache of this one holds it
}

func read(bytes, size float64) stream  { return stream{bytes: bytes, size: size} }
func write(bytes, size float64) stream { return stream{bytes: bytes, size: size, write: true} }

// runSweep simulates a sweep.
func (m *model) runSweep(s *sweep) (Result, []energy.Count, error) {
	c := &m.core
	lanes := float64(c.lanes)
	vectors := math.Ceil(s.elems / lanes)
	var per insts
	per.add(s.work, 1)
	for _, st := range s.streams {
		n := st.bytes * lanes / float64(c.lanes*c.elem)
		if st.write {
			per.store += n
		}
		if !st.write || st.update {
			per.vecLoad += n
		}
	}
	per.integer += loopOverhead
	threads := m.threads()
	share := s.elems / float64(threads)
	if s.pieces > 0 {
		threads = int(max(1, min(float64(threads), s.pieces)))
		share = s.elems / s.pieces * math.Ceil(s.pieces/float64(threads))
	}
	cycles, why, err := m.sweepCycles(m.spec(threads), s, share, threads)
	if err != nil {
		return Result{}, nil, err
	}
	r := Result{Kernel: s.name, Cycles: cycles + m.forkJoin(threads), ClockHz: m.hz, Threads: threads, PeakOps: m.peak()}
	r.Seconds = r.Cycles / m.hz
	var in insts
	in.add(per, vectors)
	r.Instructions = instructionsOf(&in, c.lanes)
	r.L1Words = (count(in.vecLoad) + count(in.store)) * uint64(c.words)
	for l, t := range m.sweepTraffic(s, threads) {
		lt := LevelTraffic{Cache: m.cpu.Caches[l].Name, FillLines: count(t.kernelFill), WriteBackLines: count(t.kernelBack)}
		lt.Bytes = (lt.FillLines + lt.WriteBackLines) * uint64(m.line)
		r.Traffic = append(r.Traffic, lt)
	}
	r.Bound = m.boundOf(&why, cycles, r.Cycles, vectors*s.work.fma/float64(threads)/c.rate/cycles)
	return r, m.eventCounts(count(s.elems*s.work.fma), &in, &r), nil
}

// sweepTraffic counts the lines of all threads by cache.
func (m *model) sweepTraffic(s *sweep, threads int) []lines {
	homes := m.sweepHomes(s, threads)
	out := make([]lines, len(m.cpu.Caches))
	for i := range m.cpu.Caches {
		for j, st := range s.streams {
			fill := s.elems * st.bytes / m.line * (1 - homes[j][levelOf(i)])
			out[i].kernelFill += fill
			if st.write {
				out[i].kernelBack += fill
			}
		}
	}
	return out
}

// boundOf names what most of the time of a simulated loop goes to; total is with
// the threads' start and end, fma the share of the cycles that multiply-adds take at
// full rate.
func (m *model) boundOf(why *[pipe.NumReasons]float64, cycles, total, fma float64) string {
	if cycles < total/2 {
		return boundNames[ForkJoinBarrier]
	}
	memory := why[pipe.WaitL2] + why[pipe.WaitL3] + why[pipe.WaitMemory]
	if memory > cycles/2 {
		switch max(why[pipe.WaitL2], why[pipe.WaitL3], why[pipe.WaitMemory]) {
		case why[pipe.WaitMemory]:
			return boundNames[DRAMBandwidth]
		case why[pipe.WaitL3]:
			return boundNames[L3Bandwidth]
		}
		return boundNames[L2Bandwidth]
	}
	if fma > 0.5 {
		return boundNames[Compute]
	}
	switch max(why[pipe.Depend], why[pipe.Execution], why[pipe.FrontEnd]+why[pipe.Busy]) {
	case why[pipe.Depend]:
		return boundNames[Latency]
	case why[pipe.Execution]:
		return boundNames[Compute]
	}
	return boundNames[Issue]
}

// threads is how many a library runs.
func (m *model) threads() int {
	if m.cpu.Threads > 0 {
		return min(m.cpu.Threads, m.cpu.Cores) * m.cpu.Sockets
	}
	return m.cpu.Cores * m.cpu.Sockets
}
