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
	Ops       int    // hardware layers
	Busy      uint64 // cycles in which the MAC array multiplies
	Read      uint64 // bytes from memory
	Written   uint64
	CBUFBytes uint64 // read and written
	SDPPoints uint64 // points of a kernel group
	Bound     string
}

// Run simulates a convolution with the event-driven pipeline.
func Run(ctx context.Context, n *configs.NVDLA, c Conv) (Result, error) {
	return fastest(n, &c, func(p *plan) (Result, error) { return p.run(ctx, n) })
}

// fastest takes the faster of the two ways to cut a convolution that does not fit the
// buffer.
func fastest(n *configs.NVDLA, c *Conv, time func(*plan) (Result, error)) (Result, error) {
	best, ops := Result{}, -1
	for _, parts := range []int{2, 1} {
		p, err := newPlan(n, c, parts)
		if err != nil {
			return Result{}, err
		}
		if len(p.ops) == ops {
			break
		}
		ops = len(p.ops)
		r, err := time(p)
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
func (p *plan) run(ctx context.Context, n *configs.NVDLA) (Result, error) {
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
	r.Bound = bound(n, p, &r)
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
func bound(n *configs.NVDLA, p *plan, r *Result) string {
	cycles := float64(r.Cycles)
	rate := float64(n.Memory.Bandwidth) / float64(n.Clock)
	best, share := boundLatency, 0.5
	for _, b := range []struct {
		name string
		used float64
	}{
		{boundCompute, float64(p.work())}, {boundDRAM, float64(r.Read+r.Written) / rate}, {boundOutput, float64(p.output(n))},
	} {
		if b.used/cycles > share {
			best, share = b.name, b.used/cycles
		}
	}
	return best
}
