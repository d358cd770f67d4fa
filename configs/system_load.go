package configs

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// KindSystem is the kind of a file of several devices.
const KindSystem = "system"

const (
	systemDir = "systems"
	linkDir   = "links"
)

// systemFile is a system's file: what every machine file has, and the system.
type systemFile struct {
	Name        string   `yaml:"name"`
	Kind        string   `yaml:"kind" allowed:"system"`
	Description string   `yaml:"description"`
	Inherits    string   `yaml:"inherits,omitempty"`
	Workloads   []string `yaml:"workloads"`
	System      System   `yaml:"system"`
}

// SystemNames lists the embedded systems in alphabetical order.
func SystemNames() []string { return embeddedNames(systemDir) }

// LinkTypes lists the embedded types of links in alphabetical order.
func LinkTypes() []string { return embeddedNames(linkDir) }

// isSystem says whether a file is one of a system.
func (n *node) isSystem() bool {
	k := n.get("kind")
	return k != nil && k.kind == scalar && k.text == KindSystem
}

// system decodes and checks a system's file.
func (l *loader) system(root *node, sets []string) (*Machine, error) {
	t := reflect.TypeFor[systemFile]()
	overrides, err := parseSets(sets, t, KindSystem)
	if err != nil {
		return nil, err
	}
	for i := range overrides {
		if err := overrides[i].apply(root); err != nil {
			return nil, err
		}
	}
	inherits := root.get("inherits")
	var f systemFile
	if err := decode(root, reflect.ValueOf(&f).Elem(), &field{}, ""); err != nil {
		return nil, err
	}
	m := &Machine{Name: f.Name, Kind: f.Kind, Description: f.Description, Workloads: f.Workloads, System: &f.System, listed: root.get("workloads")}
	if inherits != nil {
		m.Inherits = inherits.text
	}
	c := &checker{root: root}
	c.that(machineName.MatchString(m.Name), "name", "%q is not a name (letters, digits, and . _ - inside)", m.Name)
	c.distinct("workloads", m.Workloads)
	if err := l.linkTypes(c, m.System); err != nil {
		return nil, err
	}
	m.System.check(c)
	if c.err != nil {
		return nil, c.err
	}
	return m, nil
}

// linkTypes finds the types that links name.
func (l *loader) linkTypes(c *checker, s *System) error {
	have := map[string]bool{}
	for i := range s.Types {
		name := s.Types[i].Name
		c.that(!have[name], fmt.Sprintf("system.link_types.%d.name", i), "%q stands twice in the list", name)
		have[name] = true
	}
	known := LinkTypes()
	for i := range s.Links {
		name := s.Links[i].Type
		if have[name] {
			continue
		}
		if !contains(known, name) {
			near, _ := nearest(name, known)
			c.that(false, fmt.Sprintf("system.links.%d.type", i), "no type of links %q%s", name, hint(near, strings.Join(known, ", ")))
			return c.err
		}
		root, err := l.file(source{name: name, embedded: true, dir: linkDir})
		if err != nil {
			return err
		}
		var t LinkType
		if err := decode(root, reflect.ValueOf(&t).Elem(), &field{}, ""); err != nil {
			return err
		}
		s.Types = append(s.Types, t) // so that the system is whole when it is written out
		have[name] = true
	}
	s.linkTypes = map[string]*LinkType{}
	for i := range s.Types {
		s.linkTypes[s.Types[i].Name] = &s.Types[i]
	}
	return nil
}

// ForSystem gives the embedded system that answers to a device and a system
// of a measured table. The longest text that the system begins with wins.
func ForSystem(device, system string) (name string, ok bool) {
	device, system = normalDevice(device), normalDevice(system)
	longest := -1
	for _, a := range systemAnswers() {
		if a.device == device && strings.HasPrefix(system, a.system) && len(a.system) > longest {
			name, ok, longest = a.name, true, len(a.system)
		}
	}
	return name, ok
}

// systemAnswers are those of all embedded systems.
var systemAnswers = sync.OnceValue(func() (out []struct{ name, device, system string }) {
	for _, n := range SystemNames() {
		m, err := Load(n, nil)
		if err != nil {
			continue // Load reports it to whoever asks for this system
		}
		for _, a := range m.System.Answers {
			out = append(out, struct{ name, device, system string }{n, normalDevice(a.Device), normalDevice(a.System)})
		}
	}
	return out
})

// partRange is PART, PART7 or PART[0-7], with a port behind a colon for one
// end of one link.
var partRange = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*?)(?:([0-9]+)|\[([0-9]+)-([0-9]+)\])?(?::([0-9]+))?$`)

// End is one end of the links of a Wire: a part, which of them, and the port
// asked for, -1 if none is.
type End struct{ Part, Index, Port int }

// Ends gives the parts that a text of a Wire names.
func (s *System) Ends(text string) ([]End, error) {
	m := partRange.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("%q is not PART, PART0, PART[0-7] or PART0:2", text)
	}
	at, names := -1, []string{}
	for i := range s.Parts {
		names = append(names, s.Parts[i].Name)
		if s.Parts[i].Name == m[1] {
			at = i
		}
	}
	if at < 0 {
		near, _ := nearest(m[1], names)
		return nil, fmt.Errorf("no part %q%s", m[1], hint(near, strings.Join(names, ", ")))
	}
	p := &s.Parts[at]
	lo, hi := 0, p.Number()-1
	switch {
	case m[2] != "":
		lo = atoi(m[2])
		hi = lo
	case m[3] != "":
		lo, hi = atoi(m[3]), atoi(m[4])
	case p.Number() > 1:
		return nil, fmt.Errorf("there are %d of %s: write %s0 or %s[0-%d]", p.Number(), p.Name, p.Name, p.Name, p.Number()-1)
	}
	if lo > hi || hi >= p.Number() || m[3] == "" && m[2] != "" && p.Count < 2 && lo > 0 {
		return nil, fmt.Errorf("%s: there are %s0 to %s%d", text, p.Name, p.Name, p.Number()-1)
	}
	port := -1
	if m[5] != "" {
		port = atoi(m[5])
	}
	var out []End
	for i := lo; i <= hi; i++ {
		out = append(out, End{at, i, port})
	}
	return out, nil
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 1 << 30 // beyond every count
	}
	return n
}

// Number is how many of a part a node has.
func (p *Part) Number() int { return max(1, p.Count) }

// Label is the name of one of them.
func (p *Part) Label(i int) string {
	if p.Count == 0 {
		return p.Name
	}
	return p.Name + strconv.Itoa(i)
}

// embeddedSystem finds the embedded system that a path may mean when there is
// no such file on disk: systems/dgx2.yaml and configs/systems/dgx2.yaml.
func embeddedSystem(path string, known []string) (string, bool) {
	path = strings.TrimPrefix(strings.ReplaceAll(path, `\`, "/"), home+"/")
	name, ok := strings.CutSuffix(strings.TrimPrefix(path, systemDir+"/"), suffix)
	return name, ok && contains(known, name)
}
