package sim_test

import (
	"context"
	"fmt"
	"testing"

	akita "github.com/sarchlab/akita/v3/sim"

	"gpusim/sim"
)

// breaks panics when it receives something.
type breaks struct{ recorder }

func (b *breaks) Receive(uint64, akita.Port, akita.Msg) { panic("slice 3 lost a request") }

// A panic says which component it was in, and when: of one that wakes, and of one that
// is handed a message.
func TestFaultsNameTheirPlace(t *testing.T) {
	e, d := sim.NewEngine(context.Background(), 0), sim.NewDomain(1_000_000_000)
	r := newRecorder("SM[2]", e, d, sim.PhaseAct)
	newRecorder("SM[3]", e, d, sim.PhaseAct).comp.WakeAt(40)
	r.onAt = func(c uint64) {
		if c == 41 {
			panic("no such register")
		}
		r.comp.WakeAt(c + 1)
	}
	r.comp.WakeAt(40)
	if got := fault(e); got != "SM[2] at cycle 41: no such register" {
		t.Error(got)
	}

	e = sim.NewEngine(context.Background(), 0)
	l := sim.NewLink("Up", e, d, sim.PhaseDeliver, 3)
	a, b := newRecorder("SM[0]", e, d, sim.PhaseAct), &breaks{}
	b.comp = sim.NewComponent("Memory", e, d, sim.PhaseServe, b)
	out, in := a.comp.MakePort("Out", 1), b.comp.MakePort("In", 1)
	l.PlugIn(out, 0)
	a.onAt = func(uint64) {
		m := &note{}
		m.Src, m.Dst = out, in
		out.Send(m)
	}
	a.comp.WakeAt(7)
	if got := fault(e); got != "Memory at cycle 10: slice 3 lost a request" {
		t.Error(got)
	}
}

// fault runs an engine and gives the text of its panic.
func fault(e *sim.Engine) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	_ = e.RunAll()
	return ""
}
