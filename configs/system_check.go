package configs

import (
	"fmt"
	"strings"
)

// check looks for mistakes in the wiring: links to what is not there, ports
// used twice, more links than a part has room for, and GPUs that cannot reach
// each other.
func (s *System) check(c *checker) {
	gpus := 0
	names := map[string]bool{}
	for i := range s.Parts {
		p := &s.Parts[i]
		key := fmt.Sprintf("system.parts.%d", i)
		c.that(!names[p.Name], key+".name", "%q stands twice in the list", p.Name)
		names[p.Name] = true
		c.that(partRange.MatchString(p.Name) && !strings.ContainsAny(p.Name, "0123456789[]:"), key+".name", "%q is not the name of a part (letters, _ and - only: numbers are added)", p.Name)
		c.that(!p.Reduction || p.Kind == PartSwitch, key+".reduction", "%s is a %s: only switches add up", p.Name, p.Kind)
		c.that(!p.Shared || p.Kind == PartSwitch, key+".shared", "%s is a %s: only switches are shared by nodes", p.Name, p.Kind)
		if p.Kind == PartGPU {
			gpus += p.Number()
			c.that(p.Machine == "" || contains(Names(), p.Machine), key+".machine", "no embedded machine %q%s", p.Machine, machineHint(p.Machine, Names()))
		} else {
			c.that(p.Machine == "", key+".machine", "%s is a %s: only GPUs have a machine file", p.Name, p.Kind)
		}
	}
	c.that(gpus > 0, "system.parts", "there is no GPU")
	if c.err != nil {
		return
	}
	w := wiring{s: s, c: c, used: map[slot]int{}, ports: map[portOf]string{}, reach: map[string]string{}}
	for i := range s.Links {
		w.link(i)
		if c.err != nil {
			return
		}
	}
	w.connected()
}

type slot struct {
	part, index int
	typ         string
}

type portOf struct {
	slot
	port int
}

// wiring counts what links use.
type wiring struct {
	s     *System
	c     *checker
	used  map[slot]int
	ports map[portOf]string // who uses a port that was asked for by number
	reach map[string]string // union of parts that are joined
}

func (w *wiring) link(i int) {
	l := &w.s.Links[i]
	key := fmt.Sprintf("system.links.%d", i)
	a, err := w.s.Ends(l.A)
	w.c.that(err == nil, key+".a", "%v", err)
	b, err := w.s.Ends(l.B)
	w.c.that(err == nil, key+".b", "%v", err)
	if w.c.err != nil {
		return
	}
	n := max(1, l.Count)
	for _, x := range a {
		for _, y := range b {
			w.c.that(x.Part != y.Part || x.Index != y.Index, key+".b", "%s is joined with itself", w.label(x))
			w.end(key+".a", l, x, n)
			w.end(key+".b", l, y, n)
			w.join(w.label(x), w.label(y))
		}
	}
}

func (w *wiring) label(e End) string { return w.s.Parts[e.Part].Label(e.Index) }

// end takes n ports of one end.
func (w *wiring) end(key string, l *Wire, e End, n int) {
	p := &w.s.Parts[e.Part]
	at := slot{e.Part, e.Index, l.Type}
	room, ok := p.Ports[l.Type]
	w.c.that(ok, key, "%s has no port for %s", p.Label(e.Index), l.Type)
	if e.Port >= 0 {
		w.c.that(n == 1, key, "%s names one port, but there are %d links", l.A+" - "+l.B, n)
		w.c.that(e.Port < room, key, "%s has ports 0 to %d for %s", p.Label(e.Index), room-1, l.Type)
		port := portOf{at, e.Port}
		w.c.that(w.ports[port] == "", key, "port %d of %s is used already by %s", e.Port, p.Label(e.Index), w.ports[port])
		w.ports[port] = l.A + " - " + l.B
	}
	w.used[at] += n
	if p.Shared {
		n = w.used[at] * w.s.Nodes
	} else {
		n = w.used[at]
	}
	w.c.that(n <= room, key, "%s has %d ports for %s, but this is link %d", p.Label(e.Index), room, l.Type, n)
}

// root follows the union to its root.
func (w *wiring) root(a string) string {
	for w.reach[a] != "" && w.reach[a] != a {
		a = w.reach[a]
	}
	return a
}

func (w *wiring) join(a, b string) { w.reach[w.root(a)] = w.root(b) }

// connected asks that every part is joined with the first GPU, and that
// several nodes are joined by a part that they share.
func (w *wiring) connected() {
	first := ""
	for i := range w.s.Parts {
		if p := &w.s.Parts[i]; p.Kind == PartGPU && first == "" {
			first = p.Label(0)
		}
	}
	shared := false
	for i := range w.s.Parts {
		p := &w.s.Parts[i]
		shared = shared || p.Shared
		for k := range p.Number() {
			w.c.that(w.root(p.Label(k)) == w.root(first), fmt.Sprintf("system.parts.%d", i),
				"the topology is disconnected: no link leads from %s to %s", p.Label(k), first)
		}
	}
	w.c.that(shared || w.s.Nodes == 1, "system.nodes", "%d nodes, but no part is shared by them: the topology is disconnected", w.s.Nodes)
}
