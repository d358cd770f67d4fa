package library

import (
	"strings"

	"gpusim/configs"
	"gpusim/workloads/gemm"
)

// Match gives the catalogue's name of a kernel that a profiler recorded, the
// name itself if there is none. Names may be cut before they say which tile it
// is; then the grid of output tiles (x along m, y along n; 0: not known) decides.
func Match(g *configs.GPU, p gemm.Problem, name string, x, y int) string {
	entries := all(g, p)
	if _, err := find(entries, name); err == nil {
		return name
	}
	for _, e := range entries {
		if strings.HasPrefix(name, e.Name+"_") {
			return e.Name
		}
	}
	if strings.Contains(name, "xmma") {
		x, y = y, x
	}
	for _, e := range entries {
		if family(e.Name) == family(name) && ceil(p.M, e.TileM) == x && ceil(p.N, e.TileN) == y {
			return e.Name
		}
	}
	return name
}

// family is the part of a kernel's name that does not depend on the problem.
func family(name string) string {
	words := strings.SplitN(name, "_", 3)
	return strings.Join(words[:min(2, len(words))], "_")
}
