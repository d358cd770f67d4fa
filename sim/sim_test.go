package sim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	akita "github.com/sarchlab/akita/v3/sim"
	"pgregory.net/rapid"

	"gpusim/sim"
)

func TestDomainRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := sim.NewDomain(rapid.Uint64Range(1_000_000, 10_000_000_000).Draw(t, "hz"))
		c := rapid.Uint64Range(0, 1_000_000_000_000).Draw(t, "cycle")
		if got := d.Cycle(d.PS(c)); got != c {
			t.Fatalf("%d Hz: cycle %d begins at %d ps, which is in cycle %d", d.Hz(), c, d.PS(c), got)
		}
		if d.PS(c+1) <= d.PS(c) {
			t.Fatalf("cycle %d does not begin after cycle %d", c+1, c)
		}
	})
}

func TestRetuneKeepsTime(t *testing.T) {
	d := sim.NewDomain(1_000_000_000)
	d.Retune(1000, 500_000_000)
	if got, want := d.PS(1010), uint64(1_000_000+20_000); got != want {
		t.Errorf("cycle 1010 at %d ps, want %d", got, want)
	}
	if got := d.Cycle(1_020_000); got != 1010 {
		t.Errorf("1.02 us is cycle %d, want 1010", got)
	}
}

// recorder notes when it wakes and what it receives.
type recorder struct {
	comp  *sim.Component
	log   []string
	onAt  func(cycle uint64)
	waits []string
}

func (r *recorder) Wake(cycle uint64) {
	r.log = append(r.log, fmt.Sprintf("wake %d", cycle))
	if r.onAt != nil {
		r.onAt(cycle)
	}
}

func (r *recorder) Receive(cycle uint64, _ akita.Port, m akita.Msg) {
	r.log = append(r.log, fmt.Sprintf("%s from %s at %d", m.(*note).text, m.Meta().Src.Name(), cycle))
}

func (r *recorder) Waiting() []string { return r.waits }

type note struct {
	akita.MsgMeta
	text string
}

func (n *note) Meta() *akita.MsgMeta { return &n.MsgMeta }

func newRecorder(name string, e *sim.Engine, d *sim.Domain, phase int) *recorder {
	r := &recorder{}
	r.comp = sim.NewComponent(name, e, d, phase, r)
	return r
}

func TestEarlierWakeReplacesLater(t *testing.T) {
	e, d := sim.NewEngine(context.Background(), 0), sim.NewDomain(1_380_000_000)
	r := newRecorder("R", e, d, sim.PhaseAct)
	r.comp.WakeAt(500)
	r.comp.WakeAt(100)
	r.comp.WakeAt(300) // later than the pending one: ignored
	if err := e.RunAll(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"wake 100"}; !slices.Equal(r.log, want) {
		t.Errorf("log %v, want %v", r.log, want)
	}
}

// Messages of one cycle arrive in the order of plug-in, whatever the order of
// creation and of waking was.
func TestLinkOrderIsFixed(t *testing.T) {
	run := func(reverse bool) []string {
		e, d := sim.NewEngine(context.Background(), 0), sim.NewDomain(1_530_000_000)
		l := sim.NewLink("L", e, d, sim.PhaseDeliver, 0)
		sink := newRecorder("Sink", e, d, sim.PhaseServe)
		in := sink.comp.MakePort("In", 64)
		l.PlugIn(in, 0)
		srcs := make([]*recorder, 20)
		ports := make([]akita.Port, len(srcs))
		for n := range srcs {
			i := n
			if reverse {
				i = len(srcs) - 1 - n
			}
			srcs[i] = newRecorder(fmt.Sprintf("Src[%d]", i), e, d, sim.PhaseAct)
			ports[i] = srcs[i].comp.MakePort("Out", 1)
			srcs[i].onAt = func(uint64) {
				for k := range 2 {
					m := &note{text: fmt.Sprint(k)}
					m.Src, m.Dst = ports[i], in
					ports[i].Send(m)
				}
			}
			srcs[i].comp.WakeAt(7)
		}
		for _, p := range ports {
			l.PlugIn(p, 0)
		}
		if err := e.RunAll(); err != nil {
			t.Fatal(err)
		}
		return sink.log
	}
	a, b := run(false), run(true)
	if !slices.Equal(a, b) {
		t.Errorf("order depends on creation:\n%v\n%v", a, b)
	}
	if len(a) != 40 || a[0] != "0 from Src[0].Out at 7" || a[1] != "1 from Src[0].Out at 7" {
		t.Errorf("unexpected deliveries: %v", a)
	}
}

func TestLinkHoldsWhatAFullPortCannotTake(t *testing.T) {
	e, d := sim.NewEngine(context.Background(), 0), sim.NewDomain(1_000_000_000)
	l := sim.NewLink("L", e, d, sim.PhaseDeliver, 3)
	a, b := newRecorder("A", e, d, sim.PhaseAct), newRecorder("B", e, d, sim.PhaseServe)
	out, in := a.comp.MakePort("Out", 1), b.comp.MakePort("In", 1)
	l.PlugIn(out, 0)
	l.PlugIn(in, 0)
	a.onAt = func(uint64) {
		for i := range 5 {
			m := &note{text: fmt.Sprint(i)}
			m.Src, m.Dst = out, in
			out.Send(m)
		}
	}
	a.comp.WakeAt(10)
	if err := e.RunAll(); err != nil {
		t.Fatal(err)
	}
	if len(b.log) != 5 || b.log[0] != "0 from A.Out at 13" {
		t.Errorf("got %v, want five messages from cycle 13 on", b.log)
	}
}

func TestDeadlockReportNamesTheWait(t *testing.T) {
	e, d := sim.NewEngine(context.Background(), 0), sim.NewDomain(1_000_000_000)
	r := newRecorder("R", e, d, sim.PhaseAct)
	r.waits = []string{"R waits for Godot"}
	r.comp.WakeAt(1)
	err := e.RunAll()
	if !errors.Is(err, sim.ErrDeadlock) || !strings.Contains(err.Error(), "R waits for Godot") {
		t.Errorf("got %v, want a deadlock report naming the wait", err)
	}
}

func TestCycleLimit(t *testing.T) {
	e, d := sim.NewEngine(context.Background(), 1000), sim.NewDomain(1_000_000_000)
	r := newRecorder("R", e, d, sim.PhaseAct)
	r.onAt = func(c uint64) { r.comp.WakeAt(c + 100) }
	r.comp.WakeAt(0)
	if err := e.RunAll(); !errors.Is(err, sim.ErrLimit) {
		t.Errorf("got %v, want the cycle limit", err)
	}
	if n := len(r.log); n != 11 {
		t.Errorf("%d wakes up to cycle 1000, want 11", n)
	}
}

func TestCancelledContextEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	e, d := sim.NewEngine(ctx, 0), sim.NewDomain(1_000_000_000)
	r := newRecorder("R", e, d, sim.PhaseAct)
	r.onAt = func(c uint64) {
		if c == 5000 {
			cancel()
		}
		r.comp.WakeAt(c + 1)
	}
	r.comp.WakeAt(0)
	if err := e.RunAll(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func BenchmarkWake(b *testing.B) {
	e, d := sim.NewEngine(context.Background(), 0), sim.NewDomain(1_530_000_000)
	r := &counter{left: b.N}
	r.comp = sim.NewComponent("R", e, d, sim.PhaseAct, r)
	r.comp.WakeAt(0)
	b.ReportAllocs()
	b.ResetTimer()
	if err := e.RunAll(); err != nil {
		b.Fatal(err)
	}
}

type counter struct {
	comp *sim.Component
	left int
}

func (c *counter) Wake(cycle uint64) {
	if c.left--; c.left > 0 {
		c.comp.WakeAt(cycle + 1)
	}
}

func (c *counter) Receive(uint64, akita.Port, akita.Msg) {}
