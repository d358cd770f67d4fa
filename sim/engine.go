package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	akita "github.com/sarchlab/akita/v3/sim"
)

// Engine runs Akita's serial engine with the guards it lacks: an error or a
// cancelled context ends the run, a cycle limit bounds it, and an engine that
// runs dry while work is left reports who waits for whom.
type Engine struct {
	*akita.SerialEngine
	ctx       context.Context
	err       error
	maxCycles uint64
	events    uint64
	cycle     atomic.Uint64
	acting    string // component that handles the present event
	comps     []*Component
}

// Waiter is implemented by components that can be waiting when the engine
// runs dry. Waiting names each wait, one line each ("SM[3] CTA 17 warp 2
// waits at barrier for warps 0, 1"); no lines mean that its work is done.
type Waiter interface{ Waiting() []string }

// ErrDeadlock is wrapped by the error of a run that ended with work left.
var ErrDeadlock = errors.New("deadlock")

// ErrLimit is wrapped by the error of a run that met its cycle limit.
var ErrLimit = errors.New("cycle limit")

// DefaultMaxCycles is the cycle limit when none is given: about 20 minutes of
// simulated time of a GPU.
const DefaultMaxCycles = 2_000_000_000_000

// Fault is what a run panics with when one of its components does: a mistake of the
// model, with the place where it showed.
type Fault struct {
	Component string
	Cycle     uint64
	Value     any // of the component's panic
}

func (f *Fault) String() string {
	return fmt.Sprintf("%s at cycle %d: %v", f.Component, f.Cycle, f.Value)
}

// NewEngine makes an engine. maxCycles 0 means DefaultMaxCycles.
func NewEngine(ctx context.Context, maxCycles uint64) *Engine {
	if maxCycles == 0 {
		maxCycles = DefaultMaxCycles
	}
	return &Engine{SerialEngine: akita.NewSerialEngine(), ctx: ctx, maxCycles: maxCycles}
}

// Fail stops the run: no further event does anything. The first error wins.
func (e *Engine) Fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// Failed says whether the run has been stopped.
func (e *Engine) Failed() bool { return e.err != nil }

// Cycle is the cycle of the latest event; safe to read from other goroutines.
func (e *Engine) Cycle() uint64 { return e.cycle.Load() }

// Components lists the components made on this engine.
func (e *Engine) Components() []*Component { return e.comps }

// RunAll handles events until none is left and returns why it stopped early,
// if it did: the first failure, or a deadlock report. A panic goes on as a *Fault.
func (e *Engine) RunAll() error {
	defer func() {
		if p := recover(); p != nil {
			panic(&Fault{Component: e.acting, Cycle: e.Cycle(), Value: p})
		}
	}()
	if err := e.SerialEngine.Run(); err != nil {
		e.Fail(err)
	}
	if e.err != nil {
		return e.err
	}
	var waits []string
	for _, c := range e.comps {
		if w, ok := c.waker.(Waiter); ok {
			waits = append(waits, w.Waiting()...)
		}
	}
	if len(waits) == 0 {
		return nil
	}
	const most = 20
	if n := len(waits); n > most {
		waits = append(waits[:most], fmt.Sprintf("and %d more", n-most))
	}
	return fmt.Errorf("%w at cycle %d:\n  %s", ErrDeadlock, e.Cycle(), strings.Join(waits, "\n  "))
}

// admit is asked before every event; false means that the event must do nothing.
func (e *Engine) admit(cycle uint64, who string) bool {
	if e.err != nil {
		return false
	}
	e.events++
	e.cycle.Store(cycle)
	e.acting = who
	if cycle > e.maxCycles {
		e.Fail(fmt.Errorf("%w: %s at cycle %d, limit %d", ErrLimit, who, cycle, e.maxCycles))
		return false
	}
	if e.events&1023 == 0 && e.ctx.Err() != nil {
		e.Fail(e.ctx.Err())
		return false
	}
	return true
}
