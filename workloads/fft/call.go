// Package fft generates the tile programs of convolutions by tiled Fourier
// transforms (FFT_TILING): images and filters are transformed in squares of
// 32x32, multiplied point by point as one batched product of complex matrices,
// and transformed back.
package fft

import (
	"fmt"

	"gpusim/workloads/stride1"
	"gpusim/workloads/tile"
)

// Size is the points of a square's edge.
const Size = size

func ceilDiv(a, b int) int { return stride1.CeilDiv(a, b) }

// call is the algorithm for one problem.
type call struct {
	p      stride1.Problem // as a forward pass, but for a gradient of the filters
	flip   bool            // filters are turned by half a turn, channels and filters exchanged
	vh, vw int             // rows and columns of outputs that a square yields without wrapping around
	th, tw int             // squares along the output
}

func newCall(p stride1.Problem) (*call, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if p.R > size || p.S > size {
		return nil, fmt.Errorf("fft: filters of %dx%d: at most %dx%d", p.R, p.S, size, size)
	}
	c := &call{p: p.AsForward(), flip: p.Pass == stride1.BackwardData, vh: size + 1 - p.R, vw: size + 1 - p.S}
	c.th, c.tw = ceilDiv(c.p.P(), c.vh), ceilDiv(c.p.Q(), c.vw)
	if bytes := c.workspace(); bytes > 1<<40 || int64(p.N)*int64(c.th)*int64(c.tw) > 1<<20 || max(p.C, p.K) > 1<<20 {
		return nil, fmt.Errorf("fft: spectra of %d bytes do not fit any device", bytes)
	}
	return c, nil
}

// squares is the number of squares of all images.
func (c *call) squares() int { return c.p.N * c.th * c.tw }

func (c *call) workspace() int64 {
	t, ch, k := int64(c.squares()), int64(c.p.C), int64(c.p.K)
	return 8 * points * (t*ch + ch*k + t*k)
}

// Workspace is the bytes of spectra that the algorithm keeps in memory.
func Workspace(p stride1.Problem) (int64, error) {
	c, err := newCall(p)
	if err != nil {
		return 0, err
	}
	return c.workspace(), nil
}

// Product is the extents of the product of complex matrices: m x n x k, batch
// times.
func Product(p stride1.Problem) (m, n, k, batch int, err error) {
	c, err := newCall(p)
	if err != nil {
		return 0, 0, 0, 0, err
	}
	m, n, k = c.product()
	return m, n, k, points, nil
}

func (c *call) product() (m, n, k int) {
	if c.p.Pass == stride1.BackwardWeight {
		return c.p.C, c.p.K, c.squares()
	}
	return c.squares(), c.p.K, c.p.C
}

// squareDigits moves from square to square, step rows and columns of the
// image apart.
func (c *call) squareDigits(ch, h, w int) []tile.Digit {
	return []tile.Digit{
		{Size: int32(c.tw), Stride: int64(c.vw), W: int32(c.vw)},
		{Size: int32(c.th), Stride: int64(c.vh) * int64(w), H: int32(c.vh)},
		{Stride: int64(ch) * int64(h) * int64(w)},
	}
}

// image is where squares of rows x cols of images lie, x and y not yet said.
func image(t *tile.Tensor, rows, cols, h, w, padH, padW int) squares {
	return squares{
		t: t, rows: rows, cols: cols, stride: [2]int64{int64(w), 1}, at: -int64(padH)*int64(w) - int64(padW),
		h0: int32(-padH), w0: int32(-padW), h: int32(h), w: int32(w),
	}
}

func digit(stride int) []tile.Digit { return []tile.Digit{{Stride: int64(stride)}} }

// filters is where the filters lie: x and y not yet said.
func (c *call) filters(w *tile.Tensor) squares {
	s := squares{t: w, rows: c.p.R, cols: c.p.S, stride: [2]int64{int64(c.p.S), 1}}
	if c.flip {
		s.stride, s.at = [2]int64{-int64(c.p.S), -1}, int64(c.p.R*c.p.S-1)
	}
	return s
}

// Edge is the CTA tile of a product of m x n: 64 if that is no larger in all than
// 32 would be.
func Edge(m, n int) int {
	area := func(edge int) int { return ceilDiv(m, edge) * ceilDiv(n, edge) * edge * edge }
	if area(64) > area(32) {
		return 32
	}
	return 64
}

// Tiling generates the kernels in launch order. arch is what the name of the
// product's kernel begins with, such as volta; edge is its CTA tile, 32 or 64; 0: see
// Edge.
func Tiling(p stride1.Problem, arch string, edge int, l tile.Latencies) ([]*tile.Kernel, error) {
	c, err := newCall(p)
	if err != nil {
		return nil, err
	}
	q := &c.p
	x, w, y := q.Tensors()
	m, n, k := c.product()
	if edge == 0 {
		edge = Edge(m, n)
	}
	if edge != 32 && edge != 64 {
		return nil, fmt.Errorf("fft: no complex product has CTA tiles of %dx%d: must be 32 or 64", edge, edge)
	}
	a, b, out := stride1.Dense("A", 8, points, k, m), stride1.Dense("B", 8, points, k, n), stride1.Dense("C", 8, points, n, m)
	stride1.Allocate(x, w, y, a, b, out)

	// Spectra of what slides over the data are conjugate ones, which makes a
	// correlation of the product.
	const r2c, c2r = "fft2d_r2c_32x32", "fft2d_c2r_32x32"
	data := image(x, size, size, q.H, q.W, q.PadH, q.PadW)
	slid, result := c.filters(w), image(y, c.vh, c.vw, q.P(), q.Q(), 0, 0)
	rs := q.R * q.S
	switch {
	case q.Pass == stride1.BackwardWeight:
		slid, result = result, slid
		data.x, data.y = digit(q.H*q.W), c.squareDigits(q.C, q.H, q.W)
		slid.x, slid.y = digit(q.P()*q.Q()), c.squareDigits(q.K, q.P(), q.Q())
		result.x, result.y = digit(rs), digit(rs*q.C)
	default:
		data.x, data.y = c.squareDigits(q.C, q.H, q.W), digit(q.H*q.W)
		slid.x, slid.y = digit(rs*q.C), digit(rs)
		if c.flip { // stored with channels and filters exchanged
			slid.x, slid.y = digit(rs), digit(rs*q.K)
		}
		result.x, result.y = c.squareDigits(q.K, q.P(), q.Q()), digit(q.P()*q.Q())
	}
	ks := make([]*tile.Kernel, 4)
	if ks[0], err = forward(r2c, data, spectra{a, m, k}, false, l); err != nil {
		return nil, err
	}
	if ks[1], err = forward(r2c, slid, spectra{b, n, k}, true, l); err != nil {
		return nil, err
	}
	pr := &product{m: m, n: n, k: k, batch: points, tile: edge}
	if ks[2], err = pr.build(arch+"_gcgemm", [3]*tile.Tensor{a, b, out}, l); err != nil {
		return nil, err
	}
	ks[3], err = inverse(c2r, spectra{out, m, n}, result, p.Alpha, l)
	return ks, err
}
