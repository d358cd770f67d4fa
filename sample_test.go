package gpusim

import (
	"testing"
)

// Whatever the loop, the windows follow each other, end with it, leave out half of it at
// least, and jump from what L2 fetches at once to what it fetches at once.
func TestWindowsCoverTheLoop(t *testing.T) {
	sampled := 0
	for trips := 1; trips <= 3000; trips += 1 + trips/50 {
		for _, ctas := range []int{1, 80, 160, 1000, 100_000} {
			for window := 2; window <= settleMost; window++ {
				for i, settle := range []int{window, settleLong, window, settleLong} {
					line := 1 << i
					s := sampling{line: line, ctas: ctas, trips: trips, slots: 160, leastWaves: leastWaves, fixed: 900, loop: 2000, settle: max(window, settle), window: window}
					p := s.windows(ctas)
					if p == nil {
						if trips >= 2*(s.least()+3*line) {
							t.Fatalf("%+v: nothing left out", s)
						}
						continue
					}
					sampled++
					last := p.Windows[len(p.Windows)-1]
					if int(last.To) != trips || last.Skip != 0 {
						t.Fatalf("%+v: the last window %+v does not end with the loop", s, last)
					}
					if n := p.Simulated(trips); 2*n > trips {
						t.Fatalf("%+v: %d of %d iterations simulated", s, n, trips)
					}
					for _, w := range p.Windows[:len(p.Windows)-1] {
						if int(w.To+1)%line != 0 || int(w.To+w.Skip+1)%line != 0 {
							t.Fatalf("%+v: window %+v jumps within what is fetched at once", s, w)
						}
					}
					if err := p.Check(); err != nil {
						t.Fatalf("%+v: %v", s, err)
					}
				}
			}
		}
	}
	if sampled == 0 {
		t.Fatal("no loop was sampled")
	}
}
