package memory

import (
	"testing"

	"gpusim/configs"
)

// Every shipped GPU's memory system can be built, whatever its number of
// channels; each line has a place of its own, and no stride that matrices have
// leaves slices idle or loads one twice as much as the others.
func TestShippedMachines(t *testing.T) {
	for _, name := range configs.Names() {
		m, err := configs.Load(name, nil)
		if err != nil || m.GPU == nil {
			continue
		}
		g := m.GPU
		if _, err := New(g, g.Clock.Sustained); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		h, _ := newHash(g)
		type spot struct {
			slice int
			local uint64
		}
		seen := make(map[spot]bool)
		for line := range uint64(50000) {
			slice, local := h.Map(line)
			if slice < 0 || slice >= g.L2.Slices || seen[spot{slice, local}] {
				t.Fatalf("%s: line %d at %d of slice %d", name, line, local, slice)
			}
			seen[spot{slice, local}] = true
		}
		for _, stride := range []uint64{1, 8, 32, 60, 64, 128, 224, 512, 4096} {
			const each = 64
			lines := make([]int, g.L2.Slices)
			for i := range each * len(lines) {
				slice, _ := h.Map(uint64(i) * stride)
				lines[slice]++
			}
			for slice, n := range lines {
				if n == 0 || n > 2*each {
					t.Errorf("%s: stride %d lines: %d in slice %d, mean %d", name, stride, n, slice, each)
				}
			}
		}
	}
}
