package validate

import (
	"gpusim/workloads"
)

// addLayers reads a table of measured layers, each in the class of its op as the table
// has it.
//
// What an operator moves, by its name in NeuSight's tables: add, mul, div and
// pow read two tensors and write one (12 bytes an element in fp32); addu, mulu,
// divu, powu, whose second operand is a number, and relu, gelu and tanh read one
// and write one (8 bytes). The measured times of large tensors say so: on each
// device the u forms are 3/2 as fast per element.
func (t *Tables) addLayers(tab *workloads.Table) error {
	rows, unsupported, err := tab.MeasuredLayers()
	if err != nil {
		return err
	}
	for i := range tab.Rows {
		if reason, ok := unsupported[tab.Line(i)]; ok {
			t.skipped = append(t.skipped, Skip{tab.File, tab.Line(i), reason})
		}
	}
	for _, m := range rows {
		r, err := timed(tab, &m, m.Op, m.Source+" "+layerWord(m.Workload.Layer))
		if err != nil {
			return err
		}
		if r.method.Name == Cold {
			t.skipped = append(t.skipped, Skip{tab.File, m.Line, "cold caches are not modelled"})
			continue
		}
		t.rows = append(t.rows, r)
	}
	return nil
}

// layerWord is what methods of measurement know a layer by: how a framework
// reaches its kernel takes the host a time of its own. Operators with a number for
// the second operand and layers that are modules take it longer.
func layerWord(l *workloads.Layer) string {
	if l.Kind != workloads.KindElementwise {
		return "op-" + l.Kind
	}
	switch l.Op {
	case "add", "sub", "mul", "div", "pow", "max", "min", "tanh":
		return "op-call"
	}
	return "op-module"
}
