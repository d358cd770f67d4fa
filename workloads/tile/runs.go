package tile

// run is lanes of a warp instruction, one after another, whose rows and columns go up
// in equal steps. Where such a run does not leave the fastest digits of a view, its
// addresses go up in equal steps too, so that one of them gives all.
type run struct {
	lane, n          int32
	rowStep, colStep int32
}

// runsOf splits the lanes of a warp into runs.
func runsOf(acc *Access, warp int) (out []run) {
	row, col := acc.Row[warp*32:warp*32+32], acc.Col[warp*32:warp*32+32]
	for at := 0; at < 32; {
		r := run{lane: int32(at), n: 1}
		if at++; at < 32 {
			r.rowStep, r.colStep = row[at]-row[at-1], col[at]-col[at-1]
		}
		for ; at < 32 && row[at]-row[at-1] == r.rowStep && col[at]-col[at-1] == r.colStep; at++ {
			r.n++
		}
		if r.n == 2 { // the second may be the first of a longer one
			r.n, r.rowStep, r.colStep = 1, 0, 0
			at--
		}
		out = append(out, r)
	}
	return out
}

// viewed is Lines for a tensor that is walked through a view.
func (g *LineGen) viewed(access int, c *CTA, warp int, iter int32, out []Line) []Line {
	acc := &g.k.Accesses[access]
	at := access*g.warps + warp
	if g.runs[at] == nil {
		g.runs[at] = runsOf(acc, warp)
	}
	t := &g.k.Tensors[acc.Tensor]
	v := t.view(c)
	iter += acc.IterAdd
	row0, col0 := c.Origin[acc.RowVar]+acc.row(iter), c.Origin[acc.ColVar]+iter*acc.ColStep
	rows, cols := limit(t.Rows, c, acc.RowVar), limit(t.Cols, c, acc.ColVar)
	base := int64(0)
	if !acc.BatchFree {
		base = int64(c.Batch) * t.BatchStride
	}
	begin, elem := len(out), int64(t.Elem)
	for i := range g.runs[at] {
		r := &g.runs[at][i]
		first := warp*32 + int(r.lane)
		row, col := row0+acc.Row[first], col0+acc.Col[first]
		left := r.n - 1
		lastRow, lastCol := row+left*r.rowStep, col+left*r.colStep
		rp, cp := g.row.at(v.Row, row), g.col.at(v.Col, col)
		if max(row, lastRow) >= rows || max(col, lastCol) >= cols || !g.row.reaches(v.Row, lastRow) || !g.col.reaches(v.Col, lastCol) {
			for lane := range int(r.n) {
				row, col := row0+acc.Row[first+lane], col0+acc.Col[first+lane]
				if row >= rows || col >= cols {
					continue
				}
				if off, ok := v.join(g.row.at(v.Row, row), g.col.at(v.Col, col)); ok {
					out = span(t.Base+uint64((off+base)*elem), acc.Bytes, out, begin)
				}
			}
			continue
		}
		step, h, w := steps(v.Row, r.rowStep)
		dc, hc, wc := steps(v.Col, r.colStep)
		step, h, w = step+dc, h+hc, w+wc
		if h|w == 0 { // all lanes lie in the tensor, or none
			off, ok := v.join(rp, cp)
			if !ok {
				continue
			}
			a := t.Base + uint64((off+base)*elem)
			switch step * elem {
			case 0:
				out = span(a, acc.Bytes, out, begin)
			case int64(acc.Bytes):
				out = span(a, int(r.n)*acc.Bytes, out, begin)
			default:
				for range r.n {
					out = span(a, acc.Bytes, out, begin)
					a += uint64(step * elem)
				}
			}
			continue
		}
		p := *rp
		p.ok = rp.ok && cp.ok
		p.at, p.h, p.w = p.at+cp.at, p.h+cp.h, p.w+cp.w
		none := viewPlace{ok: true}
		for range r.n {
			if off, ok := v.join(&p, &none); ok {
				out = span(t.Base+uint64((off+base)*elem), acc.Bytes, out, begin)
			}
			p.at, p.h, p.w = p.at+step, p.h+h, p.w+w
		}
	}
	return out
}

// steps is what a number that goes up adds while it stays in the fastest digit.
func steps(ds []Digit, by int32) (at int64, h, w int32) {
	if len(ds) == 0 {
		return 0, 0, 0
	}
	d := &ds[0]
	return int64(by) * d.Stride, by * d.H, by * d.W
}

// reaches says whether a number differs from the latest in the fastest digit alone, at
// most.
func (c *cursor) reaches(ds []Digit, v int32) bool {
	if len(ds) == 0 || v == c.v {
		return true
	}
	d := &ds[0]
	x := c.x + v - c.v
	return d.Least == 0 && x >= 0 && (x < d.Size || len(ds) == 1)
}
