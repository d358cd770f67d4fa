package nvlink

import "gpusim/configs"

// PairWithLinks gives the first two GPUs of a node that so many NVLinks join
// directly.
func PairWithLinks(s *configs.System, links int) (a, b int, ok bool) {
	g, err := build(s, PerNode(s), nil)
	if err != nil {
		return 0, 0, false
	}
	direct, err := g.direct()
	if err != nil || direct == nil {
		return 0, 0, false
	}
	for a := range direct {
		for b := a + 1; b < len(direct); b++ {
			if direct[a][b] == links {
				return a, b, true
			}
		}
	}
	return 0, 0, false
}
