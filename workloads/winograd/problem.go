// Package winograd generates the tile programs of convolutions by Winograd's
// minimal filtering as GPU libraries launch them: filter, data and output
// transforms around a batched matrix product, and the fused kernel that
// transforms data and output on their way.
package winograd

import (
	"fmt"

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

// check reports what is wrong with a problem, for an algorithm that takes
// square filters of the given sizes.
func (p *Problem) check(sizes ...int) error {
	for _, v := range []int{p.N, p.C, p.H, p.W, p.K, p.R, p.S} {
		if v < 1 {
			return fmt.Errorf("winograd: n=%d c=%d h=%d w=%d k=%d r=%d s=%d: each must be at least 1", p.N, p.C, p.H, p.W, p.K, p.R, p.S)
		}
	}
	known := false
	for _, r := range sizes {
		known = known || p.R == r && p.S == r
	}
	if !known {
		return fmt.Errorf("winograd: filters of %dx%d: the transform is for squares of %v", p.R, p.S, sizes)
	}
	if p.PadH < 0 || p.PadW < 0 || p.PadH >= p.R || p.PadW >= p.S {
		return fmt.Errorf("winograd: padding of %dx%d: must be less than the filter of %dx%d", p.PadH, p.PadW, p.R, p.S)
	}
	if p.P() < 1 || p.Q() < 1 {
		return fmt.Errorf("winograd: an input of %dx%d with filters of %dx%d and padding %dx%d makes no output", p.H, p.W, p.R, p.S, p.PadH, p.PadW)
	}
	switch p.Pass {
	case Forward, BackwardData, BackwardWeight:
		return nil
	}
	return fmt.Errorf("winograd: pass %q: must be %s, %s or %s", p.Pass, Forward, BackwardData, BackwardWeight)
}

// asForward is the convolution of which a gradient of the input is the forward
// pass: filters turned by half a turn, channels and filters in each other's
// place, and what padding then makes the sizes agree.
func (p Problem) asForward() Problem {
	if p.Pass != BackwardData {
		return p
	}
	return Problem{
		N: p.N, C: p.K, H: p.P(), W: p.Q(), K: p.C, R: p.R, S: p.S,
		PadH: p.R - 1 - p.PadH, PadW: p.S - 1 - p.PadW, Pass: Forward, Alpha: p.Alpha,
	}
}

// deviceBase is where the first tensor lies, as in package gemm.
const deviceBase = 1 << 32

// allocate gives tensors their addresses, in order, as the CUDA allocator does:
// allocations of 1 MiB and more begin on their own 2 MiB page, smaller ones on
// 512-byte boundaries.
func allocate(ts ...*tile.Tensor) {
	next := uint64(deviceBase)
	for _, t := range ts {
		align := uint64(512)
		if t.Bytes >= 1<<20 {
			align = 2 << 20
		}
		next = (next + align - 1) / align * align
		t.Base = next
		next += uint64(t.Bytes)
	}
}

// dense is a tensor of so many words.
func dense(name string, words ...int) *tile.Tensor {
	n := int64(4)
	for _, w := range words {
		n *= int64(w)
	}
	return &tile.Tensor{Name: name, Elem: 4, Bytes: n}
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
