package nvdla

import (
	"math"
	"testing"
)

// The Verilator runs of the single-point processor, from memory to memory.
// Pipeline.SDP is fitted to the first; the others check it.
func TestRTLSinglePoint(t *testing.T) {
	full := *small()
	full.SDP.Rate, full.SDP.ElementwiseRate = 2, 1
	full.Features.Elementwise, full.Features.LUT = true, true
	full.Memory.Bandwidth = 8e9 // its rows reach two elements in and two out a cycle
	nv := small()
	sum, n := 0.0, 0
	for _, r := range []struct {
		full   bool
		s      SinglePoint
		cycles float64
	}{
		{false, SinglePoint{C: 1, H: 1, W: 1}, 85}, {false, SinglePoint{C: 8, H: 1, W: 1}, 85},
		{false, SinglePoint{C: 8192, H: 1, W: 4}, 32851}, {false, SinglePoint{C: 42, H: 22, W: 4}, 4312},
		{false, SinglePoint{C: 1, H: 8192, W: 1}, 65613}, {false, SinglePoint{C: 1, H: 1, W: 8192}, 65619},
		{false, SinglePoint{C: 33, H: 3, W: 3}, 448}, {false, SinglePoint{C: 33, H: 3, W: 3}, 448}, {false, SinglePoint{C: 33, H: 3, W: 3, Operand: true}, 451},
		{false, SinglePoint{C: 18, H: 24, W: 5, Operand: true}, 2975}, {false, SinglePoint{C: 42, H: 13, W: 23, Operand: true}, 14446},
		{true, SinglePoint{C: 8192, H: 1, W: 4}, 16467}, {true, SinglePoint{C: 33, H: 3, W: 3}, 268}, {true, SinglePoint{C: 42, H: 13, W: 23, Operand: true}, 7265},
		{true, SinglePoint{C: 33, H: 3, W: 3, Elementwise: true}, 447}, {true, SinglePoint{C: 33, H: 3, W: 3, Elementwise: true, LUT: true}, 453},
		{true, SinglePoint{C: 29, H: 4, W: 13, Elementwise: true, LUT: true}, 1763},
	} {
		m := nv
		if r.full {
			m = &full
		}
		r.s.ElemBytes = 1
		got, err := RunSinglePoint(m, r.s)
		if err != nil {
			t.Fatal(err)
		}
		e := 100 * (float64(got)/r.cycles - 1)
		sum, n = sum+math.Abs(e), n+1
		t.Logf("%+v: %d (%.0f, %+.1f %%)", r.s, got, r.cycles, e)
		if math.Abs(e) > 10 {
			t.Errorf("%+v: %+.1f %%", r.s, e)
		}
	}
	t.Logf("mean error %.1f %%", sum/float64(n))
}
