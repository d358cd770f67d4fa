package tile

// View lets a tensor be walked as a matrix that is not stored, as lowering does:
// a row of it is an output point of a convolution, a column a filter tap, and
// many elements are the same one in memory, or lie in the padding.
//
// Row and column are split into digits, the fastest first. Each digit moves
// through memory and through two bounded coordinates, height and width; an
// element whose coordinates are out of bounds reads as zero and is not written.
type View struct {
	Row, Col []Digit
	At       int64 // element of row 0, column 0; may lie before the first
	H0, W0   int32 // its coordinates
	H, W     int32 // bounds; 0: none
}

// Digit is one place of a mixed-radix number.
type Digit struct {
	Size   int32 // its values are 0 to Size-1; of the last digit all that is left
	Least  int32 // values from here on read as zeros, where not 0: padding up to Size
	Stride int64 // elements from one value to the next
	H, W   int32 // coordinates likewise
}

// view is the one that a CTA uses.
func (t *Tensor) view(c *CTA) *View { return &t.Views[min(int(c.View), len(t.Views)-1)] }

// viewPlace is what a number adds to an element's place.
type viewPlace struct {
	at   int64
	h, w int32
	ok   bool
}

func digits(ds []Digit, v int32) viewPlace {
	p := viewPlace{ok: true}
	for i := range ds {
		d := &ds[i]
		x := v
		if i < len(ds)-1 {
			v = x / d.Size
			x -= v * d.Size
		}
		if d.Least > 0 && x >= d.Least {
			p.ok = false
		}
		p.at += int64(x) * d.Stride
		p.h += x * d.H
		p.w += x * d.W
	}
	return p
}

// Element is where element (row, col) lies in the tensor, and whether it lies
// there at all.
func (v *View) Element(row, col int32) (at int64, ok bool) {
	r, c := digits(v.Row, row), digits(v.Col, col)
	return v.join(&r, &c)
}

func (v *View) join(r, c *viewPlace) (at int64, ok bool) {
	h, w := v.H0+r.h+c.h, v.W0+r.w+c.w
	if !r.ok || !c.ok || v.H > 0 && uint32(h) >= uint32(v.H) || v.W > 0 && uint32(w) >= uint32(v.W) {
		return 0, false
	}
	return v.At + r.at + c.at, true
}

// cursor remembers where the latest number led. Neighbouring lanes ask for the
// same number or for one a little further, which differs in the fastest digit
// alone.
type cursor struct {
	of   *Digit
	v, x int32 // the number and its fastest digit
	p    viewPlace
}

func (c *cursor) at(ds []Digit, v int32) *viewPlace {
	if len(ds) == 0 { // all numbers lead to one place
		c.of, c.p = nil, viewPlace{ok: true}
		return &c.p
	}
	d := &ds[0]
	if c.of == d {
		step := v - c.v
		if step == 0 {
			return &c.p
		}
		if x := c.x + step; d.Least == 0 && x >= 0 && (x < d.Size || len(ds) == 1) {
			c.v, c.x = v, x
			c.p.at += int64(step) * d.Stride
			c.p.h += step * d.H
			c.p.w += step * d.W
			return &c.p
		}
	}
	c.of, c.v, c.x, c.p = d, v, v, digits(ds, v)
	if len(ds) > 1 {
		c.x = v % d.Size
	}
	return &c.p
}
