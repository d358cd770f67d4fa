package configs

import (
	"bytes"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Hash changes with each value and comes back with it.
func TestHashSeesEveryValue(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"volta", "skylake-8180"} {
		m, err := Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		plain := m.Hash()
		seen := map[string]string{plain: "nothing"}
		changes := 0
		changeEach(reflect.ValueOf(m).Elem(), "", func(path string) {
			changes++
			h := m.Hash()
			if path == "inherits" || path == "energy_table" || path == "area_table" || path == "area.units_from" {
				if h != plain {
					t.Errorf("%s: %s counts", name, path)
				}
				return
			}
			if other, dup := seen[h]; dup {
				t.Errorf("%s: a change of %s is taken for a change of %s", name, path, other)
			}
			seen[h] = path
		})
		if m.Hash() != plain || changes < len(valuesOf(m))*9/10 {
			t.Errorf("%s: %d changes of %d values", name, changes, len(valuesOf(m)))
		}
	}
}

// changeEach changes each value below v in turn, tells so and puts it back.
func changeEach(v reflect.Value, path string, changed func(path string)) {
	change := func(to any) {
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		v.Set(reflect.ValueOf(to).Convert(v.Type()))
		changed(path)
		v.Set(old)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			changeEach(v.Elem(), path, changed)
			change(reflect.Zero(v.Type()).Interface())
		}
	case reflect.Struct:
		for _, f := range fields(v.Type()) {
			changeEach(v.Field(f.index), join(path, f.name), changed)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			item := reflect.New(v.Type().Elem()).Elem()
			item.Set(v.MapIndex(k))
			old := v.MapIndex(k)
			changeEach(item, join(path, k.String()), func(p string) {
				v.SetMapIndex(k, item)
				changed(p)
			})
			v.SetMapIndex(k, reflect.Value{})
			changed(path + " without " + k.String())
			v.SetMapIndex(reflect.ValueOf(k.String()+"x"), old)
			changed(path + " renamed " + k.String())
			v.SetMapIndex(reflect.ValueOf(k.String()+"x"), reflect.Value{})
			v.SetMapIndex(k, old)
		}
	case reflect.Slice:
		for i := range v.Len() {
			changeEach(v.Index(i), join(path, strconv.Itoa(i)), changed)
		}
		if v.Len() > 1 {
			change(v.Slice(0, v.Len()-1).Interface())
		}
	case reflect.String:
		change(v.String() + " ")
	case reflect.Bool:
		change(!v.Bool())
	case reflect.Float64:
		change(math.Nextafter(v.Float(), math.Inf(1)))
	case reflect.Int, reflect.Int64:
		change(v.Int() + 1)
	case reflect.Uint64:
		change(v.Uint() + 1)
	}
}

// Hash goes by what is said, not by how: order, comments, blanks, units and
// ways to write a number do not count.
func TestHashIgnoresForm(t *testing.T) {
	t.Parallel()
	machines := map[string]*node{"volta": resolved(t, "volta"), "skylake-8180": resolved(t, "skylake-8180")}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"volta", "skylake-8180"}).Draw(t, "machine")
		w := rewriter{t: t}
		w.write(machines[name], field{typ: reflect.TypeFor[Machine]()}, "")
		m, err := loadFiles(map[string]string{"m.yaml": w.out.String()}, "m.yaml")
		if err != nil {
			t.Fatalf("%v\n%s", err, w.out.String())
		}
		want, err := Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m.Hash() != want.Hash() {
			t.Fatalf("the hash changes with\n%s", w.out.String())
		}
	})
}

// rewriter writes a tree as YAML in another form.
type rewriter struct {
	t   *rapid.T
	out strings.Builder
}

func (w *rewriter) write(n *node, f field, indent string) {
	if f.typ.Kind() == reflect.Pointer {
		f.typ = f.typ.Elem()
	}
	switch n.kind {
	case mapping:
		if indent != "" {
			w.out.WriteString("\n")
		}
		entries := n.entries
		if rapid.IntRange(0, 3).Draw(w.t, "shuffle") == 0 {
			entries = rapid.Permutation(entries).Draw(w.t, "order")
		}
		for _, e := range entries {
			below := field{typ: f.typ}
			if f.typ.Kind() == reflect.Struct {
				below = *fieldOf(fields(f.typ), e.name)
			} else {
				below.typ = f.typ.Elem()
			}
			w.out.WriteString(indent + e.name + ": ")
			w.write(e.value, below, indent+"  ")
		}
	case sequence:
		w.out.WriteString("\n")
		for _, item := range n.items {
			w.out.WriteString(indent + "- ")
			w.write(item, field{typ: f.typ.Elem()}, indent+"  ")
		}
	default:
		w.out.WriteString(w.scalar(n, f) + rapid.SampledFrom([]string{"", " ", " # why: because", "\n\n# more"}).Draw(w.t, "end") + "\n")
	}
}

func (w *rewriter) scalar(n *node, f field) string {
	other := func() bool { return rapid.IntRange(0, 7).Draw(w.t, "other") == 0 }
	switch kind := f.typ.Kind(); {
	case quantities[f.typ] != nil:
		v, _ := quantities[f.typ](n.text)
		for _, u := range unitsOf[f.typ] {
			if v.CanFloat() || u.den != 1 || !other() {
				continue
			}
			s, exact := decimal(uint64(reflect.ValueOf(v.Interface()).Convert(reflect.TypeFor[int64]()).Int()), uint64(u.num))
			if exact {
				return s + u.name
			}
		}
		return n.text
	case kind == reflect.String:
		return strconv.Quote(n.text)
	case kind == reflect.Int && other():
		return "+" + n.text
	case kind == reflect.Float64 && other():
		v, _ := strconv.ParseFloat(n.text, 64)
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return n.text
}

// Dump reads back to the same machine, whatever its texts, and is stable.
func TestDumpRoundTrip(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		m, err := Load(name, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		dumpTwice(t, m)
	}
	rapid.Check(t, func(t *rapid.T) {
		m, err := Load("skylake-8180", nil)
		if err != nil {
			t.Fatal(err)
		}
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[-?:,\[\]{}#&*!|>'"%@~ \n\ta0=<]{1,6}`), rapid.SampledFrom([]string{
			"null", "~", "true", "yes", "0x10", "1e3", ".inf", "2001-01-01", "<<", "=", "a: b", "- a", "? a", "# a", " a", "a ", "a\n", "\na", "a\n\n", "a\r\nb",
			"\t", "\u0085", "\u2028", "\ufeff", "é", "a\n b", " a\nb", "---", "...", "1 # x",
		})).Filter(func(s string) bool { return s != "" && utf8.ValidString(s) })
		m.Description = text.Draw(t, "description")
		m.Devices = []string{text.Draw(t, "device"), "Other"}
		m.CPU.Memory.Efficiency = rapid.Float64Range(0.1, 1).Draw(t, "efficiency")
		m.TDP = Power(rapid.Float64Range(100, 2000).Draw(t, "tdp"))
		m.CPU.Caches[2].Size = 1408 * Bytes(rapid.Int64Range(800, 1000).Draw(t, "size")) // ways x line_bytes is 704
		dumpTwice(t, m)
	})
}

func dumpTwice(t interface {
	Helper()
	Fatalf(string, ...any)
}, m *Machine) {
	t.Helper()
	text, err := Dump(m)
	if err != nil {
		t.Fatalf("%v", err)
	}
	back, err := loadFiles(map[string]string{"m.yaml": string(text)}, "m.yaml")
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, text)
	}
	if back.Hash() != m.Hash() {
		t.Fatalf("%s: the hash changes when its dump is read\n%s", m.Name, text)
	}
	same := *m
	same.Inherits, same.EnergyTable, same.AreaTable = "", noTable, ""
	same.listed = back.listed // a place in a file
	if !reflect.DeepEqual(&same, back) {
		t.Fatalf("%s: its dump reads as another machine", m.Name)
	}
	again, err := Dump(back)
	line := bytes.Index(text, []byte(" # was "))
	if line >= 0 { // the table's name is only a remark
		end := line + bytes.IndexByte(text[line:], '\n')
		text = append(text[:line:line], text[end:]...)
	}
	if err != nil || !bytes.Equal(again, text) {
		t.Fatalf("%s: the dump of a dump differs: %v\n%s\n%s", m.Name, err, text, again)
	}
}
