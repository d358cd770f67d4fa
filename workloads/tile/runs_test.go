package tile

import (
	"math/rand"
	"slices"
	"testing"
)

// TestRunsOfLanes holds lines that are found by runs of lanes to those of the lanes one
// by one: vectors along channels, broadcasts, strides, edges, padding and random lanes.
func TestRunsOfLanes(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	views := []View{
		{Row: []Digit{{Size: 14, Stride: 64, W: 1}, {Size: 14, Stride: 14 * 64, H: 1}, {Stride: 14 * 14 * 64}}, Col: []Digit{{Size: 64, Stride: 1}, {Size: 3, Stride: 64, W: 1}, {Stride: 14 * 64, H: 1}}, H0: -1, W0: -1, H: 14, W: 14, At: -15 * 64},
		{Row: []Digit{{Size: 64, Stride: 1}, {Stride: 0}}},
		{Row: []Digit{{Size: 100, Stride: 0}, {Stride: 4}}, Col: []Digit{{Stride: 1}}},
		{Row: []Digit{{Size: 32, Least: 20, Stride: 3}, {Stride: 60}}, Col: []Digit{{Size: 5, Stride: 1}, {Stride: 7}}},
	}
	seen, ragged := 0, 0
	for range 4000 {
		v := views[r.Intn(len(views))]
		acc := Access{Bytes: 4 << r.Intn(3), RowVar: VarM, ColVar: VarN, RowStep: int32(r.Intn(3)), ColStep: int32(8 * r.Intn(3)), Row: make([]int32, 64), Col: make([]int32, 64)}
		across, rows, cols := 1<<r.Intn(6), int32(r.Intn(3)), int32(r.Intn(9))
		for i := range acc.Row {
			acc.Row[i], acc.Col[i] = rows*int32(i/across), cols*int32(i%across)
			if r.Intn(40) == 0 {
				acc.Row[i], acc.Col[i] = int32(r.Intn(64)), int32(r.Intn(64))
			}
		}
		k := &Kernel{Threads: 64, Role: make([]uint8, 2), Accesses: []Access{acc},
			Tensors: []Tensor{{Base: 1 << 20, Elem: 2 << r.Intn(2), Views: []View{v}, BatchStride: 999}}}
		g := NewLineGen(k)
		for range 6 {
			c := &CTA{Batch: int32(r.Intn(2))}
			c.Origin[VarM], c.Origin[VarN] = int32(r.Intn(600)), int32(r.Intn(150))
			c.Limit[VarM], c.Limit[VarN] = int32(r.Intn(800)), int32(r.Intn(250))
			warp, iter := r.Intn(2), int32(r.Intn(20))
			got := g.Lines(0, c, warp, iter, nil)
			lanes := NewLineGen(k).lanes(&k.Accesses[0], c, warp, iter)
			if want := touched(lanes, acc.Bytes, nil); !slices.Equal(got, want) {
				t.Fatalf("view %+v, access %+v, CTA %+v, iteration %d: %v, want %v", v, acc, c, iter, got, want)
			}
			if got, want := g.Passes(), int(conflicts(lanes, acc.Bytes)); got != want {
				t.Fatalf("%d passes, want %d", got, want)
			}
			if seen++; len(lanes) > 0 && len(lanes) < 32 {
				ragged++
			}
		}
	}
	if ragged < seen/10 || ragged > seen*9/10 {
		t.Errorf("%d of %d accesses had a part of their lanes: the test shows little", ragged, seen)
	}
}
