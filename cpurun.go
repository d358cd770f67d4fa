package gpusim

import (
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/cpu"
	"gpusim/energy"
	"gpusim/workloads"
)

// cpuKernels simulates what a CPU's library runs for a workload.
func cpuKernels(m *configs.Machine, w workloads.Workload) ([]cpu.Result, error) {
	switch {
	case w.GEMM != nil:
		g := w.GEMM
		r, err := cpu.Run(m, cpu.Problem{M: g.M, N: g.N, K: g.K, Batch: g.Batch, DType: g.DType, TransA: g.TransA, TransB: g.TransB, Beta: g.Beta})
		if err != nil {
			return nil, err
		}
		after, err := cpu.Epilogue(m, g.Epilogue, g.DType, float64(g.M)*float64(g.N)*float64(max(1, g.Batch)))
		return append([]cpu.Result{r}, after...), err
	case w.Conv != nil:
		return cpu.RunConv(m, w.Conv)
	case w.Layer != nil:
		return cpu.RunLayer(m, w.Layer)
	case w.Custom != nil:
		return cpu.RunCustom(m, w.Custom)
	}
	return nil, fmt.Errorf("no model of %s: collectives and copies run on systems (see 'gpusim config list')", w.Kind)
}

// runCPU simulates a workload on a CPU.
func runCPU(m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	priced := *m // by the values that it works on; a machine of its own, as its power limit acts on that
	priced.Energy = *energy.AtValues(&m.Energy, o.Values, w.Shape().Type(), 0)
	kernels, err := cpuKernels(&priced, w)
	if err != nil {
		return Result{}, &InputError{fmt.Errorf("workload %q: %s: %w", w.Short(), m.Name, err)}
	}
	r := newResult(m, w, o.Fidelity)
	r.DRAMBytes = 0
	ledgers := make([]energy.Ledger, len(kernels))
	longest, cycles := 0.0, 0.0
	for i := range kernels {
		k := &kernels[i]
		l := Layer{Name: w.Kind, Kernel: k.Kernel, TimeUS: k.Seconds * 1e6, Ops: k.Ops, Bound: k.Bound, Energy: k.Energy,
			Waves: math.NaN(), Occupancy: math.NaN(), WarpInsts: math.NaN(), L2HitPct: math.NaN()}
		if n := len(k.Traffic); n > 0 {
			l.DRAMBytes = float64(k.Traffic[n-1].Bytes)
		}
		r.Layers = append(r.Layers, l)
		r.TimeUS += l.TimeUS
		r.DRAMBytes += l.DRAMBytes
		cycles += k.Seconds * k.ClockHz
		ledgers[i] = k.Energy
		r.DType, r.PeakTOPS = k.ComputeDType, k.PeakOps/1e12
		if k.Seconds > longest {
			longest, r.Bound = k.Seconds, k.Bound
		}
	}
	r.TimeLoUS, r.TimeHiUS = r.TimeUS, r.TimeUS
	r.ClockMHz = cycles / r.TimeUS
	r.Energy, err = energy.Sum(ledgers...)
	return r, err
}
