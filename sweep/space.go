package sweep

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gpusim/configs"
)

// Space numbers the points of a sweep: the last axis changes fastest.
type Space struct {
	spec        *Spec
	base        *configs.Base
	machine     *configs.Machine // base, with the overrides of all points
	axes        []axis
	formulas    []formula
	constraints []*expr
	workloads   []work
	fidelity    string
	keyed       string // what all points' keys begin with
}

// axis is an axis with its values written out.
type axis struct {
	name    string
	keys    []string
	values  [][]string // by place on the axis: by key, perhaps behind a name
	numbers []float64  // by place, of the first value; NaN where it is no number
}

type formula struct {
	key  string
	expr *expr
}

// maxPoints bounds a space.
const maxPoints = 1 << 53

// NewSpace works out the axes and checks everything that can be checked before a
// point is simulated.
func NewSpace(s *Spec) (*Space, error) {
	base, err := configs.Open(s.Base)
	if err != nil {
		return nil, s.file.Errorf("base", "%v", err)
	}
	return newSpace(s, base)
}

func newSpace(s *Spec, base *configs.Base) (*Space, error) {
	sp := &Space{spec: s, fidelity: s.Fidelity, base: base}
	var err error
	if sp.machine, err = sp.base.With(s.Set); err != nil {
		return nil, s.file.Errorf("set", "%v", err)
	}
	for i := range s.Axes {
		a, err := sp.axis(i)
		if err != nil {
			return nil, err
		}
		sp.axes = append(sp.axes, a)
	}
	if err := sp.distinct(); err != nil {
		return nil, err
	}
	for i, f := range s.Formulas {
		key := fmt.Sprintf("formulas.%d.", i)
		if err := reason(sp.base.IsKey(f.Key)); err != nil {
			return nil, s.file.Errorf(key+"key", "%v", err)
		}
		e, err := parseExpr(f.Value, sp.known)
		if err != nil {
			return nil, s.file.Errorf(key+"value", "%v", err)
		}
		sp.formulas = append(sp.formulas, formula{f.Key, e})
	}
	for i, c := range s.Constraints {
		e, err := parseExpr(c, sp.known)
		if err != nil {
			return nil, s.file.Errorf(fmt.Sprintf("constraints.%d", i), "%v", err)
		}
		sp.constraints = append(sp.constraints, e)
	}
	if sp.workloads, err = s.expand(); err != nil {
		return nil, err
	}
	sp.keyed = keyPrefix(sp.workloads)
	return sp, nil
}

// reason is an error about a key without its place: it is one of the sweep's file.
func reason(err error) error {
	var e *configs.Error
	if errors.As(err, &e) {
		return errors.New(e.Reason)
	}
	return err
}

// axis writes the i-th axis out.
func (sp *Space) axis(i int) (axis, error) {
	a := &sp.spec.Axes[i]
	at := fmt.Sprintf("axes.%d", i)
	bad := func(key, format string, args ...any) (axis, error) {
		return axis{}, sp.spec.file.Errorf(at+key, format, args...)
	}
	out := axis{name: a.Name}
	links := a.Linked
	switch {
	case len(links) > 0 && (a.Key != "" || a.Range != nil):
		return bad(".linked", "an axis has linked keys or one key, not both")
	case len(links) > 0 && a.Name == "":
		return bad("", "an axis of linked keys needs a name")
	case len(links) > 0:
		if len(a.Values) > 0 { // what the axis is called by, in front of the keys
			links = append([]Link{{Values: a.Values}}, links...)
		}
	case a.Key == "" && a.Name == "":
		return bad("", "no key (an axis has a key with values or a range, linked keys, or only a name that formulas use)")
	case (len(a.Values) > 0) == (a.Range != nil):
		return bad("", "want either values or a range")
	case a.Range != nil:
		values, err := sp.values(a.Key, a.Range)
		if err != nil {
			return bad(".range", "%v", err)
		}
		links = []Link{{a.Key, values}}
	default:
		links = []Link{{a.Key, a.Values}}
	}
	if out.name == "" {
		out.name = a.Key[strings.LastIndexByte(a.Key, '.')+1:]
	}
	for k, l := range links {
		key, values := ".key", ".values"
		if n := k - len(links) + len(a.Linked); len(a.Linked) > 0 && n >= 0 {
			key, values = fmt.Sprintf(".linked.%d.key", n), fmt.Sprintf(".linked.%d.values", n)
		}
		free := len(a.Linked) == 0 && a.Key == "" || len(a.Linked) > 0 && len(links) > len(a.Linked) && k == 0
		if !free {
			if err := reason(sp.base.IsKey(l.Key)); err != nil {
				return bad(key, "%v", err)
			}
			for n, v := range l.Values {
				if err := reason(sp.base.CheckValue(l.Key, string(v))); err != nil {
					at := fmt.Sprintf("%s.%d", values, n)
					if a.Range != nil {
						at = ".range"
					}
					return bad(at, "axis %s, %s=%s: %v", out.name, l.Key, v, err)
				}
			}
			out.keys = append(out.keys, l.Key)
		}
		if len(l.Values) == 0 {
			return bad(key, "%s has no values", l.Key)
		}
		if len(l.Values) != len(links[0].Values) {
			return bad(key, "%s has %d values where %d are needed: what moves together has as many", l.Key, len(l.Values), len(links[0].Values))
		}
	}
	for n := range links[0].Values {
		row := make([]string, len(links))
		for k, l := range links {
			row[k] = string(l.Values[n])
		}
		for _, before := range out.values {
			if slices.Equal(before, row) {
				return bad("", "the value %s stands twice", strings.Join(row, ", "))
			}
		}
		v, err := configs.ParseQuantity(row[0])
		if err != nil {
			v = math.NaN()
		}
		out.values, out.numbers = append(out.values, row), append(out.numbers, v)
	}
	return out, nil
}

// values writes a range out. Values that round to the same are one.
func (sp *Space) values(key string, r *Range) ([]configs.Scalar, error) {
	from, err := configs.ParseQuantity(string(r.From))
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	to, err := configs.ParseQuantity(string(r.To))
	if err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	multiple := 0.0
	if r.Multiple != "" {
		if multiple, err = configs.ParseQuantity(string(r.Multiple)); err != nil || multiple <= 0 {
			return nil, fmt.Errorf("multiple: %q is no number above 0", r.Multiple)
		}
	}
	switch {
	case to < from:
		return nil, fmt.Errorf("the range is empty: it goes from %s to %s", r.From, r.To)
	case r.Log && from <= 0:
		return nil, fmt.Errorf("a log range begins above 0, not at %s", r.From)
	}
	var out []configs.Scalar
	for i := range r.Steps {
		v := from
		if r.Steps > 1 {
			x := float64(i) / float64(r.Steps-1)
			if v = from + x*(to-from); r.Log {
				v = from * math.Pow(to/from, x)
			}
		}
		if multiple > 0 {
			v = math.Round(v/multiple) * multiple
		}
		if s := configs.Scalar(sp.base.Format(key, v)); len(out) == 0 || out[len(out)-1] != s {
			out = append(out, s)
		}
	}
	return out, nil
}

// distinct checks that axes do not share names or keys, and that the space is not too large.
func (sp *Space) distinct() error {
	names, keys := map[string]bool{}, map[string]bool{}
	size := 1.0
	for i, a := range sp.axes {
		at := fmt.Sprintf("axes.%d", i)
		if names[a.name] {
			return sp.spec.file.Errorf(at, "two axes have the name %q; give one another with name:", a.name)
		}
		names[a.name] = true
		for _, k := range a.keys {
			if keys[k] {
				return sp.spec.file.Errorf(at, "the key %s is on two axes", k)
			}
			keys[k] = true
		}
		if size *= float64(len(a.values)); size > maxPoints {
			return sp.spec.file.Errorf("axes", "the space has more than 2^53 points")
		}
	}
	return nil
}

// Machine is the base, with the overrides of all points.
func (sp *Space) Machine() *configs.Machine { return sp.machine }

// Size is the number of points of the whole space.
func (sp *Space) Size() int {
	n := 1
	for i := range sp.axes {
		n *= len(sp.axes[i].values)
	}
	return n
}

// At gives the places on the axes of a point.
func (sp *Space) At(n int) []int {
	at := make([]int, len(sp.axes))
	for i := len(sp.axes) - 1; i >= 0; i-- {
		size := len(sp.axes[i].values)
		at[i] = n % size
		n /= size
	}
	return at
}

// Number gives the number of the point at places on the axes.
func (sp *Space) Number(at []int) int {
	n := 0
	for i, v := range at {
		n = n*len(sp.axes[i].values) + v
	}
	return n
}

// AxisNames are the columns that say where a point is.
func (sp *Space) AxisNames() []string {
	names := make([]string, len(sp.axes))
	for i := range sp.axes {
		names[i] = sp.axes[i].name
	}
	return names
}

// label is an axis' value as tables show it.
func (a *axis) label(place int) string { return a.values[place][0] }

// sets are the overrides of a point.
func (sp *Space) sets(at []int) []string {
	out := slices.Clone(sp.spec.Set)
	for i, v := range at {
		a := &sp.axes[i]
		for k, key := range a.keys {
			out = append(out, key+"="+a.values[v][len(a.values[v])-len(a.keys)+k])
		}
	}
	return out
}
