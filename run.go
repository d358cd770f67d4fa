package gpusim

import (
	"context"
	"fmt"

	"gpusim/configs"
	"gpusim/workloads"
)

// Run simulates one workload on one machine. Errors that are the user's (a
// shape that does not fit, a type the machine lacks, a kernel that is not in
// its catalogue) come back before anything runs; ctx ends a run early.
func Run(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	if o.Fidelity == "" {
		o.Fidelity = Sampled
	}
	r, err := modelled(ctx, m, w, o)
	if o.Fidelity == Analytic {
		r.SimulatedPct = 0 // whatever the kind of machine: a closed form simulates nothing
	}
	return r, err
}

// modelled is what the model for the machine's kind makes of a workload.
func modelled(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	switch {
	case w.Net != nil && m.Kind == configs.KindSystem:
		return runSystemNetwork(ctx, m, w, o)
	case w.Net != nil && w.Net.Parallel.On():
		return Result{}, &InputError{fmt.Errorf("%s is one device; gpus, tensor and pipeline are for systems (see 'gpusim config list')", m.Name)}
	case w.Net != nil:
		return runNetwork(ctx, m, w, o)
	}
	if fixed(m) && w.Collective == nil && !o.alone {
		return runAlone(ctx, m, w, o)
	}
	switch m.Kind {
	case "gpu":
		return runGPU(ctx, m, w, o)
	case "cpu":
		return runCPU(m, w, o)
	case "nvdla":
		return runNVDLA(ctx, m, w, o)
	case "systolic":
		return runSystolic(ctx, m, w, o)
	case configs.KindSystem:
		return runSystem(ctx, m, w, o)
	}
	return Result{}, fmt.Errorf("machine %s: kind %q has no model", m.Name, m.Kind)
}
