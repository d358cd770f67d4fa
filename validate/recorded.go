package validate

import (
	"regexp"
	"strconv"
	"strings"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/library"
)

// Recorded is a kernel as a measured table names it, for example
// "volta_sgemm_128x64_tn g6x48x3 b128 nk0". Names may be cut, so what
// counts is the grid.
type Recorded struct {
	Name         string
	Grid         [3]int // 0 where not recorded
	Block        int
	Kernels      int // kernels of the call that were recorded; 0 = not recorded
	TileM, TileN int // of the library's column-major C; 0 when the name holds no tile
}

var (
	tilePattern = regexp.MustCompile(`(?:^|[_T])(\d+)x(\d+)`)
	gridPattern = regexp.MustCompile(`^g(\d+)x(\d+)x(\d+)$`)
)

// ParseRecorded reads a kernel column; ok is false for an empty one.
func ParseRecorded(s string) (r Recorded, ok bool) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return r, false
	}
	r.Name = words[0]
	for _, w := range words[1:] {
		if g := gridPattern.FindStringSubmatch(w); g != nil {
			for i := range r.Grid {
				r.Grid[i] = atoi(g[i+1])
			}
		} else if n, ok := strings.CutPrefix(w, "nk"); ok {
			r.Kernels = atoi(n)
		} else if n, ok := strings.CutPrefix(w, "b"); ok {
			r.Block = atoi(n)
		}
	}
	if t := tilePattern.FindStringSubmatch(r.Name); t != nil {
		r.TileM, r.TileN = atoi(t[1]), atoi(t[2])
	}
	return r, true
}

// Splits is the split-K factor that follows from the grid, whose third side
// holds splits times batch; 0 when that cannot be told.
func (r *Recorded) Splits(batch int) int {
	if z := r.Grid[2]; z > 0 && batch > 0 && z%batch == 0 {
		return z / batch
	}
	return 0
}

// of is the name by which a machine's catalogue knows the kernel: recorded names may be
// cut before the tile, which the grid then tells.
func (r *Recorded) of(m *configs.Machine, w workloads.Workload) string {
	if m.GPU == nil || w.GEMM == nil {
		return r.Name
	}
	p, err := gpusim.Problem(w.GEMM)
	if err != nil { // running it says so
		return r.Name
	}
	return library.Match(m.GPU, p, r.Name, r.Grid[0], r.Grid[1])
}

// atoi reads digits; what is too large for an int counts as not recorded.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// dims reads "32x16x1" and the like.
func dims(s string) (d [3]int) {
	for i, part := range strings.SplitN(s, "x", 3) {
		d[i] = atoi(part)
	}
	return d
}
