package systolic

import "fmt"

// RowStationary is an array of processing elements each of which convolves one
// row of a filter with one row of the input (Chen et al., Eyeriss, JSSC 2017).
// Elements of a set of R x e compute e rows of the output; sets work on
// different filters and channels.
type RowStationary struct {
	Rows, Cols int // of the array
	// Words of the scratchpads of an element, for filters, inputs and partial sums.
	FilterWords, InputWords, SumWords int
	BufferBytes                       int // global buffer, for inputs and partial sums
	WordBytes                         int
	BusWords                          int // words a cycle from the buffer to the array, for each kind of word
}

// RSConv is a convolution for it; padded sizes, Groups apart.
type RSConv struct {
	N, C, H, W, K, R, S, Stride, Groups int
}

func (c *RSConv) outputs() (e, f int) { return (c.H-c.R)/c.Stride + 1, (c.W-c.S)/c.Stride + 1 }

// MACs of all images.
func (c *RSConv) MACs() uint64 {
	e, f := c.outputs()
	return uint64(c.N) * uint64(c.K) * uint64(e*f) * uint64(c.C/c.Groups) * uint64(c.R*c.S)
}

// Pass is how a layer is cut, in the terms of the paper: an element works on P
// filters and Q channels, R sets on different channels, T sets on different
// filters; E rows of the output and N images a pass; M channels of the output
// stay in the buffer.
type Pass struct{ M, N, E, P, Q, R, T int }

// ActivePEs is the number of elements at work.
func (p Pass) ActivePEs(c *RSConv) int { return c.R * p.E * p.R * p.T }

// RSRun is a layer on the array.
type RSRun struct {
	Pass
	Passes      uint64
	Cycles      uint64
	Active      int
	BufferWords uint64
	DRAMBytes   uint64
}

// check says why a pass does not fit.
func (a *RowStationary) check(c *RSConv, p Pass) error {
	switch {
	case p.P*p.Q*c.S > a.FilterWords:
		return fmt.Errorf("%d filter words for %d", p.P*p.Q*c.S, a.FilterWords)
	case p.Q*c.S > a.InputWords:
		return fmt.Errorf("%d input words for %d", p.Q*c.S, a.InputWords)
	case p.P > a.SumWords:
		return fmt.Errorf("%d partial sums for %d", p.P, a.SumWords)
	case p.ActivePEs(c) > a.Rows*a.Cols:
		return fmt.Errorf("%d elements of %d", p.ActivePEs(c), a.Rows*a.Cols)
	}
	// A set is R rows high; one that is wider than the array folds below itself.
	folds := ceilDiv(p.E, a.Cols)
	perRow := max(1, a.Cols/p.E)
	if sets := p.R * p.T; ceilDiv(sets, perRow)*folds*c.R > a.Rows {
		return fmt.Errorf("%d sets of %d x %d do not fit %d x %d elements", sets, c.R, p.E, a.Rows, a.Cols)
	}
	// Sums of different channels meet in the columns, so their sets stand above each other.
	if h := p.R * folds * c.R; h > a.Rows {
		return fmt.Errorf("sets of %d channels are %d elements high, the array %d", p.R, h, a.Rows)
	}
	if b := a.held(c, p); b > a.BufferBytes {
		return fmt.Errorf("%d bytes for a buffer of %d", b, a.BufferBytes)
	}
	return nil
}

// inputWords and sumWords of one pass.
func (a *RowStationary) inputWords(c *RSConv, p Pass) int {
	return p.N * p.Q * p.R * ((p.E-1)*c.Stride + c.R) * c.W
}

func (a *RowStationary) sumWords(c *RSConv, p Pass) int {
	_, f := c.outputs()
	return p.N * p.P * p.T * p.E * f
}

// held is what the buffer holds: the inputs of a pass and the partial sums of M
// channels.
func (a *RowStationary) held(c *RSConv, p Pass) int {
	_, f := c.outputs()
	return a.WordBytes * (a.inputWords(c, p) + p.N*p.M*p.E*f)
}

// Time is the layer with a given cut. A pass multiplies while inputs and partial
// sums stream past, each on a bus of its own; before it come its filters and the
// words of the first window, behind it its last sums.
func (a *RowStationary) Time(c *RSConv, p Pass) RSRun {
	e, f := c.outputs()
	kg, cg := c.K/c.Groups, c.C/c.Groups
	blocks := func(n, by int) uint64 { return uint64(ceilDiv(n, by)) }
	passes := uint64(c.Groups) * blocks(kg, p.P*p.T) * blocks(cg, p.Q*p.R) * blocks(e, p.E) * blocks(c.N, p.N)
	bus := func(words int) int { return ceilDiv(words, a.BusWords) }
	filters := p.P * p.T * p.Q * p.R * c.R * c.S
	compute := p.N * p.P * p.Q * c.S * f
	stream := max(compute, bus(a.sumWords(c, p)), bus(a.inputWords(c, p)))
	window := p.Q * p.R * ((p.E-1)*c.Stride + c.R) * c.S
	firstSums := p.P * p.T * p.E // images follow each other, so of one
	cycles := bus(filters) + bus(window) + 2*bus(firstSums) + stream
	r := RSRun{Pass: p, Passes: passes, Cycles: passes * uint64(cycles), Active: p.ActivePEs(c)}
	r.BufferWords = passes * uint64(filters+a.inputWords(c, p)+2*a.sumWords(c, p))
	// Inputs come again for every M filters; filters for every group of images and rows.
	weights := uint64(c.K) * uint64(cg*c.R*c.S)
	inputs := uint64(c.N*c.C) * uint64(c.H*c.W)
	r.DRAMBytes = uint64(a.WordBytes) * (inputs*blocks(kg, p.M) + weights*blocks(c.N, p.N)*blocks(e, p.E) + uint64(c.N*c.K)*uint64(e*f))
	return r
}

// fewer is the next smaller number of filters per element that cuts kg filters
// evenly over one block more.
func fewer(kg, p, t int) int {
	next := ceilDiv(kg, t*(ceilDiv(kg, p*t)+1))
	if next >= p {
		next = p - 1
	}
	return next
}

// fill keeps as many filters' sums in the buffer as fit.
func (a *RowStationary) fill(c *RSConv, p Pass, kg int) Pass {
	for p.M+p.P*p.T <= kg {
		more := p
		more.M += p.P * p.T
		if a.held(c, more) > a.BufferBytes {
			break
		}
		p = more
	}
	return p
}

// better compares two cuts by energy times delay, where an access of memory is
// worth 200 and one of the buffer 6 multiplications (Chen et al., ISCA 2016,
// Table IV).
func (r *RSRun) better(than *RSRun) bool { return r.cost() < than.cost() }

func (r *RSRun) cost() float64 {
	return float64(r.Cycles) * (100*float64(r.DRAMBytes) + 6*float64(r.BufferWords))
}

// Map chooses the cut of the least product of energy and delay. An error: not
// even one set fits.
func (a *RowStationary) Map(c *RSConv) (RSRun, error) {
	e, _ := c.outputs()
	kg, cg := c.K/c.Groups, c.C/c.Groups
	var best RSRun
	why := fmt.Errorf("filters of %d rows for %d rows of elements", c.R, a.Rows)
	for rows := 1; rows <= min(e, a.Rows*a.Cols/c.R); rows++ {
		for t := 1; t*rows*c.R <= a.Rows*a.Cols && t <= kg; t++ {
			for r := 1; r*t*rows*c.R <= a.Rows*a.Cols && r <= cg; r++ {
				for q := 1; q*c.S <= a.InputWords && q*r <= cg; q++ {
					most := min(a.SumWords, a.FilterWords/(q*c.S), ceilDiv(kg, t))
					for p := most; p > 0; p = fewer(kg, p, t) {
						for n := 1; n <= min(c.N, 4); n++ {
							pass := Pass{M: p * t, N: n, E: rows, P: p, Q: q, R: r, T: t}
							if err := a.check(c, pass); err != nil {
								why = err
								break
							}
							if run := a.Time(c, a.fill(c, pass, kg)); best.Cycles == 0 || run.better(&best) {
								best = run
							}
						}
					}
				}
			}
		}
	}
	if best.Cycles == 0 {
		return best, why
	}
	return best, nil
}

// String names a cut, as ParsePass reads it.
func (p Pass) String() string {
	return fmt.Sprintf("rs_m%d_n%d_e%d_p%d_q%d_r%d_t%d", p.M, p.N, p.E, p.P, p.Q, p.R, p.T)
}

// ParsePass reads the name of a cut.
func ParsePass(s string) (p Pass, err error) {
	n, err := fmt.Sscanf(s, "rs_m%d_n%d_e%d_p%d_q%d_r%d_t%d", &p.M, &p.N, &p.E, &p.P, &p.Q, &p.R, &p.T)
	if n != 7 || err != nil || p.String() != s {
		return p, fmt.Errorf("%q is not a cut (example: rs_m64_n1_e27_p16_q2_r1_t1)", s)
	}
	for _, v := range []int{p.M, p.N, p.E, p.P, p.Q, p.R, p.T} {
		if v < 1 {
			return p, fmt.Errorf("%q: all parts of a cut are 1 or more", s)
		}
	}
	return p, nil
}

// Forced is a layer with a cut that somebody else chose.
func (a *RowStationary) Forced(c *RSConv, p Pass) (RSRun, error) {
	if err := a.check(c, p); err != nil {
		return RSRun{}, fmt.Errorf("cut %v does not fit: %w", p, err)
	}
	return a.Time(c, p), nil
}
