package gpusim

import (
	"testing"

	"gpusim/workloads/tile"
)

// Residents are separate if what is loaded while one follows the other is more than L2
// holds: longer loops, more SMs and a smaller L2 make them so.
func TestSeparateResidents(t *testing.T) {
	k := &tile.Kernel{TileM: 128, TileN: 128, TileK: 8, DType: "fp32", Tensors: []tile.Tensor{{Elem: 4}}}
	for _, c := range []struct {
		trips, sms, resident int
		want                 bool
	}{ // 49 CTAs have 7x7 tiles and load 7 * 8 KiB each iteration; of two residents, one follows a third of the loop behind
		{111, 49, 2, false}, {114, 49, 2, true},
		{114, 36, 2, false}, {114, 64, 2, true},
		{114, 49, 1, false},
	} {
		s := sampling{trips: c.trips}
		if got := s.separate(k, 4<<20+49152, c.sms, c.resident); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Windows grow where CTAs drift further apart than L2 reaches: over long loops and many
// waves, not over short ones however many.
func TestLongerWindowsWithDrift(t *testing.T) {
	k := &tile.Kernel{TileM: 128, TileN: 128, TileK: 8, DType: "fp32", Tensors: []tile.Tensor{{Elem: 4}}}
	late := func(trips, waves int) int {
		s := sampling{trips: trips, slots: 40, ctas: 40 * waves}
		return s.lateness(k, 2<<20, 20, 2)
	}
	if n := late(256, 2500); n != 0 {
		t.Errorf("%d iterations more of 256 over 2,500 waves", n)
	}
	if n := late(1024, 2); n != 0 {
		t.Errorf("%d iterations more of 1,024 over two waves", n)
	}
	if n := late(1024, 20); n != 51 { // twice 2 MiB over 2 * 5 * 8 KiB
		t.Errorf("%d iterations more of 1,024 over 20 waves, want 51", n)
	}
}
