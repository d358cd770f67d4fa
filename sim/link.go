package sim

import (
	"cmp"
	"slices"

	akita "github.com/sarchlab/akita/v3/sim"
)

// Link is an Akita connection that delivers each message at a computed
// arrival: SendAt's cycle plus a latency, in the link's phase. Messages that
// arrive together are delivered in the order of their source ports' plug-in
// and of sending, whatever the order of simultaneous events was.
type Link struct {
	akita.HookableBase
	name    string
	engine  *Engine
	domain  *Domain
	phase   int
	latency uint64
	rank    map[akita.Port]int
	queue   []transit
	seq     uint64
	armed   bool
	at      uint64
}

type transit struct {
	cycle uint64
	rank  int
	seq   uint64
	msg   akita.Msg
}

// NewLink makes a link whose messages arrive latency cycles after they were
// sent, in the given phase.
func NewLink(name string, e *Engine, d *Domain, phase int, latency uint64) *Link {
	return &Link{name: name, engine: e, domain: d, phase: phase, latency: latency, rank: map[akita.Port]int{}}
}

// Name is the link's name.
func (l *Link) Name() string { return l.name }

// PlugIn attaches a port. Links have no source-side buffer limit.
func (l *Link) PlugIn(port akita.Port, _ int) {
	l.rank[port] = len(l.rank)
	port.SetConnection(l)
}

// Unplug detaches a port.
func (l *Link) Unplug(port akita.Port) { delete(l.rank, port) }

// CanSend is always true: a link queues.
func (l *Link) CanSend(akita.Port) bool { return true }

// NotifyAvailable is called when a full port has space again.
func (l *Link) NotifyAvailable(akita.VTimeInSec, akita.Port) { l.arm(l.engine.Cycle() + 1) }

// Send takes a message whose Src and Dst ports are set and delivers it
// latency cycles after the engine's present cycle.
func (l *Link) Send(msg akita.Msg) *akita.SendError {
	l.seq++
	l.queue = append(l.queue, transit{cycle: l.engine.Cycle() + l.latency, rank: l.rank[msg.Meta().Src], seq: l.seq, msg: msg})
	l.arm(l.engine.Cycle() + l.latency)
	return nil
}

// linkEvent is the one pending delivery of a link.
type linkEvent struct {
	time  akita.VTimeInSec
	cycle uint64
	link  *Link
}

func (e *linkEvent) Time() akita.VTimeInSec { return e.time }
func (e *linkEvent) Handler() akita.Handler { return e.link }
func (e *linkEvent) IsSecondary() bool      { return false }

func (l *Link) arm(cycle uint64) {
	if l.engine.Failed() || (l.armed && l.at <= cycle) {
		return
	}
	l.armed, l.at = true, cycle
	l.engine.Schedule(&linkEvent{time: Seconds(l.domain.phasePS(cycle, l.phase)), cycle: cycle, link: l})
}

// Handle delivers what is due.
func (l *Link) Handle(ev akita.Event) error {
	e := ev.(*linkEvent)
	if !l.armed || l.at != e.cycle || !l.engine.admit(e.cycle, l.name) {
		return nil
	}
	l.armed = false
	q := l.queue
	slices.SortFunc(q, func(a, b transit) int {
		return cmp.Or(cmp.Compare(a.cycle, b.cycle), cmp.Compare(a.rank, b.rank), cmp.Compare(a.seq, b.seq))
	})
	var held []transit
	l.queue = nil // a receiver may send over this link
	i := 0
	for ; i < len(q) && q[i].cycle <= e.cycle; i++ {
		m := q[i].msg.Meta()
		m.RecvTime = e.time
		if err := m.Dst.Recv(q[i].msg); err != nil {
			held = append(held, q[i]) // the port says NotifyAvailable when it has room
		}
	}
	rest := q[i:]
	l.queue = append(l.queue, rest...)
	if len(rest) > 0 {
		l.arm(rest[0].cycle)
	}
	l.queue = append(l.queue, held...)
	return nil
}
