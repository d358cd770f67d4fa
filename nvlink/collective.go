package nvlink

import (
	"context"

	"gpusim/configs"
	"gpusim/sim"
	"gpusim/workloads"
)

// Result is what a collective or a copy took.
type Result struct {
	Seconds  float64
	Algo     string // copies: write, read, host
	Proto    string
	Channels int
	Bound    string // link, latency or cta
	Links    []LinkUse
	Slices   int     // that were simulated
	Folded   int     // nodes that each node of Links stands for
	PeakUse  float64 // highest share of a link's rate in use at any time
}

// LinkUse is one direction of a bundle of links.
type LinkUse struct {
	Link    string
	Type    string
	Dir     string  // a>b: from the first part of the name to the second
	Data    float64 // bytes without headers
	Wire    float64 // bytes with headers and answers
	BusyPct float64
	Stands  float64 // links that it stands for where nodes are folded; of a ring see Result.Folded
}

// pace is the library's share.
func (u *setup) pace() pace {
	p := pace{step: u.proto.step, local: float64(u.lib.CTARate), copy: !u.c.Direct && !u.lib.CopiesBehind, slots: u.proto.slots}
	if u.lib.Step > 0 {
		p.step = uint64(u.lib.Step)
	}
	p.step = u.times(p.step)
	return p
}

// launch is when the first CTA could be at work, in ps.
func (u *setup) launch() uint64 {
	t := uint64(u.lib.Launch)
	switch {
	case u.pick.algo == InSwitch:
		t += us(baseInSwitch - baseUS[Ring][LL])
	case u.lib.LL || u.lib.LL128: // a library with protocols to choose among
		t += u.proto.extra
	}
	return t
}

// begin is the cycle at which the CTA of a channel is at work: CTAs of a
// kernel come to work at random, with an exponential spread; this is the
// expectation of the k-th of n.
func (u *setup) begin(channel int) uint64 {
	n, sum := len(u.rings), 0.0
	for j := 0; j <= channel; j++ {
		sum += 1 / float64(n-j)
	}
	return cycles(u.launch() + uint64(sum*float64(u.lib.Jitter)))
}

// Options are the choices of a run.
type Options struct {
	Ranks     []int             // which GPU is which rank; nil: in their order
	MaxCycles uint64            // guard; 0 = default
	Watch     func(*sim.Engine) // told of the engine before it runs, may be nil
}

// Collective simulates a collective. Mistakes of the user's are an InputError.
func Collective(ctx context.Context, s *configs.System, c *workloads.Collective, o Options) (Result, error) {
	u, err := newSetup(s, c, o.Ranks)
	if err != nil {
		return Result{}, &InputError{err}
	}
	if err := u.prepare(); err != nil {
		return Result{}, &InputError{err}
	}
	return u.run(ctx, o)
}

// run simulates the program.
func (u *setup) run(ctx context.Context, o Options) (Result, error) {
	wires, err := u.wires()
	if err != nil {
		return Result{}, &InputError{err}
	}
	e, d := sim.NewEngine(ctx, o.MaxCycles), sim.NewDomain(hz)
	f := newFabric(e, d, u.g)
	f.lay(u.ways(wires))
	x := newExecution(e, d, u.g, f, u.prog, wires, u.pace(), u.begin)
	if o.Watch != nil {
		o.Watch(e)
	}
	if err := e.RunAll(); err != nil {
		return Result{}, err
	}
	r := Result{Seconds: float64(x.end) / hz, Folded: u.fold, Algo: u.pick.algo, Proto: u.pick.proto, Channels: len(u.rings)}
	for _, w := range u.prog.workers {
		r.Slices += len(w.ops)
	}
	f.report(u.g, &r)
	if u.plan.fold != nil {
		u.plan.fold.mark(u.g, r.Links)
	}
	return r, nil
}

// report fills in what the links did.
func (f *fabric) report(g *graph, r *Result) {
	r.Links, r.Bound = f.links(g, r.Seconds), "latency"
	for res, l := range r.Links {
		r.PeakUse = max(r.PeakUse, f.shares.peak[res])
		if l.BusyPct > 50 {
			r.Bound = "link"
		}
	}
}

// InputError marks a mistake of the user's.
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *InputError) Unwrap() error { return e.Err }
