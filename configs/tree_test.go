package configs

import (
	"encoding/json"
	"reflect"
	"strconv"
	"testing"
)

// resolved gives an embedded machine as one file that needs no other.
func resolved(t testing.TB, name string) *node {
	t.Helper()
	m, err := Load(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Dump(m)
	if err != nil {
		t.Fatal(err)
	}
	root, err := parse(name+suffix, text)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// yamlNode is a value as a file would hold it.
func yamlNode(t testing.TB, text string) *node {
	t.Helper()
	root, err := parse("value", []byte("value: "+text))
	if err != nil {
		t.Fatal(err)
	}
	return root.get("value")
}

// replaced is the tree with another value at a place; nil removes the key.
func (n *node) replaced(path []string, v *node) *node {
	if len(path) == 0 {
		return v
	}
	c := n.copied()
	if c.kind == sequence {
		i, _ := strconv.Atoi(path[0])
		c.items[i] = c.items[i].replaced(path[1:], v)
		return c
	}
	below := c.get(path[0])
	if len(path) == 1 && v == nil {
		c.remove(path[0])
		return c
	}
	if below == nil {
		below = &node{kind: mapping}
	}
	c.set(path[0], below.replaced(path[1:], v))
	return c
}

// place is one value of a tree and what the structs say about it.
type place struct {
	path  []string
	node  *node
	field field // typ without pointer
}

// places lists all values of a tree, sections and lists included.
func places(n *node, f field, path []string) []place {
	if f.typ.Kind() == reflect.Pointer {
		f.typ = f.typ.Elem()
	}
	out := []place{{path, n, f}}
	at := func(p string) []string { return append(path[:len(path):len(path)], p) }
	switch f.typ.Kind() {
	case reflect.Struct:
		for _, below := range fields(f.typ) {
			if v := n.get(below.name); v != nil {
				out = append(out, places(v, below, at(below.name))...)
			}
		}
	case reflect.Map:
		for _, e := range n.entries {
			out = append(out, places(e.value, field{typ: f.typ.Elem(), optional: true}, at(e.name))...)
		}
	case reflect.Slice:
		for i, item := range n.items {
			out = append(out, places(item, field{typ: f.typ.Elem(), optional: true}, at(strconv.Itoa(i)))...)
		}
	}
	return out
}

// plain is the tree as a JSON decoder would give it.
func (n *node) plain() any {
	switch n.kind {
	case mapping:
		m := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			m[e.name] = e.value.plain()
		}
		return m
	case sequence:
		s := make([]any, len(n.items))
		for i, item := range n.items {
			s[i] = item.plain()
		}
		return s
	}
	switch n.tag {
	case "!!null":
		return nil
	case "!!bool":
		return n.text == "true"
	case "!!int", "!!float":
		return json.Number(n.text)
	}
	return n.text
}

// decodeMachine is what Load does after the files are laid over each other,
// but for check.
func decodeMachine(root *node) (*Machine, error) {
	if err := checkKind(root); err != nil {
		return nil, err
	}
	m := new(Machine)
	return m, decode(root, reflect.ValueOf(m).Elem(), &field{}, "")
}
