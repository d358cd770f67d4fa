package nvlink

import (
	"cmp"
	"container/heap"
	"fmt"
	"math"
	"slices"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/sim"
)

// hz is the clock in which the fabric counts: ten cycles a nanosecond, so that
// the four phases of a cycle are whole picoseconds apart.
const hz = 10_000_000_000

// cycles are picoseconds in cycles, rounded up.
func cycles(ps uint64) uint64 { return (ps + 99) / 100 }

// flow is data on their way.
type flow struct {
	way    *way
	left   float64 // bytes
	bytes  int64
	finish uint64 // cycle
	order  int64  // of flows that begin in one cycle
	done   func(cycle uint64)
}

// fabric is the component that holds all links and switches. It sleeps until
// the next flow ends.
type fabric struct {
	comp   *sim.Component
	shares *sharer
	ways   []*way // that flows are on, in their order
	dirty  bool   // limits have changed
	flows  []*flow
	timers timers
	last   uint64 // cycle up to which flows have advanced
	carried
	free  []*flow
	ended []*flow // scratch of Wake
	due   []timer
}

func newFabric(e *sim.Engine, d *sim.Domain, g *graph) *fabric {
	f := &fabric{shares: newSharer(g), carried: carriedBy(g)}
	f.comp = sim.NewComponent("Fabric", e, d, sim.PhaseServe, f)
	return f
}

// lay tells the fabric all ways on which flows will be, before anything runs.
func (f *fabric) lay(ways []*way) {
	l := leaner{shares: f.shares, sign: map[int][]byte{}}
	for _, w := range ways {
		l.learn(w.all)
	}
	for i, lean := range l.leaned() {
		ways[i].lean, ways[i].index = lean, i
	}
}

// onto counts a flow onto its way.
func (f *fabric) onto(w *way) {
	if w.flows++; w.flows > 1 {
		return
	}
	at, _ := slices.BinarySearchFunc(f.ways, w, byIndex)
	f.ways = slices.Insert(f.ways, at, w)
}

// off takes it off again.
func (f *fabric) off(w *way) {
	if w.flows--; w.flows > 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(f.ways, w, byIndex)
	f.ways = slices.Delete(f.ways, at, at+1)
}

func byIndex(a, b *way) int { return cmp.Compare(a.index, b.index) }

// again shares at a cycle since a limit has changed.
func (f *fabric) again(cycle uint64) {
	f.dirty = true
	f.comp.WakeAt(cycle)
}

// timer is something that the fabric does at a cycle: begin a flow, or just
// tell that a time is over.
type timer struct {
	cycle uint64
	order int64
	flow  *flow // nil: only done
	done  func(cycle uint64)
}

// startAt begins a flow at a cycle, this one or a later one; done is called in the
// cycle in which its last byte leaves the last link. What begins together
// is taken in the order of the order given, whoever asked first.
func (f *fabric) startAt(cycle uint64, on *way, bytes int64, order int64, done func(cycle uint64)) {
	var fl *flow
	if n := len(f.free); n > 0 {
		fl, f.free = f.free[n-1], f.free[:n-1]
	} else {
		fl = new(flow)
	}
	*fl = flow{way: on, left: float64(bytes), bytes: bytes, order: order, done: done}
	f.push(timer{cycle: cycle, order: order, flow: fl})
}

// at calls done at a cycle.
func (f *fabric) at(cycle uint64, order int64, done func(cycle uint64)) {
	f.push(timer{cycle: cycle, order: order, done: done})
}

func (f *fabric) push(t timer) {
	heap.Push(&f.timers, t)
	f.comp.WakeAt(t.cycle)
}

// timers is a heap by cycle and order.
type timers []timer

func (t timers) Len() int { return len(t) }
func (t timers) Less(i, j int) bool {
	return t[i].cycle < t[j].cycle || t[i].cycle == t[j].cycle && t[i].order < t[j].order
}
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)   { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	old := *t
	x := old[len(old)-1]
	*t = old[:len(old)-1]
	return x
}

// Receive is not needed: ranks ask by startAt.
func (f *fabric) Receive(uint64, akita.Port, akita.Msg) {}

// Wake ends what is over, begins what was asked for, and shares anew.
func (f *fabric) Wake(cycle uint64) {
	dt := float64(cycle-f.last) / hz
	f.last = cycle
	keep := f.flows[:0]
	ended := f.ended[:0]
	for _, fl := range f.flows {
		fl.left -= fl.way.rate * dt
		if fl.finish <= cycle {
			ended = append(ended, fl)
			f.off(fl.way)
			continue
		}
		keep = append(keep, fl)
	}
	f.flows, f.ended = keep, ended
	changed := len(ended) > 0 || f.dirty
	f.dirty = false
	due := f.due[:0]
	for len(f.timers) > 0 && f.timers[0].cycle <= cycle {
		t := heap.Pop(&f.timers).(timer)
		if t.flow == nil {
			due = append(due, t)
			continue
		}
		f.flows = append(f.flows, t.flow)
		f.onto(t.flow.way)
		changed = true
	}
	f.due = due
	if changed {
		f.shares.share(f.ways)
		for _, fl := range f.flows {
			fl.finish = cycle + max(1, uint64(math.Ceil(fl.left/fl.way.rate*hz-1e-3)))
		}
	}
	for _, fl := range ended {
		f.add(fl.way, float64(fl.bytes))
		fl.done(cycle)
		f.free = append(f.free, fl)
	}
	for _, t := range due {
		t.done(cycle)
	}
	next := uint64(math.MaxUint64)
	for _, fl := range f.flows {
		next = min(next, fl.finish)
	}
	if len(f.timers) > 0 {
		next = min(next, f.timers[0].cycle)
	}
	if next < math.MaxUint64 {
		f.comp.WakeAt(next)
	}
}

// State is for the monitor's page.
func (f *fabric) State() string { return fmt.Sprintf("%d flows", len(f.flows)) }
