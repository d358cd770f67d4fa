package sm

import (
	"fmt"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/configs"
	"gpusim/memory"
	"gpusim/sim"
)

// LaunchMsg hands CTAs to an SM.
type LaunchMsg struct {
	akita.MsgMeta
	CTAs []CTALaunch
}

// CTALaunch is one CTA that may issue from Cycle on.
type CTALaunch struct {
	Cycle uint64
	Index int
}

// Meta gives Akita access to the message's header.
func (m *LaunchMsg) Meta() *akita.MsgMeta { return &m.MsgMeta }

// StatusMsg tells the dispatcher what happened on an SM in one step.
type StatusMsg struct {
	akita.MsgMeta
	SM      int
	Done    []Done
	Drained bool   // nothing resident and every store acknowledged
	LastAck uint64 // cycle of the latest acknowledgement
}

// Meta gives Akita access to the message's header.
func (m *StatusMsg) Meta() *akita.MsgMeta { return &m.MsgMeta }

// Comp is the SM as an Akita component. It advances its Core by windows of
// Horizon cycles: the least time in which anything outside could create an
// input for it. A window begins at a multiple of Horizon.
type Comp struct {
	*sim.Component
	Core    *Core
	MemPort akita.Port
	CtlPort akita.Port

	// PeerPort leads to the other SMs of a cluster.
	PeerPort akita.Port

	memDst  akita.Port
	ctlDst  akita.Port
	peers   []akita.Port
	id      int
	horizon uint64
	drained bool
	batch   memory.RequestBatch
	open    []*PeerMsg // messages that are being written
	idle    []*PeerMsg // and that have been read
}

// Builder builds SM components.
type Builder struct {
	engine  *sim.Engine
	domain  *sim.Domain
	gpu     *configs.GPU
	horizon uint64
	id      int
}

// MakeBuilder returns a builder with a horizon of one cycle.
func MakeBuilder() Builder { return Builder{horizon: 1} }

// WithEngine sets the engine.
func (b Builder) WithEngine(e *sim.Engine) Builder { b.engine = e; return b }

// WithDomain sets the SM clock.
func (b Builder) WithDomain(d *sim.Domain) Builder { b.domain = d; return b }

// WithSpec sets the machine.
func (b Builder) WithSpec(g *configs.GPU) Builder { b.gpu = g; return b }

// WithHorizon sets the length of a bulk step in cycles.
func (b Builder) WithHorizon(h uint64) Builder { b.horizon = h; return b }

// WithID sets the SM's number.
func (b Builder) WithID(id int) Builder { b.id = id; return b }

// Build makes the component.
func (b Builder) Build(name string) (*Comp, error) {
	core, err := NewCore(b.gpu)
	if err != nil {
		return nil, err
	}
	core.async.id = b.id
	c := &Comp{Core: core, id: b.id, horizon: b.horizon, drained: true}
	c.Component = sim.NewComponent(name, b.engine, b.domain, sim.PhaseAct, c)
	c.MemPort = c.MakePort("Mem", 4)
	c.CtlPort = c.MakePort("Ctrl", 4)
	c.PeerPort = c.MakePort("Peer", 64)
	return c, nil
}

// Connect names the ports that requests and status reports go to.
func (c *Comp) Connect(mem, ctl akita.Port) { c.memDst, c.ctlDst = mem, ctl }

// ConnectPeers names the ports of all SMs, in the order of their numbers.
func (c *Comp) ConnectPeers(ports []akita.Port) { c.peers = ports }

// PeerMsg carries what an SM told another of its cluster in one window.
type PeerMsg struct {
	akita.MsgMeta
	Signals []PeerSignal
	from    *Comp // who uses it again once it is read
}

// Meta gives Akita access to the message's header.
func (m *PeerMsg) Meta() *akita.MsgMeta { return &m.MsgMeta }

// Wake runs one window.
func (c *Comp) Wake(cycle uint64) {
	c.Core.Run(cycle + c.horizon)
	c.flush()
	c.schedule(cycle)
}

// flush sends what the window produced.
func (c *Comp) flush() {
	if len(c.Core.out) > 0 {
		c.batch.Src, c.batch.Dst, c.batch.SM = c.MemPort, c.memDst, c.id
		c.batch.Requests = c.Core.out
		c.MemPort.Send(&c.batch)
		c.Core.out = c.Core.out[:0] // read by the receiver before the next window
	}
	c.tell()
	drained := c.Core.drained()
	if len(c.Core.done) > 0 || (drained && !c.drained) {
		m := &StatusMsg{SM: c.id, Done: append([]Done(nil), c.Core.done...), Drained: drained, LastAck: c.Core.lastAck}
		m.Src, m.Dst = c.CtlPort, c.ctlDst
		c.Core.done = c.Core.done[:0]
		c.CtlPort.Send(m)
	}
	c.drained = drained
}

// tell sends what is for other SMs, a message to each.
func (c *Comp) tell() {
	for _, p := range c.Core.async.out {
		m := c.message(p.SM)
		m.Signals = append(m.Signals, p)
	}
	for _, m := range c.open {
		c.PeerPort.Send(m)
	}
	c.open, c.Core.async.out = c.open[:0], c.Core.async.out[:0]
}

// message is the one that is being written to an SM.
func (c *Comp) message(sm int) *PeerMsg {
	to := c.peers[sm]
	for _, m := range c.open {
		if m.Dst == to {
			return m
		}
	}
	var m *PeerMsg
	if n := len(c.idle); n > 0 {
		m, c.idle = c.idle[n-1], c.idle[:n-1]
	} else {
		m = &PeerMsg{from: c}
	}
	m.Src, m.Dst, m.Signals = c.PeerPort, to, m.Signals[:0]
	c.open = append(c.open, m)
	return m
}

// drained says that nothing is resident, announced or unacknowledged.
func (c *Core) drained() bool {
	return c.resident == 0 && len(c.launches) == 0 && c.stores == 0 && c.loads == 0
}

// schedule asks for the window that holds the next thing to do.
func (c *Comp) schedule(now uint64) {
	if n, ok := c.Core.Next(); ok {
		w := n - n%c.horizon
		c.WakeAt(max(w, now-now%c.horizon+c.horizon))
	}
}

// Receive takes replies and CTAs.
func (c *Comp) Receive(cycle uint64, _ akita.Port, msg akita.Msg) {
	switch m := msg.(type) {
	case *memory.ReplyBatch:
		for _, r := range m.Replies {
			c.Core.Reply(r)
		}
	case *PeerMsg:
		for _, p := range m.Signals {
			c.Core.Hear(p)
		}
		m.from.idle = append(m.from.idle, m)
		c.tell() // answers
	case *LaunchMsg:
		for _, l := range m.CTAs {
			c.Core.Launch(l.Cycle, l.Index)
		}
		c.drained = false
	default:
		c.Engine.Fail(fmt.Errorf("%s: unexpected message %T", c.Name(), msg))
		return
	}
	if !c.drained && c.Core.drained() {
		c.WakeAt(cycle - cycle%c.horizon + c.horizon) // report it in the next window
	}
	c.schedule(cycle)
}

// Waiting names what the SM's warps wait for, for the deadlock report.
func (c *Comp) Waiting() []string {
	var out []string
	for i := range c.Core.sub {
		for _, w := range c.Core.sub[i].warps {
			out = append(out, fmt.Sprintf("%s CTA %d warp %d at instruction %d waits: %s (%d of %d warps at the barrier)",
				c.Name(), w.cta.Index, w.id, c.Core.sub[i].heads[w.slot].pc-w.code.segs[0].start, c.Core.why(w), w.cta.arrived, w.cta.live)+c.Core.awaited(w))
		}
	}
	if c.Core.stores > 0 {
		out = append(out, fmt.Sprintf("%s waits for %d store acknowledgements", c.Name(), c.Core.stores))
	}
	return out
}

// Counts returns the event counts since Load.
func (c *Core) Counts() *Counts {
	c.counts.L1Hits, c.counts.L1Misses = c.cache.hits, c.cache.miss
	c.counts.Slots = c.slots()
	return &c.counts
}

// Close charges the slots up to the kernel's end as idle.
func (c *Core) Close(cycle uint64) {
	for i := range c.sub {
		c.charge(&c.sub[i], cycle, Idle)
	}
}
