// Package conv turns convolutions into matrix products, as libraries do: the
// product's matrices are views of the images and filters (implicit GEMM), so
// that the kernels are those of package gemm with other addresses.
package conv

import (
	"fmt"

	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// slab is the channels that a kernel of matrix instructions takes of a filter tap
// at a time: whole k-tiles, so that the taps of a k-tile are one and its
// addresses need one test. What is missing of a slab reads as zeros.
const slab = 32

// Pad gives a convolution whose channels and filters are filled up to multiples
// of align, as callers and libraries do for kernels that move whole vectors.
func Pad(c *workloads.Conv, align int) *workloads.Conv {
	p := *c
	if c.Groups == 1 {
		p.C, p.K = (c.C+align-1)/align*align, (c.K+align-1)/align*align
	}
	return &p
}

// Lower gives the product that computes a convolution by implicit GEMM. NCHW
// images have points side by side, and the product's m is the points of output
// or input (or filter taps, for gradients of filters), n the channels; NHWC
// images have channels side by side, which then are m.
func Lower(c *workloads.Conv) (gemm.Problem, error) { return lower(c, slab, Slabs{}) }

// LowerWords is Lower for kernels of the plain pipes, which take int8 in blocks of
// four channels.
func LowerWords(c *workloads.Conv) (gemm.Problem, error) { return lower(c, wordChannels, Slabs{}) }

// Slabs are what kernels of gradients of filters take together and pad to whole
// ones; 0: they need no padding.
type Slabs struct {
	Points   int // of one image: lines of zeros complete it, about
	Channels int // of one filter tap, of NHWC images: tiles do not reach over taps

	// Alike: the kernel for gradients of the input walks all points of the image, those
	// too that strides keep every tap from; it adds zeros up there.
	Alike bool

	// Near: the kernel takes all taps of a slab of channels of NHWC images before the
	// next slab, as CUTLASS's do. Neighbouring taps see nearly the same points, so what
	// one has loaded is still in the caches for the next.
	Near bool
}

// LowerSlabs is Lower for such kernels.
func LowerSlabs(c *workloads.Conv, s Slabs) (gemm.Problem, error) { return lower(c, slab, s) }

// wordChannels are the channels of int8 in a word.
const wordChannels = 4

func lower(c *workloads.Conv, block int, s Slabs) (gemm.Problem, error) {
	l := lowering{c, c.C / c.Groups, c.K / c.Groups, c.P(), c.Q(), block, 0, max(1, s.Channels), s.Alike, s.Near}
	if q := max(1, l.q); s.Points > 1 {
		l.fill = max(0, (2*((l.p*l.q+s.Points-1)/s.Points*s.Points)+q)/(2*q)-l.p)
	}
	p := gemm.Problem{Batch: c.Groups, DType: c.DType, Acc: c.Acc, Alpha: 1, Lowered: &gemm.Lowered{}}
	if c.DType == "int8" {
		p.OutType = "int8"
	}
	if c.Pass == workloads.PassData && (c.StrideH > 1 && c.DilH > 1 || c.StrideW > 1 && c.DilW > 1) {
		return p, fmt.Errorf("the gradient of the input of a convolution with both strides and dilation is not modelled")
	}
	switch c.Layout {
	case workloads.LayoutNCHW:
		l.planar(&p)
	case workloads.LayoutNHWC:
		l.interleaved(&p)
	case workloads.LayoutVectC:
		if c.Pass != workloads.PassForward || c.Groups > 1 || c.C%block > 0 || c.K%block > 0 {
			return p, fmt.Errorf("layout %s takes forward passes in one group, with whole blocks of %d channels", c.Layout, block)
		}
		if block == wordChannels {
			l.words(&p)
		} else {
			l.interleaved(&p)
		}
	}
	return p, p.Check()
}

// lowering is a convolution and the sizes of one of its groups.
type lowering struct {
	*workloads.Conv
	c, k int // channels of a group
	p, q int

	block int // channels that lie together in layout nchw_vect_c
	fill  int // lines of zeros below an image, of the gradient of filters
	whole int // channels of a tap come in multiples of so many there

	alike, near bool // see Slabs
}

// bytes of a tensor.
func (l *lowering) bytes(elements ...int) int64 {
	n := int64(gemm.Problem{DType: l.DType}.InBytes())
	for _, e := range elements {
		n *= int64(e)
	}
	return n
}

// strides are the distances in elements between points, lines, channels and
// images of a tensor, and between filters and taps of the filters likewise.
type strides struct{ w, h, c, n int64 }

func (l *lowering) image(channels, h, w int) strides {
	if l.Layout == workloads.LayoutVectC {
		return strides{int64(l.block), int64(l.block * w), 1, int64(channels * w * h)}
	}
	if l.Layout == workloads.LayoutNHWC {
		return strides{int64(channels), int64(channels * w), 1, int64(channels * w * h)}
	}
	return strides{1, int64(w), int64(w * h), int64(channels * w * h)}
}

func (l *lowering) filters() strides {
	if l.Layout == workloads.LayoutVectC {
		return strides{int64(l.block), int64(l.block * l.S), 1, int64(l.c * l.S * l.R)}
	}
	if l.Layout == workloads.LayoutNHWC {
		return strides{int64(l.c), int64(l.c * l.S), 1, int64(l.c * l.S * l.R)}
	}
	return strides{1, int64(l.S), int64(l.S * l.R), int64(l.c * l.S * l.R)}
}

// points are the digits that walk h x w points of some images, sh and sw apart.
func points(s strides, h, w, sh, sw int) []tile.Digit {
	return []tile.Digit{
		{Size: int32(w), Stride: int64(sw) * s.w, W: int32(sw)},
		{Size: int32(h), Stride: int64(sh) * s.h, H: int32(sh)},
		{Stride: s.n},
	}
}

// taps are the digits that walk r x w taps of a filter, sh and sw apart, in an
// image (or, with coordinates left out, in the filters).
func taps(s strides, r, w, sh, sw int) []tile.Digit {
	return []tile.Digit{
		{Size: int32(w), Stride: int64(sw) * s.w, W: int32(sw)},
		{Size: int32(r), Stride: int64(sh) * s.h, H: int32(sh)},
	}
}

// flat are digits without coordinates.
func flat(ds []tile.Digit) []tile.Digit {
	for i := range ds {
		ds[i].H, ds[i].W = 0, 0
	}
	return ds
}

// within bounds a view's coordinates by an image, from (h0, w0) on.
func within(v tile.View, s strides, h, w, h0, w0 int) tile.View {
	v.H, v.W, v.H0, v.W0 = int32(h), int32(w), int32(h0), int32(w0)
	v.At = int64(h0)*s.h + int64(w0)*s.w
	return v
}

// phase is one class of input points of a gradient with strides: those that see
// the same taps.
type phase struct {
	a, b   int // of the first point, may lie in the padding
	h, w   int // points
	r0, s0 int // first tap that they see
	r, s   int // taps
	rs, ss int // taps that are walked, zeros behind: as many as of the phase that has most
	p0, q0 int // output point of the first point and the first tap
}

// phases lists them: stride by stride. A launch has one length of its main loop for
// all: DeepBench's 5x5 and 5x10 filters of stride 2 take longer than their taps, on
// V100 and T4, in fp32 and fp16, by what 6x6 and 6x10 would.
func (l *lowering) phases() []phase {
	var out []phase
	for a := range min(l.StrideH, l.H) {
		for b := range min(l.StrideW, l.W) {
			f := phase{a: a, b: b, r0: (a + l.PadH) % l.StrideH, s0: (b + l.PadW) % l.StrideW}
			f.h, f.w = (l.H-a+l.StrideH-1)/l.StrideH, (l.W-b+l.StrideW-1)/l.StrideW
			f.r, f.s = max(0, (l.R-f.r0+l.StrideH-1)/l.StrideH), max(0, (l.S-f.s0+l.StrideW-1)/l.StrideW)
			if f.r*f.s > 0 || l.alike {
				f.rs, f.ss = (l.R+l.StrideH-1)/l.StrideH, (l.S+l.StrideW-1)/l.StrideW
			}
			f.p0, f.q0 = (a+l.PadH-f.r0)/l.StrideH, (b+l.PadW-f.s0)/l.StrideW
			if f.r*f.s == 0 && l.alike { // any tap, of points below the output
				f.r0, f.s0, f.p0, f.q0 = 0, 0, l.p+f.rs, l.q+f.ss
			}
			if f.rs*f.ss > 0 && l.scatters() {
				f.a, f.b, f.h, f.w, f.p0, f.q0 = -l.PadH, -l.PadW, l.p, l.q, 0, 0
			}
			out = append(out, f)
		}
	}
	return out
}

// scatters says whether a gradient of the input walks the points of the output and
// writes what belongs to each, if it lies in the image: so do those of 1x1 filters
// with strides. Others walk the points of the image.
func (l *lowering) scatters() bool { return l.R*l.S == 1 && l.StrideH*l.StrideW > 1 && !l.alike }
