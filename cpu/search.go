package cpu

import "sort"

// tilesTried is how many register tiles go into the search of thread grids.
const tilesTried = 6

// finalists is how many plans, the best of their kinds by the closed form, are
// simulated: a good library is tuned on the machine.
const finalists = 5

// chance is how much slower than the best a plan may be by the closed form and still
// be simulated.
const chance = 1.5

// depths are the depths of blocks of k that are tried; those from narrow on with
// narrow panels.
func (m *model) depths() []int {
	if m.sharedCache() == nil {
		return []int{0, 1, 2}
	}
	return []int{0, 1, 2, narrow, narrow + 2}
}

const narrow = 10

// leastSlice is the least k of a thread of several along k.
const leastSlice = 256

// style is what plans of a kind have in common.
type style struct {
	swapped bool
	depth   int
}

// search prices the plans a good library chooses among, simulates the best of each
// style, and returns the fastest; of equals the first in a fixed order.
func (m *model) search() (estimate, error) {
	best := map[style]estimate{}
	var order []style
	cores := m.threads()
	limit := 0.0
	try := func(p plan) {
		p.packP, p.packQ = true, true // always, as GotoBLAS and BLIS do it
		for _, depth := range m.depths() {
			p.depth, p.narrow = depth%narrow, depth >= narrow
			key := style{p.lay.swapped, depth}
			before, known := best[key]
			most := before.cycles
			if limit > 0 && (most == 0 || most > chance*limit) {
				most = chance * limit
			}
			e, faster := m.price(p, most)
			if !faster {
				continue
			}
			if !known {
				order = append(order, key)
			}
			best[key] = e
			if limit == 0 || e.cycles < limit {
				limit = e.cycles
			}
		}
	}
	for _, lay := range m.w.layouts() {
		for _, t := range m.shortlist(lay) {
			unitsM := (lay.m + m.core.rows(t) - 1) / m.core.rows(t)
			unitsN := (lay.n + t.nr - 1) / t.nr
			for tb := 1; tb <= min(cores, m.batch); tb = nextPart(tb, m.batch) {
				for tk := 1; tk <= cores/tb && (tk == 1 || m.w.K/tk >= leastSlice); tk *= 2 {
					for tm := 1; tm <= min(cores/tb/tk, unitsM); tm++ {
						for tn := 1; tn <= min(cores/tb/tk/tm, unitsN); tn = nextPart(tn, cores/tb/tk/tm) {
							try(plan{lay: lay, t: t, tb: tb, tm: tm, tn: tn, tk: tk})
						}
					}
				}
			}
		}
	}
	sort.SliceStable(order, func(i, j int) bool { return best[order[i]].cycles < best[order[j]].cycles })
	var out estimate
	tried := map[plan]bool{}
	for _, key := range order {
		e := best[key]
		same := e.plan
		same.depth = int(e.kb)
		if tried[same] { // another depth that comes to the same blocks
			continue
		}
		if len(tried) == finalists || len(tried) > 0 && e.cycles > chance*limit {
			break
		}
		tried[same] = true
		if err := m.simulate(&e); err != nil {
			return out, err
		}
		if len(tried) == 1 || e.cycles < out.cycles {
			out = e
		}
	}
	return out, nil
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
	cores := m.threads()
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
