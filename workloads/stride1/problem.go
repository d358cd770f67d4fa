// Package stride1 describes convolutions of stride 1 in fp32, which is what
// algorithms that work on transformed data take, and places their tensors.
package stride1

import (
	"fmt"
	"slices"

	"gpusim/workloads/tile"
)

// Pass is what of a convolution is computed.
type Pass string

// The passes, by the names of the workload language.
const (
	Forward        Pass = "fwd"
	BackwardData   Pass = "bwd_data"   // the gradient of the input
	BackwardWeight Pass = "bwd_weight" // the gradient of the filters
)

// Problem is a convolution of stride 1 in fp32, images and filters stored NCHW
// and KCRS, without gaps.
type Problem struct {
	N, C, H, W int // images, channels, rows and columns of the input
	K, R, S    int // filters, and their extent
	PadH, PadW int
	Pass       Pass
	Alpha      float64 // factor of the result
}

// P and Q are the rows and columns of the output.
func (p *Problem) P() int { return p.H + 2*p.PadH - p.R + 1 }

// Q is the output's columns.
func (p *Problem) Q() int { return p.W + 2*p.PadW - p.S + 1 }

// Check reports what is wrong with a problem, if anything. Padding must be less
// than the filter, as libraries ask.
func (p *Problem) Check() error {
	if slices.Min([]int{p.N, p.C, p.H, p.W, p.K, p.R, p.S}) < 1 {
		return fmt.Errorf("convolution n=%d c=%d h=%d w=%d k=%d r=%d s=%d: each must be at least 1", p.N, p.C, p.H, p.W, p.K, p.R, p.S)
	}
	if p.PadH < 0 || p.PadW < 0 || p.PadH >= p.R || p.PadW >= p.S {
		return fmt.Errorf("convolution with padding of %dx%d: must be less than the filter of %dx%d", p.PadH, p.PadW, p.R, p.S)
	}
	if p.P() < 1 || p.Q() < 1 {
		return fmt.Errorf("convolution: an input of %dx%d with filters of %dx%d and padding %dx%d makes no output", p.H, p.W, p.R, p.S, p.PadH, p.PadW)
	}
	switch p.Pass {
	case Forward, BackwardData, BackwardWeight:
		return nil
	}
	return fmt.Errorf("convolution pass %q: must be %s, %s or %s", p.Pass, Forward, BackwardData, BackwardWeight)
}

// AsForward is the convolution of which a gradient of the input is the forward
// pass: filters turned by half a turn, channels and filters in each other's
// place, and what padding then makes the sizes agree.
func (p Problem) AsForward() Problem {
	if p.Pass != BackwardData {
		return p
	}
	return Problem{
		N: p.N, C: p.K, H: p.P(), W: p.Q(), K: p.C, R: p.R, S: p.S,
		PadH: p.R - 1 - p.PadH, PadW: p.S - 1 - p.PadW, Pass: Forward, Alpha: p.Alpha,
	}
}

// Allocate gives tensors their addresses, in order.
func Allocate(ts ...*tile.Tensor) {
	var h tile.Heap
	for _, t := range ts {
		h.Place(t)
	}
}

// Dense is a tensor of so many elements of elem bytes.
func Dense(name string, elem int, extents ...int) *tile.Tensor {
	n := int64(elem)
	for _, e := range extents {
		n *= int64(e)
	}
	return &tile.Tensor{Name: name, Elem: elem, Bytes: n}
}

// Tensors are the input, the filters and the output of a problem, which must be one
// as AsForward gives it.
func (p *Problem) Tensors() (x, w, y *tile.Tensor) {
	x, w, y = Dense("x", 4, p.N, p.C, p.H, p.W), Dense("w", 4, p.K, p.C, p.R, p.S), Dense("y", 4, p.N, p.K, p.P(), p.Q())
	w.Parameter = p.Pass != BackwardWeight
	return x, w, y
}

// CeilDiv is a/b, rounded up.
func CeilDiv(a, b int) int { return (a + b - 1) / b }
