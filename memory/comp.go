package memory

import (
	"fmt"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/configs"
	"gpusim/sim"
)

// Comp is the memory system of one GPU as an Akita component. SMs act in
// windows of Horizon cycles at the beginning of a window; their requests have
// arrived before Comp serves the same window.
type Comp struct {
	*sim.Component
	System *System
	Port   akita.Port

	horizon uint64
	lead    uint64 // least time from a window's begin to the cycle of a request made in it
	sms     []akita.Port
	batches []ReplyBatch
	touched []int
}

// Builder builds memory components.
type Builder struct {
	engine  *sim.Engine
	domain  *sim.Domain
	gpu     *configs.GPU
	horizon uint64
}

// MakeBuilder returns a builder with a horizon of one cycle.
func MakeBuilder() Builder { return Builder{horizon: 1} }

// WithEngine sets the engine.
func (b Builder) WithEngine(e *sim.Engine) Builder { b.engine = e; return b }

// WithDomain sets the SM clock.
func (b Builder) WithDomain(d *sim.Domain) Builder { b.domain = d; return b }

// WithSpec sets the machine.
func (b Builder) WithSpec(g *configs.GPU) Builder { b.gpu = g; return b }

// WithHorizon sets the SMs' bulk step in cycles.
func (b Builder) WithHorizon(h uint64) Builder { b.horizon = h; return b }

// Build makes the component.
func (b Builder) Build(name string) (*Comp, error) {
	s, err := New(b.gpu, configs.Freq(b.domain.Hz()))
	if err != nil {
		return nil, err
	}
	c := &Comp{System: s, horizon: b.horizon, lead: uint64(b.gpu.L1.HitLatency)}
	c.Component = sim.NewComponent(name, b.engine, b.domain, sim.PhaseServe, c)
	c.Port = c.MakePort("Top", b.gpu.SM.Count+1)
	return c, nil
}

// Connect names the ports of the SMs, in the order of their numbers.
func (c *Comp) Connect(sms []akita.Port) {
	c.sms = sms
	c.batches = make([]ReplyBatch, len(sms))
}

// Receive takes the requests that an SM made in the present window.
func (c *Comp) Receive(cycle uint64, _ akita.Port, msg akita.Msg) {
	m, ok := msg.(*RequestBatch)
	if !ok {
		c.Engine.Fail(fmt.Errorf("%s: unexpected message %T", c.Name(), msg))
		return
	}
	c.System.Submit(m.SM, m.Requests)
	c.WakeAt(cycle)
}

// Wake decides all that can be decided in the present window and announces it.
func (c *Comp) Wake(cycle uint64) {
	for _, sm := range c.touched { // delivered since
		c.batches[sm].Replies = c.batches[sm].Replies[:0]
	}
	c.touched = c.touched[:0]
	window := cycle - cycle%c.horizon
	c.System.Advance(window+c.horizon+c.lead, func(sm int, r Reply) {
		b := &c.batches[sm]
		if len(b.Replies) == 0 {
			c.touched = append(c.touched, sm)
		}
		b.Replies = append(b.Replies, r)
	})
	for _, sm := range c.touched {
		b := &c.batches[sm]
		b.Src, b.Dst = c.Port, c.sms[sm]
		c.Port.Send(b)
	}
	if at, busy := c.System.NextDecision(); busy {
		next := window + c.horizon
		if need := at - min(at, c.horizon+c.lead); need > next {
			next = need - need%c.horizon
		}
		c.WakeAt(next)
	}
}
