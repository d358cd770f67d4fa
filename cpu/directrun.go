package cpu

import (
	"math"

	"gpusim/cpu/pipe"
	"gpusim/energy"
)

// runDirect simulates a direct convolution.
func (m *model) runDirect(d *direct) (Result, []energy.Count, error) {
	c := &m.core
	p := m.planDirect(d)
	spec := m.spec(p.threads)
	cols, rowsPerImage, filled := d.q*p.high, (d.p+p.high-1)/p.high, float64(d.p)/float64(p.high*((d.p+p.high-1)/p.high))
	if d.flat {
		filled = 1
		cols, rowsPerImage = d.p*d.q, 1
	}
	blocks := (d.out + c.lanes - 1) / c.lanes
	homes := m.directHomes(d, &p)
	var cycles float64
	var why [pipe.NumReasons]float64
	var in insts
	taps := max(1, d.taps)
	tiles := []struct{ ur, count int }{{p.ur, cols / p.ur}, {cols % p.ur, 1}}
	chunks := []struct{ nb, count int }{{p.nb, blocks / p.nb}, {blocks % p.nb, 1}}
	allRows := float64(d.images * d.groups * rowsPerImage)
	whole := float64((blocks + p.nb - 1) / p.nb)
	for _, t := range tiles {
		if t.ur == 0 || t.count == 0 {
			continue
		}
		for _, ch := range chunks {
			if ch.nb == 0 || ch.count == 0 {
				continue
			}
			one, oneWhy, err := m.directCalls(spec, d, &p, &homes, ch.nb, t.ur, taps)
			if err != nil {
				return Result{}, nil, err
			}
			// Of the slowest thread's rows, those with this chunk.
			n := p.rows * filled * float64(ch.count) / whole * float64(t.count) * float64(p.redRuns)
			cycles += one * n
			for i := range why {
				why[i] += oneWhy[i] * n
			}
			steps := taps * float64(d.red) / float64(p.redRuns)
			tile := float64(ch.nb * t.ur)
			reads := float64(p.redRuns-1) / float64(p.redRuns)
			call := insts{fma: tile * steps, vecLoad: float64(ch.nb)*steps + tile*reads, broadcast: float64(t.ur) * steps, store: tile, integer: callInstructions + steps/2}
			if m.fusedConv() {
				call.broadcast = tile * steps
				call.operand = call.broadcast
			}
			in.add(call, allRows*filled*float64(ch.count*t.count*p.redRuns))
		}
	}
	r := Result{Kernel: d.name, Cycles: cycles + m.forkJoin(p.threads), ClockHz: m.hz, Threads: p.threads, PeakOps: m.peak(), MR: p.nb * c.lanes, NR: p.ur}
	r.Seconds = r.Cycles / m.hz
	r.Instructions = instructionsOf(&in, c.lanes)
	r.L1Words = (count(in.vecLoad)+count(in.store))*uint64(c.words) + count(in.broadcast)
	calls := allRows * filled * whole * math.Ceil(float64(cols)/float64(p.ur)) * float64(p.redRuns)
	for i := range m.cpu.Caches {
		var lt LevelTraffic
		lt.Cache = m.cpu.Caches[i].Name
		l := levelOf(i)
		lines := 0.0
		for a, h := range homes.at {
			lines += (1 - h[l]) * homes.lines[a] * calls
		}
		back := (1 - homes.at[2][l]) * homes.lines[2] * calls
		if p.redRuns == 1 && i == len(m.cpu.Caches)-1 { // written past the caches
			lines -= back
		}
		lt.FillLines, lt.WriteBackLines = count(lines), count(back)
		lt.Bytes = (lt.FillLines + lt.WriteBackLines) * uint64(m.line)
		r.Traffic = append(r.Traffic, lt)
	}
	r.Bound = m.boundOf(&why, cycles, r.Cycles, in.fma/float64(p.threads)/c.rate/cycles)
	macs := float64(d.images*d.groups) * float64(d.out) * float64(d.red) * float64(d.p*d.q) * taps
	return r, m.eventCounts(count(macs), &in, &r), nil
}

// levelOf is the place of a cache in shares by level: what is beyond the second counts
// as the third.
func levelOf(cache int) int { return min(cache, 2) }

// directHome is where calls find weights, input and output, and how many lines of
// each a call touches.
type directHome struct {
	at    [3][3]float64
	lines [3]float64
}

// directHomes follows from the loops of a thread: images and chunks of output
// channels outermost, then blocks of input channels, rows, and tiles of a row.
func (m *model) directHomes(d *direct, p *directPlan) (h directHome) {
	c := &m.core
	e := float64(c.elem)
	line := m.line
	blocks := float64((d.out + c.lanes - 1) / c.lanes)
	chunks := math.Ceil(blocks / float64(p.nb))
	high := float64(p.high)
	cols, rows := float64(d.q)*high, math.Ceil(float64(d.p)/high) // a group of rows is one
	inRow := float64(d.inW)
	overlap := float64(d.inH) / max(1, rows) // new input rows per output row
	wide := float64(d.across)
	tall := float64(d.allTaps) / wide
	if d.flat {
		cols, rows, inRow, overlap, tall, wide = float64(d.q*d.p), 1, float64(d.inH*d.inW), 1, 1, 1
	}
	tiles := math.Ceil(cols / float64(p.ur))
	// A thread's rows: of one chunk and image, or of several. Images come first, but for
	// filters of one tap, where a thread keeps its points and goes through the chunks.
	mine := min(rows, max(1, p.rows))
	pairs := max(1, p.rows/rows)
	images := max(1, min(float64(d.images*d.groups), pairs))
	chunkTrips := max(1, min(chunks, pairs/images))
	points := d.allTaps == 1
	if points {
		images = max(1, pairs/chunks)
		chunkTrips = max(1, pairs/images)
	}
	if d.flat { // the plane is one row, of which a thread may have a part
		mine = min(1, p.rows)
	}
	red := float64(p.redStep * p.redRows)
	runs := float64(p.redRuns)
	w := func(chunk, red float64) float64 {
		return chunk * float64(p.nb*c.lanes) * red * float64(d.allTaps) * e / line
	}
	in := func(rows, red float64) float64 {
		return min(float64(d.inH), rows*overlap+tall-1) * inRow * red * e / line
	}
	inTile := (float64(p.ur*d.stride)/high + wide - 1) * min(tall+(high-1)*float64(d.stride), float64(d.inH)) * red * e / line
	out := func(rows, cols, chunk float64) float64 { return rows * cols * chunk * float64(p.nb*c.lanes) * e / line }
	all := float64(d.red)
	// Rows are outside of the blocks of input channels as long as the filters of these
	// stay in half of L2: so many runs are taken together.
	each := w(1, red) * line
	together := min(runs, max(1, math.Floor(float64(m.aBlock().Size)/2/each)))
	together = runs / math.Ceil(runs/together)
	some := red * together
	trips := []float64{chunkTrips, images, runs / together, mine, together, tiles}
	arrays := []use{
		{w(chunkTrips, all), w(1, all), w(1, all), w(1, some), w(1, some), w(1, red), w(1, red)},
		{images * in(mine, all), images * in(mine, all), in(mine, all), in(mine, some), in(1, some), in(1, red), inTile},
		{images * out(mine, cols, chunkTrips), images * out(mine, cols, 1), out(mine, cols, 1), out(mine, cols, 1), out(1, cols, 1), out(1, cols, 1), out(1, float64(p.ur), 1)},
	}
	if points {
		trips[0], trips[1] = images, chunkTrips
		arrays[0][1] = w(chunkTrips, all)
		arrays[1][1] = in(mine, all)
		arrays[2][1] = out(mine, cols, chunkTrips)
	}
	if m.tilesOutermost(d) { // 1x1: a tile meets all filters before the next one comes
		mineTiles := math.Ceil(float64(d.images*d.groups) * tiles / float64(p.threads))
		trips = []float64{mineTiles, chunks, runs}
		inAll, outAll := inTile*runs, out(1, float64(p.ur), 1)
		arrays = []use{
			{w(chunks, all), w(chunks, all), w(1, all), w(1, red)},
			{mineTiles * inAll, inAll, inAll, inTile},
			{mineTiles * chunks * outAll, chunks * outAll, outAll, outAll},
		}
	}
	for i := range m.cpu.Caches {
		cache := &m.cpu.Caches[i]
		capacity := float64(cache.Size) / line
		n := float64(max(1, min(cache.Cores, p.threads)))
		// Neighbours work on other images and the same filters, or the other way round.
		// Those of one tap go through the filters out of step.
		common := [3]float64{1, 1, 1}
		switch {
		case points:
		case pairs < float64(d.images*d.groups):
			common[0] = n
		default:
			common[1] = n
		}
		own := arrays
		switch {
		case cache.Shared: // weights are there once for all
			capacity /= float64(m.perSocket(p.threads))
			own = scaled(arrays, [3]float64{1 / float64(m.perSocket(p.threads)), 1, 1})
		case n > 1: // what neighbours have in common is there once
			capacity *= n
			own = scaled(arrays, [3]float64{n / common[0], n / common[1], n})
		}
		f := found(trips, own, capacity, !m.w.Cold)
		for a := range f {
			h.at[a][levelOf(i)] = 1 - (1-f[a])/common[a] // one of them fetches it
		}
	}
	for a := range h.at {
		h.at[a][1] = max(h.at[a][0], h.at[a][1])
		h.at[a][2] = max(h.at[a][1], h.at[a][2])
		h.lines[a] = arrays[a][len(arrays[a])-1]
	}
	return h
}

// tilesOutermost says whether the loop over tiles of a 1x1 convolution is outside of
// the one over output channels: where the filters stay in half of L2, as MKL-DNN
// chooses it.
func (m *model) tilesOutermost(d *direct) bool {
	filters := float64(d.out) * float64(d.red) * float64(m.core.elem)
	return d.flat && filters <= float64(m.aBlock().Size)/2
}

// directSteps are the steps of a call that are simulated at most.
const directSteps = 400

// How many calls run first, and of how many the time counts.
const directWarm, directMeasured = 2, 8

// directCalls gives the mean cycles of a call.
func (m *model) directCalls(spec *pipe.Spec, d *direct, p *directPlan, h *directHome, nb, ur int, taps float64) (float64, [pipe.NumReasons]float64, error) {
	var why [pipe.NumReasons]float64
	c := &m.core
	u := directCall{nb: nb, ur: ur, lanes: c.lanes, elem: c.elem, red: p.redStep, fused: m.fusedConv(), stride: d.stride, reads: p.redRuns > 1}
	taps *= float64(p.redRows)
	u.taps = int(math.Ceil(taps))
	if most := max(2, directSteps/max(1, u.red)); u.taps > most {
		u.taps = most
	}
	vector := int64(c.lanes * c.elem)
	u.pixel, u.channel = vector, int64(c.elem)
	if d.red < c.lanes { // few channels are not blocked: planes lie one behind the other
		u.pixel, u.channel = int64(c.elem), int64(d.inH*d.inW*c.elem)
	}
	u.next, u.across, u.down = u.pixel, d.across, int64(d.inW)*u.pixel
	if p.high > 1 {
		u.wide, u.rowStep = d.q, int64(d.inW*d.stride)*u.pixel
	}
	if p.redRows > 1 { // the next block of channels is a plane away
		u.next, u.across = int64(d.inH*d.inW)*vector, 0
		if d.turned { // and so are its filters, behind those of all other outputs
			u.filters = int64((d.out+c.lanes-1)/c.lanes) * int64(u.red) * vector
		}
	}
	u.block = int64(d.allTaps) * int64(d.red) * vector
	u.outBlock = int64(d.p*d.q) * vector
	if u.block*int64(nb) > 1<<30 {
		u.block = 1 << 28
	}
	if u.outBlock*int64(nb) > 1<<30 {
		u.outBlock = 1 << 28
	}
	outPasses := 1.0
	if u.reads {
		outPasses = 2
	}
	s := h.series(outPasses)
	run, err := runSeries(spec, &s, func(prog *pipe.Program, n int, at, next [][3]float64) {
		u.homeW, u.homeI, u.homeO, u.homeAhead = at[0], at[1], at[2], next[1]
		u.w, u.in, u.o = uint64(1)<<36+uint64(n)<<31, uint64(2)<<36+uint64(n)<<31, uint64(3)<<36+uint64(n)<<31
		if p.redRows > 1 {
			u.ahead = u.in + 1<<31
		}
		u.program(prog)
	})
	if err != nil {
		return 0, why, err
	}
	// Taps that were left out, or that only some outputs have, take as long as others.
	last := len(run.ends) - 1
	loop := float64(run.marks[run.ends[last]-1]-run.marks[run.ends[last-1]+1]) / float64(run.marks[run.ends[last]]-run.marks[run.ends[last-1]])
	cycles := run.cycles * (1 + loop*(taps/float64(u.taps)-1))
	cycles = max(cycles+run.missing, float64(nb*ur)*taps*float64(u.red)/c.rate)
	return cycles, run.split(cycles), nil
}

// series is a few calls with these homes; the last array passes so often.
func (h *directHome) series(passes float64) series {
	s := series{warm: directWarm, counted: directMeasured}
	for a := range h.at {
		s.arrays = append(s.arrays, array{home: h.at[a], lines: h.lines[a], passes: 1})
	}
	s.arrays[2].passes = passes
	return s
}
