package memory

import (
	"testing"

	"gpusim/configs"
)

// TestTLBReach: a chase within the first level's reach never misses it, one
// within the second level's pays the first level's miss each time, and a
// larger one a walk.
func TestTLBReach(t *testing.T) {
	spec := configs.TLB{Page: 1 << 12, Entries: 4, Latency: 30, L2Page: 1 << 14, L2Entries: 8, WalkLatency: 200, Walkers: 1}
	for _, c := range []struct{ pages, want uint64 }{{4, 0}, {5, 30}, {32, 30}, {36, 230}} {
		b := newTLB(&spec, 1, 1)
		b.reset()
		at, took := uint64(0), uint64(0)
		for round := range 3 {
			for p := range c.pages {
				addr := p << 12
				if c.pages > 32 {
					addr = p << 14 // a new page of the second level each time
				}
				done := b.translate(0, 0, addr, at)
				if round == 2 {
					took += done - at
				}
				at = done + 1000
			}
		}
		if got := took / c.pages; got != c.want {
			t.Errorf("%d pages: %d cycles a translation, want %d", c.pages, got, c.want)
		}
	}
}

// TestTLBMissesQueue: walks wait for a walker, whichever SM they are for; who
// comes for a page under way waits for it.
func TestTLBMissesQueue(t *testing.T) {
	spec := configs.TLB{Page: 1 << 12, Entries: 4, Latency: 30, L2Page: 1 << 12, L2Entries: 64, WalkLatency: 200, Walkers: 1}
	b := newTLB(&spec, 2, 1)
	b.reset()
	for i, want := range []uint64{230, 430, 230} {
		page := uint64([]int{1, 2, 1}[i])
		if got := b.translate(0, 0, page<<12, 0); got != want {
			t.Errorf("request %d: ready at %d, want %d", i, got, want)
		}
	}
	if got := b.translate(1, 0, 3<<12, 0); got != 630 {
		t.Errorf("another SM's page is there at %d, want 630: third in the queue of the walker", got)
	}
	b.reset()
	b.warm(0, 4<<12)
	if got := b.translate(0, 0, 0, 0); got != 30 {
		t.Errorf("a warm page: %d cycles, want 30", got)
	}
}

// TestTLBWarmOrder: warm pages make room in the order in which they came, the same in
// every run.
func TestTLBWarmOrder(t *testing.T) {
	spec := configs.TLB{Page: 1 << 12, Entries: 1, Latency: 30, L2Page: 1 << 12, L2Entries: 8, WalkLatency: 200, Walkers: 8}
	for range 20 {
		b := newTLB(&spec, 1, 1)
		b.reset()
		b.warm(0, 8<<12)
		at := uint64(0)
		for _, c := range []struct{ page, want uint64 }{{8, 230}, {1, 30}, {0, 230}, {3, 30}, {2, 230}} {
			if got := b.translate(0, 0, c.page<<12, at) - at; got != c.want {
				t.Fatalf("page %d: %d cycles, want %d", c.page, got, c.want)
			}
			at += 1000
		}
	}
}
