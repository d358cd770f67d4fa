package systolic

import (
	"testing"

	"pgregory.net/rapid"
)

// The closed form of a product lies near the words that are looked up one by one,
// whatever the array, its SRAMs and their ports: 0.59 to 1.99 of the time over four
// thousand products.
func TestClosedBesideSimulate(t *testing.T) {
	low, high := 1.0, 1.0
	rapid.Check(t, func(t *rapid.T) {
		in := func(from, to int, name string) int { return rapid.IntRange(from, to).Draw(t, name) }
		a := Array{Rows: in(4, 40, "rows"), Cols: in(4, 40, "cols"), Flow: drawFlow(t)}
		l := GEMM(in(1, 500, "m"), in(1, 500, "n"), in(1, 500, "k"))
		sram := func() SRAM { return SRAM{in(16<<10, 128<<10, "words"), in(1, 40, "per cycle")} }
		mem := Memory{Input: sram(), Weight: sram(), Output: sram()}
		r, closed := simulate(t, a, l, mem), a.Closed(l, mem)
		q := float64(closed.Cycles()) / float64(r.Cycles())
		low, high = min(low, q), max(high, q)
		if q < 0.4 || q > 2.5 {
			t.Fatalf("%+v, %+v: closed %+v, words one by one %+v", l.Product, mem, closed, r)
		}
	})
	t.Logf("between %.2f and %.2f of the time", low, high)
}

func drawFlow(t *rapid.T) Dataflow {
	return rapid.SampledFrom([]Dataflow{OutputStationary, WeightStationary, InputStationary}).Draw(t, "flow")
}

// A product whose rows need more inputs than memory delivers takes what they take:
// 512 x 512 inputs at 10 words a cycle, which come round once for each of 16 folds of
// columns and, as a half's end falls on a fold's each time, eight times for each.
func TestClosedComesRound(t *testing.T) {
	a, l := Array{32, 32, WeightStationary}, GEMM(512, 512, 512)
	mem := same(64, 64, 64, 10)
	r, closed := simulate(t, a, l, mem), a.Closed(l, mem)
	if want := uint64(16*8*8-1) * 3278; closed.Cycles() != want { // the first half is there
		t.Errorf("%d cycles, want %d; word by word %d", closed.Cycles(), want, r.Cycles())
	}
	if closed.Fetched != r.Fetched {
		t.Errorf("fetched %+v, word by word %+v", closed.Fetched, r.Fetched)
	}
}

// Places are numbered as a walker visits them.
func TestPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := grid{rows: rapid.IntRange(1, 12).Draw(t, "rows"), cols: rapid.IntRange(1, 12).Draw(t, "cols"), diagonal: true}
		w := walker{g: &g}
		for i := range g.rows * g.cols {
			if got := g.place(w.row, w.col); got != i {
				t.Fatalf("row %d, column %d is place %d, want %d", w.row, w.col, got, i)
			}
			w.step()
		}
	})
}
