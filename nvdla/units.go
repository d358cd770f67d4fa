package nvdla

import "gpusim/configs"

// The units beside the convolution core. Each reads a tensor from memory, works on
// a number of elements a cycle, and writes: a pass takes the longer of both, after
// the way of the first element.

// tensor is C x H x W elements as memory holds them: channels padded to whole atoms.
type tensor struct{ c, h, w, elemBytes int }

func (t tensor) elements(n *configs.NVDLA) int {
	atom := max(1, n.MemoryAtom/t.elemBytes)
	return t.h * t.w * ceilDiv(t.c, atom) * atom
}

func (t tensor) bytes(n *configs.NVDLA) int { return t.elements(n) * t.elemBytes }

// pass is the time of a unit that works on elements at a rate while bytes move.
func pass(n *configs.NVDLA, elements, rate, bytes, extra int) uint64 {
	moved := int(float64(bytes)/(float64(n.Memory.Bandwidth)/float64(n.Clock)) + 0.5)
	return uint64(n.Pipeline.Start + n.Memory.Latency + n.Pipeline.SDP + extra + max(ceilDiv(elements, rate), moved))
}

// SinglePoint is a pass of the single-point processor from memory to memory.
type SinglePoint struct {
	C, H, W     int
	ElemBytes   int
	Operand     bool // a second tensor is read
	Elementwise bool // in the element-wise unit
	LUT         bool
}

// lutCycles is what a look-up in the activation tables adds to the pipeline
// (RTL, nv_small_256_full).
const lutCycles = 6

// RunSinglePoint is its time.
func RunSinglePoint(n *configs.NVDLA, s SinglePoint) (uint64, error) {
	rate := n.SDP.Rate
	if s.Elementwise {
		if !n.Features.Elementwise {
			return 0, lacks("no element-wise unit")
		}
		rate = n.SDP.ElementwiseRate
	}
	extra := 0
	if s.LUT {
		if !n.Features.LUT {
			return 0, lacks("no table of activation functions")
		}
		extra = lutCycles
	}
	t := tensor{s.C, s.H, s.W, s.ElemBytes}
	bytes := 2 * t.bytes(n)
	if s.Operand {
		bytes += t.bytes(n)
	}
	return pass(n, t.elements(n), rate, bytes, extra), nil
}

// Pooling is a pass of the planar processor (PDP): maximum, minimum or average
// over windows; P x Q points come out.
type Pooling struct {
	C, H, W, P, Q int
	ElemBytes     int
}

// RunPooling is its time: every element of the input passes the unit once.
func RunPooling(n *configs.NVDLA, p Pooling) uint64 {
	in, out := tensor{p.C, p.H, p.W, p.ElemBytes}, tensor{p.C, p.P, p.Q, p.ElemBytes}
	return pass(n, in.elements(n), n.PDPRate, in.bytes(n)+out.bytes(n), 0)
}

// RunNormalisation is the time of a pass of the cross-channel processor (CDP),
// local response normalisation.
func RunNormalisation(n *configs.NVDLA, c, h, w, elemBytes int) (uint64, error) {
	if n.CDPRate == 0 {
		return 0, lacks("no cross-channel processor")
	}
	t := tensor{c, h, w, elemBytes}
	return pass(n, t.elements(n), n.CDPRate, 2*t.bytes(n), 0), nil
}

// RunCopy is the time of a copy by BDMA: its ports are as wide as memory's bus,
// and it moves in one direction at a time.
func RunCopy(n *configs.NVDLA, bytes int) (uint64, error) {
	if !n.Features.BDMA {
		return 0, lacks("no copy engine (BDMA)")
	}
	return pass(n, 2*bytes, n.Memory.WidthBits/8, 2*bytes, 0), nil
}

// rubikEfficiency is the part of memory's rate that RUBIK reaches: 80 to 100 %
// (unit description).
const rubikEfficiency = 0.8

// RunReshape is the time of a change of layout by RUBIK, such as the merging of
// planes to channels.
func RunReshape(n *configs.NVDLA, c, h, w, elemBytes int) (uint64, error) {
	if !n.Features.RUBIK {
		return 0, lacks("no reshape engine (RUBIK)")
	}
	t := tensor{c, h, w, elemBytes}
	return pass(n, t.bytes(n), n.Memory.WidthBits/8, int(2*float64(t.bytes(n))/rubikEfficiency), 0), nil
}
