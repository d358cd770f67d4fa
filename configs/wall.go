package configs

import "fmt"

// Wall is what stands between a device and the wall: the other parts of the system
// that it works in, and the power supply. Devices that share a system share its parts
// and its supply evenly.
type Wall struct {
	System  string        `yaml:"system" doc:"which system the figures are of"`
	Devices int           `yaml:"devices" min:"1" max:"64" doc:"devices of this kind in the system, all of them busy"`
	Parts   []WallPart    `yaml:"parts" doc:"of the whole system, beside the devices"`
	Rated   Power         `yaml:"rated" min:"1 W" max:"100000 W" doc:"output of the supplies that share the load"`
	Supply  []SupplyYield `yaml:"supply" doc:"efficiency by load: straight lines between points, constant beyond"`
	Spread  float64       `yaml:"spread,omitempty" min:"0" max:"0.2" doc:"the efficiency may be off by so much; none: as given"`
}

// WallPart is a part of a system that takes power whatever the devices do.
type WallPart struct {
	Name   string  `yaml:"name"`
	Power  Power   `yaml:"power" min:"0 W" max:"20000 W"`
	Lo     float64 `yaml:"lo,omitempty" min:"0" max:"1" doc:"the power may be as low as this part of it; none: as given"`
	Hi     float64 `yaml:"hi,omitempty" min:"1" max:"100" doc:"the power may be as high as this many times it; none: as given"`
	Source string  `yaml:"source" doc:"where the power is from"`
}

// Range is Lo and Hi as factors, 1 where none is given.
func (p *WallPart) Range() (lo, hi float64) { return rangeOf(p.Lo, p.Hi) }

// SupplyYield is one point of the curve of a power supply's efficiency.
type SupplyYield struct {
	Load       float64 `yaml:"load" min:"0" max:"1" doc:"part of the rated output"`
	Efficiency float64 `yaml:"efficiency" min:"0.3" max:"1"`
}

// EfficiencyAt is the efficiency of the supply at an output in watts.
func (w *Wall) EfficiencyAt(output float64) float64 {
	load := output / float64(w.Rated)
	first, last := w.Supply[0], w.Supply[len(w.Supply)-1]
	switch {
	case load <= first.Load:
		return first.Efficiency
	case load >= last.Load:
		return last.Efficiency
	}
	i := 1
	for load > w.Supply[i].Load {
		i++
	}
	a, b := w.Supply[i-1], w.Supply[i]
	return a.Efficiency + (b.Efficiency-a.Efficiency)*(load-a.Load)/(b.Load-a.Load)
}

// wall checks the section.
func (c *checker) wall(w *Wall) {
	c.that(len(w.Supply) > 0, "wall.supply", "empty list: no efficiency is known")
	for i := 1; i < len(w.Supply); i++ {
		a, b := &w.Supply[i-1], &w.Supply[i]
		c.that(b.Load > a.Load, fmt.Sprintf("wall.supply.%d.load", i), "%g does not lie above the point before, %g", b.Load, a.Load)
	}
	seen := map[string]bool{}
	for i := range w.Parts {
		name := w.Parts[i].Name
		c.that(!seen[name], fmt.Sprintf("wall.parts.%d.name", i), "%q stands twice in the list", name)
		seen[name] = true
	}
}
