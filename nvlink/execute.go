package nvlink

import (
	"fmt"
	"strings"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/sim"
)

// wireUp is how the data of a connection go.
type wireUp struct {
	push    *way   // by the sender; nil: by a proxy
	proxy   *way   // by the network's proxy, beside the CTA
	latency uint64 // ps: end of a slice to its receiver's start
}

// on is the way that its slices take.
func (w *wireUp) on() *way {
	if w.push != nil {
		return w.push
	}
	return w.proxy
}

// pace is what a library takes beside the links.
type pace struct {
	step  uint64  // ps that a CTA is busy with a slice beside moving it; while it waits for data this is free
	local float64 // bytes per second that a CTA copies in its own memory
	copy  bool    // slices that are only received are copied out of the library's buffer
	slots int     // slices that a connection holds
}

// channelState is a connection while a program runs.
type channelState struct {
	wireUp
	arrived  []uint64 // cycles at which slices can be used, oldest first
	free     int      // slots
	pending  []int64  // slices that wait for the proxy
	busy     bool     // the proxy is sending
	receiver *workerState
	sender   *workerState
}

type workerState struct {
	*worker
	index   int // of the program
	next    int // op
	running int // flows of the present op that have not ended, plus one while it sets up
	ready   uint64
	rank    *rankComp
}

// rankComp is the component of one rank: its workers.
type rankComp struct {
	comp    *sim.Component
	run     *execution
	rank    int
	workers []*workerState
	left    int // workers with ops left
}

// execution is a program on a graph.
type execution struct {
	prog    *program
	pace    pace
	fabric  *fabric
	conns   []channelState
	ranks   []*rankComp
	workers []*workerState
	left    int // workers with ops left
	end     uint64
	names   []string                     // of the ranks' GPUs
	begun   []bool                       // ranks whose workers are at work
	over    func(rank int, cycle uint64) // told when a rank has no ops left, may be nil
	order   int64                        // of its flows among those of other executions
}

// newExecution sets a program up on an engine and lets all ranks begin; begin is
// the cycle at which the CTA of a channel comes to work.
func newExecution(e *sim.Engine, d *sim.Domain, g *graph, f *fabric, p *program, wires []wireUp, pc pace, begin func(channel int) uint64) *execution {
	x := prepareExecution(e, d, g, f, p, wires, pc)
	for r := range x.ranks {
		x.begin(r, 0, begin)
	}
	return x
}

// prepareExecution sets a program up; its ranks are yet to begin.
func prepareExecution(e *sim.Engine, d *sim.Domain, g *graph, f *fabric, p *program, wires []wireUp, pc pace) *execution {
	x := &execution{prog: p, pace: pc, fabric: f, conns: make([]channelState, len(p.conns)), begun: make([]bool, p.ranks)}
	for i := range x.conns {
		x.conns[i] = channelState{wireUp: wires[i], free: pc.slots}
	}
	for r := range p.ranks {
		c := &rankComp{run: x, rank: r}
		c.comp = sim.NewComponent(g.nodes[g.gpus[r]].name, e, d, sim.PhaseAct, c)
		x.ranks = append(x.ranks, c)
		x.names = append(x.names, g.nodes[g.gpus[r]].name)
	}
	for i, w := range p.workers {
		s := &workerState{worker: w, index: i, rank: x.ranks[w.rank]}
		x.workers = append(x.workers, s)
		for k := range w.ops {
			for _, c := range w.ops[k].from {
				x.conns[c].receiver = s
			}
			for _, c := range w.ops[k].to {
				x.conns[c].sender = s
			}
		}
		if len(w.ops) == 0 {
			continue
		}
		x.left++
		s.rank.workers = append(s.rank.workers, s)
		s.rank.left++
	}
	return x
}

// begin lets a rank's CTAs come to work, those of a channel begin(channel) cycles
// from now.
func (x *execution) begin(rank int, now uint64, begin func(channel int) uint64) {
	r := x.ranks[rank]
	x.begun[rank] = true
	for _, w := range r.workers {
		w.ready = now + begin(w.channel)
		r.comp.WakeAt(w.ready)
	}
}

// Receive is not needed: the fabric announces arrivals.
func (r *rankComp) Receive(uint64, akita.Port, akita.Msg) {}

// Wake lets every worker that can go on do so.
func (r *rankComp) Wake(cycle uint64) {
	if !r.run.begun[r.rank] {
		return
	}
	next := uint64(0)
	for _, w := range r.workers {
		if w.running > 0 || w.next >= len(w.ops) {
			continue
		}
		at, ok := r.run.startable(w)
		switch {
		case !ok:
		case at <= cycle:
			r.run.startOp(w, cycle)
		case next == 0 || at < next:
			next = at
		}
	}
	if next > 0 {
		r.comp.WakeAt(next)
	}
}

// startable gives the cycle from which a worker's next op can run, if all that
// it waits for has been announced.
func (x *execution) startable(w *workerState) (at uint64, ok bool) {
	o := &w.ops[w.next]
	at = w.ready
	if w.next > 0 {
		at += cycles(x.pace.step)
	}
	for _, c := range o.from {
		if len(x.conns[c].arrived) == 0 {
			return 0, false
		}
		at = max(at, x.conns[c].arrived[0])
	}
	for _, c := range o.to {
		if x.conns[c].free == 0 {
			return 0, false
		}
	}
	return at, true
}

// startOp starts an op: first what the library does by itself, then the flows.
func (x *execution) startOp(w *workerState, cycle uint64) {
	o := &w.ops[w.next]
	for _, c := range o.to {
		x.conns[c].free--
	}
	w.running = 1
	at := cycle
	order := x.order + int64(w.index)<<8
	size := o.seg.size()
	done := func(c uint64) { x.flowEnded(w, c) }
	flow := func(on *way) {
		w.running++
		x.fabric.startAt(at, on, size, order, done)
		order++
	}
	local := o.keep && len(o.to) == 0 && x.pace.copy
	for _, c := range o.to {
		switch s := &x.conns[c]; {
		case s.push != nil:
			flow(s.push)
		default:
			local = true // into the buffer that the proxy sends
		}
	}
	if o.gather != nil {
		flow(o.gather.reduce)
		flow(o.gather.spread)
	}
	if local {
		at += cycles(uint64(float64(size) / x.pace.local * 1e12))
	}
	x.fabric.at(at, order, done) // the CTA's own part of the op
}

// flowEnded ends an op when its last flow does.
func (x *execution) flowEnded(w *workerState, cycle uint64) {
	if w.running--; w.running > 0 {
		return
	}
	o := &w.ops[w.next]
	for _, c := range o.from {
		s := &x.conns[c]
		s.arrived = s.arrived[1:]
		s.free++
		x.wake(s.sender, cycle+1)
	}
	for _, c := range o.to {
		s := &x.conns[c]
		if s.proxy != nil {
			s.pending = append(s.pending, o.seg.size())
			x.proxy(c, cycle)
			continue
		}
		x.arrive(s, cycle)
	}
	w.next++
	w.ready = cycle
	if w.next < len(w.ops) {
		x.wake(w, cycle+1)
		return
	}
	if x.left--; x.left == 0 {
		x.end = cycle
	}
	if w.rank.left--; w.rank.left == 0 && x.over != nil {
		x.over(w.rank.rank, cycle)
	}
}

// arrive announces a slice to its receiver.
func (x *execution) arrive(s *channelState, cycle uint64) {
	at := cycle + cycles(s.latency)
	s.arrived = append(s.arrived, at)
	x.wake(s.receiver, at)
}

// proxy sends the next slice of a connection over the network.
func (x *execution) proxy(c int, cycle uint64) {
	s := &x.conns[c]
	if s.busy || len(s.pending) == 0 {
		return
	}
	size := s.pending[0]
	s.pending, s.busy = s.pending[1:], true
	x.fabric.startAt(cycle, s.proxy, size, x.order+int64(len(x.workers)+c)<<8, func(cycle uint64) {
		s.busy = false
		x.arrive(s, cycle)
		x.proxy(c, cycle)
	})
}

// wake lets a worker look again at a cycle.
func (x *execution) wake(w *workerState, cycle uint64) {
	if w != nil && w.next < len(w.ops) {
		w.rank.comp.WakeAt(cycle)
	}
}

// Waiting names what each worker waits for, and a circle of waits if there is one.
func (r *rankComp) Waiting() []string {
	var out []string
	if !r.run.begun[r.rank] {
		return nil // whoever is to begin it waits
	}
	for _, w := range r.workers {
		if w.next >= len(w.ops) {
			continue
		}
		for _, b := range r.run.blockers(w) {
			out = append(out, fmt.Sprintf("%s waits for %s", r.run.label(w), b.what))
		}
	}
	if r.rank == 0 {
		if c := r.run.circle(); c != "" {
			out = append([]string{"circular wait: " + c}, out...)
		}
	}
	return out
}

func (x *execution) label(w *workerState) string {
	s := fmt.Sprintf("%s channel %d", x.names[w.worker.rank], w.channel)
	if w.name != "" {
		s += " " + w.name
	}
	return fmt.Sprintf("%s step %d", s, w.next)
}

// blocker is a worker that another waits for, nil if nobody ever acts.
type blocker struct {
	what string
	who  *workerState
}

func (x *execution) blockers(w *workerState) (out []blocker) {
	o := &w.ops[w.next]
	for _, c := range o.from {
		if s := &x.conns[c]; len(s.arrived) == 0 {
			out = append(out, blocker{"a slice from " + x.names[x.prog.conns[c].from], s.sender})
		}
	}
	for _, c := range o.to {
		if s := &x.conns[c]; s.free == 0 {
			out = append(out, blocker{"room at " + x.names[x.prog.conns[c].to], s.receiver})
		}
	}
	return out
}

// circle follows waits from each worker until one comes back.
func (x *execution) circle() string {
	for _, first := range x.workers {
		at := map[*workerState]int{}
		var chain []string
		for w := first; w != nil && w.next < len(w.ops); {
			if from, ok := at[w]; ok {
				return strings.Join(append(chain[from:], x.label(w)), " -> ")
			}
			at[w] = len(chain)
			chain = append(chain, x.label(w))
			b := x.blockers(w)
			if len(b) == 0 {
				break
			}
			w = b[0].who
		}
	}
	return ""
}
