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
	private := m.privateLevels()
	for i := range m.cpu.Caches {
		nest := *s
		capacity := m.capacityOf(&nest, p, i)
		items := math.Ceil(float64(m.batch) / float64(p.tb))
		var by [numRefs]lines
		whole := !m.w.Cold && nest.all(-1)*items <= capacity && nest.spread(capacity)
		if !whole {
			by = nest.missesByRef(capacity)
		}
		level := i
		if m.cpu.Caches[i].Shared || i >= private {
			level = 2
		}
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
	prog := &pipe.Program{}
	u := m.micro(p, t, rows, cols, k, reads)
	same := 0
	if h.fresh < 0.999 {
		same = max(1, min(sameCalls, int(1/h.fresh+0.5)-1))
	}
	var ends []int
	// A call finds each operand in one place; over the calls the places come as often
	// as they should.
	places := [3]placing{newPlacing(h.p), {}, newPlacing(h.c)}
	fresh, old := newPlacing(h.qNew), newPlacing(h.qSame)
	for n := range 2 * (1 + same) {
		if n == 1+same {
			for i := range places {
				places[i].restart()
			}
			fresh.restart()
			old.restart()
		}
		u.homeP, u.homeC = places[0].next(), places[2].next()
		if n%(1+same) == 0 {
			u.homeQ = fresh.next()
		} else {
			u.homeQ = old.next()
		}
		u.p, u.q, u.c = uint64(1<<32+n<<24), uint64(2<<32+n<<24), uint64(3<<32+n<<24)
		u.program(prog)
		ends = append(ends, len(prog.Blocks)-1)
	}
	n, marks, err := pipe.Run(spec, prog)
	if err != nil {
		return 0, 0, why, err
	}
	if u.steadySteps > 0 {
		rate = float64(marks[u.steadyFrom+1]-marks[u.steadyFrom]) / float64(u.steadySteps)
	}
	first := float64(marks[ends[1+same]] - marks[ends[same]])
	cycles = first
	if same > 0 {
		rest := float64(marks[ends[1+2*same]]-marks[ends[1+same]]) / float64(same)
		cycles = first*h.fresh + rest*(1-h.fresh)
	}
	// What is too rare to be among them comes at the rates of its level.
	lines := func(elements int) float64 { return float64(elements*m.core.elem) / m.line }
	missing := places[0].missing(spec, lines(k*m.core.rows(t))) + 2*places[2].missing(spec, lines(rows*cols)) +
		fresh.missing(spec, lines(k*t.nr))*h.fresh + old.missing(spec, lines(k*t.nr))*(1-h.fresh)
	cycles = max(cycles+missing, float64(t.mv*t.nr*k)/m.core.rate)
	rate = max(0, rate+places[0].missing(spec, lines(m.core.rows(t)))+fresh.missing(spec, lines(t.nr))*h.fresh+old.missing(spec, lines(t.nr))*(1-h.fresh))
	all := 0.0
	for _, x := range n.Stalls {
		all += float64(x)
	}
	for i, x := range n.Stalls {
		why[i] = cycles * float64(x) / max(1, all)
	}
	return cycles, rate, why, nil
}

// placing deals out places to calls: shares are running sums from L1 on.
type placing struct {
	shares [4]float64 // of each level
	owed   [4]float64
	dealt  [4]float64
	calls  float64
}

func newPlacing(h [3]float64) placing {
	p := placing{shares: [4]float64{h[0], h[1] - h[0], h[2] - h[1], 1 - h[2]}}
	return p
}

// next gives the place that is owed most.
func (p *placing) next() [3]float64 {
	best := 0
	for l := range p.owed {
		p.owed[l] += p.shares[l]
		if p.owed[l] > p.owed[best]+1e-9 {
			best = l
		}
	}
	p.owed[best]--
	p.dealt[best]++
	p.calls++
	var h [3]float64
	for l := best; l < len(h); l++ {
		h[l] = 1
	}
	return h
}

// restart forgets what was dealt before the calls that count.
func (p *placing) restart() { p.dealt, p.calls = [4]float64{}, 0 }

// missing is the cycles by which the places of the calls dealt fall short of their
// shares, for a number of lines a call.
func (p *placing) missing(s *pipe.Spec, lines float64) float64 {
	rates := [4]float64{0, s.L2.CyclesPerSet, max(s.L3.CyclesPerSet, s.L2.CyclesPerSet), s.MemoryCycles}
	sum := 0.0
	for l, r := range rates {
		if p.calls > 0 {
			sum += (p.shares[l] - p.dealt[l]/p.calls) * r * lines
		}
	}
	return sum
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
