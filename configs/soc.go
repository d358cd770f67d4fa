package configs

import (
	"fmt"
	"strconv"
	"strings"
)

// SoC is what a system on a chip has beside its GPU: accelerators that share its
// DRAM, and the power modes that set the clocks of all of them. A machine with this
// section runs single workloads on its GPU, and networks where placement says.
type SoC struct {
	Accelerator string      `yaml:"accelerator" doc:"machine file of the accelerators, which are equal"`
	Count       int         `yaml:"count" min:"1" max:"16"`
	Placement   string      `yaml:"placement" allowed:"split,gpu,accelerator" doc:"of the images of a network: shared out so that all units end together, all on the GPU, all on one accelerator"`
	Mode        string      `yaml:"mode" doc:"power mode, by name"`
	Modes       []PowerMode `yaml:"modes"`
}

// PowerMode is a set of clocks with the power that the module is then cooled and
// supplied for.
type PowerMode struct {
	Name        string `yaml:"name"`
	GPU         Freq   `yaml:"gpu" min:"10 MHz" max:"5 GHz"`
	Accelerator Freq   `yaml:"accelerator" min:"10 MHz" max:"5 GHz"`
	DRAM        Freq   `yaml:"dram" min:"50 MHz" max:"10 GHz"`
	Power       Power  `yaml:"power" min:"1 W" max:"2000 W"`
}

// Current is the mode that is set.
func (s *SoC) Current() *PowerMode {
	for i := range s.Modes {
		if s.Modes[i].Name == s.Mode {
			return &s.Modes[i]
		}
	}
	return nil
}

// setMode lays the clocks of the mode that a machine's file (or --set) names over its
// own, before delays of the DRAM are counted in its clocks. Delays that stand in the
// file as clocks keep their nanoseconds. What --set says of a clock itself counts.
func setMode(root *node, overrides []override) error {
	soc := root.get("soc")
	mode, modes := soc.get("mode"), soc.get("modes")
	if mode == nil || modes == nil || mode.kind != scalar || modes.kind != sequence {
		return nil // decode reports it
	}
	var names []string
	var m *node
	for _, item := range modes.items {
		if n := item.get("name"); n != nil {
			names = append(names, n.text)
			if n.text == mode.text {
				m = item
			}
		}
	}
	if m == nil {
		near, _ := nearest(mode.text, names)
		return mode.errorf("soc.mode", "no mode %q%s", mode.text, hint(near, strings.Join(names, ", ")))
	}
	set := func(from, key string) error {
		value := m.get(from)
		if value == nil {
			return nil // decode reports it
		}
		for i := range overrides {
			if strings.Join(overrides[i].path, ".") == key {
				return nil
			}
		}
		o := override{path: strings.Split(key, "."), value: value}
		return o.apply(root)
	}
	old := root.find("gpu", "dram", "clock")
	for _, c := range [][2]string{{"gpu", "gpu.clock.boost"}, {"gpu", "gpu.clock.sustained"}, {"dram", "gpu.dram.clock"}, {"power", "tdp"}} {
		if err := set(c[0], c[1]); err != nil {
			return err
		}
	}
	return rescale(root, old)
}

// rescale keeps the nanoseconds of delays that the file gives in clocks when the
// DRAM's clock is another.
func rescale(root *node, old *node) error {
	clock, timing := root.find("gpu", "dram", "clock"), root.find("gpu", "dram", "timing")
	if clock == nil || old == nil || timing == nil || timing.kind != mapping {
		return nil
	}
	from, err1 := ParseFreq(old.text)
	to, err2 := ParseFreq(clock.text)
	if err1 != nil || err2 != nil || from == to {
		return nil // decode reports what cannot be read
	}
	for i := range timing.entries {
		e := &timing.entries[i]
		n, err := strconv.Atoi(e.value.text)
		if err != nil {
			continue
		}
		c := *e.value
		c.text = strconv.Itoa(max(1, int(float64(n)*float64(to)/float64(from)+0.5)))
		e.value = &c
	}
	return nil
}

// soc checks the section.
func (c *checker) soc(m *Machine) {
	s := m.SoC
	c.that(m.GPU != nil, "soc", "kind is %s: only a GPU has accelerators beside it here", m.Kind)
	seen := map[string]bool{}
	for i := range s.Modes {
		c.that(!seen[s.Modes[i].Name], fmt.Sprintf("soc.modes.%d.name", i), "%q stands twice in the list", s.Modes[i].Name)
		seen[s.Modes[i].Name] = true
	}
}
