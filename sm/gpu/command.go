package gpu

import (
	"cmp"
	"fmt"
	"slices"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/configs"
	"gpusim/sim"
	"gpusim/sm"
)

// Launch is one kernel in the stream and, when it is over, what became of it.
type Launch struct {
	*sm.Prepared
	Waves WavePlan

	Start        uint64 // cycle at which the kernel came to the front of its stream
	End          uint64 // cycle at which its last CTA was gone and its last store visible
	Skipped      uint64 // cycles that sampling left out on the SM that took longest
	Spread       uint64 // how far the paces that these rest on lie apart, in cycles
	SkippedLoops uint64 // those of Skipped that are main-loop iterations; the others are waves

	total    int // CTAs to run
	left     int
	lastDone uint64
	ends     [][]virtualEnd
	owed     int // sectors, see writeBack
}

// command is the CTA dispatcher: kernels of the stream one after another,
// CTAs breadth first over the SMs, then to whichever SM frees a place.
type command struct {
	*sim.Component
	port    akita.Port
	sms     []akita.Port
	spec    *configs.Dispatch
	launch  uint64 // CTA launch latency
	horizon uint64
	least   uint64 // cycles that the first kernel's CTAs take at least
	end     uint64 // of the latest kernel

	stream  []*Launch
	current int
	next    int    // next CTA index
	free    uint64 // dispatcher free
	status  []*sm.StatusMsg
	undrain int
	drained []bool
	lastAck uint64
	onLoad  func(l *Launch, cycle uint64)
	onDone  func(l *Launch, cycle uint64)

	progress func(float64) // may be nil
}

func newCommand(name string, e *sim.Engine, d *sim.Domain, g *configs.GPU, horizon uint64) *command {
	c := &command{spec: &g.Dispatch, launch: uint64(g.SM.CTALaunchLatency), horizon: horizon}
	c.Component = sim.NewComponent(name, e, d, sim.PhaseServe, c)
	c.port = c.MakePort("Top", g.SM.Count+1)
	return c
}

// begin starts the kernel that is now at the front of the stream.
func (c *command) begin(cycle uint64) {
	l := c.stream[c.current]
	l.Start = cycle
	l.total = l.Waves.Run(l.Kernel.CTAs())
	l.left = l.total
	c.lastAck = 0
	c.onLoad(l, cycle)
	c.free = cycle + max(uint64(c.spec.KernelLatency), c.least)
	msgs := make([]*sm.LaunchMsg, len(c.sms))
	c.next = 0
	for round := 0; round < l.CTAsPerSM && c.next < l.total; round++ {
		for i := range c.sms {
			if c.next == l.total {
				break
			}
			if msgs[i] == nil {
				msgs[i] = &sm.LaunchMsg{}
			}
			msgs[i].CTAs = append(msgs[i].CTAs, c.place(l, 0))
			if n := l.Kernel.Cluster; n > 1 && i%n == n-1 { // those of a cluster begin together
				for _, m := range msgs[i-n+1 : i] {
					m.CTAs[0].Cycle = msgs[i].CTAs[0].Cycle
				}
			}
		}
	}
	c.send(msgs)
}

// place takes the next CTA from the grid for a place that is free at a cycle.
func (c *command) place(l *Launch, free uint64) sm.CTALaunch {
	at := max(c.free, free)
	c.free = at + uint64(c.spec.CTAInterval)
	i := l.Waves.index(c.next)
	c.next++
	return sm.CTALaunch{Cycle: at + c.launch, Index: i}
}

func (c *command) send(msgs []*sm.LaunchMsg) {
	for i, m := range msgs {
		if m == nil {
			continue
		}
		if c.drained[i] {
			c.drained[i] = false
			c.undrain++
		}
		m.Src, m.Dst = c.port, c.sms[i]
		c.port.Send(m)
	}
}

// Receive collects the reports of one window; they are served together.
func (c *command) Receive(cycle uint64, _ akita.Port, msg akita.Msg) {
	m, ok := msg.(*sm.StatusMsg)
	if !ok {
		c.Engine.Fail(fmt.Errorf("%s: unexpected message %T", c.Name(), msg))
		return
	}
	c.status = append(c.status, m)
	c.WakeAt(cycle)
}

// freed is a place on an SM that became free.
type freed struct {
	sm.Done
	sm int
}

// Wake serves the reports of a window in the order of their cycles and SMs.
func (c *command) Wake(cycle uint64) {
	if len(c.status) == 0 { // the stream's next kernel
		c.begin(cycle)
		return
	}
	l := c.stream[c.current]
	var places []freed
	slices.SortFunc(c.status, func(a, b *sm.StatusMsg) int { return cmp.Compare(a.SM, b.SM) })
	for _, m := range c.status {
		for _, d := range m.Done {
			places = append(places, freed{d, m.SM})
		}
		if m.Drained && !c.drained[m.SM] {
			c.drained[m.SM] = true
			c.undrain--
			c.lastAck = max(c.lastAck, m.LastAck)
		}
	}
	c.status = c.status[:0]
	slices.SortFunc(places, func(a, b freed) int {
		return cmp.Or(cmp.Compare(a.Cycle, b.Cycle), cmp.Compare(a.sm, b.sm), cmp.Compare(a.CTA, b.CTA))
	})
	msgs := make([]*sm.LaunchMsg, len(c.sms))
	for _, p := range places {
		l.left--
		l.lastDone = max(l.lastDone, p.Cycle)
		l.ended(p.Done)
		if c.next < l.total {
			if msgs[p.sm] == nil {
				msgs[p.sm] = &sm.LaunchMsg{}
			}
			msgs[p.sm].CTAs = append(msgs[p.sm].CTAs, c.place(l, p.Cycle))
		}
	}
	c.send(msgs)
	if c.progress != nil && len(places) > 0 {
		c.progress((float64(c.current) + float64(l.total-l.left)/float64(l.total)) / float64(len(c.stream)))
	}
	if l.left == 0 && c.undrain == 0 {
		c.finish(l, cycle)
	}
}

// finish closes a kernel and lets the next of the stream begin.
func (c *command) finish(l *Launch, cycle uint64) {
	end := max(l.lastDone, c.lastAck)
	l.End = end + uint64(c.spec.DrainLatency)
	c.onDone(l, l.End)
	c.current++
	c.end = max(l.End, cycle+c.horizon)
	if c.current < len(c.stream) {
		c.begin(l.End)
	}
}

// Waiting reports CTAs that never finished.
func (c *command) Waiting() []string {
	if c.current == len(c.stream) {
		return nil
	}
	l := c.stream[c.current]
	return []string{fmt.Sprintf("%s: kernel %s has %d of %d CTAs unfinished, %d not launched, %d SMs not drained",
		c.Name(), l.Kernel.Name, l.left, l.total, l.total-c.next, c.undrain)}
}
