package nvdla

import (
	"context"

	"gpusim/configs"
	"gpusim/sim"
)

// Result is a convolution on the accelerator.
type Result struct {
	Mode      Mode
	Cycles    uint64
	Ops       int     // hardware layers
	Busy      uint64  // cycles in which the MAC array multiplies
	Useful    float64 // multiplications over what the array could do in Busy
	Read      uint64  // bytes from memory
	Written   uint64
	CBUFBytes uint64 // read and written
	SDPPoints uint64 // points of a kernel group
	Bound     string
}

// Run simulates a convolution with the event-driven pipeline.
func Run(ctx context.Context, n *configs.NVDLA, c Conv) (Result, error) {
	p, err := newPlan(n, &c)
	if err != nil {
		return Result{}, err
	}
	e := sim.NewEngine(ctx, 0)
	core := newCore(e, n, p.atomK, p.ops)
	if err := e.RunAll(); err != nil {
		return Result{}, err
	}
	k := &core.counts
	r := Result{
		Mode: p.mode, Cycles: core.sdp.finished, Ops: len(p.ops), Busy: k.busy,
		Read: core.mem.read, Written: core.mem.written, CBUFBytes: k.cbufRead + k.cbufWrite, SDPPoints: k.sdpPoints,
	}
	r.Useful = c.MACs() / (float64(k.busy) * float64(n.AtomicC*p.atomK))
	r.Bound = bound(n, p, core)
	return r, nil
}

// What limits a layer.
const (
	boundCompute = "compute"
	boundDRAM    = "dram"
	boundOutput  = "output"  // the single-point processor
	boundLatency = "latency" // start, first loads, short stripes
)

// bound names the resource that is used for most of the time, if one is for half
// of it.
func bound(n *configs.NVDLA, p *plan, core *core) string {
	cycles := float64(core.sdp.finished)
	rate := float64(n.Memory.Bandwidth) / float64(n.Clock)
	step := float64(ceilDiv(p.atomK, n.SDP.Rate))
	best, share := boundLatency, 0.5
	for _, b := range []struct {
		name string
		used float64
	}{
		{boundCompute, float64(p.work())}, {boundDRAM, float64(core.mem.read+core.mem.written) / rate}, {boundOutput, float64(core.counts.sdpPoints) * step},
	} {
		if b.used/cycles > share {
			best, share = b.name, b.used/cycles
		}
	}
	return best
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

// RunSinglePoint is its time: elements stream through at the unit's rate, or as
// fast as memory gives and takes them.
func RunSinglePoint(n *configs.NVDLA, s SinglePoint) (uint64, error) {
	rate := n.SDP.Rate
	if s.Elementwise {
		if !n.Features.Elementwise {
			return 0, lacks("no element-wise unit")
		}
		rate = n.SDP.ElementwiseRate
	}
	if s.LUT && !n.Features.LUT {
		return 0, lacks("no table of activation functions")
	}
	atom := n.MemoryAtom / s.ElemBytes
	elements := s.W * s.H * ceilDiv(s.C, atom) * atom
	bytes := 2 * elements * s.ElemBytes
	if s.Operand {
		bytes += elements * s.ElemBytes
	}
	memory := int(float64(bytes)/(float64(n.Memory.Bandwidth)/float64(n.Clock)) + 0.5)
	fill := n.Pipeline.Start + n.Memory.Latency + n.Pipeline.SDP
	if s.LUT {
		fill += lutCycles
	}
	return uint64(fill + max(ceilDiv(elements, rate), memory)), nil
}
