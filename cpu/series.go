package cpu

import "gpusim/cpu/pipe"

// A kernel is called again and again by the loop nest around it, and finds each of
// its arrays where the nest leaves it. A few calls run on the core one after another;
// over them the places come as often as they should.

// array is what the calls of a kernel read or write.
type array struct {
	home   [3]float64 // share of its lines in each level, as running sums from L1 on
	first  [3]float64 // the same for the first call of a group, where sliver is set
	sliver bool       // the first call of a group begins with another piece of it
	lines  float64    // that a call touches
	passes float64    // of each line through a level: 2 where it also goes back
}

// series says how many calls run. They come in groups: a first one, and those that
// follow on the same piece of an array.
type series struct {
	warm, counted int     // groups that run first, and those whose time counts
	follow        int     // calls that follow the first of a group
	fresh         float64 // share of all calls that are the first of a group
	arrays        []array
}

// calls is what a call of a series takes.
type calls struct {
	cycles  float64
	missing float64 // cycles of lines that are too rare to be among the calls that ran
	stalls  [pipe.NumReasons]int64
	marks   []int64 // cycle at the end of each block
	ends    []int   // last block of each call
	spec    *pipe.Spec
	series  *series
	deal    [][2]placing
}

// runSeries simulates a series. emit appends call n to the program, with the places
// where it finds each array and those of the call after it.
func runSeries(spec *pipe.Spec, s *series, emit func(p *pipe.Program, n int, at, next [][3]float64)) (calls, error) {
	group := 1 + s.follow
	first := s.warm * group
	n := first + s.counted*group
	deal := make([][2]placing, len(s.arrays))
	for a := range s.arrays {
		deal[a] = [2]placing{newPlacing(s.arrays[a].home), newPlacing(s.arrays[a].first)}
	}
	at := make([][][3]float64, n+1)
	for i := range at {
		if i == first {
			for a := range deal {
				deal[a][0].restart()
				deal[a][1].restart()
			}
		}
		at[i] = make([][3]float64, len(s.arrays))
		for a := range s.arrays {
			from := &deal[a][0]
			if s.arrays[a].sliver && i%group == 0 {
				from = &deal[a][1]
			}
			if i == n { // beyond the last call: a place, but not one that counts
				spare := *from
				from = &spare
			}
			at[i][a] = from.next()
		}
	}
	prog := &pipe.Program{}
	out := calls{ends: make([]int, n)}
	for i := range n {
		emit(prog, i, at[i], at[i+1])
		out.ends[i] = len(prog.Blocks) - 1
	}
	counts, marks, err := pipe.Run(spec, prog)
	if err != nil {
		return out, err
	}
	out.marks, out.stalls = marks, counts.Stalls
	end := func(call int) int64 { return marks[out.ends[call]] }
	begin, rest := int64(0), int64(0)
	for g := s.warm; g < s.warm+s.counted; g++ {
		begin += end(g*group) - end(g*group-1)
		rest += end(g*group+s.follow) - end(g*group)
	}
	out.cycles = float64(begin) / float64(s.counted)
	if s.follow > 0 {
		out.cycles = out.cycles*s.fresh + float64(rest)/float64(s.follow*s.counted)*(1-s.fresh)
	}
	out.spec, out.series, out.deal = spec, s, deal
	for a := range s.arrays {
		out.missing += out.missingOf(a, s.arrays[a].lines)
	}
	return out, nil
}

// missingOf is the cycles of the lines of an array that are too rare to be among the
// calls that ran, if a call touches so many.
func (c *calls) missingOf(a int, lines float64) float64 {
	r := &c.series.arrays[a]
	often := r.passes * c.deal[a][0].missing(c.spec, lines)
	if !r.sliver {
		return often
	}
	return r.passes*c.deal[a][1].missing(c.spec, lines)*c.series.fresh + often*(1-c.series.fresh)
}

// split shares the cycles of a call out among the reasons.
func (c *calls) split(cycles float64) (why [pipe.NumReasons]float64) {
	all := 0.0
	for _, x := range c.stalls {
		all += float64(x)
	}
	for i, x := range c.stalls {
		why[i] = cycles * float64(x) / max(1, all)
	}
	return why
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
