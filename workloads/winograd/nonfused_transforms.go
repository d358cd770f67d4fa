package winograd

import "gpusim/workloads/tile"

// CTAs of the transforms: 256 threads, along x alone for tiles of images, 32 x 8
// for filters, as profiles show.
const (
	transformThreads = 256
	filterX, filterY = 32, 8
)

// Address instructions of a transform, as they would be compiled: division of
// the tile's index by constants of the launch (a wide multiplication, a shift
// and a multiply-add each), pointers of 64 bits, and a comparison for each row
// and column of a patch, joined for each element.
const (
	onceTiles    = 26
	onceFilter   = 10
	rowPatch     = 3
	eachPatch    = 1
	eachFiltered = 0 // offsets from one pointer
)

func (f *nonfused) prefix(part string) string {
	pass := "winogradForward"
	if f.p.Pass == BackwardWeight {
		pass = "winogradWgrad"
	}
	return pass + part + f.tile
}

// image is the side that reads or writes n x n patches, step apart, of an image
// tensor of so many channels, rows and columns, from -padH, -padW on. Tiles move by
// tiles(), channels by channel().
func (f *nonfused) image(t *tile.Tensor, n, h, w, padH, padW int) side {
	return side{
		t: t, n: n, once: onceTiles, rows: rowPatch, each: eachPatch,
		e:  []tile.Digit{{Size: int32(n), Stride: 1, W: 1}, {Size: int32(n), Stride: int64(w), H: 1}},
		at: -int64(padH)*int64(w) - int64(padW), h0: int32(-padH), w0: int32(-padW), h: int32(h), w: int32(w),
	}
}

// channel moves from channel to channel of images.
func channel(h, w int) []tile.Digit { return []tile.Digit{{Stride: int64(h) * int64(w)}} }

// tileDigits moves from tile to tile of images of c channels. Of the forward pass the
// image runs fastest, which is why their number is padded, else it runs slowest.
func (f *nonfused) tileDigits(c, h, w int) []tile.Digit {
	s := int64(f.step)
	image := tile.Digit{Size: int32(f.n), Least: int32(f.p.N), Stride: int64(c) * int64(h) * int64(w)}
	tiles := []tile.Digit{
		{Size: int32(f.tw), Stride: s, W: int32(f.step)},
		{Size: int32(f.th), Stride: s * int64(w), H: int32(f.step)},
	}
	if f.p.Pass == BackwardWeight {
		return append(tiles, image)
	}
	return append([]tile.Digit{image}, tiles...)
}

// data transforms the images: x counts tiles, y channels.
func (f *nonfused) data(x, v *tile.Tensor) *transform {
	p := &f.p
	in := f.image(x, f.a.t, p.H, p.W, p.PadH, p.PadW)
	in.x, in.y = f.tileDigits(p.C, p.H, p.W), channel(p.H, p.W)
	return &transform{
		name: f.prefix("Data"), x: f.tiles(), y: p.C, tx: transformThreads, ty: 1,
		in: in, out: components(v, f.a.t, f.tiles(), p.C), m: f.a.bt,
	}
}

// filter transforms the filters: x counts channels, y filters, as they are
// stored. The gradient of the input wants them turned, the product takes the
// components the other way round.
func (f *nonfused) filter(w, u *tile.Tensor) *transform {
	c, k := f.p.C, f.p.K
	if f.flip {
		c, k = k, c
	}
	in := filters(w, f.p.R, c, f.flip)
	return &transform{
		name: f.prefix("Filter"), x: c, y: k, tx: filterX, ty: filterY,
		in: in, out: components(u, f.a.t, c, k), m: f.a.g,
	}
}

// filters is the side of r x r filters of c channels: x counts channels, y filters.
func filters(w *tile.Tensor, r, c int, flip bool) side {
	s := side{
		t: w, n: r, once: onceFilter, each: eachFiltered,
		e: []tile.Digit{{Size: int32(r * r), Stride: 1}},
		x: []tile.Digit{{Stride: int64(r * r)}}, y: []tile.Digit{{Stride: int64(c * r * r)}},
	}
	if flip {
		s.e[0].Stride, s.at = -1, int64(r*r-1)
	}
	return s
}

// output transforms the products to images: x counts tiles, y filters.
func (f *nonfused) output(m, y *tile.Tensor) *transform {
	p := &f.p
	out := f.image(y, f.a.m, p.P(), p.Q(), 0, 0)
	out.x, out.y = f.tileDigits(p.K, p.P(), p.Q()), channel(p.P(), p.Q())
	return &transform{
		name: f.prefix("Output"), x: f.tiles(), y: p.K, tx: transformThreads, ty: 1,
		in: components(m, f.a.t, f.tiles(), p.K), out: out, m: f.a.at,
	}
}

// wgradData transforms the images for a gradient of the filters: x counts
// channels, y tiles.
func (f *nonfused) wgradData(x, v *tile.Tensor) *transform {
	p := &f.p
	in := f.image(x, f.a.t, p.H, p.W, p.PadH, p.PadW)
	in.x, in.y = channel(p.H, p.W), f.tileDigits(p.C, p.H, p.W)
	return &transform{
		name: f.prefix("Data"), x: p.C, y: f.tiles(), tx: filterX, ty: filterY,
		in: in, out: components(v, f.a.t, p.C, f.tiles()), m: f.a.bt,
	}
}

// wgradDelta transforms the gradient of the output: x counts filters, y tiles.
func (f *nonfused) wgradDelta(y, d *tile.Tensor) *transform {
	p := &f.p
	in := f.image(y, f.a.r, p.P(), p.Q(), 0, 0)
	in.x, in.y = channel(p.P(), p.Q()), f.tileDigits(p.K, p.P(), p.Q())
	return &transform{
		name: f.prefix("Delta"), x: p.K, y: f.tiles(), tx: filterX, ty: filterY,
		in: in, out: components(d, f.a.t, p.K, f.tiles()), m: f.a.g,
	}
}

// wgradOutput transforms the products to filters: x counts channels, y filters.
func (f *nonfused) wgradOutput(g, w *tile.Tensor) *transform {
	p := &f.p
	return &transform{
		name: f.prefix("Output"), x: p.C, y: p.K, tx: filterX, ty: filterY,
		in: components(g, f.a.t, p.C, p.K), out: filters(w, p.R, p.C, false), m: f.a.at,
	}
}
