package microbench

import (
	"context"
	"fmt"
	"slices"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

// rig runs probes on new devices of one machine.
type rig struct {
	ctx context.Context
	g   *configs.GPU
}

// cycles runs kernels one after another on a new device and gives the cycles
// of each.
func (r *rig) cycles(ks ...kernel) ([]uint64, error) {
	reports, err := r.run(ks...)
	if err != nil {
		return nil, err
	}
	out := make([]uint64, len(reports))
	for i := range reports {
		out[i] = reports[i].Launch.Cycles()
	}
	return out, nil
}

// run runs kernels one after another on a new device.
func (r *rig) run(ks ...kernel) ([]gpu.Report, error) {
	clusters := slices.ContainsFunc(ks, func(k kernel) bool { return k.cluster > 1 })
	dev, err := gpu.New(r.ctx, r.g, r.g.Clock.Sustained, gpu.Options{Clusters: clusters})
	if err != nil {
		return nil, err
	}
	var launches []*gpu.Launch
	for _, s := range ks {
		k, err := s.build(r.g)
		if err != nil {
			return nil, err
		}
		p, err := sm.Prepare(k, r.g)
		if err != nil {
			return nil, err
		}
		launches = append(launches, &gpu.Launch{Prepared: p})
	}
	return dev.Run(launches)
}

// slope is the cycles that an iteration takes: the difference of two runs of
// different length, so that launch, cold caches and the last warps do not
// count. before runs ahead of each.
func (r *rig) slope(k kernel, from, to int, before ...kernel) (float64, error) {
	n, err := r.cycles(append(append([]kernel(nil), before...), withTrips(k, from), withTrips(k, to))...)
	if err != nil {
		return 0, err
	}
	a, b := n[len(n)-2], n[len(n)-1]
	if b <= a {
		return 0, fmt.Errorf("microbench: %d iterations take %d cycles and %d take %d", from, a, to, b)
	}
	return float64(b-a) / float64(to-from), nil
}

// each is the cycles that one copy of a piece of code takes: the difference of
// a loop that holds it 32 times and one that holds it 16 times, so that the
// loop's own instructions do not count.
func (r *rig) each(k kernel, piece ...tile.Inst) (float64, error) {
	const n, from, to = 16, 8, 40
	var per [2]float64
	for i := range per {
		k.body = repeat(n*(i+1), piece...)
		var err error
		if per[i], err = r.slope(k, from, to); err != nil {
			return 0, err
		}
	}
	return (per[1] - per[0]) / n, nil
}
