package validate

import (
	"maps"
	"slices"
	"sort"
)

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
	AlgoRows, AlgoHits   int
	Recall               map[string]float64 // share of the rows of each class of algorithms of which that was chosen
}

// MeanRecall is that of the classes.
func (m *Match) MeanRecall() (mean float64) {
	for _, algo := range slices.Sorted(maps.Keys(m.Recall)) { // sums of floats depend on the order
		mean += m.Recall[algo] / float64(len(m.Recall))
	}
	return mean
}

// Match compares kernels with those that the tables recorded.
func (r *Report) Match() Match {
	var m Match
	rows := map[string]int{}
	hits := map[string]int{}
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
		if row.Algo != "" {
			m.AlgoRows++
			rows[row.Algo]++
			if row.AlgoHit {
				m.AlgoHits++
				hits[row.Algo]++
			}
		}
	}
	m.Recall = map[string]float64{}
	for algo, n := range rows {
		m.Recall[algo] = float64(hits[algo]) / float64(n)
	}
	return m
}
