package cpu

import (
	"slices"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
)

// A bound that is a cache is one that the machine has, shared or not.
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
			if b := r[0].Bound; len(b) == 2 && !slices.Contains(has, b) {
				t.Errorf("%s, %d elements: bound %s, it has %v", name, size, b, has)
			}
		}
	}
	if got := seen["cortex-a57"]; !strings.Contains(got, "l2") {
		t.Errorf("bounds of a machine whose second cache is shared: %s", got)
	}
}
