package tile

import (
	"math/rand"
	"testing"
)

// TestCursor holds a cursor that goes about at random to the digits themselves,
// with digits that are padded and a change of views.
func TestCursor(t *testing.T) {
	views := [][]Digit{
		{{Size: 7, Stride: 1, W: 2}, {Size: 5, Stride: 14, H: 3}, {Stride: 100}},
		{{Stride: 3, H: 1}},
		{},
		{{Size: 32, Least: 20, Stride: 1}, {Size: 3, Stride: 20, W: 1}, {Stride: 60, H: -1}},
	}
	r := rand.New(rand.NewSource(1))
	var c cursor
	v, ds := int32(0), views[0]
	for range 20000 {
		switch r.Intn(8) {
		case 0:
			v = int32(r.Intn(2000))
		case 1:
			ds = views[r.Intn(len(views))]
		case 2:
			v = max(0, v-int32(r.Intn(3)))
		default:
			v += int32(r.Intn(4))
		}
		if got, want := *c.at(ds, v), digits(ds, v); got != want {
			t.Fatalf("%d of %+v: %+v, want %+v", v, ds, got, want)
		}
	}
}
