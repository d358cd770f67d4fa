package nvlink

import (
	"fmt"
	"math"

	"gpusim/configs"
	"gpusim/workloads"
)

// ClosedStep is the closed form of a step: streams in order, each op as long as
// its own closed form says from when the last of its GPUs comes to it, and nothing
// held up by anything else. Seconds and Classes are set, and Links where closed forms
// of all ops know them.
func ClosedStep(s *configs.System, step *Step) (StepResult, error) {
	t, err := newTeams(s, step)
	if err != nil {
		return StepResult{}, &InputError{err}
	}
	t.plain = true
	x := closedStep{step: step, ends: make([]map[int]float64, len(step.Ops)), carried: carriedBy(t.all), counted: true}
	for i := range step.Ops {
		d, err := x.duration(t, &step.Ops[i])
		if err != nil {
			return StepResult{}, &InputError{err}
		}
		x.durations = append(x.durations, d)
		x.ends[i] = map[int]float64{}
	}
	classes := make([]closedClass, len(step.Programs))
	for c := range classes {
		classes[c] = closedClass{class: c}
	}
	for {
		moved, left := false, 0
		for c := range classes {
			k := &classes[c]
			at := k.next
			x.advance(k)
			moved = moved || k.next > at
			if k.next < len(step.Programs[c]) {
				left++
			}
		}
		if left == 0 {
			break
		}
		if !moved {
			return StepResult{}, fmt.Errorf("the stages of a step wait for each other in a circle")
		}
	}
	var out StepResult
	for _, k := range classes {
		out.Seconds = math.Max(out.Seconds, k.clock)
	}
	for _, ends := range x.ends {
		for _, e := range ends {
			out.Seconds = math.Max(out.Seconds, e)
		}
	}
	if x.counted {
		out.Links = t.stand(x.carried.links(t.all, out.Seconds))
	}
	for c, k := range classes {
		k.use.Idle = out.Seconds - k.clock
		k.use.GPU = -1
		for r, class := range step.Class {
			if class == c {
				if k.use.GPUs++; k.use.GPU < 0 {
					k.use.GPU = r
				}
			}
		}
		out.Classes = append(out.Classes, k.use)
	}
	return out, nil
}

// closedStep is a step of which ends are worked out.
type closedStep struct {
	step      *Step
	durations []float64
	ends      []map[int]float64 // of each op, by class
	carried   carried
	counted   bool
}

// closedClass is a class in it.
type closedClass struct {
	class int
	next  int
	clock float64
	free  [streams]float64
	use   ClassUse
}

// advance works through a class's program as far as what it waits for is known.
func (x *closedStep) advance(k *closedClass) {
	prog := x.step.Programs[k.class]
	for ; k.next < len(prog); k.next++ {
		a := &prog[k.next]
		switch a.Kind {
		case RunKernel:
			k.clock += a.Kernel.Seconds
			k.use.Alone += a.Kernel.Seconds
		case StartOp:
			o := &x.step.Ops[a.Op]
			begin := math.Max(k.clock, k.free[o.Stream])
			k.free[o.Stream] = begin + x.durations[a.Op]
			x.ends[a.Op][k.class] = k.free[o.Stream]
			for _, g := range o.Groups {
				if o.Work.Op == workloads.PointToPoint && x.step.Class[g[0]] == k.class {
					x.ends[a.Op][x.step.Class[g[1]]] = k.free[o.Stream]
				}
			}
		case WaitOp:
			o := &x.step.Ops[a.Op]
			end, ok := x.ends[a.Op][k.class]
			if !ok {
				return
			}
			if wait := end - k.clock; wait > 0 {
				k.clock = end
				if o.Stream == Boundaries {
					k.use.Bubble += wait
				} else {
					k.use.Exposed += wait
				}
			}
		}
	}
}

// duration is the closed form of the slowest group of an op; what all of them put on
// links is counted.
func (x *closedStep) duration(t *teams, o *Op) (float64, error) {
	slowest := 0.0
	for _, g := range o.Groups {
		m, err := t.of(o, g)
		if err != nil {
			return 0, err
		}
		if !m.closed {
			m.closed = true
			if o.Work.Op == workloads.PointToPoint {
				m.seconds, err = m.u.closedTransfer()
			} else {
				var r Result
				r, err = m.u.closed()
				m.seconds = r.Seconds
			}
			if err != nil {
				return 0, err
			}
			m.carried, m.counted = m.u.carries()
		}
		slowest = math.Max(slowest, m.seconds)
		x.counted = x.counted && m.counted
		x.carried.join(&m.carried)
	}
	return slowest, nil
}

// closedTransfer is the closed form of a transfer.
func (u *setup) closedTransfer() (float64, error) {
	wires, err := u.wires()
	if err != nil {
		return 0, err
	}
	slice := 0.0
	for _, w := range u.prog.workers {
		for i := range w.ops {
			slice = math.Max(slice, float64(w.ops[i].seg.size()))
		}
	}
	bw := u.rateOf()
	ps := float64(u.launch()) + float64(u.lib.Jitter)*harmonic(len(u.rings)) + float64(u.c.Size)/bw + slice*float64(len(u.rings))/bw + float64(wires[0].latency)
	return ps * 1e-12, nil
}
