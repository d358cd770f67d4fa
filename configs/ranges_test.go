package configs

import "testing"

// Every energy coefficient that ships says how far off it may be, overrides in
// machine files and types of links included: else intervals of results would be too
// narrow without a word.
func TestEnergyRanges(t *testing.T) {
	for _, name := range Names() {
		m, err := Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, lo, hi float64) {
			if !(lo < 1) || !(hi > 1) {
				t.Errorf("%s: %s lies between %g and %g of itself: no range", name, what, lo, hi)
			}
		}
		for key, e := range m.Energy.Events {
			lo, hi := e.Range()
			check(key, lo, hi)
		}
		for key, s := range m.Energy.Static {
			lo, hi := s.Range()
			check(key, lo, hi)
		}
		if m.System == nil {
			continue
		}
		for i := range m.System.Types {
			if l := &m.System.Types[i]; l.Energy > 0 {
				lo, hi := l.EnergyRange()
				check("link "+l.Name, lo, hi)
			}
		}
	}
}
