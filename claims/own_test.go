package claims

import (
	"context"
	"slices"
	"testing"
)

// A layer that a machine leaves to its host is none that it executes.
func TestHostsDoNotCount(t *testing.T) {
	t.Parallel()
	l := newLab(context.Background())
	for machine, lacks := range map[string]string{"tpu1": "softmax", "nvdla-full": "layernorm"} {
		n, refused := l.own(machine)
		if n+len(refused) != len(operators) || n >= len(operators)-1 || !slices.Contains(refused, lacks) {
			t.Errorf("%s executes %d of %d by itself and leaves %v", machine, n, len(operators), refused)
		}
	}
	if r, err := l.run(call{"nvdla-full", operators[1], nil}); err == nil && len(r.Fallback.Layers) == 0 {
		t.Error("nothing is left to the host, so the test shows nothing")
	}
}
