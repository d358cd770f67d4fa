package validate

import "sort"

// ClassStats are the statistics of one class of rows.
type ClassStats struct {
	Class string
	Stats
}

// Total gives the statistics over all rows.
func (r *Report) Total() Stats { return r.stats(func(*Row) bool { return true }) }

// Classes gives the statistics by class, in alphabetical order.
func (r *Report) Classes() []ClassStats {
	var names []string
	seen := map[string]bool{}
	for i := range r.Rows {
		if c := r.Rows[i].Class; !seen[c] {
			seen[c] = true
			names = append(names, c)
		}
	}
	sort.Strings(names)
	out := make([]ClassStats, len(names))
	for i, n := range names {
		out[i] = ClassStats{n, r.stats(func(row *Row) bool { return row.Class == n })}
	}
	return out
}

func (r *Report) stats(in func(*Row) bool) Stats {
	var measured, simulated []float64
	for i := range r.Rows {
		if row := &r.Rows[i]; in(row) {
			measured, simulated = append(measured, row.Measured), append(simulated, row.Simulated)
		}
	}
	return Summarize(measured, simulated)
}

// Match counts how often the library model chose what the real library did.
type Match struct {
	TileRows, TileHits   int
	SplitRows, SplitHits int
}

// Match compares kernels with those that the tables recorded.
func (r *Report) Match() Match {
	var m Match
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.knowsTile {
			m.TileRows++
			if row.TileHit {
				m.TileHits++
			}
		}
		if row.knowsSplit {
			m.SplitRows++
			if row.SplitHit {
				m.SplitHits++
			}
		}
	}
	return m
}
