package gpu

import (
	"math"
	"testing"

	"gpusim/sm"
)

// CTAs that take turns independently of each other are in a state as often as a binomial
// distribution says, for any length of their loops: what is concluded from short loops is
// what long ones lose. Of CTAs in step nothing is hidden by loops however long.
func TestHidden(t *testing.T) {
	const places, outside, unit = 4, 100.0, 1e7
	rate := [places + 1]float64{0, 0.6, 0.9, 0.97, 1} // memory instructions a cycle with so many in their loops
	choose := [places + 1]float64{1, 4, 6, 4, 1}
	// turns is what happens in the time in which CTAs are outside for unit cycles in all.
	turns := func(loop float64) (shares []sm.Overlap, sends, lost float64) {
		var weight [places + 1]float64
		sum := 0.0
		for in := range weight {
			weight[in] = choose[in] * math.Pow(loop, float64(in)) * math.Pow(outside, float64(places-in))
			sum += float64(places-in) * weight[in]
		}
		for in, w := range weight {
			cycles := unit * w / sum
			shares = append(shares, sm.Overlap{Times: 1, Cycles: uint64(cycles), Sends: uint64(cycles * rate[in])})
			sends += cycles * rate[in]
			lost += cycles * (1 - rate[in])
		}
		return shares, sends, lost
	}
	few, sends, lost := turns(150)
	_, all, least := turns(900)
	got, want := hidden(few, all/sends), lost-least
	t.Logf("of %.0f cycles lost %.0f are hidden by loops six times as long, %.0f by theory", lost, got, want)
	if math.Abs(got-want) > 1e-4*want || want < lost/2 {
		t.Errorf("%.0f cycles hidden, want %.0f of %.0f", got, want, lost)
	}
	step := make([]sm.Overlap, places+1)
	step[0] = sm.Overlap{Times: 9, Cycles: 1000}
	step[places] = sm.Overlap{Times: 9, Cycles: 2000, Sends: 2000}
	if n := hidden(step, 8); math.Abs(n) > 1 {
		t.Errorf("%.1f cycles hidden of CTAs in step", n)
	}
}
