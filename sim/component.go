package sim

import (
	akita "github.com/sarchlab/akita/v3/sim"
)

// Waker is the behaviour of a component: it acts when it wakes and takes
// messages when they arrive.
type Waker interface {
	// Wake acts at a cycle and phase that were asked for with WakeAt.
	Wake(cycle uint64)
	// Receive takes a message that has just arrived.
	Receive(cycle uint64, port akita.Port, msg akita.Msg)
}

// Component is an Akita component that sleeps until a computed cycle. At most
// one wake is pending; an earlier request replaces a later one, and the event
// of a replaced wake is recognised as stale and ignored.
type Component struct {
	*akita.ComponentBase
	Engine *Engine
	Domain *Domain
	waker  Waker
	phase  int
	armed  bool
	at     uint64
	free   *wakeEvent
}

// wakeEvent has no ID and is reused: a wake costs no allocation.
type wakeEvent struct {
	time  akita.VTimeInSec
	cycle uint64
	comp  *Component
	next  *wakeEvent
}

func (e *wakeEvent) Time() akita.VTimeInSec { return e.time }
func (e *wakeEvent) Handler() akita.Handler { return e.comp }
func (e *wakeEvent) IsSecondary() bool      { return false }

// NewComponent registers a component that wakes in the given phase of a cycle.
func NewComponent(name string, e *Engine, d *Domain, phase int, w Waker) *Component {
	c := &Component{ComponentBase: akita.NewComponentBase(name), Engine: e, Domain: d, waker: w, phase: phase}
	e.comps = append(e.comps, c)
	return c
}

// MakePort makes a port that holds up to capacity messages.
func (c *Component) MakePort(name string, capacity int) akita.Port {
	p := akita.NewLimitNumMsgPort(c, capacity, c.Name()+"."+name)
	c.ComponentBase.AddPort(name, p)
	return p
}

// WakeAt asks for a wake at a cycle, unless an earlier one is pending.
func (c *Component) WakeAt(cycle uint64) {
	if c.Engine.Failed() || (c.armed && c.at <= cycle) {
		return
	}
	c.armed, c.at = true, cycle
	e := c.free
	if e == nil {
		e = &wakeEvent{comp: c}
	} else {
		c.free = e.next
	}
	e.cycle = cycle
	e.time = Seconds(c.Domain.phasePS(cycle, c.phase))
	c.Engine.Schedule(e)
}

// Handle runs a wake event.
func (c *Component) Handle(ev akita.Event) error {
	e := ev.(*wakeEvent)
	cycle := e.cycle
	e.next, c.free = c.free, e
	if !c.armed || c.at != cycle || !c.Engine.admit(cycle, c.Name()) {
		return nil
	}
	c.armed = false
	c.waker.Wake(cycle)
	return nil
}

// NotifyRecv hands an arrived message to the behaviour.
func (c *Component) NotifyRecv(now akita.VTimeInSec, port akita.Port) {
	if msg := port.Retrieve(now); msg != nil {
		c.Engine.acting = c.Name() // rather than the link that delivers
		c.waker.Receive(c.Engine.Cycle(), port, msg)
	}
}

// NotifyPortFree is not needed: links hold what a port cannot take yet.
func (c *Component) NotifyPortFree(akita.VTimeInSec, akita.Port) {}
