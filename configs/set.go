package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// setPrefix begins the File of errors in --set arguments.
const setPrefix = "--set "

// override is one --set argument.
type override struct {
	arg   string // key.path=value as typed
	key   string
	path  []string
	value *node
	root  reflect.Type // of the file that it overrides
	kind  string       // of the machine
}

func (o *override) errorf(format string, a ...any) *Error {
	return &Error{File: setPrefix + o.arg, Key: o.key, Reason: fmt.Sprintf(format, a...)}
}

// parseSets splits the arguments and checks each path against the structs below
// root, of a machine of a kind. A value that begins with [ or { is YAML, anything else is
// taken as it stands.
func parseSets(sets []string, root reflect.Type, kind string) ([]override, error) {
	out := make([]override, 0, len(sets))
	for _, arg := range sets {
		key, value, ok := strings.Cut(arg, "=")
		o := override{arg: arg, key: strings.TrimSpace(key), root: root, kind: kind}
		value = strings.TrimSpace(value)
		switch {
		case !ok:
			return nil, &Error{File: setPrefix + arg, Reason: "want key.path=value"}
		case !utf8.ValidString(arg):
			return nil, o.errorf("not valid UTF-8 text")
		case o.key == "":
			return nil, &Error{File: setPrefix + arg, Reason: "no key before ="}
		case value == "":
			return nil, o.errorf("no value after =")
		}
		o.path = strings.Split(o.key, ".")
		if o.path[0] == "inherits" {
			return nil, o.errorf("inherits cannot be set; name the base machine instead")
		}
		if err := o.checkPath(); err != nil {
			return nil, err
		}
		file := setPrefix + arg
		o.value = &node{kind: scalar, file: file, text: value}
		if value[0] == '[' || value[0] == '{' {
			v, err := parse(file, []byte("value: "+value))
			if err == nil && len(v.entries) != 1 {
				err = o.errorf("not valid YAML: %s", value)
			}
			if err != nil {
				e := err.(*Error)
				e.Line, e.Col, e.Key = 0, 0, o.key
				return nil, e
			}
			o.value = v.entries[0].value
			o.value.forgetPlace()
		}
		out = append(out, o)
	}
	return out, nil
}

func (n *node) forgetPlace() {
	n.line, n.col = 0, 0
	for i := range n.entries {
		e := &n.entries[i]
		e.line, e.col = 0, 0
		e.value.forgetPlace()
	}
	for _, item := range n.items {
		item.forgetPlace()
	}
}

// checkPath follows the path through the struct types; names of map entries
// and places in lists are checked when the override is applied.
func (o *override) checkPath() error {
	if o.kind != "" && o.path[0] != o.kind && contains(kinds, o.path[0]) {
		return o.errorf("kind is %s, so there may be no %s section", o.kind, o.path[0])
	}
	t := o.root
	for i, p := range o.path {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Struct:
			fs := fields(t)
			fd := fieldOf(fs, p)
			if fd == nil {
				return o.unknown(o.path, i, fieldNames(fs))
			}
			t = fd.typ
		case reflect.Map, reflect.Slice:
			t = t.Elem()
		default:
			return o.errorf("%s is a single value, it has no keys below it", strings.Join(o.path[:i], "."))
		}
	}
	return nil
}

// unknown reports the i-th word of a path; names are those allowed there.
func (o *override) unknown(path []string, i int, names []string) error {
	if i == 0 {
		names = slices.DeleteFunc(names, func(n string) bool { return n != o.kind && contains(kinds, n) })
	}
	key, prefix := strings.Join(path, "."), strings.Join(path[:i+1], ".")
	mean := func(p string) error { return o.errorf("unknown key %s%s", prefix, hint(p, "")) }
	paths := machinePaths(o.kind)
	if o.root != reflect.TypeFor[Machine]() {
		paths = nil
	}
	for _, p := range paths {
		if strings.EqualFold(p, key) {
			return mean(p)
		}
	}
	if near, ok := nearest(path[i], names); ok {
		fixed := append(append([]string{}, path[:i]...), near)
		return mean(strings.Join(append(fixed, path[i+1:]...), "."))
	}
	for _, p := range paths {
		if strings.HasSuffix(p, "."+key) {
			return mean(p)
		}
	}
	if near, ok := nearest(key, paths); ok && !strings.HasPrefix(key, near+".") {
		return mean(near)
	}
	if len(names) == 0 {
		return mean("")
	}
	return o.errorf("unknown key %s (allowed: %s)", prefix, strings.Join(names, ", "))
}

// apply lays the override over the tree.
func (o *override) apply(root *node) error {
	n := root
	last := len(o.path) - 1
	for i, p := range o.path {
		if n.kind == sequence {
			at, err := strconv.Atoi(p)
			if err != nil || at < 0 || at >= len(n.items) || strconv.Itoa(at) != p {
				return o.errorf("%s is not a place in the list %s (allowed 0..%d)", p, strings.Join(o.path[:i], "."), len(n.items)-1)
			}
			if i == last {
				n.items[at] = overlay(n.items[at], o.value)
				return nil
			}
			n.items[at] = n.items[at].copied()
			n = n.items[at]
			continue
		}
		if n.kind != mapping {
			return o.errorf("%s is a single value, it has no keys below it", strings.Join(o.path[:i], "."))
		}
		v := n.get(p)
		if i == last {
			n.set(p, overlay(v, o.value))
			return nil
		}
		if v == nil {
			v = &node{kind: mapping, file: o.value.file}
		} else {
			v = v.copied()
		}
		n.set(p, v)
		n = v
	}
	return nil
}

func (n *node) names() []string {
	if n == nil {
		return nil
	}
	names := make([]string, len(n.entries))
	for i, e := range n.entries {
		names[i] = e.name
	}
	return names
}

// copied is a node with its own list of children, which may be replaced.
func (n *node) copied() *node {
	c := *n
	c.entries = append([]entry(nil), n.entries...)
	c.items = append([]*node(nil), n.items...)
	return &c
}

// machinePaths lists the dotted paths of the keys of a machine file of a kind, those in
// lists and maps left out.
func machinePaths(kind string) (paths []string) {
	for _, p := range allPaths() {
		if section, _, _ := strings.Cut(p, "."); section == kind || !contains(kinds, section) {
			paths = append(paths, p)
		}
	}
	return paths
}

var allPaths = sync.OnceValue(func() []string {
	var paths []string
	var walk func(t reflect.Type, path string)
	walk = func(t reflect.Type, path string) {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if path != "" {
			paths = append(paths, path)
		}
		if t.Kind() != reflect.Struct {
			return
		}
		for _, f := range fields(t) {
			walk(f.typ, join(path, f.name))
		}
	}
	walk(reflect.TypeFor[Machine](), "")
	return paths
})
