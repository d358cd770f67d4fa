package gpusim

import (
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/cpu"
	"gpusim/workloads"
)

// runCPU simulates a workload on a CPU.
func runCPU(m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	g := w.GEMM
	if g == nil {
		return Result{}, &InputError{fmt.Errorf("workload %q: %s has no model of %s yet", w.Short(), m.Name, w.Kind)}
	}
	if g.Epilogue != "" {
		return Result{}, &InputError{fmt.Errorf("workload %q: %s has no model of epilogues yet", w.Short(), m.Name)}
	}
	c, err := cpu.Run(m, cpu.Problem{
		M: g.M, N: g.N, K: g.K, Batch: g.Batch, DType: g.DType, TransA: g.TransA, TransB: g.TransB,
	})
	if err != nil {
		return Result{}, err
	}
	r := newResult(m, w, o.Fidelity)
	r.DType = c.ComputeDType
	r.TimeUS = c.Seconds * 1e6
	r.TimeLoUS, r.TimeHiUS = r.TimeUS, r.TimeUS
	r.PeakTOPS = c.PeakOps / 1e12
	r.Bound = c.Bound
	r.Energy = c.Energy
	r.ClockMHz = c.ClockHz / 1e6
	r.WarpInsts = math.NaN()
	if n := len(c.Traffic); n > 0 {
		r.DRAMBytes = float64(c.Traffic[n-1].Bytes)
	}
	r.Layers = []Layer{{
		Name: "gemm", Kernel: "blocked_gemm", TimeUS: r.TimeUS, Ops: r.Ops, Bound: r.Bound,
		Waves: math.NaN(), Occupancy: math.NaN(), WarpInsts: math.NaN(), L2HitPct: math.NaN(),
		DRAMBytes: r.DRAMBytes, Energy: r.Energy,
	}}
	return r, nil
}
