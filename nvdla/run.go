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

// Run simulates a convolution with the event-driven pipeline. Of the two ways to
// cut one that does not fit the buffer it takes the faster.
func Run(ctx context.Context, n *configs.NVDLA, c Conv) (Result, error) {
	best, ops := Result{}, -1
	for _, parts := range []int{2, 1} {
		p, err := newPlan(n, &c, parts)
		if err != nil {
			return Result{}, err
		}
		if len(p.ops) == ops {
			break
		}
		ops = len(p.ops)
		r, err := p.run(ctx, n, &c)
		if err != nil {
			return Result{}, err
		}
		if best.Cycles == 0 || r.Cycles < best.Cycles {
			best = r
		}
	}
	return best, nil
}

// run simulates a plan.
func (p *plan) run(ctx context.Context, n *configs.NVDLA, c *Conv) (Result, error) {
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
