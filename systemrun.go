package gpusim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/nvlink"
	"gpusim/sim"
	"gpusim/workloads"
)

// runSystem simulates a collective or a copy on a machine of several devices.
func runSystem(ctx context.Context, m *configs.Machine, w workloads.Workload, o Options) (Result, error) {
	c := w.Collective
	if c == nil {
		return Result{}, &InputError{fmt.Errorf("%s is a system of several devices and runs collectives and copies; name the machine of one of them for %s", m.Name, w.Kind)}
	}
	no := nvlink.Options{MaxCycles: o.MaxCycles}
	if o.Monitor != "" && o.Fidelity != Analytic {
		page, err := sim.StartMonitor(o.Monitor)
		if err != nil {
			return Result{}, &InputError{err}
		}
		defer page.Close()
		no.Watch = func(e *sim.Engine) { page.Watch(w.Text, e) }
		slog.Warn("live page", "address", "http://"+page.Addr())
	}
	var n nvlink.Result
	var err error
	switch {
	case o.Fidelity == Analytic:
		n, err = nvlink.Closed(m.System, c)
	case c.Op == workloads.PointToPoint:
		n, err = nvlink.Copy(ctx, m.System, c, no)
	default:
		n, err = nvlink.Collective(ctx, m.System, c, no)
	}
	var own *nvlink.InputError
	switch {
	case errors.As(err, &own):
		return Result{}, &InputError{own.Err}
	case err != nil:
		return Result{}, err
	}
	r := newResult(m, w, o.Fidelity)
	r.GPUs, r.ClockMHz = c.GPUs, math.NaN()
	r.TimeUS = n.Seconds * 1e6
	r.TimeLoUS, r.TimeHiUS = r.TimeUS, r.TimeUS
	r.Bound, r.Links = n.Bound, n.Links
	r.Energy = energy.OfLinks(linkCounts(m, n.Links, max(1, n.Folded)), "links")
	r.AlgGBps = float64(c.Size) / n.Seconds / 1e9
	r.BusGBps = r.AlgGBps * c.BusFactor()
	if r.Ops == 0 {
		r.Ops = math.NaN()
	}
	r.Layers = []Layer{{
		Name: c.Op, Kernel: kernelName(&n), Grid: fmt.Sprintf("%dx1x1", n.Channels), TimeUS: r.TimeUS, Ops: r.Ops, Bound: r.Bound, Energy: r.Energy,
		Waves: math.NaN(), Occupancy: math.NaN(), WarpInsts: math.NaN(), L2HitPct: math.NaN(), DRAMBytes: math.NaN(),
	}}
	return r, nil
}

// kernelName is the algorithm with its protocol.
func kernelName(n *nvlink.Result) string {
	if n.Proto == "" {
		return n.Algo
	}
	return n.Algo + "_" + n.Proto
}
