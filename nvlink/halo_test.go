package nvlink

import (
	"math"
	"testing"
)

// Each rank sends its buffer to either neighbour; the closed form agrees; a ring
// over nodes crosses the network twice a node and direction.
func TestHaloExchange(t *testing.T) {
	for _, c := range []struct {
		system, text string
		want         float64 // bytes on all links
	}{
		{"dgx1v", "halo:bytes=1MiB,gpus=8", 8 * 2 << 20}, // rings of direct links
		{"a100x4", "halo:bytes=4MiB,gpus=4", 4 * 8 << 20},
		{"dgx2", "halo:bytes=4MiB,gpus=8", 2 * 8 * 8 << 20}, // up to a switch and down
	} {
		s := load(t, c.system)
		r := run(t, s, c.text, nil)
		total := 0.0
		for _, l := range r.Links {
			total += l.Data
		}
		if math.Abs(total/c.want-1) > 1e-4 {
			t.Errorf("%s on %s: %g bytes on links, want %g", c.text, c.system, total, c.want)
		}
		closed, err := Closed(s, parse(t, c.text))
		if err != nil || math.Abs(closed.Seconds/r.Seconds-1) > 0.4 {
			t.Errorf("%s on %s: closed form %g s, events %g s, %v", c.text, c.system, closed.Seconds, r.Seconds, err)
		}
	}
}
