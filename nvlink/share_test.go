package nvlink

import (
	"testing"

	"pgregory.net/rapid"
)

// Rates are max-min fair: no resource is overfull, and every flow is at its own
// limit or uses a full resource on which nobody has a higher rate.
func TestSharesAreMaxMinFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "resources")
		s := &sharer{capacity: make([]float64, n), room: make([]float64, n), load: make([]float64, n), seen: make([]bool, n), peak: make([]float64, n)}
		for i := range n {
			s.capacity[i] = rapid.Float64Range(1, 100).Draw(t, "capacity")
		}
		ways := make([]*way, rapid.IntRange(1, 10).Draw(t, "ways"))
		for i := range ways {
			w := &way{limit: rapid.Float64Range(0.1, 200).Draw(t, "limit"), flows: rapid.IntRange(0, 3).Draw(t, "flows")}
			for r := range n {
				if rapid.Bool().Draw(t, "uses") {
					w.lean = append(w.lean, use{res: r, weight: rapid.Float64Range(0.1, 3).Draw(t, "weight")})
				}
			}
			ways[i] = w
		}
		s.share(ways)
		load := make([]float64, n)
		most := make([]float64, n)
		for _, w := range ways {
			if w.flows == 0 {
				continue
			}
			for _, u := range w.lean {
				load[u.res] += u.weight * w.rate * float64(w.flows)
				most[u.res] = max(most[u.res], w.rate)
			}
		}
		const eps = 1e-6
		for r := range n {
			if load[r] > s.capacity[r]*(1+eps) {
				t.Fatalf("resource %d carries %g of %g", r, load[r], s.capacity[r])
			}
		}
		for i, w := range ways {
			if w.flows == 0 {
				continue
			}
			held := w.rate >= w.limit*(1-eps)
			for _, u := range w.lean {
				held = held || load[u.res] >= s.capacity[u.res]*(1-eps) && w.rate >= most[u.res]*(1-eps)
			}
			if !held || w.rate > w.limit*(1+eps) {
				t.Fatalf("way %d could grow beyond %g (limit %g)", i, w.rate, w.limit)
			}
		}
	})
}

// Two GPUs that write to a third get half of its links each; a GPU that they
// do not share is left alone.
func TestIncast(t *testing.T) {
	g, err := build(load(t, "dgx2"), 16, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ways []*way
	for _, p := range [][2]int{{0, 2}, {9, 2}, {4, 5}} {
		r, err := g.find(g.gpus[p[0]], g.gpus[p[1]], "")
		if err != nil {
			t.Fatal(err)
		}
		u := g.uses(r, Copies)
		ways = append(ways, &way{all: u, lean: u, limit: 1e15, flows: 1})
	}
	newSharer(g).share(ways)
	whole := 6 * 25.78125e9 * 16 / 17
	for i, want := range []float64{whole / 2, whole / 2, whole} {
		if got := ways[i].rate; got < want*0.999999 || got > want*1.000001 {
			t.Errorf("flow %d gets %.4g B/s, want %.4g", i, got, want)
		}
	}
}

// What the packets of each kind of traffic leave of NVLink 2.
func TestPackets(t *testing.T) {
	nv := load(t, "dgx2").LinkType("nvlink2")
	for _, c := range []struct {
		kind          Traffic
		forward, back float64
	}{
		{Copies, 17.0 / 16, 1.0 / 16},
		{Stores, 9.0 / 8, 1.0 / 8},
		{Flags128, 9.0 / 8 * 128 / 120, 1.0 / 8 * 128 / 120},
		{Flags8, 4, 1}, // header, mask and two flits for 16 B of data, and one back
	} {
		f, b := wire(nv, c.kind)
		if f != c.forward || b != c.back {
			t.Errorf("kind %d: %g and %g bytes on the link per byte, want %g and %g", c.kind, f, b, c.forward, c.back)
		}
	}
}

// Credits bound what is under way: a window's worth per round trip.
func TestCredits(t *testing.T) {
	s := load(t, "pcie-peer-host")
	q := s.LinkType("qpi")
	if want := 1742 / 350e-9; rate(q) < want*0.999 || rate(q) > want*1.001 {
		t.Errorf("%g B/s, want %g", rate(q), want)
	}
}
