package gpusim

import (
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/workloads/gemm"
	"gpusim/workloads/library"
)

// analyticGPU is the closed form beside the event model: rounds of CTAs on an
// SM at the math rate, but no faster than L2 and DRAM deliver, plus launch and
// drain. It knows no latency inside a CTA, so it is a lower bound for small
// and skinny shapes, and counts no energy, so no power cap lowers its clock;
// reports print both where they differ.
func analyticGPU(m *configs.Machine, p gemm.Problem, call library.Call, r Result) (Result, error) {
	g := m.GPU
	clock := float64(g.Clock.Sustained)
	c := call.Config
	elem, out := float64(p.InBytes())/float64(gemm.Packed(p.DType)), float64(p.OutBytes())
	batch := float64(max(1, p.Batch))
	mt, nt := ceilDiv(p.M, c.TileM), ceilDiv(p.N, c.TileN)
	ctas := mt * nt * max(1, p.Batch) * max(1, c.Splits)
	perSM := ceilDiv(ctas, g.SM.Count)
	k := float64(ceilDiv(ceilDiv(p.K, c.TileK), max(1, c.Splits)) * c.TileK)

	rate := library.Rate(g, call.Entry)
	compute := float64(perSM) * float64(c.TileM*c.TileN) * k / rate / clock
	l2Bytes := float64(ctas) * float64(c.TileM+c.TileN) * k * elem
	l2 := l2Bytes / (float64(g.Crossbar.GPCReplyBytes*g.SM.GPCs) * clock)
	dramBytes := batch * (elem*float64(p.K)*float64(p.M+p.N) + out*float64(p.M)*float64(p.N))
	peak := g.DRAM.PeakBandwidth()
	dram := dramBytes / peak
	if dramBytes < float64(g.L2.Size) {
		dram = 0 // stays in L2 from call to call
	}
	fixed := float64(g.Dispatch.KernelLatency+g.SM.CTALaunchLatency+g.SM.CTAExitLatency+g.Dispatch.DrainLatency) / clock

	body, bound := compute, "compute"
	if l2 > body {
		body, bound = l2, "l2"
	}
	if dram > body {
		body, bound = dram, "dram"
	}
	if fixed > body {
		bound = "launch"
	}
	r.TimeUS = (body + fixed) * 1e6
	r.TimeLoUS, r.TimeHiUS = r.TimeUS, r.TimeUS
	r.Bound, r.SimulatedPct = bound, 0
	r.DRAMBytes = dramBytes
	r.Layers = []Layer{{
		Name: call.Name, Kernel: call.Kernel,
		Grid:    fmt.Sprintf("%dx%dx%d", mt, nt, ctas/(mt*nt)),
		CTATile: fmt.Sprintf("%dx%dx%d", c.TileM, c.TileN, c.TileK),
		Waves:   float64(ctas) / float64(g.SM.Count*max(1, call.Entry.PerSM)), Occupancy: math.NaN(),
		TimeUS: r.TimeUS, Ops: r.Ops, Bound: bound, WarpInsts: math.NaN(), DRAMBytes: dramBytes, L2HitPct: math.NaN(),
	}}
	return r, nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
