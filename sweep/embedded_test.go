package sweep

import (
	"errors"
	"testing"

	"gpusim/configs"
)

// Each value of each axis of the sweeps that ship makes a machine: a sweep half of whose
// points fail would go unnoticed until somebody reads its table.
func TestEmbeddedSweeps(t *testing.T) {
	t.Parallel()
	for _, name := range configs.Sweeps() {
		s, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		sp, err := NewSpace(s)
		if err != nil {
			t.Fatal(err)
		}
		for a := range sp.axes {
			for v := range sp.axes[a].values {
				at := make([]int, len(sp.axes))
				for i := range at {
					at[i] = len(sp.axes[i].values) / 2
				}
				at[a] = v
				var u *unmet
				if _, err := sp.load(at); err != nil && !errors.As(err, &u) {
					t.Errorf("%s: %s = %s: %v", name, sp.axes[a].name, sp.axes[a].label(v), err)
				}
			}
		}
	}
}
