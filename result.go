package gpusim

import (
	"math"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/sm/gpu"
	"gpusim/workloads"
)

// newResult fills in what is known before anything runs.
func newResult(m *configs.Machine, w workloads.Workload, f Fidelity) Result {
	if f == "" {
		f = Sampled
	}
	s := w.Shape()
	return Result{
		Machine: m.Name, Workload: w.Text, DType: s.Type(), Batch: s.Batches(), GPUs: 1, Fidelity: f,
		Ops:          float64(s.Ops()),
		SimulatedPct: 100, PeakTOPS: math.NaN(), L2HitPct: math.NaN(), DRAMBytes: math.NaN(), WarpInsts: math.NaN(),
	}
}

// sum adds the kernels of a call up. They run one after another on the
// device; what the host adds is a matter of the measurement method. The call's
// operations are those of the kernel that executes most instructions: others move,
// transform or reduce for it.
func (r Result) sum(reports []gpu.Report) Result {
	var hits, insts, simulated float64
	r.DRAMBytes, r.WarpInsts = 0, 0
	ledgers := make([]energy.Ledger, len(r.Layers))
	longest, spread, main := 0.0, 0.0, 0
	for i := range r.Layers {
		l := &r.Layers[i]
		r.TimeUS += l.TimeUS
		spread += l.SpreadUS
		r.DRAMBytes += l.DRAMBytes
		r.WarpInsts += l.WarpInsts
		insts += l.WarpInsts
		n := float64(reports[i].SM.WarpInsts)
		simulated += n
		l.SimulatedPct = math.Min(100, 100*n/l.WarpInsts)
		if l.WarpInsts > r.Layers[main].WarpInsts {
			main = i
		}
		if !math.IsNaN(l.L2HitPct) {
			hits += l.L2HitPct * l.WarpInsts
		}
		ledgers[i] = l.Energy
		if l.TimeUS > longest {
			longest, r.Bound = l.TimeUS, l.Bound
		}
	}
	if len(r.Layers) > 0 {
		r.Layers[main].Ops = r.Ops
	}
	r.L2HitPct = hits / insts
	r.SimulatedPct = math.Min(100, 100*simulated/insts)
	r.TimeLoUS, r.TimeHiUS = r.TimeUS-spread, r.TimeUS+spread
	r.Energy, _ = energy.Sum(ledgers...)
	return r
}
