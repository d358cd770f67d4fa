package sm

import (
	"math"
	"testing"
)

// CTAs that begin side by side read the same iterations if they do not drift; those
// before and behind read others, as far away as residents of an SM are from each other.
func TestPhasesOfGenerations(t *testing.T) {
	of := func(p *Phases, index int, trips int32) int32 {
		n, round := p.shift(index, trips)
		if n < 0 || n > 0 && (n%4 != 0 || round%4 != 0 || n >= round || round > trips-1) {
			t.Errorf("CTA %d reads %d iterations further on and begins again after %d, of %d in fours", index, n, round, trips)
		}
		return n
	}
	const trips, beside = 256, 20
	p := Phases{Beside: beside, Slots: 2 * beside, Line: 4}
	for first := 0; first < 40*beside; first += beside {
		at := of(&p, first, trips)
		for i := range beside {
			if n := of(&p, first+i, trips); n != at {
				t.Errorf("CTAs %d and %d: shifts %d and %d", first, first+i, at, n)
			}
		}
		for back := 1; back <= 4; back++ { // as many as an SM may hold beside it
			d := int(of(&p, first+back*beside, trips) - at)
			if d = min((d+trips)%trips, (trips-d)%trips); d < trips/16 {
				t.Errorf("CTAs %d and %d are %d iterations apart", first, first+back*beside, d)
			}
		}
	}
	var none Phases
	if n := of(&none, 77, trips); n != 0 {
		t.Errorf("shift %d without phases", n)
	}
}

// The shifts of CTAs side by side spread as the drift says, at an age that of CTAs
// before a gap goes on to the end of the gap.
func TestPhasesSpreadWithAge(t *testing.T) {
	const trips, beside = 1 << 20, 4000
	d := Drift{Rate: 1e-4, Most: 500}
	p := Phases{Beside: beside, Slots: beside, Drift: d}
	spread := func(p *Phases, first int) float64 {
		sum, squares := 0.0, 0.0
		for i := range beside {
			at, _ := p.shift(first+i, trips)
			n := float64(at)
			sum, squares = sum+n, squares+n*n
		}
		return math.Sqrt(squares/beside - sum/beside*sum/beside)
	}
	for _, wave := range []int{1, 3, 8} {
		want := d.Apart((float64(wave) + .5) * trips)
		if got := spread(&p, wave*beside); math.Abs(got/want-1) > .1 {
			t.Errorf("wave %d: %.1f iterations apart, want %.1f", wave, got, want)
		}
	}
	gap := p
	gap.From, gap.At, gap.By = 2*beside, 4*beside, 40*beside
	if first, last := spread(&gap, 2*beside), spread(&gap, 3*beside); last < 1.1*first || last < 1.2*spread(&p, 3*beside) {
		t.Errorf("%.1f and %.1f iterations apart before a gap of ten times as many CTAs, %.1f without it", first, last, spread(&p, 3*beside))
	}
}

// A drift begins at its rate and ends at most where it says.
func TestDrift(t *testing.T) {
	d := Drift{Rate: 1e-3, Most: 20}
	if n := d.Apart(100); math.Abs(n-.1) > .001 {
		t.Errorf("%v after 100 iterations", n)
	}
	if n := d.Apart(1e9); math.Abs(n-20) > 1e-6 {
		t.Errorf("%v in the end", n)
	}
	if n := (&Drift{}).Apart(1e6); n != 0 {
		t.Errorf("%v without drift", n)
	}
}

// The pace is the median of the latest steps: a few that others have held up do not
// change it, and those with another number of residents do not count.
func TestStepsMedian(t *testing.T) {
	var s steps
	for i := range 12 {
		cycles := uint64(100)
		if i%4 == 3 {
			cycles = 900
		}
		s.add(cycles/2, 4, 8, 2)
		s.add(cycles/2, 4, 8, 2)
		if n := s.median(2); i < leastSteps-1 && n != 0 || i >= leastSteps-1 && n != 100 {
			t.Errorf("median %d after %d steps", n, i+1)
		}
	}
	if n := s.median(1); n != 0 {
		t.Errorf("median %d of steps with another number of residents", n)
	}
	s.add(10, 8, 8, 1)
	if n := s.median(2); n != 0 {
		t.Errorf("median %d of steps before residents left", n)
	}
}
