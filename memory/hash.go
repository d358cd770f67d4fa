package memory

import (
	"fmt"
	"math/bits"
	"sort"
	"strings"

	"gpusim/configs"
)

// SliceHash maps a line number (address / line size) to an L2 slice and to
// the number of the line within that slice. The pair must be unique: two
// lines of one slice never have the same local number.
type SliceHash interface {
	Map(line uint64) (slice int, local uint64)
}

// hashes by name.
var hashes = map[string]func(g *configs.GPU) (SliceHash, error){
	"region": newRegionHash,
	"xor":    func(g *configs.GPU) (SliceHash, error) { return newXORHash(g.L2.Slices), nil },
	"modulo": func(g *configs.GPU) (SliceHash, error) { return &moduloHash{newDivider(g.L2.Slices)}, nil },
}

func newHash(g *configs.GPU) (SliceHash, error) {
	if h, ok := hashes[g.L2.Hash]; ok {
		return h(g)
	}
	return nil, fmt.Errorf("memory: unknown L2 hash %q (allowed: %s)", g.L2.Hash, strings.Join(keys(hashes), ", "))
}

// keys lists the names of a registry for error messages.
func keys[V any](m map[string]V) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

type moduloHash struct{ n divider }

func (h *moduloHash) Map(line uint64) (int, uint64) {
	local, o := h.n.div(line)
	return int(o), local
}

// xorHash permutes each group of consecutive lines, as many as there are
// slices, by a fold of all higher address bits: each group puts one line in
// each slice, and power-of-two strides spread.
type xorHash struct {
	n     divider
	width uint
}

func newXORHash(n int) SliceHash {
	return &xorHash{newDivider(n), uint(bits.Len(uint(n - 1)))}
}

func (h *xorHash) Map(line uint64) (int, uint64) {
	local, o := h.n.div(line)
	f := fold(local, h.width)
	if h.n.pow2 {
		return int((o ^ f) & (h.n.n - 1)), local
	}
	// XOR would leave the range, so the fold rotates the group instead.
	_, o = h.n.div(o + f&(1<<h.width-1))
	return int(o), local
}
