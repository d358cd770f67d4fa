package nvdla

import (
	"fmt"

	"gpusim/configs"
)

// Operands are the numbers of a convolution: inputs N x C x H x W, weights
// K x C/Groups x R x S, and the padding above and to the left.
type Operands struct {
	Input, Weights   []int32
	PadTop, PadLeft  int
	Products, Atomic uint64 // filled in: multiplications, and atomic operations of the MAC array
}

// Execute computes a convolution as the pipeline would: hardware layer by hardware
// layer, kernel group by kernel group, stripe by stripe, package by package, atom by
// atom. It fails if a package takes more channels or kernels than the MAC array has,
// or an atom a line that is not in the buffer. parts is how many slices lie in the
// buffer at a time if it has to be cut, 1 or 2. The result is N x K x P x Q.
func Execute(n *configs.NVDLA, c Conv, parts int, d *Operands) ([]int32, error) {
	p, err := newPlan(n, &c, parts)
	if err != nil {
		return nil, err
	}
	e := execution{n: n, c: &c, p: p, d: d, out: make([]int32, c.N*c.K*c.P*c.Q)}
	for i := range p.ops {
		if err := e.op(&p.ops[i]); err != nil {
			return nil, fmt.Errorf("hardware layer %d: %w", i, err)
		}
	}
	return e.out, nil
}

type execution struct {
	n   *configs.NVDLA
	c   *Conv
	p   *plan
	d   *Operands
	out []int32
}

func (e *execution) op(o *op) error {
	c := e.c
	kernel := o.convGroup * (c.K / c.Groups)
	for _, kernels := range o.kernels {
		if kernels > e.p.atomK {
			return fmt.Errorf("%d kernels in a group, the MAC array has %d", kernels, e.p.atomK)
		}
		at := 0
		for _, atoms := range o.atoms {
			if atoms > 2*e.p.atomK && o.images == 1 {
				return fmt.Errorf("a stripe of %d atoms", atoms)
			}
			packs, err := e.packages()
			if err != nil {
				return err
			}
			if len(packs) != o.packages {
				return fmt.Errorf("%d packages planned, %d needed", o.packages, len(packs))
			}
			for _, pack := range packs {
				for a := range atoms {
					if err := e.atom(o, pack, at+a, kernel, kernels); err != nil {
						return err
					}
					e.d.Atomic++
				}
			}
			at += atoms
		}
		if want := e.atoms(o); at != want {
			return fmt.Errorf("stripes have %d atoms, the output %d", at, want)
		}
		kernel += kernels
	}
	return nil
}

// atoms is how many the output of an op has.
func (e *execution) atoms(o *op) int {
	switch e.p.mode {
	case Batch:
		return o.images
	case Winograd:
		return ceilDiv(o.lines, 2) * ceilDiv(e.c.Q, 2)
	}
	return o.lines * e.c.Q
}

// tap is an element of a filter: channel of its group, row, column.
type tap struct{ c, r, s int }

// packages lists the taps of each package: what an atomic operation multiplies.
func (e *execution) packages() ([][]tap, error) {
	c, atomC := e.c, e.n.AtomicC
	cg := c.C / c.Groups
	var out [][]tap
	switch e.p.mode {
	case Image:
		rows := 1
		for _, y := range []int{2, 4} {
			if c.S*cg*y <= atomC && c.StrideW*cg*y <= atomC {
				rows = y
			}
		}
		for r := 0; r < c.R; r += rows {
			for from := 0; from < c.S*cg; from += atomC {
				var pack []tap
				for y := r; y < min(c.R, r+rows); y++ {
					for i := from; i < min(c.S*cg, from+atomC); i++ {
						pack = append(pack, tap{i % cg, y, i / cg})
					}
				}
				out = append(out, pack)
			}
		}
	case Winograd: // channels; the taps are inside
		for from := 0; from < cg; from += max(1, atomC/16) {
			var pack []tap
			for ch := from; ch < min(cg, from+max(1, atomC/16)); ch++ {
				pack = append(pack, tap{c: ch})
			}
			out = append(out, pack)
		}
	default:
		for from := 0; from < cg; from += atomC {
			for r := range c.R {
				for s := range c.S {
					var pack []tap
					for ch := from; ch < min(cg, from+atomC); ch++ {
						pack = append(pack, tap{ch, r, s})
					}
					out = append(out, pack)
				}
			}
		}
	}
	width := atomC
	if e.p.mode == Winograd {
		width = max(1, atomC/16)
	}
	for _, pack := range out {
		if len(pack) > width {
			return nil, fmt.Errorf("a package of %d channels, the MAC array takes %d", len(pack), width)
		}
	}
	return out, nil
}

// pixel is a point of the input, 0 in the padding.
func (e *execution) pixel(o *op, image, ch, y, x int) (int32, error) {
	c := e.c
	if y < 0 || y >= c.H || x < 0 || x >= c.W {
		return 0, nil
	}
	if o.partial { // which lines it has fetched
		first := o.firstLine*c.StrideH - e.d.PadTop
		if y < first || y >= first+(o.lines-1)*c.StrideH+(c.R-1)*c.DilH+1 {
			return 0, fmt.Errorf("line %d of the input is not in the buffer", y)
		}
	}
	return e.d.Input[((image*c.C+o.convGroup*(c.C/c.Groups)+ch)*c.H+y)*c.W+x], nil
}

func (e *execution) weight(k int, t tap) int32 {
	c := e.c
	return e.d.Weights[((k*(c.C/c.Groups)+t.c)*c.R+t.r)*c.S+t.s]
}

// atom is one atomic operation: a package of one point with all kernels of the
// group.
func (e *execution) atom(o *op, pack []tap, at, kernel, kernels int) error {
	c := e.c
	if e.p.mode == Winograd {
		return e.winograd(o, pack, at, kernel, kernels)
	}
	image, y, x := o.image, o.firstLine+at/c.Q, at%c.Q
	if e.p.mode == Batch {
		image, y, x = o.image+at, 0, 0
	}
	for _, t := range pack {
		v, err := e.pixel(o, image, t.c, y*c.StrideH-e.d.PadTop+t.r*c.DilH, x*c.StrideW-e.d.PadLeft+t.s*c.DilW)
		if err != nil {
			return err
		}
		for k := kernel; k < kernel+kernels; k++ {
			e.out[((image*c.K+k)*c.P+y)*c.Q+x] += v * e.weight(k, t)
			e.d.Products++
		}
	}
	return nil
}

// winograd is F(2x2, 3x3) of one tile: 16 products of the transformed input and
// weights for each channel and kernel, and the transform of the sums. Weights are
// transformed times four, so that they stay whole numbers.
func (e *execution) winograd(o *op, pack []tap, at, kernel, kernels int) error {
	c := e.c
	tiles := ceilDiv(c.Q, 2)
	y0, x0 := o.firstLine+at/tiles*2, at%tiles*2
	for _, t := range pack {
		var d [4][4]int32
		for i := range 4 {
			for j := range 4 {
				v := int32(0)
				if y0+i-2 < c.P && x0+j-2 < c.Q { // beyond the last output nothing is needed
					var err error
					if v, err = e.pixel(o, o.image, t.c, y0+i-e.d.PadTop, x0+j-e.d.PadLeft); err != nil {
						return err
					}
				}
				d[i][j] = v
			}
		}
		in := bothSides(inputRow, d)
		for k := kernel; k < kernel+kernels; k++ {
			var g [4][4]int32
			for r := range 3 {
				for s := range 3 {
					g[r][s] = e.weight(k, tap{t.c, r, s})
				}
			}
			w := bothSides(weightRow, g)
			var m [4][4]int32
			for i := range 4 {
				for j := range 4 {
					m[i][j] = in[i][j] * w[i][j]
					e.d.Products++
				}
			}
			sum := bothSides(outputRow, m)
			for i := range min(2, c.P-y0) {
				for j := range min(2, c.Q-x0) {
					e.out[((o.image*c.K+k)*c.P+y0+i)*c.Q+x0+j] += sum[i][j] / 4
				}
			}
		}
	}
	return nil
}

// The transforms of F(2, 3) along one side; that of weights times two.
func inputRow(v [4]int32) [4]int32 {
	return [4]int32{v[0] - v[2], v[1] + v[2], v[2] - v[1], v[1] - v[3]}
}
func weightRow(v [4]int32) [4]int32 {
	return [4]int32{2 * v[0], v[0] + v[1] + v[2], v[0] - v[1] + v[2], 2 * v[2]}
}
func outputRow(v [4]int32) [4]int32 { return [4]int32{v[0] + v[1] + v[2], v[1] - v[2] - v[3]} }

// bothSides transforms rows, then columns.
func bothSides(f func([4]int32) [4]int32, m [4][4]int32) (out [4][4]int32) {
	var rows [4][4]int32
	for i := range 4 {
		rows[i] = f(m[i])
	}
	for j := range 4 {
		col := f([4]int32{rows[0][j], rows[1][j], rows[2][j], rows[3][j]})
		for i := range 4 {
			out[i][j] = col[i]
		}
	}
	return out
}
