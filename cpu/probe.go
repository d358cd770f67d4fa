package cpu

import (
	"gpusim/configs"
	"gpusim/cpu/pipe"
)

// CoreSpec describes one core of a machine for programs of one's own, beside so many
// threads in all, at a clock in Hz: with the tags of its whole shared cache, so that
// addresses decide where lines are found.
func CoreSpec(m *configs.Machine, threads int, hz float64) (*pipe.Spec, error) {
	mod, err := newModel(m, "fp32")
	if err != nil {
		return nil, err
	}
	mod.hz = hz
	s := mod.spec(threads)
	if c := mod.sharedCache(); c != nil {
		s.L3.Bytes, s.L3.Ways = int(c.Size)/threads, c.Ways
	}
	return s, nil
}

// Lanes is how many fp32 elements a vector of the machine has, and Threads how many
// threads its libraries run.
func Lanes(m *configs.Machine) (lanes, threads int, err error) {
	mod, err := newModel(m, "fp32")
	if err != nil {
		return 0, 0, err
	}
	return mod.core.lanes, mod.threads(), nil
}
