package cpu

import (
	"math"

	"gpusim/cpu/pipe"
	"gpusim/workloads"
)

// weightTask is how the gradient of the filters is dealt out: blocks of output and
// input channels, and groups of images (or of rows) whose sums are added up at the
// end.
type weightTask struct {
	tasks  int // of all groups together
	groups int
	each   float64 // rows of output of a task
	depth  int     // channels of the input that a call takes
	cols   int     // columns of the filter that it takes
	rows   int     // rows of the output that a call runs over: those that L1 holds with their input
}

// weightGradient simulates the gradient of the filters (MKL-DNN's kernel): sums of a
// row of taps for some input channels stay in registers while the loop runs over a
// row of the output; a vector of the output's gradient times broadcast elements of
// the input.
func (m *model) weightGradient(c *workloads.Conv, taps float64, old bool) ([]kernelRun, error) {
	core := &m.core
	lanes := core.lanes
	outBlocks := (c.K/c.Groups + lanes - 1) / lanes * c.Groups
	redLanes := min(lanes, c.C/c.Groups)
	redBlocks := (c.C/c.Groups + redLanes - 1) / redLanes
	rows := c.P()
	most := c.N
	if !old {
		most *= rows
	}
	pairs := outBlocks * redBlocks
	threads := m.threads()
	best, cost := 1, math.Inf(1)
	weights := float64(c.K) * float64(c.C/c.Groups) * float64(c.R*c.S)
	taskMACs := float64(lanes*redLanes) * taps * float64(c.N*rows*c.Q())
	rate := core.rate * float64(lanes)
	perByte := m.hz / (float64(m.cpu.Memory.Bandwidth) * m.cpu.Memory.Efficiency)
	bytesPerRow := float64(core.elem) * float64(c.Q()*lanes+c.W*redLanes*c.StrideH)
	first := 1
	if old && c.R*c.S == 1 { // sums of each image are its own: the rows of DeepBench with one tap say so
		first = c.N
	}
	for g := first; g <= most; g++ {
		each := math.Ceil(float64(pairs*g) / float64(threads))
		share := math.Ceil(float64(most)/float64(g)) / float64(most)
		// What a thread multiplies, and what it reads for a square of blocks.
		t := max(each*share*taskMACs/rate, math.Sqrt(each)*share*float64(c.N*rows)*bytesPerRow*perByte*float64(min(threads, pairs*g)))
		if g > 1 {
			t += weights*float64(core.elem)*float64(g+1)*perByte + m.forkJoin(threads)
		}
		if t < cost {
			best, cost = g, t
		}
	}
	w := weightTask{groups: best, tasks: pairs * best, each: math.Ceil(float64(most)/float64(best)) * float64(c.N*rows) / float64(most)}
	w.cols = min(c.S, core.regs-4)
	w.depth = 1
	for x := 2; x <= redLanes; x++ {
		if redLanes%x == 0 && x*w.cols <= core.regs-4 {
			w.depth = x
		}
	}
	row := float64(core.elem) * (float64(c.Q()*lanes) + float64(c.W*redLanes*c.StrideH))
	w.rows = int(max(1, min(w.each, math.Floor(float64(m.cpu.Caches[0].Size)*l1Share/row))))
	if c.R*c.S > 1 { // several taps: a row at a time for each of them
		w.rows = 1
	}
	used := min(threads, w.tasks)
	waves := math.Ceil(float64(w.tasks) / float64(threads))
	spec := m.spec(used)
	if old && w.tasks < used*2 { // threads of a wave do the same at the same time
		spec.MemoryBurst = 0
	}
	homes := m.weightHomes(c, &w, waves)
	cycles, why, err := m.weightCalls(spec, c, &w, &homes)
	if err != nil {
		return nil, err
	}
	perRow := valid(c.H, rows, c.R, c.PadH, c.StrideH, c.DilH) * math.Ceil(float64(redLanes)/float64(w.depth)) * math.Ceil(float64(c.S)/float64(w.cols))
	perTask := w.each / float64(w.rows) * perRow
	total := cycles * perTask * waves
	for i := range why {
		why[i] *= perTask * waves
	}
	tile := float64(w.depth * w.cols)
	q := float64(c.Q() * w.rows)
	calls := perTask * float64(w.tasks)
	call := insts{fma: tile*q + tile, vecLoad: q + tile, broadcast: tile * q, store: tile, integer: callInstructions + loopOverhead*q}
	if m.fusedConv() {
		call.operand = call.broadcast
	}
	var in insts
	in.add(call, calls)
	r := Result{Kernel: "direct_conv_bwd_weight", Threads: used, ClockHz: m.hz, PeakOps: m.peak(), Cycles: total + m.forkJoin(used)}
	r.Seconds = r.Cycles / m.hz
	r.Instructions = instructionsOf(&in, lanes)
	r.L1Words = (count(in.vecLoad)+count(in.store))*uint64(core.words) + count(in.broadcast)
	for i := range m.cpu.Caches {
		l := levelOf(i)
		lt := LevelTraffic{Cache: m.cpu.Caches[i].Name}
		for a, h := range homes.at {
			n := (1 - h[l]) * homes.lines[a] * calls
			lt.FillLines += count(n)
			if a == 2 {
				lt.WriteBackLines += count(n)
			}
		}
		lt.Bytes = (lt.FillLines + lt.WriteBackLines) * uint64(m.line)
		r.Traffic = append(r.Traffic, lt)
	}
	r.Bound = m.boundOf(&why, total, r.Cycles, in.fma/float64(used)/core.rate/total)
	macs := float64(c.N) * float64(c.K) * float64(rows*c.Q()) * float64(c.C/c.Groups) * taps
	out := []kernelRun{{r, m.eventCounts(count(macs), &in, &r)}}
	if w.groups > 1 {
		e := float64(core.elem)
		s := sweep{name: "sum_of_gradients", elems: weights, work: insts{fma: float64(w.groups)}}
		for range min(w.groups, mostStreams) {
			s.streams = append(s.streams, stream{bytes: e * float64(w.groups) / float64(min(w.groups, mostStreams)), size: weights * e * float64(w.groups), remote: true})
		}
		s.streams = append(s.streams, write(e, weights*e))
		sum, counts, err := m.runSweep(&s)
		if err != nil {
			return nil, err
		}
		out = append(out, kernelRun{sum, counts})
	}
	return out, nil
}

// mostStreams is how many tensors the simulated loop of a sum reads at a time.
const mostStreams = 16

// weightHomes is where calls find the output's gradient, the input and the sums.
func (m *model) weightHomes(c *workloads.Conv, w *weightTask, waves float64) (h directHome) {
	vector := float64(m.core.lanes * m.core.elem)
	redLanes := float64(min(m.core.lanes, c.C/c.Groups))
	lines := func(bytes float64) float64 { return bytes / m.line }
	outRow, inRow := float64(w.rows)*lines(float64(c.Q())*vector), float64(w.rows*c.StrideH)*lines(float64(c.W)*redLanes*float64(m.core.elem))
	each := w.each / float64(w.rows)
	sums := lines(vector * redLanes * float64(c.R*c.S))
	call := lines(vector * float64(w.depth*w.cols))
	perRow := float64(c.R) * math.Ceil(redLanes/float64(w.depth)) * math.Ceil(float64(c.S)/float64(w.cols))
	trips := []float64{each, waves, perRow}
	// For some rows a thread goes through all of its tasks, a square of output and input
	// blocks.
	side := math.Sqrt(waves)
	inRows := inRow * (1 + float64(c.R-1)/float64(w.rows*c.StrideH)) // with those that the next ones use too
	arrays := []use{
		{each * side * outRow, side * outRow, outRow, outRow},
		{each * side * inRow, side * inRow, inRows, inRow},
		{waves * sums, waves * sums, sums, call},
	}
	if w.rows == 1 && c.R*c.S > 1 { // a task's sums stay while all rows of an image pass
		plane := min(each, float64(c.P()))
		trips = []float64{each / plane, waves, plane, perRow}
		arrays = []use{
			{each * side * outRow, plane * side * outRow, plane * outRow, outRow, outRow},
			{each * side * inRow, plane * side * inRow, plane * inRow, inRows, inRow},
			{waves * sums, waves * sums, sums, sums, call},
		}
	}
	for i := range m.cpu.Caches {
		capacity := float64(m.cpu.Caches[i].Size) / m.line
		if m.cpu.Caches[i].Shared {
			capacity /= float64(m.perSocket(min(m.threads(), w.tasks)))
		}
		for a, f := range found(trips, arrays, capacity, !m.w.Cold) {
			h.at[a][levelOf(i)] = f
		}
	}
	for a := range h.at {
		h.at[a][1] = max(h.at[a][0], h.at[a][1])
		h.at[a][2] = max(h.at[a][1], h.at[a][2])
		h.lines[a] = arrays[a][len(trips)]
	}
	return h
}

// weightCalls gives the mean cycles of a call of the kernel: a row of the output.
func (m *model) weightCalls(spec *pipe.Spec, c *workloads.Conv, w *weightTask, h *directHome) (float64, [pipe.NumReasons]float64, error) {
	var why [pipe.NumReasons]float64
	vector := int64(m.core.lanes * m.core.elem)
	e := int64(m.core.elem)
	q := c.Q() * w.rows
	inside := callInstructions
	if w.rows == 1 { // the loops over taps and channels are in the kernel
		inside = insideCall
	}
	u := micro{t: tile{1, w.depth * w.cols}, rows: m.core.lanes, cols: w.depth * w.cols, k: min(q, wholeSteps), reads: true, early: true, lanes: m.core.lanes, elem: m.core.elem,
		fused: m.fusedConv(), callOverheads: inside, pStep: vector, qStep: int64(c.StrideW) * vector, qNext: e, cNext: vector}
	if c.C/c.Groups < m.core.lanes { // few channels lie in planes
		u.qStep = int64(c.StrideW) * e
	}
	s := h.series(2) // sums are read and written
	run, err := runSeries(spec, &s, func(prog *pipe.Program, n int, at, _ [][3]float64) {
		u.homeP, u.homeQ, u.homeC = at[0], at[1], at[2]
		u.p, u.q, u.c = uint64(1<<32+n<<24), uint64(2<<32+n<<24), uint64(3<<32+n<<24)
		u.program(prog)
	})
	if err != nil {
		return 0, why, err
	}
	cycles := run.cycles
	if q > u.k {
		cycles += u.rate(&run) * float64(q-u.k)
	}
	cycles = max(cycles+run.missing, float64(w.depth*w.cols*q)/m.core.rate)
	return cycles, run.split(cycles), nil
}

// insideCall is the instructions of a turn of loops that are inside of a kernel:
// pointers and a counter.
const insideCall = 4
