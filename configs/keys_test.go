package configs

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestEveryKey takes every key of the machines in turn and makes each mistake
// that is possible there. The loader must name key and allowed range, and the
// schema must agree with it.
func TestEveryKey(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t, "")
	seen := map[string]bool{}
	for _, name := range Names() {
		root := resolved(t, name)
		if err := verdict(schema, root); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, p := range places(root, field{typ: reflect.TypeFor[Machine](), optional: true}, nil) {
			if shape := kindOfPlace(p); !seen[shape] { // other machines have most keys as well
				seen[shape] = true
				t.Run(name+"/"+strings.Join(p.path, "."), func(t *testing.T) {
					k := keyTest{t, root, p, schema}
					k.run()
				})
			}
		}
	}
}

// kindOfPlace is a dotted path with the names in lists and maps left out.
func kindOfPlace(p place) string {
	words := append([]string(nil), p.path...)
	for i, w := range words {
		if _, err := strconv.Atoi(w); err == nil || i == 2 && (words[0] == "energy" || words[0] == "area" && words[1] != "die") {
			words[i] = "*"
		}
	}
	return strings.Join(words, ".")
}

type keyTest struct {
	t      *testing.T
	root   *node
	p      place
	schema *jsonschema.Schema
}

func (k keyTest) run() {
	f := &k.p.field
	if !f.optional {
		k.wrong(k.root.replaced(k.p.path, nil), k.key(), "missing"+hint("", f.rangeText()))
	}
	quantity := quantities[f.typ] != nil
	switch kind := f.typ.Kind(); {
	case kind == reflect.Struct:
		k.wrong(k.root.replaced(append(k.p.path[:len(k.p.path):len(k.p.path)], "zz_zz"), yamlNode(k.t, "1")), join(k.key(), "zz_zz"), "unknown key")
		if k.key() != "" {
			k.wrongValues("want keys below this one", "5", "[]", "text", "null")
		}
	case kind == reflect.Map:
		k.wrongValues("want names with values", "5", "[]", "text", "null")
		bad := append(k.p.path[:len(k.p.path):len(k.p.path)], "No Name")
		k.wrong(k.root.replaced(bad, k.p.node.entries[0].value), join(k.key(), "No Name"), `"No Name" is not a name`)
	case kind == reflect.Slice:
		k.wrongValues("want a list", "5", "{}", "text", "null")
	case quantity:
		k.wrongValues("want "+wants(f.typ), "{}", "[]")
		k.wrongValues("no value given", "null")
		k.wrongValues(`"5" has no unit`, "5", `"5"`)
		k.wrongValues(`has the unknown unit`, "5 parsec")
		k.wrongValues(`is not a number with a unit`, "-5 W", "text", `""`)
		k.limits()
	case kind == reflect.String:
		k.wrongValues("want text", "{}", "[]", "5", "true")
		k.wrongValues("no value given", "null")
		k.wrongValues("text is empty", `""`)
		for _, a := range f.allowed {
			if k.key() != "kind" { // the sections would not fit
				k.right(a, false)
			}
			k.wrongValues("unknown value "+strconv.Quote(a+"_x"), a+"_x")
		}
	case kind == reflect.Bool:
		k.wrongValues("want true or false", "{}", "1", "maybe", `"true"`)
		k.right("true", true)
		k.right("false", true)
	default:
		k.wrongValues("want "+wants(f.typ), "{}", "[]", "text", "true", `"5"`)
		k.wrongValues("no value given", "null")
		if kind == reflect.Int {
			k.wrongValues("want a whole number", "1.5", "1 W")
		}
		k.limits()
	}
}

// limits tries the ends of the range and what lies just outside.
func (k keyTest) limits() {
	f := &k.p.field
	if f.min == "" || f.max == "" {
		k.t.Error("no min and max tags")
		return
	}
	for _, end := range []struct {
		text string
		up   bool
	}{{f.min, false}, {f.max, true}} {
		k.right(end.text, true)
		v, err := parseLimit(end.text, f.typ)
		if err != nil {
			k.t.Fatal(err)
		}
		out := reflect.New(f.typ).Elem()
		switch {
		case v.CanInt():
			out.SetInt(v.Int() + map[bool]int64{true: 1, false: -1}[end.up])
		case v.CanUint():
			out.SetUint(v.Uint() + map[bool]uint64{true: 1, false: math.MaxUint64}[end.up])
		default:
			out.SetFloat(math.Nextafter(v.Float(), map[bool]float64{true: math.Inf(1), false: math.Inf(-1)}[end.up]))
		}
		text := scalarText(out)
		if strings.HasPrefix(text, "-") && quantities[f.typ] != nil {
			continue // quantities have no sign
		}
		k.wrongValues(text+" is out of range (allowed "+f.min+".."+f.max+")", text)
	}
}

func (k keyTest) key() string { return strings.Join(k.p.path, ".") }

func (k keyTest) wrongValues(reason string, values ...string) {
	k.t.Helper()
	for _, v := range values {
		k.wrong(k.root.replaced(k.p.path, yamlNode(k.t, v)), k.key(), reason)
	}
}

// wrong holds that the loader blames key for a reason that contains the given
// one, and that the schema rejects the tree too, but for the ranges of values
// with units, which it does not know.
func (k keyTest) wrong(root *node, key, reason string) {
	k.t.Helper()
	_, err := decodeMachine(root)
	e, ok := err.(*Error)
	if !ok || e.Key != key || !strings.Contains(e.Reason, reason) {
		k.t.Errorf("have %v, want %s: %s", err, key, reason)
		return
	}
	isMistake(k.t, err)
	if strings.Contains(reason, "out of range") && quantities[k.p.field.typ] != nil || reason == "missing"+hint("", k.p.field.rangeText()) && k.p.field.given {
		return
	}
	if verdict(k.schema, root) == nil {
		k.t.Errorf("the schema accepts what the loader does not: %v", err)
	}
}

// right holds that loader and schema accept a value.
func (k keyTest) right(value string, plain bool) {
	k.t.Helper()
	if !plain {
		value = strconv.Quote(value)
	}
	root := k.root.replaced(k.p.path, yamlNode(k.t, value))
	if _, err := decodeMachine(root); err != nil {
		k.t.Error(err)
	}
	if err := verdict(k.schema, root); err != nil {
		k.t.Error(err)
	}
}
