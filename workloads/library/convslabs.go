package library

import (
	"gpusim/workloads"
	"gpusim/workloads/conv"
	"gpusim/workloads/gemm"
)

// mostTaps is the largest filter whose gradient has tiles of one tap: those of 5x20
// taps have a quarter of the tiles on T4 and half of them on V100, as slabs of 32
// channels give; those of 7x7 and 5x10 have not. [fit] on DeepBench's rows
const mostTaps = 64

// tapSlab is the channels of a tap of larger filters.
const tapSlab = 32

// channelsOf is what a kernel wants channels to be multiples of: blocks of int8,
// and whole vectors where they are copied past the registers.
func channelsOf(e *Entry, c *workloads.Conv) int {
	switch {
	case words(e, c):
		return 4 // of a word
	case c.Layout == workloads.LayoutVectC:
		return 32
	case e.Family == "mma" && (e.Stages > 2 || c.DType == "int8"):
		return 16 / gemm.Problem{DType: c.DType}.InBytes()
	}
	return 1
}

// slabsOf is what a kernel takes together. Gradients of filters by matrix
// instructions have tiles of one tap each, if there are no more than mostTaps:
// DeepBench's rows of 1 to 64 channels take as long, a tap and point, as such tiles do
// that are full. [fit]
// Turing's kernels for gradients of the input with strides walk all points alike: the
// eight rows of 1x1 filters on T4 take what four times their multiply-adds would. They
// and those of forward passes take near taps together: else T4's L2 keeps too little
// of 3x3 filters' images, which then take a third longer than DeepBench's.
func slabsOf(e *Entry, c *workloads.Conv) conv.Slabs {
	s := conv.Slabs{Points: e.slab, Alike: e.turing, Near: e.turing}
	switch {
	case e.tensor() && c.R*c.S > mostTaps:
		s.Channels = tapSlab
	case e.tensor() && c.R*c.S > 1:
		s.Channels = e.TileM
	}
	return s
}
