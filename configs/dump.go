package configs

import (
	"bytes"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Hash is the SHA-256 of the resolved content in hexadecimal: every value of
// the machine and its energy coefficients, sorted by key. Where a value came
// from (inherits, energy_table, area_table, comments, order, unit) does not count.
func (m *Machine) Hash() string {
	return m.HashOf(func(key string) bool {
		return key != "inherits" && key != "energy_table" && key != "area_table" && key != "area.units_from"
	})
}

// file is the machine in the form of its file.
func (m *Machine) file() reflect.Value {
	if m.System == nil {
		return reflect.ValueOf(m).Elem()
	}
	return reflect.ValueOf(systemFile{
		Name: m.Name, Kind: m.Kind, Description: m.Description, Inherits: m.Inherits, Workloads: m.Workloads, System: *m.System,
	})
}

// flatten visits every value with its dotted path. An empty list or map is a
// value too.
func flatten(v reflect.Value, path string, visit func(path, text string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			flatten(v.Elem(), path, visit)
		}
	case reflect.Struct:
		for _, f := range fields(v.Type()) {
			flatten(v.Field(f.index), join(path, f.name), visit)
		}
	case reflect.Map:
		visit(path, strconv.Itoa(v.Len()))
		for _, k := range v.MapKeys() {
			flatten(v.MapIndex(k), join(path, k.String()), visit)
		}
	case reflect.Slice:
		visit(path, strconv.Itoa(v.Len()))
		for i := range v.Len() {
			flatten(v.Index(i), join(path, strconv.Itoa(i)), visit)
		}
	case reflect.String:
		visit(path, strconv.Quote(v.String()))
	default:
		visit(path, scalarText(v))
	}
}

// scalarText writes a number, bool or quantity as machine files hold it.
func scalarText(v reflect.Value) string {
	if s, ok := v.Interface().(fmt.Stringer); ok {
		return s.String()
	}
	switch v.Kind() {
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	}
	return strconv.FormatInt(v.Int(), 10)
}

// Dump writes the resolved machine as YAML with units: everything inherited or
// set is in its place and all energy coefficients stand inline, so that Load
// reads it back to a machine with the same Hash and needs no other file.
func Dump(m *Machine) ([]byte, error) {
	root := dumpNode(m.file())
	for i := 0; i < len(root.Content); {
		switch key := root.Content[i]; key.Value {
		case "inherits", "area_table": // resolved
			root.Content = append(root.Content[:i], root.Content[i+2:]...)
			continue
		case "energy_table":
			if old := root.Content[i+1].Value; old != noTable {
				root.Content[i+1].LineComment = "was " + old + ", written out below"
			}
			root.Content[i+1].Value = noTable
		}
		i += 2
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("configs: %s: %w", m.Name, err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("configs: %s: %w", m.Name, err)
	}
	return b.Bytes(), nil
}

func dumpNode(v reflect.Value) *yaml.Node {
	switch v.Kind() {
	case reflect.Pointer:
		return dumpNode(v.Elem())
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, f := range fields(v.Type()) {
			if fv := v.Field(f.index); !f.optional || !fv.IsZero() {
				n.Content = append(n.Content, textNode(f.name), dumpNode(fv))
			}
		}
		return n
	case reflect.Map:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		keys := v.MapKeys()
		sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
		for _, k := range keys {
			n.Content = append(n.Content, textNode(k.String()), dumpNode(v.MapIndex(k)))
		}
		return n
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			n.Content = append(n.Content, dumpNode(v.Index(i)))
		}
		return n
	case reflect.String:
		return textNode(v.String())
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: scalarText(v)}
	if _, ok := v.Interface().(fmt.Stringer); ok {
		n.Tag = "!!str"
	}
	return n
}

// textNode is a string; the encoder puts it in quotes where it would read as
// something else, but for merge keys, and writes line breaks as blocks that do
// not always read back.
func textNode(s string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(s)
	if s == "<<" || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
