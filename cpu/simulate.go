package cpu

import (
	"math"

	"gpusim/cpu/pipe"
)

// The plan that the library has chosen is simulated: a few calls of each of its
// micro-kernels run instruction by instruction, with every line where the loop nest
// leaves it. Calls of a nest repeat, and so do steps of k; what is left out is
// extrapolated from two lengths.

// wholeSteps are the steps of k up to which a call is simulated whole; of longer ones
// so many are, and the rest goes on at the rate of the last.
const wholeSteps = 208

// simulate replaces the closed form's time of a plan by the core's.
func (m *model) simulate(e *estimate) error {
	p := &e.plan
	c := &m.core
	mMax, nMax := slab(p.lay.m, c.rows(p.t), p.tm), slab(p.lay.n, p.t.nr, p.tn)
	items := math.Ceil(float64(m.batch) / float64(p.tb))
	spec := m.spec(p.threads())
	s := m.nestOf(p, e, float64(mMax), float64(nMax))
	homes := m.homes(&s, p)

	e.kernel = phase{level: e.kernel.level}
	var stalls [pipe.NumReasons]float64
	kb := int(e.kb)
	full := int(math.Ceil(e.kc))
	last := m.kOf(p) - (kb-1)*full
	if last < 1 {
		full = m.kOf(p) / kb
		last = m.kOf(p) - (kb-1)*full
	}
	for _, b := range m.blocksOf(p.t, mMax, nMax) {
		for _, part := range []struct {
			k     int
			times int
			reads bool
		}{{full, kb - 1, kb > 1}, {last, 1, kb > 1 || m.w.Beta != 0}} {
			if part.times == 0 {
				continue
			}
			cycles, why, err := m.call(spec, p, &homes, b.t, b.rows, b.cols, part.k, part.reads)
			if err != nil {
				return err
			}
			times := float64(b.count*part.times) * items
			e.kernel.core += cycles * times
			for i := range stalls {
				stalls[i] += why[i] * times
			}
		}
	}
	e.stalls = stalls
	if err := m.simulatePacking(e, spec, p, float64(mMax), float64(nMax), items); err != nil {
		return err
	}
	if p.tk > 1 {
		r := m.reduction(p)
		cycles, _, err := m.sweepCycles(spec, &r, r.elems/float64(p.threads()), p.threads())
		if err != nil {
			return err
		}
		m.syncTime(e, items)
		e.sync += m.tree(p.threads()) + cycles
	}
	e.cycles = e.kernel.total() + e.packing.total() + e.sync
	return nil
}

// piece is the tiles of one shape.
type piece struct {
	t          tile
	rows, cols int
	count      int
}

// blocksOf lists the tiles of an m x n piece of C by shape.
func (m *model) blocksOf(t tile, rows, cols int) []piece {
	mr := m.core.rows(t)
	mFull, mRest, nFull, nRest := rows/mr, rows%mr, cols/t.nr, cols%t.nr
	edge := tile{(mRest + m.core.lanes - 1) / m.core.lanes, t.nr}
	var out []piece
	add := func(t tile, rows, cols, count int) {
		if count > 0 && rows > 0 && cols > 0 {
			out = append(out, piece{t, rows, cols, count})
		}
	}
	add(t, mr, t.nr, mFull*nFull)
	add(edge, mRest, t.nr, nFull)
	add(tile{t.mv, nRest}, mr, nRest, mFull)
	add(tile{edge.mv, nRest}, mRest, nRest, 1)
	return out
}

// homes is where a call finds the lines of P, Q and C that it touches first: of Q
// there are calls that begin with a new sliver, and those that go on with it.
type homes struct {
	p, c, qNew, qSame [3]float64
	fresh             float64 // share of the calls with a new sliver of Q
}

// homes follows from what the loop nest leaves in each cache.
func (m *model) homes(s *nest, p *plan) (out homes) {
	calls := 1.0
	for l := 0; l < loopK; l++ {
		calls *= s.trips(l)
	}
	out.fresh = 1 / max(1, s.trips(loopIR))
	refs := [3]ref{refPSrc, refQSrc, refC}
	if p.packP {
		refs[0] = refPBuf
	}
	if p.packQ {
		refs[1] = refQBuf
	}
	for i := range m.cpu.Caches {
		nest := *s
		capacity := m.capacityOf(&nest, p, i)
		items := math.Ceil(float64(m.batch) / float64(p.tb))
		var by [numRefs]lines
		whole := !m.w.Cold && nest.all(-1)*items <= capacity && nest.spread(capacity)
		if !whole {
			by = nest.missesByRef(capacity)
		}
		level := levelOf(i)
		stays := whole || nest.all(loopIR) <= capacity && nest.footprint(loopIR, refs[1])*nest.conflict(loopIR, refs[1]) <= capacity
		for j, r := range refs {
			touched := max(1, nest.footprint(loopIR, r)*calls*nest.share[r])
			found := min(1, max(0, 1-by[r].kernelFill*nest.share[r]/touched))
			switch {
			case j == 0:
				out.p[level] = found
			case j == 2:
				out.c[level] = found
			case stays:
				out.qSame[level] = 1
				out.qNew[level] = max(0, 1-(1-found)/out.fresh)
			default:
				out.qNew[level], out.qSame[level] = found, found
			}
		}
	}
	for _, h := range []*[3]float64{&out.p, &out.c, &out.qNew, &out.qSame} { // sums grow outwards
		h[1] = max(h[0], h[1])
		h[2] = max(h[1], h[2])
	}
	return out
}

// call simulates calls of a micro-kernel and gives the mean cycles of one, and what
// they were spent on.
func (m *model) call(spec *pipe.Spec, p *plan, h *homes, t tile, rows, cols, k int, reads bool) (float64, [pipe.NumReasons]float64, error) {
	cycles, rate, why, err := m.calls(spec, p, h, t, rows, cols, min(k, wholeSteps), reads)
	if k > wholeSteps && err == nil {
		longer := cycles + rate*float64(k-wholeSteps)
		for i := range why {
			why[i] *= longer / cycles
		}
		cycles = longer
	}
	return cycles, why, err
}

// calls simulates a new sliver of Q with the calls that go on with it, twice, and
// takes the second time. rate is the cycles of a step of k at the end of a call.
func (m *model) calls(spec *pipe.Spec, p *plan, h *homes, t tile, rows, cols, k int, reads bool) (cycles, rate float64, why [pipe.NumReasons]float64, err error) {
	u := m.micro(p, t, rows, cols, k, reads)
	lines := func(elements int) float64 { return float64(elements*m.core.elem) / m.line }
	s := series{warm: 1, counted: 1, fresh: h.fresh, arrays: []array{
		{home: h.p, lines: lines(k * m.core.rows(t)), passes: 1},
		{home: h.c, lines: lines(rows * cols), passes: 2},
		{home: h.qSame, first: h.qNew, sliver: true, lines: lines(k * t.nr), passes: 1},
	}}
	if h.fresh < 0.999 {
		s.follow = max(1, min(sameCalls, int(1/h.fresh+0.5)-1))
	}
	run, err := runSeries(spec, &s, func(prog *pipe.Program, n int, at, _ [][3]float64) {
		u.homeP, u.homeC, u.homeQ = at[0], at[1], at[2]
		u.p, u.q, u.c = uint64(1<<32+n<<24), uint64(2<<32+n<<24), uint64(3<<32+n<<24)
		u.program(prog)
	})
	if err != nil {
		return 0, 0, why, err
	}
	rate = u.rate(&run)
	// What is too rare to be among the calls comes at the rates of its level.
	cycles = max(run.cycles+run.missing, float64(t.mv*t.nr*k)/m.core.rate)
	rate = max(0, rate+run.missingOf(0, lines(m.core.rows(t)))+run.missingOf(2, lines(t.nr)))
	return cycles, rate, run.split(cycles), nil
}

// sameCalls is how many calls with an old sliver of Q follow one with a new one in
// the simulation.
const sameCalls = 3

// micro describes a call on packed or plain operands.
func (m *model) micro(p *plan, t tile, rows, cols, k int, reads bool) micro {
	e := int64(m.core.elem)
	ldP, ldQ, ldC := int64(p.lay.m), int64(p.lay.n), int64(m.w.M)
	u := micro{t: t, rows: rows, cols: cols, k: k, reads: reads, lanes: m.core.lanes, elem: m.core.elem,
		fused: m.core.fused, softPrefetch: m.core.soft, callOverheads: callInstructions}
	switch {
	case p.packP:
		u.pStep = int64(m.core.rows(p.t)) * e
	case p.lay.p.kContig:
		u.pStep, u.pRow = e, int64(m.w.K)*e
	default:
		u.pStep = ldP * e
	}
	switch {
	case p.packQ:
		u.qStep, u.qNext = int64(p.t.nr)*e, e
	case p.lay.q.kContig:
		u.qStep, u.qNext = e, int64(m.w.K)*e
	default:
		u.qStep, u.qNext = ldQ*e, e
	}
	if p.lay.cContig {
		u.cNext = ldC * e
	} else {
		u.cNext, u.cRow = e, ldC*e
	}
	return u
}

// simulatePacking replaces the closed form's time of the copies.
func (m *model) simulatePacking(e *estimate, spec *pipe.Spec, p *plan, mMax, nMax, items float64) error {
	e.packing = phase{level: e.packing.level}
	k := float64(m.kOf(p))
	pack := func(elements float64, transposed bool, source float64) error {
		s := sweep{name: "pack", elems: elements, streams: []stream{read(float64(m.core.elem), source), write(float64(m.core.elem), float64(m.aBlock().Size)/2)}}
		if transposed {
			s.work.shuffle = math.Log2(float64(m.core.lanes))
		}
		cycles, _, err := m.sweepCycles(spec, &s, elements, p.threads())
		e.packing.core += cycles * items
		return err
	}
	whole := float64(m.core.elem) * k * float64(p.tk) * (float64(p.lay.m) + float64(p.lay.n) + float64(p.lay.m)*float64(p.lay.n)/k) * float64(m.batch)
	if p.packP {
		again := math.Ceil(nMax / e.nc)
		if err := pack(mMax*k*again, p.lay.p.kContig, whole); err != nil {
			return err
		}
	}
	if p.packQ {
		return pack(nMax*k/float64(m.perSocket(p.tm)), p.lay.q.kContig, whole)
	}
	return nil
}
