package nvlink

import (
	"cmp"
	"slices"

	"gpusim/configs"
)

// rings gives the orders in which channels go round the ranks of one box. Over NVLinks
// between GPUs these are as many cycles through all of them as the links allow
// at once, each used in both directions; behind switches, and over PCIe and
// sockets, one order serves all. At most is the number of channels that the
// library takes: the cycles are repeated up to it.
func (g *graph) rings(most int) ([][]int, error) {
	direct, err := g.direct()
	if err != nil {
		return nil, err
	}
	var base [][]int
	if direct != nil {
		base = disjointCycles(direct)
	}
	if len(base) == 0 {
		ring, err := g.nearest()
		if err != nil {
			return nil, err
		}
		base = [][]int{ring}
		if most > 1 && len(ring) > 2 && !g.switched() {
			base = append(base, reversed(ring)) // links carry as much the other way
		}
	}
	if len(base) > most {
		base = base[:most]
	}
	var out [][]int
	for range max(1, most/len(base)) {
		out = append(out, base...)
	}
	return out, nil
}

// reversed is a ring the other way round, from the same rank.
func reversed(ring []int) []int {
	r := slices.Clone(ring)
	slices.Reverse(r[1:])
	return r
}

// direct gives the number of NVLinks between each two ranks of one box; nil if
// they reach each other through a switch.
func (g *graph) direct() ([][]int, error) {
	if g.switched() {
		return nil, nil
	}
	n := len(g.gpus)
	rank := map[int]int{}
	for r, at := range g.gpus {
		rank[at] = r
	}
	links := make([][]int, n)
	for i := range links {
		links[i] = make([]int, n)
		for _, h := range g.adj[g.gpus[i]] {
			if r, ok := rank[h.to]; ok && g.edge(h.res).typ.Class == configs.ClassNVLink {
				links[i][r] += g.edge(h.res).count
			}
		}
	}
	return links, nil
}

// switched says whether the first two ranks reach each other over an NVSwitch.
func (g *graph) switched() bool {
	if len(g.gpus) < 2 {
		return false
	}
	r, err := g.find(g.gpus[0], g.gpus[1], configs.ClassNVLink)
	return err == nil && len(r.paths[0].hops) > 1
}

// searchSteps bounds the search for sets of cycles, as NCCL bounds its own.
const searchSteps = 200_000

// disjointCycles finds a largest set of cycles through all ranks that use no link
// twice in a direction. Links go both ways, so each cycle serves twice.
func disjointCycles(links [][]int) [][]int {
	n := len(links)
	if n == 2 {
		var out [][]int
		for range links[0][1] {
			out = append(out, []int{0, 1})
		}
		return out
	}
	cycles := hamiltonian(links)
	bound := 1 << 30
	for i := range links {
		degree := 0
		for _, l := range links[i] {
			degree += l
		}
		bound = min(bound, degree/2)
	}
	var best, chosen []int
	steps := 0
	left := make([][]int, n)
	for i := range left {
		left[i] = slices.Clone(links[i])
	}
	var choose func(from int)
	choose = func(from int) {
		if len(chosen) > len(best) {
			best = slices.Clone(chosen)
		}
		for c := from; c < len(cycles) && len(best) < bound && steps < searchSteps; c++ {
			steps++
			if !take(left, cycles[c], 1) {
				continue
			}
			chosen = append(chosen, c)
			choose(c)
			chosen = chosen[:len(chosen)-1]
			take(left, cycles[c], -1)
		}
	}
	choose(0)
	var out [][]int
	for _, c := range best {
		out = append(out, cycles[c])
	}
	for _, c := range best {
		out = append(out, reversed(cycles[c]))
	}
	if more := oneWay(links, cycles); len(more) > len(out) {
		return more
	}
	return out
}

// oneWay finds a set of cycles that use no link twice in a direction without their
// reversals, which an odd number of links per rank needs: the cycles leave rank 0
// by each of its links in turn.
func oneWay(links [][]int, cycles [][]int) [][]int {
	n, degree := len(links), 0
	for _, l := range links[0] {
		degree += l
	}
	if degree%2 == 0 {
		return nil
	}
	byFirst := make([][][]int, n)
	for _, c := range cycles {
		for _, ring := range [][]int{c, reversed(c)} {
			byFirst[ring[1]] = append(byFirst[ring[1]], ring)
		}
	}
	left := make([][]int, n)
	for i := range left {
		left[i] = slices.Clone(links[i])
	}
	add := func(ring []int, by int) bool {
		for i, a := range ring {
			if left[a][ring[(i+1)%n]]+by < 0 {
				return false
			}
		}
		for i, a := range ring {
			left[a][ring[(i+1)%n]] += by
		}
		return true
	}
	var best, chosen [][]int
	steps := 0
	var choose func()
	choose = func() {
		if len(chosen) > len(best) {
			best = slices.Clone(chosen)
		}
		first := slices.IndexFunc(left[0], func(l int) bool { return l > 0 })
		if first < 0 {
			return
		}
		for _, ring := range byFirst[first] {
			if len(best) == degree || steps > 10*searchSteps {
				return
			}
			steps++
			if !add(ring, -1) {
				continue
			}
			chosen = append(chosen, ring)
			choose()
			chosen = chosen[:len(chosen)-1]
			add(ring, 1)
		}
	}
	choose()
	return best
}

// take uses the links of a cycle, or with -1 gives them back; false if they
// are not all there.
func take(left [][]int, ring []int, count int) bool {
	for i, a := range ring {
		if b := ring[(i+1)%len(ring)]; left[a][b] < count {
			return false
		}
	}
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		left[a][b] -= count
		left[b][a] -= count
	}
	return true
}

// hamiltonian lists the cycles through all ranks, each once, from rank 0.
func hamiltonian(links [][]int) [][]int {
	n := len(links)
	var out [][]int
	ring, used := []int{0}, make([]bool, n)
	used[0] = true
	steps := 0
	var walk func()
	walk = func() {
		if steps++; steps > searchSteps {
			return
		}
		last := ring[len(ring)-1]
		if len(ring) == n {
			if links[last][0] > 0 && ring[1] < last { // each direction once
				out = append(out, slices.Clone(ring))
			}
			return
		}
		for next := 1; next < n; next++ {
			if !used[next] && links[last][next] > 0 {
				used[next] = true
				ring = append(ring, next)
				walk()
				ring = ring[:len(ring)-1]
				used[next] = false
			}
		}
	}
	walk()
	return out
}

// nearest gives a ring that goes on to the nearest rank not yet visited, by the
// class of the route and then its latency.
func (g *graph) nearest() ([]int, error) {
	n := len(g.gpus)
	ring, used := []int{0}, make([]bool, n)
	used[0] = true
	order := map[string]int{configs.ClassNVLink: 0, configs.ClassPCIe: 1, configs.ClassNet: 2}
	for len(ring) < n {
		last := ring[len(ring)-1]
		best, score := -1, [2]uint64{}
		for next := range n {
			if used[next] {
				continue
			}
			r, err := g.find(g.gpus[last], g.gpus[next], "")
			if err != nil {
				return nil, err
			}
			s := [2]uint64{uint64(order[r.class]), r.latency}
			if best < 0 || cmp.Or(cmp.Compare(s[0], score[0]), cmp.Compare(s[1], score[1])) < 0 {
				best, score = next, s
			}
		}
		used[best] = true
		ring = append(ring, best)
	}
	return ring, nil
}
