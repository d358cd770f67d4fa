package configs

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// energyTableDef is the definition, below the schema's $defs, of an energy
// table: a file of its own that holds what a machine's energy section holds.
const energyTableDef = "EnergyTable"

// systemDef is the definition of the files of systems of several devices.
const systemDef = "SystemFile"

// Schema is the JSON Schema (draft 2020-12) of machine files, for editors. It
// says what the struct tags say; what only check knows, such as which sizes
// divide which, and the ranges of values with units it does not hold. Energy
// tables are its "#/$defs/EnergyTable", systems its "#/$defs/SystemFile".
func Schema() ([]byte, error) {
	b := schemaBuilder{defs: jsonschema.Definitions{}}
	root := b.structSchema(reflect.TypeFor[Machine]())
	root.Version = jsonschema.Version
	root.Title = "gpusim machine file"
	root.AllOf = []*jsonschema.Schema{{If: &jsonschema.Schema{Not: present("inherits")}, Then: completeMachine()}}
	for _, k := range kinds {
		for _, other := range kinds {
			if other != k {
				root.AllOf = append(root.AllOf, &jsonschema.Schema{If: equals("kind", k), Then: without(other)})
			}
		}
	}
	table := complete(reflect.TypeFor[Energy]())
	table.Title = "gpusim energy table"
	table.Ref = b.ref(reflect.TypeFor[Energy]())
	b.defs[energyTableDef] = table
	system := &jsonschema.Schema{Title: "gpusim system file", Ref: b.ref(reflect.TypeFor[systemFile]())}
	system.AllOf = []*jsonschema.Schema{{If: &jsonschema.Schema{Not: present("inherits")}, Then: complete(reflect.TypeFor[systemFile]())}}
	b.defs[systemDef] = system
	root.Definitions = b.defs
	return json.MarshalIndent(root, "", "  ")
}

// schemaBuilder collects the definition of each struct type that it meets. The
// definitions ask for no key, since a file with inherits states only changes.
type schemaBuilder struct {
	defs jsonschema.Definitions
}

func (b *schemaBuilder) ref(t reflect.Type) string {
	if b.defs[t.Name()] == nil {
		b.defs[t.Name()] = b.structSchema(t)
	}
	return "#/$defs/" + t.Name()
}

func (b *schemaBuilder) structSchema(t reflect.Type) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, f := range fields(t) {
		s.Properties.Set(f.name, b.value(f.typ, &f))
	}
	return s
}

// value mirrors decode: what it accepts for a value of type t described by f.
func (b *schemaBuilder) value(t reflect.Type, f *field) *jsonschema.Schema {
	if t.Kind() == reflect.Pointer {
		return b.value(t.Elem(), f)
	}
	s := &jsonschema.Schema{Description: f.doc}
	if units, ok := unitsOf[t]; ok {
		s.Type, s.Pattern = "string", quantityPattern(units)
		s.Description = strings.TrimPrefix(f.doc+"; "+wants(t), "; ")
		if r := f.rangeText(); r != "" {
			s.Description += ", " + r
		}
		return s
	}
	switch t.Kind() {
	case reflect.Struct:
		s.Ref = b.ref(t)
	case reflect.Map:
		s.Type = "object"
		s.PropertyNames = &jsonschema.Schema{Pattern: mapKey.String()}
		s.AdditionalProperties = b.value(t.Elem(), &field{})
	case reflect.Slice:
		s.Type = "array"
		s.Items = b.value(t.Elem(), &field{})
		if t.Elem().Kind() == reflect.Struct { // lists are replaced as a whole, so their items are complete
			c := complete(t.Elem())
			s.Items.Properties, s.Items.Required = c.Properties, c.Required
		}
	case reflect.String:
		s.Type = "string"
		for _, a := range f.allowed {
			s.Enum = append(s.Enum, a)
		}
		if s.Enum == nil {
			one := uint64(1)
			s.MinLength = &one
		}
	case reflect.Bool:
		s.Type = "boolean"
	case reflect.Int:
		s.Type, s.Minimum, s.Maximum = "integer", json.Number(f.min), json.Number(f.max)
	case reflect.Float64:
		s.Type, s.Minimum, s.Maximum = "number", json.Number(f.min), json.Number(f.max)
	}
	return s
}

var unitsOf = map[reflect.Type][]unit{
	freqType: freqUnits, bytesType: bytesUnits, bandwidthType: rateUnits, powerType: powerUnits, voltageType: voltUnits, durationType: timeUnits,
}

// quantityPattern is the form that parseQuantity reads.
func quantityPattern(units []unit) string {
	names := make([]string, len(units))
	for i, u := range units {
		names[i] = u.name
	}
	return `^(0|[1-9][0-9]*)(\.[0-9]+)? ?(` + strings.Join(names, "|") + `)$`
}

// complete asks for the keys that decodeStruct does not let miss, at every
// level below t, but for those that another file may give.
func complete(t reflect.Type) *jsonschema.Schema {
	s := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	for _, f := range fields(t) {
		if !f.optional && !f.given {
			s.Required = append(s.Required, f.name)
		}
		ft := f.typ
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		switch {
		case ft.Kind() == reflect.Struct:
			s.Properties.Set(f.name, complete(ft))
		case ft.Kind() == reflect.Map && ft.Elem().Kind() == reflect.Struct:
			s.Properties.Set(f.name, &jsonschema.Schema{AdditionalProperties: complete(ft.Elem())})
		}
	}
	if s.Properties.Len() == 0 {
		s.Properties = nil
	}
	return s
}

// completeMachine is a machine that inherits nothing: the section that kind
// names is there, and so are all coefficients unless an energy table gives them.
func completeMachine() *jsonschema.Schema {
	s := complete(reflect.TypeFor[Machine]())
	energy, _ := s.Properties.Delete("energy")
	inline := &jsonschema.Schema{Properties: jsonschema.NewProperties(), Required: []string{"energy"}}
	inline.Properties.Set("energy", energy)
	for _, k := range kinds {
		s.AllOf = append(s.AllOf, &jsonschema.Schema{If: equals("kind", k), Then: present(k)})
	}
	s.AllOf = append(s.AllOf, &jsonschema.Schema{If: equals("energy_table", noTable), Then: inline})
	return s
}

func present(key string) *jsonschema.Schema { return &jsonschema.Schema{Required: []string{key}} }

func without(key string) *jsonschema.Schema { return &jsonschema.Schema{Not: present(key)} }

// equals holds where the key is there and has the value.
func equals(key, value string) *jsonschema.Schema {
	s := present(key)
	s.Properties = jsonschema.NewProperties()
	s.Properties.Set(key, &jsonschema.Schema{Const: value})
	return s
}
