package memory

import (
	"context"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/configs"
	"gpusim/sim"
)

// client stands for an SM: at the beginning of each window it sends what it
// asks for in that window, and it takes replies.
type client struct {
	*sim.Component
	t       *testing.T
	id      int
	horizon uint64
	lead    uint64
	out     []Request // with cycles from lead on
	port    akita.Port
	memory  akita.Port
	batch   RequestBatch
	window  uint64 // the latest in which it acted
	got     []said
}

func (c *client) Wake(cycle uint64) {
	if cycle%c.horizon != 0 {
		c.t.Errorf("SM %d wakes at %d", c.id, cycle)
	}
	c.window = cycle
	c.batch.SM, c.batch.Requests = c.id, c.batch.Requests[:0]
	for len(c.out) > 0 && c.out[0].Cycle < cycle+c.horizon+c.lead {
		c.batch.Requests = append(c.batch.Requests, c.out[0])
		c.out = c.out[1:]
	}
	if len(c.batch.Requests) > 0 {
		c.batch.Src, c.batch.Dst = c.port, c.memory
		c.port.Send(&c.batch)
	}
	if len(c.out) > 0 {
		at := c.out[0].Cycle - c.lead
		c.WakeAt(max(cycle+c.horizon, at-at%c.horizon))
	}
}

func (c *client) Receive(cycle uint64, _ akita.Port, msg akita.Msg) {
	// The SM has run its present window; what it learns now must lie beyond.
	end := cycle - cycle%c.horizon + c.horizon
	for _, r := range msg.(*ReplyBatch).Replies {
		if r.Ready < end {
			c.t.Errorf("SM %d hears at %d of a reply ready at %d, in a window that ends at %d", c.id, cycle, r.Ready, end)
		}
		c.got = append(c.got, said{sm: c.id, reply: r})
	}
}

// TestComponent: through Akita, with any horizon that is allowed, SMs get the
// replies of the bare System, each before the window in which it is due.
func TestComponent(t *testing.T) {
	g, core := machine(t, "volta")
	g.L2.Size /= 16
	r := rand.New(rand.NewSource(1))
	all := []Kind{Read, Read, Write, Atomic, Signal, Wait}
	draw := func(sms, each, gap int) [][]Request {
		return chaos{sms: sms, each: each, lines: 3000, gap: gap, kinds: all, semaphores: 2}.draw(r)
	}
	for name, traffic := range map[string][][]Request{"dense": draw(12, 100, 100), "sparse": draw(2, 60, 10000), "one bank": {oneBank(t, g, core, 80)}} {
		t.Run(name, func(t *testing.T) { testComponent(t, g, core, traffic) })
	}
}

// oneBank reads rows of one bank, all at once: the last waits for long while
// nothing new is asked for.
func oneBank(t *testing.T, g *configs.GPU, core configs.Freq, n int) (list []Request) {
	s := build(t, g, core)
	where := func(line uint64) [2]int {
		slice, local := s.hash.Map(line)
		ch, bank, _, _ := s.place.locate(slice, local)
		return [2]int{ch, int(bank)}
	}
	for line := uint64(0); len(list) < n; line += uint64(g.DRAM.RowBytes) / 128 {
		if where(line) == where(0) {
			list = append(list, Request{Line: line * 128, Sectors: 1, Kind: Read})
		}
	}
	return list
}

func testComponent(t *testing.T, g *configs.GPU, core configs.Freq, traffic [][]Request) {
	r := rand.New(rand.NewSource(2))
	m := *g
	g = &m
	g.SM.Count = len(traffic)
	retag(traffic)
	lead := uint64(g.L1.HitLatency)
	for sm := range traffic {
		for i := range traffic[sm] {
			q := &traffic[sm][i]
			q.Cycle += lead
			if q.Kind == Wait {
				q.Line, q.Value = uint64(r.Intn(2)), int32(r.Intn(300))
			}
		}
	}
	bare := build(t, g, core)
	want := readyByTag(t, traffic, drive(t, bare, traffic, by(150), nil))
	for _, h := range []uint64{1, 17, lead + bare.MinRoundTrip()} {
		e, d := sim.NewEngine(context.Background(), 0), sim.NewDomain(uint64(core))
		m, err := MakeBuilder().WithEngine(e).WithDomain(d).WithSpec(g).WithHorizon(h).Build("Memory")
		if err != nil {
			t.Fatal(err)
		}
		up, down := sim.NewLink("Up", e, d, sim.PhaseDeliver, 0), sim.NewLink("Down", e, d, sim.PhaseReply, 0)
		down.PlugIn(m.Port, 0)
		clients := make([]*client, g.SM.Count)
		ports := make([]akita.Port, g.SM.Count)
		for i := range clients {
			c := &client{t: t, id: i, horizon: h, lead: lead, out: traffic[i], memory: m.Port}
			c.Component = sim.NewComponent(fmt.Sprintf("SM[%d]", i), e, d, sim.PhaseAct, c)
			c.port = c.MakePort("Mem", 4)
			up.PlugIn(c.port, 0)
			clients[i], ports[i] = c, c.port
			c.WakeAt(0)
		}
		m.Connect(ports)
		if err := e.RunAll(); err != nil {
			t.Fatal(err)
		}
		var all []said
		for _, c := range clients {
			all = append(all, c.got...)
		}
		got := readyByTag(t, traffic, all)
		if len(got) != len(want) {
			t.Errorf("horizon %d: %d replies, want %d", h, len(got), len(want))
		}
		for tag, at := range want {
			if got[tag] != at {
				t.Fatalf("horizon %d: tag %d ready at %d, want %d", h, tag, got[tag], at)
			}
		}
		if m.System.Parked() != bare.Parked() {
			t.Errorf("horizon %d: %d parked, want %d", h, m.System.Parked(), bare.Parked())
		}
	}
}

// TestBuilderRefuses: a bad machine or clock is an error, not a panic; and so
// is a message that is no request.
func TestBuilderRefuses(t *testing.T) {
	g, core := machine(t, "volta")
	e, d := sim.NewEngine(context.Background(), 0), sim.NewDomain(uint64(core))
	bad := *g
	bad.L2 = configs.L2{}
	if _, err := MakeBuilder().WithEngine(e).WithDomain(d).WithSpec(&bad).Build("M"); err == nil {
		t.Error("a machine without L2 was built")
	}
	m, err := MakeBuilder().WithEngine(e).WithDomain(d).WithSpec(g).Build("M")
	if err != nil {
		t.Fatal(err)
	}
	m.Receive(0, m.Port, &ReplyBatch{})
	if err := e.RunAll(); err == nil || !strings.Contains(err.Error(), "M: unexpected message") {
		t.Errorf("%v", err)
	}
}
