package configs

import (
	"fmt"
	"strconv"

	"gopkg.in/yaml.v3"
)

// kind is the form of a node.
type kind uint8

const (
	scalar kind = iota
	mapping
	sequence
)

// node is a value of a machine file with the place it came from, so that
// values of several files and of --set can be laid over each other and still
// be blamed on the right line.
type node struct {
	kind      kind
	file      string
	line, col int

	text   string // scalar
	quoted bool
	tag    string // YAML's short tag of a scalar; empty for --set, whose values have no type of their own

	entries []entry // mapping, in file order
	items   []*node // sequence
}

// entry is one key of a mapping.
type entry struct {
	name      string
	file      string
	line, col int
	value     *node
}

func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for i := range n.entries {
		if n.entries[i].name == name {
			return n.entries[i].value
		}
	}
	return nil
}

// set replaces or appends a key.
func (n *node) set(name string, v *node) {
	for i := range n.entries {
		if e := &n.entries[i]; e.name == name {
			*e = entry{name, v.file, v.line, v.col, v}
			return
		}
	}
	n.entries = append(n.entries, entry{name, v.file, v.line, v.col, v})
}

func (n *node) remove(name string) {
	for i := range n.entries {
		if n.entries[i].name == name {
			n.entries = append(n.entries[:i:i], n.entries[i+1:]...)
			return
		}
	}
}

func (n *node) errorf(key, format string, a ...any) *Error {
	return &Error{File: n.file, Line: n.line, Col: n.col, Key: key, Reason: fmt.Sprintf(format, a...)}
}

func (e *entry) errorf(key, format string, a ...any) *Error {
	return &Error{File: e.file, Line: e.line, Col: e.col, Key: key, Reason: fmt.Sprintf(format, a...)}
}

// maxFileBytes bounds a machine file; the largest of ours has some 20 KB.
const maxFileBytes = 1 << 20

// parse reads one YAML document strictly: a mapping at the top, no second
// document, no anchors, aliases, merge keys, explicit tags or duplicate keys.
func parse(file string, text []byte) (root *node, err error) {
	if len(text) > maxFileBytes {
		return nil, &Error{File: file, Reason: fmt.Sprintf("file is larger than %s", Bytes(maxFileBytes))}
	}
	// The YAML library reports its own faults as panics; a user's file must
	// never end the program.
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, &Error{File: file, Line: 1, Reason: fmt.Sprintf("the YAML parser fails on this file: %v", r)}
		}
	}()
	docs, err := decodeYAML(text)
	switch {
	case err != nil:
		return nil, syntaxError(file, text, err)
	case len(docs) == 0:
		return nil, &Error{File: file, Line: 1, Reason: "file is empty"}
	case len(docs) > 1:
		return nil, &Error{File: file, Line: docs[1].Line, Col: docs[1].Column, Reason: "a second YAML document begins here; a file holds one"}
	}
	doc := docs[0]
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		n := doc
		if len(doc.Content) > 0 {
			n = doc.Content[0]
		}
		return nil, &Error{File: file, Line: max(1, n.Line), Col: n.Column, Reason: "want a mapping (key: value) at the top of the file"}
	}
	return convert(file, "", doc.Content[0])
}

// convert turns a YAML node into ours.
func convert(file, path string, y *yaml.Node) (*node, error) {
	n := &node{file: file, line: y.Line, col: y.Column}
	switch {
	case y.Kind == yaml.AliasNode || y.Anchor != "":
		return nil, n.errorf(path, "anchors and aliases (&, *) are not allowed; write the value out")
	case y.Style&yaml.TaggedStyle != 0:
		return nil, n.errorf(path, "explicit tags (%s) are not allowed", y.Tag)
	}
	switch y.Kind {
	case yaml.ScalarNode:
		n.kind, n.text, n.tag = scalar, y.Value, y.ShortTag()
		n.quoted = y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	case yaml.SequenceNode:
		n.kind = sequence
		for i, c := range y.Content {
			v, err := convert(file, join(path, strconv.Itoa(i)), c)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, v)
		}
	case yaml.MappingNode:
		n.kind = mapping
		if err := n.convertEntries(file, path, y); err != nil {
			return nil, err
		}
	default:
		return nil, n.errorf(path, "unexpected YAML node")
	}
	return n, nil
}

func (n *node) convertEntries(file, path string, y *yaml.Node) error {
	lines := make(map[string]int, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		e := entry{name: k.Value, file: file, line: k.Line, col: k.Column}
		key := join(path, e.name)
		switch {
		case k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0:
			return e.errorf(path, "want a plain word as key")
		case e.name == "<<":
			return e.errorf(key, "merge keys (<<) are not allowed; use inherits")
		}
		if at, dup := lines[e.name]; dup {
			return e.errorf(key, "duplicate key, first given in line %d", at)
		}
		lines[e.name] = e.line
		v, err := convert(file, key, y.Content[i+1])
		if err != nil {
			return err
		}
		e.value = v
		n.entries = append(n.entries, e)
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// overlay lays top over base, key by key: mappings merge, everything else is
// replaced. Neither argument is changed.
func overlay(base, top *node) *node {
	if base == nil || top.kind != mapping || base.kind != mapping {
		return top
	}
	out := &node{kind: mapping, file: top.file, line: top.line, col: top.col}
	out.entries = append(out.entries, base.entries...)
	for _, e := range top.entries {
		found := false
		for i := range out.entries {
			if b := &out.entries[i]; b.name == e.name {
				e.value = overlay(b.value, e.value)
				*b = e
				found = true
				break
			}
		}
		if !found {
			out.entries = append(out.entries, e)
		}
	}
	return out
}

// find follows a dotted path; nil where it leads nowhere.
func (n *node) find(path ...string) *node {
	for _, p := range path {
		switch {
		case n == nil:
			return nil
		case n.kind == sequence:
			i, err := strconv.Atoi(p)
			if err != nil || i < 0 || i >= len(n.items) {
				return nil
			}
			n = n.items[i]
		default:
			n = n.get(p)
		}
	}
	return n
}
