package configs

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// field is what the struct tags say about one key.
type field struct {
	name     string
	optional bool
	given    bool // a DRAM standard may state it
	min, max string
	allowed  []string
	doc      string
	index    int
	typ      reflect.Type
}

var fieldsOf sync.Map // reflect.Type -> []field

// fields lists the keys of a struct type in the order of the declaration. The
// list is shared: it must not be changed.
func fields(t reflect.Type) []field {
	if known, ok := fieldsOf.Load(t); ok {
		return known.([]field)
	}
	out := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		fd := field{name: name, optional: opts == "omitempty", given: f.Tag.Get("from") == "standard", min: f.Tag.Get("min"), max: f.Tag.Get("max"),
			doc: f.Tag.Get("doc"), index: i, typ: f.Type}
		if a := f.Tag.Get("allowed"); a != "" {
			fd.allowed = strings.Split(a, ",")
		}
		out = append(out, fd)
	}
	fieldsOf.Store(t, out)
	return out
}

func fieldNames(fs []field) []string {
	names := make([]string, len(fs))
	for i, f := range fs {
		names[i] = f.name
	}
	return names
}

var (
	freqType      = reflect.TypeFor[Freq]()
	bytesType     = reflect.TypeFor[Bytes]()
	bandwidthType = reflect.TypeFor[Bandwidth]()
	powerType     = reflect.TypeFor[Power]()
	voltageType   = reflect.TypeFor[Voltage]()
	durationType  = reflect.TypeFor[Duration]()
	scalarType    = reflect.TypeFor[Scalar]()
)

// quantities maps each type with a unit to its parser; the result is a
// reflect.Value of that type.
var quantities = map[reflect.Type]func(string) (reflect.Value, error){
	freqType:      func(s string) (reflect.Value, error) { v, err := ParseFreq(s); return reflect.ValueOf(v), err },
	bytesType:     func(s string) (reflect.Value, error) { v, err := ParseBytes(s); return reflect.ValueOf(v), err },
	bandwidthType: func(s string) (reflect.Value, error) { v, err := ParseBandwidth(s); return reflect.ValueOf(v), err },
	powerType:     func(s string) (reflect.Value, error) { v, err := ParsePower(s); return reflect.ValueOf(v), err },
	voltageType:   func(s string) (reflect.Value, error) { v, err := ParseVoltage(s); return reflect.ValueOf(v), err },
	durationType:  func(s string) (reflect.Value, error) { v, err := ParseDuration(s); return reflect.ValueOf(v), err },
}

// decode fills v, described by f, from n. path is n's place in the file. It
// stops at the first mistake.
func decode(n *node, v reflect.Value, f *field, path string) error {
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		v.Set(reflect.New(t.Elem()))
		return decode(n, v.Elem(), f, path)
	}
	switch t.Kind() {
	case reflect.Struct:
		if n.kind != mapping {
			return n.errorf(path, "want keys below this one, have %s (allowed: %s)", n.have(), strings.Join(fieldNames(fields(t)), ", "))
		}
		return decodeStruct(n, v, path)
	case reflect.Map:
		if n.kind != mapping {
			return n.errorf(path, "want names with values below this key, have %s", n.have())
		}
		return decodeMap(n, v, f, path)
	case reflect.Slice:
		if n.kind != sequence {
			return n.errorf(path, "want a list, have %s", n.have())
		}
		v.Set(reflect.MakeSlice(t, len(n.items), len(n.items)))
		for i, item := range n.items {
			if err := decode(item, v.Index(i), &field{}, join(path, strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	}
	if n.kind != scalar {
		return n.errorf(path, "want %s, have %s%s", wants(t), n.have(), hint("", f.rangeText()))
	}
	if n.tag == "!!null" {
		return n.errorf(path, "no value given, want %s%s", wants(t), hint("", f.rangeText()))
	}
	return decodeScalar(n, v, f, path)
}

func decodeStruct(n *node, v reflect.Value, path string) error {
	fs := fields(v.Type())
	for i := range n.entries {
		e := &n.entries[i]
		fd := fieldOf(fs, e.name)
		if fd == nil {
			return e.errorf(join(path, e.name), "unknown key%s", suggestKey(e.name, path, n.machineKind(), fs))
		}
		if err := decode(e.value, v.Field(fd.index), fd, join(path, e.name)); err != nil {
			return err
		}
	}
	for i := range fs {
		if fd := &fs[i]; !fd.optional && n.get(fd.name) == nil {
			return n.errorf(join(path, fd.name), "missing%s", hint("", fd.rangeText()))
		}
	}
	return nil
}

func fieldOf(fs []field, name string) *field {
	for i := range fs {
		if fs[i].name == name {
			return &fs[i]
		}
	}
	return nil
}

// suggestKey names the key that was probably meant: one beside it that is
// spelt like it, the same key elsewhere in a machine of this kind, or else all that are
// allowed here. Below the top of a file its section tells the kind.
func suggestKey(name, path, kind string, fs []field) string {
	names := fieldNames(fs)
	if near, ok := nearest(name, names); ok {
		return hint(near, "")
	}
	if path != "" {
		kind, _, _ = strings.Cut(path, ".")
	}
	if contains(kinds, kind) {
		for _, p := range machinePaths(kind) {
			if strings.HasSuffix("."+p, "."+name) && p != join(path, name) {
				return hint(p, "")
			}
		}
	}
	return " (allowed: " + strings.Join(names, ", ") + ")"
}

// Names of energy components and static powers: they stand in --set paths and
// in CSV files.
var mapKey = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func decodeMap(n *node, v reflect.Value, f *field, path string) error {
	t := v.Type()
	v.Set(reflect.MakeMapWithSize(t, len(n.entries)))
	for i := range n.entries {
		e := &n.entries[i]
		key := join(path, e.name)
		if !mapKey.MatchString(e.name) {
			return e.errorf(key, "%q is not a name (lower-case letters, digits and _)", e.name)
		}
		item := reflect.New(t.Elem()).Elem()
		if err := decode(e.value, item, f, key); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(e.name), item)
	}
	return nil
}

var (
	wholeNumber   = regexp.MustCompile(`^[+-]?(0|[1-9][0-9]*)$`)
	decimalNumber = regexp.MustCompile(`^[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?$`)
	leadingZero   = regexp.MustCompile(`^[+-]?0[0-9]`)
)

func decodeScalar(n *node, v reflect.Value, f *field, path string) error {
	t := v.Type()
	if parse, ok := quantities[t]; ok {
		q, err := parse(n.text)
		if err != nil {
			return n.errorf(path, "%v%s", err, hint("", f.rangeText()))
		}
		v.Set(q)
		if !f.inRange(v) {
			return n.errorf(path, "%s is out of range%s", n.text, hint("", f.rangeText()))
		}
		return nil
	}
	outOfRange := func() error {
		return n.errorf(path, "%s is out of range%s", n.text, hint("", f.rangeText()))
	}
	switch t.Kind() {
	case reflect.String:
		if t == scalarType && n.text != "" {
			v.SetString(n.text)
			return nil
		}
		if !n.quoted && n.tag != "!!str" && n.tag != "" {
			return n.errorf(path, "want text, have %s; write it in quotes%s", n.have(), hint("", f.rangeText()))
		}
		if n.text == "" {
			return n.errorf(path, "text is empty%s", hint("", f.rangeText()))
		}
		if len(f.allowed) > 0 && !contains(f.allowed, n.text) {
			near, _ := nearest(n.text, f.allowed)
			return n.errorf(path, "unknown value %q%s", n.text, hint(near, f.rangeText()))
		}
		v.SetString(n.text)
	case reflect.Bool:
		if n.quoted || n.text != "true" && n.text != "false" {
			return n.errorf(path, "want true or false, have %s", n.have())
		}
		v.SetBool(n.text == "true")
	case reflect.Int:
		if err := n.checkNumber(path, wholeNumber, t, f); err != nil {
			return err
		}
		i, err := strconv.ParseInt(n.text, 10, 64)
		if err != nil {
			return outOfRange()
		}
		v.SetInt(i)
		if !f.inRange(v) {
			return outOfRange()
		}
	case reflect.Float64:
		if err := n.checkNumber(path, decimalNumber, t, f); err != nil {
			return err
		}
		x, err := strconv.ParseFloat(n.text, 64)
		if err != nil {
			return outOfRange()
		}
		if x == 0 {
			x = 0 // not -0, which the hash would tell from 0
		}
		v.SetFloat(x)
		if !f.inRange(v) {
			return outOfRange()
		}
	default:
		return n.errorf(path, "machine files cannot hold a %s", t)
	}
	return nil
}

// checkNumber accepts plain decimal numbers only: YAML reads 010 as eight.
func (n *node) checkNumber(path string, form *regexp.Regexp, t reflect.Type, f *field) error {
	switch {
	case n.quoted || !form.MatchString(n.text):
		if !n.quoted && leadingZero.MatchString(n.text) {
			return n.errorf(path, "%s has a leading zero; write %s%s", n.text, trimZeros(n.text), hint("", f.rangeText()))
		}
		return n.errorf(path, "want %s, have %s%s", wants(t), n.have(), hint("", f.rangeText()))
	}
	return nil
}

func trimZeros(s string) string {
	sign := ""
	if s[0] == '+' || s[0] == '-' {
		sign, s = s[:1], s[1:]
	}
	s = strings.TrimLeft(s, "0")
	if s == "" || s[0] < '0' || s[0] > '9' {
		s = "0" + s
	}
	return sign + s
}

var limits sync.Map // limit -> reflect.Value: sweeps load thousands of machines

// wants says what a scalar of type t looks like.
func wants(t reflect.Type) string {
	switch t {
	case freqType:
		return `a frequency such as "1.53 GHz"`
	case bytesType:
		return `a size such as "6 MiB"`
	case bandwidthType:
		return `a bandwidth such as "900 GB/s"`
	case powerType:
		return `a power such as "300 W"`
	case durationType:
		return `a time such as "85 ns"`
	}
	switch t.Kind() {
	case reflect.Int:
		return "a whole number in decimal digits"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	}
	return "text"
}

// have describes what stands in the file.
func (n *node) have() string {
	switch {
	case n.kind == mapping:
		return "a mapping"
	case n.kind == sequence:
		return "a list"
	case n.tag == "!!null":
		return "nothing"
	case n.quoted:
		return fmt.Sprintf("the quoted text %q", n.text)
	}
	return strconv.Quote(n.text)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
