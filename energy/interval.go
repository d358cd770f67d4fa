package energy

import "math"

// grow multiplies a row's energies.
func (r *Row) grow(factor float64) {
	r.EnergyUJ *= factor
	r.DownUJ *= factor
	r.UpUJ *= factor
}

// Interval is where the total lies if every coefficient lies in its own range.
//
// One coefficient is off by the same factor in all its events, and coefficients of
// one ledger column mostly come from one source and are scaled in one way, so the
// ranges within a column add up straight. Columns come from different sources: what
// they may be off adds up in quadrature. The interval is therefore narrower than
// one in which all sources err the same way, and wider than one of independent
// coefficients.
func (l Ledger) Interval() (loUJ, hiUJ float64) {
	down, up := 0.0, 0.0
	for _, c := range columns {
		d, u := 0.0, 0.0
		for i := range l.Rows {
			if r := &l.Rows[i]; r.Column == c {
				d += r.DownUJ
				u += r.UpUJ
			}
		}
		down += d * d
		up += u * u
	}
	return l.TotalUJ - math.Sqrt(down), l.TotalUJ + math.Sqrt(up)
}
