package sweep

import (
	"iter"
)

// numbers proposes points that do not depend on what others came to.
func (sp *Space) numbers() iter.Seq[int] {
	size, seed := sp.Size(), uint64(sp.spec.Search.Seed)
	switch sp.spec.Search.Method {
	case Random:
		p := newPermutation(size, seed)
		return func(yield func(int) bool) {
			for i := 0; i < size && yield(p.at(i)); i++ {
			}
		}
	case LHS:
		return sp.latin(sp.spec.Budget.Points, seed)
	}
	return func(yield func(int) bool) {
		for i := 0; i < size && yield(i); i++ {
		}
	}
}

// latin is a Latin hypercube: of each axis every one of n equal parts is met once,
// in an order of its own. Where axes have fewer than n places, some points come up
// twice and count once.
func (sp *Space) latin(n int, seed uint64) iter.Seq[int] {
	order := make([]permutation, len(sp.axes))
	for i := range order {
		order[i] = newPermutation(n, mix(seed)+uint64(i))
	}
	return func(yield func(int) bool) {
		seen := map[int]bool{}
		at := make([]int, len(sp.axes))
		for i := range n {
			for a := range at {
				at[a] = order[a].at(i) * len(sp.axes[a].values) / n
			}
			p := sp.Number(at)
			if !seen[p] {
				seen[p] = true
				if !yield(p) {
					return
				}
			}
		}
	}
}
