package nvlink

import (
	"context"
	"fmt"
	"math"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/configs"
	"gpusim/sim"
	"gpusim/workloads"
)

// stepRun is a step under way.
type stepRun struct {
	step    *Step
	sys     *configs.System
	teams   *teams
	engine  *sim.Engine
	domain  *sim.Domain
	fabric  *fabric
	comp    *sim.Component
	ops     []opState
	classes []*classState
	spans   []Span
	last    uint64 // cycle of the last thing that ended
	begun   int64  // executions
}

// opState is an op under way or yet to begin.
type opState struct {
	op      *Op
	teams   []*team
	runs    []*execution // of teams; nil: not begun
	started map[int]uint64
	left    map[int]int // of each class: ranks that have not ended
	over    map[int]bool
}

// classState is a class of GPUs.
type classState struct {
	class   int
	gpu     int // the first
	gpus    int
	prog    []Action
	next    int
	way     *way // of its kernels
	since   uint64
	waiting bool
	kernel  *Kernel        // that runs
	taken   int            // SMs that collectives have
	queues  [streams][]int // ops that were started and are not over; the first is under way
	active  int            // ops under way
	busy    uint64         // cycle since when some are
	use     ClassUse
}

// psPerSecond is what a kernel that is not held up does of its time in a second.
const psPerSecond = 1e12

// RunStep simulates a step on a system. Mistakes of the user's are an InputError.
func RunStep(ctx context.Context, s *configs.System, step *Step, o Options) (StepResult, error) {
	x, err := newStepRun(ctx, s, step, o)
	if err != nil {
		return StepResult{}, &InputError{err}
	}
	if o.Watch != nil {
		o.Watch(x.engine)
	}
	for _, c := range x.classes {
		x.fabric.at(1, int64(c.class), func(cycle uint64) { x.advance(c, cycle) })
	}
	if err := x.engine.RunAll(); err != nil {
		return StepResult{}, err
	}
	return x.report(), nil
}

func newStepRun(ctx context.Context, s *configs.System, step *Step, o Options) (*stepRun, error) {
	t, err := newTeams(s, step)
	if err != nil {
		return nil, err
	}
	x := &stepRun{step: step, sys: s, teams: t, engine: sim.NewEngine(ctx, o.MaxCycles), domain: sim.NewDomain(hz)}
	x.comp = sim.NewComponent("Step", x.engine, x.domain, sim.PhaseAct, x)
	x.ops = make([]opState, len(step.Ops))
	for i := range step.Ops {
		if err := x.prepare(i); err != nil {
			return nil, err
		}
	}
	x.fabric = newFabric(x.engine, x.domain, t.all)
	ways := t.ways
	for c, prog := range step.Programs {
		k := &classState{class: c, gpu: -1, prog: prog, way: &way{limit: psPerSecond}}
		for r, class := range step.Class {
			if class == c {
				if k.gpus++; k.gpu < 0 {
					k.gpu = r
				}
			}
		}
		if k.gpu < 0 {
			continue
		}
		if m, ok := t.all.memory[t.all.gpus[k.gpu]]; ok {
			k.way.all = []use{{res: m.res, weight: 1}}
		}
		ways = append(ways, k.way)
		x.classes = append(x.classes, k)
	}
	x.fabric.lay(ways)
	for _, k := range x.classes { // its weight is the running kernel's
		k.way.lean = k.way.all
	}
	return x, nil
}

// prepare makes the teams of an op.
func (x *stepRun) prepare(i int) error {
	o := &x.step.Ops[i]
	s := &x.ops[i]
	s.op, s.started, s.left, s.over = o, map[int]uint64{}, map[int]int{}, map[int]bool{}
	for _, g := range o.Groups {
		t, err := x.teams.of(o, g)
		if err != nil {
			return err
		}
		s.teams = append(s.teams, t)
		for _, r := range t.ranks {
			s.left[x.classOf(r)]++
		}
	}
	s.runs = make([]*execution, len(s.teams))
	return nil
}

// classOf is the class of a GPU; nodes that stand for others are alike.
func (x *stepRun) classOf(r int) int { return x.step.Class[r%len(x.step.Class)] }

// advance lets a class go on with its program.
func (x *stepRun) advance(c *classState, cycle uint64) {
	for c.next < len(c.prog) {
		a := &c.prog[c.next]
		switch a.Kind {
		case RunKernel:
			x.run(c, a, cycle)
			return
		case StartOp:
			q := &c.queues[x.ops[a.Op].op.Stream]
			if *q = append(*q, a.Op); len(*q) == 1 {
				x.begin(c, a.Op, cycle)
			}
		case WaitOp:
			if s := &x.ops[a.Op]; !s.over[c.class] {
				if !c.waiting {
					c.waiting, c.since = true, cycle
				}
				return
			} else if c.waiting {
				c.waiting = false
				c.waited(s.op, float64(cycle-c.since)/hz)
			}
		}
		c.next++
	}
	x.last = max(x.last, cycle)
	c.use.Idle = float64(cycle) / hz // the end of the step less this, see report
}

// waited adds to what the class has waited.
func (c *classState) waited(o *Op, seconds float64) {
	if o.Stream == Boundaries {
		c.use.Bubble += seconds
	} else {
		c.use.Exposed += seconds
	}
}

// run runs a kernel: its progress is in picoseconds of its time alone.
func (x *stepRun) run(c *classState, a *Action, cycle uint64) {
	k := a.Kernel
	ps := int64(math.Round(k.Seconds * psPerSecond))
	if ps <= 0 {
		c.next++
		x.fabric.at(cycle, int64(c.class), func(cycle uint64) { x.advance(c, cycle) })
		return
	}
	c.kernel = k
	if len(c.way.all) > 0 {
		c.way.all[0].weight = k.DRAM / float64(ps)
	}
	x.limit(c)
	c.since = cycle
	x.fabric.startAt(cycle, c.way, ps, math.MaxInt32+int64(c.class), func(end uint64) {
		took := float64(end-cycle) / hz
		c.kernel = nil
		c.use.Alone += k.Seconds
		c.use.Slowed += took - k.Seconds
		x.spans = append(x.spans, Span{c.gpu, ComputeStream, a.Name, float64(cycle) / hz, float64(end) / hz})
		c.next++
		x.advance(c, end)
	})
}

// limit sets how fast a class's kernel can go with the SMs that it has.
func (x *stepRun) limit(c *classState) {
	c.way.limit = psPerSecond
	k := c.kernel
	if k == nil || k.Slowed == nil || c.taken == 0 {
		return
	}
	slow, err := k.Slowed(c.taken)
	if err != nil {
		x.engine.Fail(err)
		return
	}
	if slow > k.Seconds {
		c.way.limit = psPerSecond * k.Seconds / slow
	}
}

// begin lets a class's GPUs take part in an op.
func (x *stepRun) begin(c *classState, i int, cycle uint64) {
	s := &x.ops[i]
	s.started[c.class] = cycle
	x.occupy(c, s, 1, cycle)
	for t, team := range s.teams {
		for place, r := range team.ranks {
			switch {
			case x.classOf(r) == c.class:
				x.join(s, t, place, cycle)
			case s.op.Work.Op == workloads.PointToPoint: // the receiver is there already
				x.join(s, t, place, cycle)
			}
		}
	}
}

// occupy gives an op the SMs of its channels or takes them back: each channel is
// one CTA of 512 or 640 threads, compiled for one to an SM (NCCL 2.1x:
// NCCL_MAX_NTHREADS, launch bounds), whose registers leave no room for a large CTA
// of another kernel. Receivers of transfers are not counted.
func (x *stepRun) occupy(c *classState, s *opState, sign int, cycle uint64) {
	channels := 0
	for _, t := range s.teams {
		channels = max(channels, len(t.u.rings))
	}
	c.taken += sign * channels
	if sign > 0 {
		if c.active++; c.active == 1 {
			c.busy = cycle
		}
	} else if c.active--; c.active == 0 {
		c.use.Comm += float64(cycle-c.busy) / hz
	}
	if c.kernel != nil {
		x.limit(c)
		x.fabric.again(cycle)
	}
}

// join lets a rank of a team begin.
func (x *stepRun) join(s *opState, t, place int, cycle uint64) {
	u := s.teams[t].u
	if s.runs[t] == nil {
		r := prepareExecution(x.engine, x.domain, u.g, x.fabric, u.prog, s.teams[t].wires, u.pace())
		x.begun++
		r.order = x.begun << 32
		r.over = func(rank int, cycle uint64) { x.ended(s, s.teams[t].ranks[rank%len(s.teams[t].ranks)], cycle) }
		s.runs[t] = r
	}
	if !s.runs[t].begun[place] {
		s.runs[t].begin(place, cycle, u.begin)
	}
}

// ended takes note of a rank that is through with an op.
func (x *stepRun) ended(s *opState, rank int, cycle uint64) {
	class := x.classOf(rank)
	x.last = max(x.last, cycle)
	if s.left[class]--; s.left[class] > 0 {
		return
	}
	s.over[class] = true
	var c *classState
	for _, k := range x.classes {
		if k.class == class {
			c = k
		}
	}
	if began, ok := s.started[class]; ok {
		x.spans = append(x.spans, Span{c.gpu, streamNames[s.op.Stream], s.op.Name, float64(began) / hz, float64(cycle) / hz})
		q := &c.queues[s.op.Stream]
		*q = (*q)[1:]
		x.occupy(c, s, -1, cycle)
		if len(*q) > 0 {
			x.begin(c, (*q)[0], cycle)
		}
	}
	if c.waiting {
		x.advance(c, cycle)
	}
}

// Receive is not needed: the fabric calls back.
func (x *stepRun) Receive(uint64, akita.Port, akita.Msg) {}

// Wake is not needed either.
func (x *stepRun) Wake(uint64) {}

// Waiting names what each class waits for.
func (x *stepRun) Waiting() (out []string) {
	for _, c := range x.classes {
		if c.next < len(c.prog) {
			a := &c.prog[c.next]
			what := a.Name
			if a.Kind == WaitOp {
				what = x.step.Ops[a.Op].Name
			}
			out = append(out, fmt.Sprintf("%s waits for %s", x.name(c.gpu), what))
		}
	}
	return out
}

func (x *stepRun) name(gpu int) string { return x.teams.all.nodes[x.teams.all.gpus[gpu]].name }

// stand says how many links those of a step stand for.
func (t *teams) stand(links []LinkUse) []LinkUse {
	switch {
	case t.trees: // rings beside trees count for the first node alone
		t.tree.mark(t.all, links)
	case t.fold > 1:
		return t.first(links)
	}
	return links
}

// first are the links of the first node, which stand for those of all.
func (t *teams) first(links []LinkUse) (out []LinkUse) {
	for i, l := range links {
		if e := t.all.edge(i); t.all.nodes[e.a].box <= 0 && t.all.nodes[e.b].box <= 0 {
			l.Stands = float64(t.fold)
			out = append(out, l)
		}
	}
	return out
}

// report sums the step up.
func (x *stepRun) report() StepResult {
	r := Result{Seconds: float64(x.last) / hz}
	x.fabric.report(x.teams.all, &r)
	out := StepResult{Seconds: r.Seconds, Spans: x.spans, Links: x.teams.stand(r.Links), PeakUse: r.PeakUse, Folded: x.teams.fold}
	for _, c := range x.classes {
		c.use.GPU, c.use.GPUs = c.gpu, c.gpus
		c.use.Idle = r.Seconds - c.use.Idle
		out.Classes = append(out.Classes, c.use)
	}
	return out
}
