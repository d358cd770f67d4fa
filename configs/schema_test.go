package configs

import (
	"bytes"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compileSchema compiles the schema, or the definition of that name in it.
func compileSchema(t testing.TB, def string) *jsonschema.Schema {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("machine.json", doc); err != nil {
		t.Fatal(err)
	}
	url := "machine.json"
	if def != "" {
		url += "#/$defs/" + def
	}
	s, err := c.Compile(url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func verdict(s *jsonschema.Schema, root *node) error { return s.Validate(root.plain()) }

func embeddedTree(t testing.TB, s source) *node {
	t.Helper()
	l := loader{readDisk: noDisk}
	root, err := l.file(s)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// The files as they are shipped, inheriting or not, fit the schema.
func TestSchemaAcceptsShippedFiles(t *testing.T) {
	machine, table := compileSchema(t, ""), compileSchema(t, energyTableDef)
	for _, name := range Names() {
		if err := verdict(machine, embeddedTree(t, source{name: name, embedded: true})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range EnergyTables() {
		root := embeddedTree(t, source{name: name, embedded: true, dir: energyDir})
		if err := verdict(table, root); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if verdict(machine, root) == nil {
			t.Errorf("energy table %s passes for a machine", name)
		}
		for _, section := range []string{"power_scope", "events", "static"} {
			if verdict(table, root.replaced([]string{section}, nil)) == nil {
				t.Errorf("%s without %s is accepted", name, section)
			}
		}
		for _, e := range root.get("events").entries {
			if verdict(table, root.replaced([]string{"events", e.name, "column"}, nil)) == nil {
				t.Errorf("%s: %s without column is accepted", name, e.name)
			}
		}
	}
}

// TestSchemaInherits: a file that inherits may leave out what it likes, except
// in lists, which are replaced as a whole.
func TestSchemaInherits(t *testing.T) {
	s := compileSchema(t, "")
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{"inherits: volta", true},
		{"inherits: volta\ngpu: {sm: {count: 84}}", true},
		{"inherits: volta\nenergy: {events: {fma_fp32: {pj: 3}}}", true},
		{"inherits: volta\nkind: gpu\ngpu: {l1: {ways: 8}}", true},
		{"inherits: volta\nkind: gpu\ncpu: {cores: 4}", false},
		{"inherits: volta\nkind: cpu\ngpu: {l1: {ways: 8}}", false},
		{"inherits: volta\ngpu: {sm: {cuont: 84}}", false},
		{"inherits: volta\ngpu: {sm: {count: 840}}", false},
		{"inherits: ''", false},
		{"inherits: skylake-8180\ncpu: {caches: [{name: L1D}]}", false},
		{"gpu: {sm: {count: 84}}", false},
		{"name: x", false},
	} {
		root, err := parse("x", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		if err := verdict(s, root); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.text, err)
		}
	}
	// A machine with an energy table may state single coefficients.
	for _, name := range Names() {
		whole := resolved(t, name)
		part := yamlNode(t, "{events: {x: {pj: 1}}}")
		if verdict(s, whole.replaced([]string{"energy"}, part)) == nil || verdict(s, whole.replaced([]string{"energy"}, nil)) == nil {
			t.Errorf("%s: energy may be incomplete without a table", name)
		}
		table := whole.replaced([]string{"energy_table"}, yamlNode(t, "some"))
		if err := verdict(s, table.replaced([]string{"energy"}, part)); err != nil {
			t.Error(err)
		}
		if err := verdict(s, table.replaced([]string{"energy"}, nil)); err != nil {
			t.Error(err)
		}
	}
}
