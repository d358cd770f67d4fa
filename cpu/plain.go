package cpu

import (
	"math"

	"gpusim/cpu/pipe"
	"gpusim/energy"
	"gpusim/workloads"
)

// Plain loops are what a library falls back to where it has no kernel (strided
// gradients of the input and odd paddings in 2017).

// plainLoops reads and writes sums in memory: each multiply-add of a vector waits for
// the one before it on the same sum. Threads take images and blocks of channels, in
// chunks of equal size.
func (m *model) plainLoops(c *workloads.Conv, channels int, name string) (Result, []energy.Count, error) {
	per, err := m.plainTurn(1, false)
	if err != nil {
		return Result{}, nil, err
	}
	vectors := float64(c.Ops()) / 2 / float64(m.core.lanes)
	tasks := float64(c.N) * math.Ceil(float64(channels)/float64(m.core.lanes))
	threads := int(min(float64(m.threads()), tasks))
	return m.plainResult(c, name, threads, vectors, vectors/tasks*math.Ceil(tasks/float64(threads))*per)
}

// plainInputs is the gradient of the input: for each point, tap and output channel a
// loop over the input channels of the point adds to their sums, so that the vectors of
// a point are independent and the next output channel waits for them. Without a
// vector of input channels it is a sum over output channels, in a register. Threads
// take images.
func (m *model) plainInputs(c *workloads.Conv) (Result, []energy.Count, error) {
	lanes := float64(m.core.lanes)
	turns := float64(c.P()*c.Q()) * float64(c.R*c.S) * float64(c.K)
	wide := math.Ceil(float64(c.C) / lanes)
	dot := c.C < m.core.lanes
	if dot {
		turns, wide = turns*float64(c.C)/lanes, 1
	}
	per, err := m.plainTurn(int(min(wide, mostWide)), dot)
	if err != nil {
		return Result{}, nil, err
	}
	per *= max(1, wide/mostWide)
	threads := min(m.threads(), c.N)
	images := math.Ceil(float64(c.N) / float64(threads))
	return m.plainResult(c, "plain_loops_bwd_data", threads, turns*wide*float64(c.N), turns*images*per)
}

// mostWide is how many vectors of a turn are simulated; more of them are bound by
// what the core can do anyway.
const mostWide = 32

// plainTurn is the cycles of a turn of the loop: so many vectors, each of which adds a
// product to a sum in memory, or in a register.
func (m *model) plainTurn(vectors int, register bool) (float64, error) {
	var body []pipe.Uop
	for i := range vectors {
		at := int32(i * m.core.lanes * m.core.elem)
		load, sum := pipe.Reg(10+i), pipe.Reg(100+i)
		if register {
			body = append(body, pipe.Uop{Op: pipe.Load, Dst: load, Mem: 2, Disp: at}, pipe.Uop{Op: pipe.FMA, Dst: sum, Src: [3]pipe.Reg{sum, load}})
			continue
		}
		body = append(body, pipe.Uop{Op: pipe.Load, Dst: load, Src: [3]pipe.Reg{sum}, Mem: 1, Disp: at}, // waits for the store before it
			pipe.Uop{Op: pipe.FMA, Dst: sum, Src: [3]pipe.Reg{load}, Mem: 2, Disp: at})
	}
	for i := range vectors {
		if !register {
			body = append(body, pipe.Uop{Op: pipe.Store, Src: [3]pipe.Reg{pipe.Reg(100 + i)}, Mem: 1, Disp: int32(i * m.core.lanes * m.core.elem)})
		}
	}
	body = append(body, pipe.Uop{Op: pipe.Int, Dst: regIndex, Src: [3]pipe.Reg{regIndex}}, pipe.Uop{Op: pipe.Branch, Src: [3]pipe.Reg{regIndex}})
	hot := [3]float64{1, 1, 1}
	const trips = 512
	n, _, err := pipe.Run(m.spec(1), &pipe.Program{Streams: []pipe.Stream{{Home: hot}, {Base: 1 << 20, Home: hot}}, Blocks: []pipe.Block{{Body: body, Trips: trips}}})
	return float64(n.Cycles) / trips, err
}

// plainResult is the outcome: vectors are multiply-adds of all threads, cycles those
// of the slowest.
func (m *model) plainResult(c *workloads.Conv, name string, threads int, vectors, cycles float64) (Result, []energy.Count, error) {
	r := Result{Kernel: name, Threads: threads, ClockHz: m.hz, PeakOps: m.peak(), Bound: boundNames[Latency]}
	r.Cycles = cycles + m.forkJoin(threads)
	r.Seconds = r.Cycles / m.hz
	in := insts{fma: vectors, vecLoad: 2 * vectors, store: vectors, integer: 2 * vectors}
	r.Instructions = instructionsOf(&in, m.core.lanes)
	r.L1Words = count(3*vectors) * uint64(m.core.words)
	for i := range m.cpu.Caches {
		lines := c.Bytes() / m.line
		r.Traffic = append(r.Traffic, LevelTraffic{Cache: m.cpu.Caches[i].Name, FillLines: count(lines), Bytes: count(lines) * uint64(m.line)})
	}
	return r, m.eventCounts(count(float64(c.Ops())/2), &in, &r), nil
}
