package cpu

import (
	"math"

	"gpusim/cpu/pipe"
)

// vectorsOf is the loop over one vector of a sweep, unrolled twice.
func (m *model) sweepProgram(s *sweep, homes [][3]float64, trips int) *pipe.Program {
	p := &pipe.Program{}
	lanes := float64(m.core.lanes)
	vector := lanes * float64(m.core.elem)
	var step []int64
	for i, st := range s.streams {
		p.Streams = append(p.Streams, pipe.Stream{Base: uint64(i+1) << 32, Home: homes[i], Dirty: st.write})
		if st.jumps {
			p.Streams[i].Mask = 1<<30 - 1
			step = append(step, max(1, int64(math.Round(2*lanes*st.bytes/m.line))))
			continue
		}
		step = append(step, int64(math.Round(2*lanes*st.bytes)))
	}
	p.Streams = append(p.Streams, pipe.Stream{Base: 1 << 40, Home: [3]float64{1, 1, 1}}) // what is in L1 all along
	hot := uint8(len(p.Streams))
	var body []pipe.Uop
	for half := range 2 {
		add := func(u pipe.Uop) { body = append(body, u) }
		first := pipe.Reg(1)
		reg := first
		for i, st := range s.streams {
			if st.write && !st.update {
				continue
			}
			for n := range memoryOps(st.bytes*lanes/vector, half) {
				add(pipe.Uop{Op: pipe.Load, Dst: reg, Mem: uint8(i + 1), Disp: int32(float64(half)*st.bytes*lanes) + int32(n)*int32(vector)})
				reg++
			}
		}
		for range memoryOps(s.work.vecLoad, half) {
			add(pipe.Uop{Op: pipe.Load, Dst: reg, Mem: hot, Disp: int32(reg) * 64 % 2048})
			reg++
		}
		// Arithmetic is a chain of pairs: functions are evaluated two terms at a time.
		value := pipe.Reg(64 + 32*half)
		add(pipe.Uop{Op: pipe.Vec, Dst: value, Src: [3]pipe.Reg{first}})
		for n := range memoryOps(s.work.fma, half) {
			add(pipe.Uop{Op: pipe.FMA, Dst: value + pipe.Reg(n%2), Src: [3]pipe.Reg{value + pipe.Reg(n%2), first + pipe.Reg(n%max(1, int(reg-first)))}})
		}
		for range memoryOps(s.div, half) {
			add(pipe.Uop{Op: pipe.Div, Dst: value, Src: [3]pipe.Reg{value}})
		}
		for range memoryOps(s.work.shuffle, half) {
			add(pipe.Uop{Op: pipe.Shuffle, Dst: value + 1, Src: [3]pipe.Reg{value}})
		}
		for i, st := range s.streams {
			if !st.write {
				continue
			}
			for n := range memoryOps(st.bytes*lanes/vector, half) {
				add(pipe.Uop{Op: pipe.Store, Src: [3]pipe.Reg{value}, Mem: uint8(i + 1), Disp: int32(float64(half)*st.bytes*lanes) + int32(n)*int32(vector)})
			}
		}
		for range memoryOps(s.work.store, half) {
			add(pipe.Uop{Op: pipe.Store, Src: [3]pipe.Reg{value}, Mem: hot, Disp: 2048})
		}
	}
	body = append(body, pipe.Uop{Op: pipe.Int, Dst: regIndex, Src: [3]pipe.Reg{regIndex}}, pipe.Uop{Op: pipe.Branch, Src: [3]pipe.Reg{regIndex}})
	p.Blocks = []pipe.Block{{Body: body, Trips: trips, Step: step}, {Body: body, Trips: trips, Step: step}}
	return p
}

// memoryOps is how many of perVector instructions fall into the first or second
// half of two vectors.
func memoryOps(perVector float64, half int) int {
	return int(math.Round(perVector*float64(half+1))) - int(math.Round(perVector*float64(half)))
}

// sweepTrips is how many iterations are simulated twice: the second half counts.
const sweepTrips = 256

// sweepHomes says where each stream's lines are found by one of a number of threads.
func (m *model) sweepHomes(s *sweep, threads int) [][3]float64 {
	out := make([][3]float64, len(s.streams))
	for i, st := range s.streams {
		for l := range m.cpu.Caches {
			cache := &m.cpu.Caches[l]
			capacity, holders := float64(cache.Size), float64(threads)
			if cache.Shared {
				capacity, holders = capacity*float64(min(m.cpu.Sockets, threads)), 1
			}
			if st.row {
				holders = 1
				if cache.Shared {
					capacity /= float64(m.perSocket(threads))
				}
			}
			if !m.w.Cold && st.size/holders <= capacity && !(st.remote && !cache.Shared) {
				for level := levelOf(l); level < 3; level++ {
					out[i][level] = 1
				}
			}
		}
	}
	return out
}

// sweepCycles is the cycles in which a thread does elems elements of a sweep.
func (m *model) sweepCycles(spec *pipe.Spec, s *sweep, elems float64, threads int) (float64, [pipe.NumReasons]float64, error) {
	steady := *spec
	steady.MemoryBurst = 0 // all threads stream at the same time
	n, marks, err := pipe.Run(&steady, m.sweepProgram(s, m.sweepHomes(s, threads), sweepTrips))
	if err != nil {
		return 0, [pipe.NumReasons]float64{}, err
	}
	perTrip := float64(marks[1]-marks[0]) / sweepTrips
	trips := math.Ceil(elems / float64(2*m.core.lanes))
	// What it takes to get going, once.
	cycles := perTrip*trips + max(0, float64(marks[0])-perTrip*sweepTrips)
	var why [pipe.NumReasons]float64
	all := 0.0
	for _, x := range n.Stalls {
		all += float64(x)
	}
	for i, x := range n.Stalls {
		why[i] = cycles * float64(x) / max(1, all)
	}
	return cycles, why, nil
}
