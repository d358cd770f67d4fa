// Package tensorcore models the timing of a sub-core's matrix unit: how long
// an MMA holds it, step by step or as one group.
package tensorcore

import "gpusim/configs"

// Spec is the timing of one sub-core's tensor core, in SM cycles.
type Spec struct {
	StepCycles     uint64 // issue interval of steps with fp32 accumulators
	StepCyclesFP16 uint64 // with fp16 accumulators
	StepsFP32      uint8
	BubbleEvery    uint64 // every so many fp32 groups hold the unit one more cycle; 0 = never
}

// NewSpec takes the timing out of a machine file.
func NewSpec(t *configs.TensorCore) Spec {
	return Spec{
		StepCycles:     uint64(t.StepCycles),
		StepCyclesFP16: uint64(t.StepCyclesFP16),
		StepsFP32:      uint8(t.StepsFP32),
		BubbleEvery:    uint64(t.BubbleSetsFP32),
	}
}

// Unit is the state of one tensor core. The steps of an MMA follow each other
// at a fixed interval and keep their issue slots: no other instruction of the
// sub-core may issue in one. So a group of steps can be issued at once.
type Unit struct {
	spec     Spec
	start    uint64 // issue of the latest group's first step
	interval uint64
	last     uint64 // issue of its last step
	later    uint64 // steps after the first
	sets     uint64
}

// NewUnit makes an idle unit.
func NewUnit(s Spec) Unit { return Unit{spec: s, interval: 1} }

// Interval is the distance of an MMA's steps.
func (s *Spec) Interval(steps uint8) uint64 {
	if steps == s.StepsFP32 {
		return s.StepCycles
	}
	return s.StepCyclesFP16
}

// Issue starts an MMA of some steps at cycle t and returns the first cycle at
// which the next MMA may start.
func (u *Unit) Issue(t uint64, steps uint8) (free uint64) {
	u.interval = u.spec.Interval(steps)
	u.start = t
	u.later = uint64(steps - 1)
	u.last = t + u.later*u.interval
	free = t + uint64(steps)*u.interval
	if steps == u.spec.StepsFP32 && u.spec.BubbleEvery > 0 {
		if u.sets++; u.sets == u.spec.BubbleEvery {
			u.sets = 0
			free++
		}
	}
	return free
}

// Holds says whether cycle t is the issue slot of a later step of the latest
// MMA.
func (u *Unit) Holds(t uint64) bool {
	return t > u.start && t <= u.last && (t-u.start)%u.interval == 0
}

// Stepping says whether later steps of the latest MMA issue in cycle t or after.
func (u *Unit) Stepping(t uint64) bool { return t <= u.last }

// Open is the first cycle from t on that is no such slot.
func (u *Unit) Open(t uint64) uint64 {
	for u.Holds(t) {
		t++
	}
	return t
}

// HeldIn counts the slots of later steps in the open interval (from, to).
func (u *Unit) HeldIn(from, to uint64) uint64 {
	if to <= u.start+1 || from >= u.last {
		return 0
	}
	if from <= u.start && to > u.last {
		return u.later
	}
	lo := uint64(0) // steps up to and including cycle from
	if from > u.start {
		lo = (from - u.start) / u.interval
	}
	hi := (min(to-1, u.last) - u.start) / u.interval
	return hi - lo
}
