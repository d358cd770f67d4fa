package configs

import (
	"fmt"
	"reflect"
	"strings"
)

// Ability is what a machine executes by itself of some kinds of layers. A list of
// them is complete: what none of them covers, the machine lacks.
type Ability struct {
	Kinds  []string       `yaml:"kinds" doc:"of layers, as the workload language calls them"`
	Types  []string       `yaml:"types,omitempty" doc:"of elements; none: those that its multipliers take"`
	Ops    []string       `yaml:"ops,omitempty" doc:"of element-wise layers, pooling and reductions; none: all"`
	Steps  []string       `yaml:"steps,omitempty" doc:"that a product does to its results before they are written"`
	Chain  int            `yaml:"chain,omitempty" min:"1" max:"8" doc:"operations of an element-wise layer in one pass; none: one"`
	Passes []string       `yaml:"passes,omitempty" doc:"none: fwd"`
	Most   map[string]int `yaml:"most,omitempty" min:"0" max:"1048576" doc:"largest value of a size, by its key in the workload language"`
}

// Host is the machine that executes what this one cannot, and the way there.
type Host struct {
	Machine   string    `yaml:"machine" doc:"machine file of the host"`
	Link      string    `yaml:"link,omitempty" doc:"type of link, one of configs/links; none: both share one memory"`
	Lanes     int       `yaml:"lanes,omitempty" min:"1" max:"32" doc:"of the link; none: those of its type"`
	Bandwidth Bandwidth `yaml:"bandwidth,omitempty" min:"1 MB/s" max:"1 TB/s" doc:"most that crosses a second, in one direction, where that is less than the link; of a shared memory its own"`
	HandOver  Duration  `yaml:"hand_over" min:"0 ps" max:"10 ms" doc:"when work goes to the other side: call of the driver, interrupt, caches written back"`

	link *LinkType
}

// LinkType is the link's type; nil where both share one memory.
func (h *Host) LinkType() *LinkType { return h.link }

// Rate is the bytes a second that cross in one direction: the link's payload, or
// what Bandwidth says if that is less.
func (h *Host) Rate() float64 {
	rate := float64(h.Bandwidth)
	if t := h.link; t != nil {
		lanes := t.Lanes
		if h.Lanes > 0 {
			lanes = h.Lanes
		}
		payload := float64(t.CopyPayload)
		r := t.BytesPerSecond() * float64(lanes) / float64(t.Lanes) * payload / (payload + t.Header)
		if rate == 0 || r < rate {
			rate = r
		}
	}
	return rate
}

// Latency is the time in seconds from the first byte's start to its arrival.
func (h *Host) Latency() float64 {
	if h.link == nil {
		return 0
	}
	return float64(h.link.Latency) * 1e-12
}

// host finds the link's type and checks the section.
func (l *loader) host(c *checker, h *Host) error {
	c.that(h.Link != "" || h.Bandwidth > 0, "host.bandwidth", "missing: without a link it is the bandwidth of the shared memory")
	c.that(h.Link != "" || h.Lanes == 0, "host.lanes", "there is no link that has lanes")
	if h.Link == "" {
		return nil
	}
	known := LinkTypes()
	if !contains(known, h.Link) {
		near, _ := nearest(h.Link, known)
		c.that(false, "host.link", "no type of links %q%s", h.Link, hint(near, strings.Join(known, ", ")))
		return nil
	}
	root, err := l.file(source{name: h.Link, embedded: true, dir: linkDir})
	if err != nil {
		return err
	}
	h.link = new(LinkType)
	return decode(root, reflect.ValueOf(h.link).Elem(), &field{}, "")
}

// abilities checks a list of abilities as far as this package knows the words.
func (c *checker) abilities(list []Ability) {
	for i := range list {
		key := fmt.Sprintf("executes.%d.kinds", i)
		c.that(len(list[i].Kinds) > 0, key, "empty list")
		c.distinct(key, list[i].Kinds)
	}
}
