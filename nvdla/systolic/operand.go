package systolic

// Layer is a product whose inputs may be a convolution's: H x W points of
// Channels channels seen through R x S filters, so that one word of the input
// stands at several places of the M x K matrix. Without a convolution H is 0.
type Layer struct {
	Product
	H, W, R, S, Channels, Stride int
}

// Conv is a convolution without padding (padded sizes are the caller's).
func Conv(h, w, r, s, channels, filters, stride int) Layer {
	return Layer{
		Product: Product{M: outputs(h, r, stride) * outputs(w, s, stride), N: filters, K: r * s * channels},
		H:       h, W: w, R: r, S: s, Channels: channels, Stride: stride,
	}
}

// outputs rounds up: the last filter position may hang over the edge.
func outputs(size, filter, stride int) int { return ceilDiv(size-filter+stride, stride) }

// GEMM is a plain product.
func GEMM(m, n, k int) Layer { return Layer{Product: Product{M: m, N: n, K: k}} }

// input is the address of element (m, k) of the input matrix.
func (l *Layer) input(m, k int) int {
	if l.H == 0 {
		return m*l.K + k
	}
	q := outputs(l.W, l.S, l.Stride)
	y := m/q*l.Stride + k/(l.S*l.Channels)
	x := m%q*l.Stride + k/l.Channels%l.S
	return (y*l.W+x)*l.Channels + k%l.Channels
}

// inputs bounds the addresses of the input.
func (l *Layer) inputs() int {
	if l.H == 0 {
		return l.M * l.K
	}
	// A last filter that hangs over the edge reads beyond it.
	return (l.H + l.Stride + l.R) * l.W * l.Channels
}

// weight is the address of element (k, n) of the filter matrix.
func (l *Layer) weight(k, n int) int { return k*l.N + n }

// grid is an operand in the order in which it is fetched from memory: folds
// below each other, each as wide as the side of the array that it enters. at
// gives the address of a place, or -1 where a fold is partly filled.
type grid struct {
	rows, cols int
	diagonal   bool // fetched along diagonals, as skewed operands are used; else row by row
	at         func(row, col int) int
}

// walker goes through a grid in fetch order, over and over.
type walker struct {
	g        *grid
	row, col int
	diag     int
}

// next is the address of the next word that exists.
func (w *walker) next() int {
	for {
		a := w.g.at(w.row, w.col)
		w.step()
		if a >= 0 {
			return a
		}
	}
}

func (w *walker) step() {
	g := w.g
	if !g.diagonal {
		if w.col++; w.col == g.cols {
			w.col = 0
			if w.row++; w.row == g.rows {
				w.row = 0
			}
		}
		return
	}
	// Along a diagonal the row falls and the column rises.
	w.row, w.col = w.row-1, w.col+1
	if w.row >= 0 && w.col < g.cols {
		return
	}
	if w.diag++; w.diag == g.rows+g.cols-1 {
		w.diag = 0
	}
	w.row = min(w.diag, g.rows-1)
	w.col = w.diag - w.row
}

// demand gives the addresses that one side of the array asks for in a cycle of
// a fold, for neighbouring positions of the array from first on; it appends to
// buf.
type demand func(rowFold, colFold, cycle int, buf []int) (first int, words []int)

// place is how many places come before one of a grid that is fetched along diagonals.
func (g *grid) place(row, col int) int {
	d := row + col
	return onDiagonals(d, g.rows, g.cols) + col - max(0, d-g.rows+1)
}

// onDiagonals is how many places of rows x cols lie on the first d diagonals.
func onDiagonals(d, rows, cols int) int {
	triangle := func(n int) int { return max(0, n) * (n + 1) / 2 }
	return triangle(d) - triangle(d-rows) - triangle(d-cols) + triangle(d-rows-cols)
}

// order is how many words are fetched before one: of a streamed operand before (t, p), of
// a held one before (r, c).
type order func(along, across int) int

// span gives the places, in the order of fetching, of the first and the last word
// that one side of the array asks for in a fold. Those of a streamed operand whose
// last fold is partly filled come a little early.
type span func(rowFold, colFold int) (first, last int)

// side is an operand of a mapping: in which order it is fetched, and when it
// is asked for.
type side struct {
	fetch  grid
	words  int
	bound  int // addresses are below
	demand demand
	span   span

	// at is how many words are fetched before an address, of an operand whose words
	// stand at one place each; nil: at several.
	at func(address int) int
}

// streamed is an operand that moves through the array: element (t, p) enters
// at position p of the side, skewed by p, from the given cycle of a fold on.
// fold picks the fold index that numbers positions.
func streamed(m *Mapping, total, size, from int, fold func(rf, cf int) int, at func(t, p int) int) (grid, demand, span, order) {
	g := grid{rows: ceilDiv(total, size) * m.T, cols: size, diagonal: true, at: func(row, col int) int {
		p := row/m.T*size + col
		if p >= total {
			return -1
		}
		return at(row%m.T, p)
	}}
	asked := func(rf, cf, cycle int, buf []int) (int, []int) {
		base := fold(rf, cf) * size
		n := min(size, total-base)
		first := max(0, cycle-from-m.T+1) // 0 <= cycle - from - p < T
		for p := first; p < n && p <= cycle-from; p++ {
			buf = append(buf, at(cycle-from-p, base+p))
		}
		return first, buf
	}
	// Where the last fold is partly filled, places without a word come between.
	last, width := (g.rows-m.T)+total-(g.rows/m.T-1)*size, g.rows/m.T*size-total
	before := func(t, p int) int {
		row, col := p/size*m.T+t, p%size
		n := g.place(row, col)
		if d := row + col - last; width > 0 && d >= 0 {
			low := max(0, d-m.T+1)
			n -= onDiagonals(d, m.T, width) + max(0, min(width-1, d, col-(size-width)-1)-low+1)
		}
		return n
	}
	return g, asked, func(rf, cf int) (int, int) {
		i := fold(rf, cf)
		return g.place(i*m.T, 0), g.place((i+1)*m.T-1, used(total, size, i)-1)
	}, before
}

// held is an operand that stays: it is loaded a row of the array a cycle, last
// row first.
func held(m *Mapping, at func(r, c int) int) (grid, demand, span, order) {
	g := grid{rows: m.ColFolds * m.Sr, cols: m.Cols, at: func(row, col int) int {
		c := row/m.Sr*m.Cols + col
		if c >= m.Sc {
			return -1
		}
		return at(row%m.Sr, c)
	}}
	asked := func(rf, cf, cycle int, buf []int) (int, []int) {
		r := rf*m.Rows + m.Rows - 1 - cycle
		if cycle >= m.Rows || r >= m.Sr {
			return 0, buf
		}
		for c := cf * m.Cols; c < min(m.Sc, (cf+1)*m.Cols); c++ {
			buf = append(buf, at(r, c))
		}
		return 0, buf
	}
	return g, asked, func(rf, cf int) (int, int) {
			first := cf*m.Sr*m.Cols + rf*m.Rows*used(m.Sc, m.Cols, cf)
			return first + used(m.Sr, m.Rows, rf)*used(m.Sc, m.Cols, cf) - 1, first
		}, func(r, c int) int {
			cf := c / m.Cols
			return cf*m.Cols*m.Sr + r*used(m.Sc, m.Cols, cf) + c%m.Cols
		}
}

func rowFold(rf, _ int) int { return rf }
func colFold(_, cf int) int { return cf }

// sides are the two operands of a layer on a mapping.
func (l *Layer) sides(m *Mapping) (input, weight side) {
	input.words, input.bound = l.M*l.K, l.inputs()
	weight.words, weight.bound = l.N*l.K, l.N*l.K
	var in, wt order
	switch m.Flow {
	case OutputStationary:
		input.fetch, input.demand, input.span, in = streamed(m, m.Sr, m.Rows, 0, rowFold, func(t, p int) int { return l.input(p, t) })
		weight.fetch, weight.demand, weight.span, wt = streamed(m, m.Sc, m.Cols, 0, colFold, func(t, p int) int { return l.weight(t, p) })
		weight.at = func(a int) int { return wt(a/l.N, a%l.N) }
		input.at = func(a int) int { return in(a%l.K, a/l.K) }
	case InputStationary:
		input.fetch, input.demand, input.span, in = held(m, func(r, c int) int { return l.input(c, r) })
		weight.fetch, weight.demand, weight.span, wt = streamed(m, m.Sr, m.Rows, m.Rows, rowFold, func(t, p int) int { return l.weight(p, t) })
		weight.at = func(a int) int { return wt(a%l.N, a/l.N) }
		input.at = func(a int) int { return in(a%l.K, a/l.K) }
	default:
		input.fetch, input.demand, input.span, in = streamed(m, m.Sr, m.Rows, m.Rows, rowFold, func(t, p int) int { return l.input(t, p) })
		weight.fetch, weight.demand, weight.span, wt = held(m, l.weight)
		weight.at = func(a int) int { return wt(a/l.N, a%l.N) }
		input.at = func(a int) int { return in(a/l.K, a%l.K) }
	}
	if l.H > 0 { // a convolution's inputs stand at as many places as filters see them
		input.at = nil
	}
	return input, weight
}

// results is how many outputs leave the array in a cycle of a fold: column c
// gives one a cycle, c cycles after column 0. An output of an output-stationary
// array leaves when it is complete.
func (m *Mapping) results(rf, cf, cycle int) int {
	cols := used(m.Sc, m.Cols, cf)
	first, count := 2*m.Rows-1, m.T
	if m.Flow == OutputStationary {
		first, count = m.T-1, used(m.Sr, m.Rows, rf)
	}
	low := max(0, cycle-first-count+1)
	return max(0, min(cols-1, cycle-first)-low+1)
}
