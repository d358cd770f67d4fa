package cpu

import (
	"slices"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/energy"
	"gpusim/workloads"
)

// A bound that is a cache is one that the machine has, shared or not, and so are the
// caches whose lines take energy.
func TestBoundIsACacheOfTheMachine(t *testing.T) {
	seen := map[string]string{}
	for _, name := range configs.Names() {
		m, err := configs.Load(name, nil)
		if err != nil || m.CPU == nil {
			continue
		}
		var has []string
		for _, c := range m.CPU.Caches {
			has = append(has, strings.ToLower(c.Name[:2]))
		}
		for _, size := range []int{1 << 14, 1 << 17, 1 << 20} {
			w, err := workloads.OfLayer(workloads.Layer{Kind: workloads.KindElementwise, Op: "relu", Size: size, DType: "fp32"})
			if err != nil {
				t.Fatal(err)
			}
			r, err := RunLayer(m, w.Layer)
			if err != nil {
				t.Fatal(err)
			}
			seen[name] += " " + r[0].Bound
			for _, row := range r[0].Energy.Rows {
				if row.Component == energy.CPUL3Line && row.Events > 0 && len(has) < 3 {
					t.Errorf("%s, %d elements: %d lines of a third cache, it has %v", name, size, row.Events, has)
				}
			}
			if b := r[0].Bound; len(b) == 2 && !slices.Contains(has, b) {
				t.Errorf("%s, %d elements: bound %s, it has %v", name, size, b, has)
			}
		}
	}
	if got := seen["cortex-a57"]; !strings.Contains(got, "l2") {
		t.Errorf("bounds of a machine whose second cache is shared: %s", got)
	}
}
