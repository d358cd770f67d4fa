package cpu

import "sort"

// tilesTried is how many register tiles go into the search of thread grids.
const tilesTried = 6

// search prices the plans a good library chooses among and returns the
// fastest; of equals the first in a fixed order.
func (m *model) search() estimate {
	var best estimate
	cores := m.cpu.Cores * m.cpu.Sockets
	for _, lay := range m.w.layouts() {
		for _, t := range m.shortlist(lay) {
			unitsM := (lay.m + m.core.rows(t) - 1) / m.core.rows(t)
			unitsN := (lay.n + t.nr - 1) / t.nr
			for tb := 1; tb <= min(cores, m.batch); tb = nextPart(tb, m.batch) {
				for tm := 1; tm <= min(cores/tb, unitsM); tm++ {
					for tn := 1; tn <= min(cores/tb/tm, unitsN); tn = nextPart(tn, cores/tb/tm) {
						for pack := 0; pack < 8; pack++ {
							e, faster := m.price(plan{lay: lay, t: t, packP: pack&1 == 0, packQ: pack&2 == 0, shortK: pack&4 == 0, tb: tb, tm: tm, tn: tn}, best.cycles)
							if faster {
								best = e
							}
						}
					}
				}
			}
		}
	}
	return best
}

// nextPart steps through the part counts worth trying: all small ones, then
// only those that change the largest share, ceil(whole/parts).
func nextPart(parts, whole int) int {
	if parts < 8 {
		return parts + 1
	}
	share := (whole + parts - 1) / parts
	if share <= 1 {
		return parts + max(1, parts/8)
	}
	next := (whole + share - 2) / (share - 1)
	return max(parts+1, next)
}

// shortlist ranks register tiles by the cycles of one thread's kernels, for
// the whole problem and for an even share of it, and keeps the best of both.
func (m *model) shortlist(lay layout) []tile {
	cores := m.cpu.Cores * m.cpu.Sockets
	type ranked struct {
		t     tile
		score float64
	}
	all := m.core.tiles()
	var out []tile
	seen := map[tile]bool{}
	for _, split := range [][2]int{{1, 1}, {cores, 1}, {1, cores}} {
		rows, cols := max(1, lay.m/split[0]), max(1, lay.n/split[1])
		list := make([]ranked, 0, len(all))
		for _, t := range all {
			mm, nn := max(rows, min(lay.m, m.core.lanes)), cols
			p, in := m.core.kernelCost(t, mm, nn, kernelShape{k: min(m.w.K, 256), kBlocks: 1, shuffleC: !lay.cContig})
			// Among equals the tile with fewer loads moves less through L1.
			list = append(list, ranked{t, p.sum() + 1e-3*(in.vecLoad+in.broadcast)})
		}
		sort.SliceStable(list, func(i, j int) bool { return list[i].score < list[j].score })
		for i := 0; i < tilesTried/2 && i < len(list); i++ {
			if !seen[list[i].t] {
				seen[list[i].t] = true
				out = append(out, list[i].t)
			}
		}
	}
	return out
}
