package library

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gpusim/configs"
)

// Check says whether every family of kernels that a machine's library names is known.
func Check(g *configs.GPU) error {
	products := slices.AppendSeq([]string{"deepgemm_fp8"}, maps.Keys(catalogue))
	convolutions := slices.AppendSeq(slices.Collect(maps.Keys(convCatalogue)), maps.Keys(imageCatalogue))
	for _, l := range []struct {
		key          string
		names, known []string
	}{
		{"kernels", g.Library.Kernels, products},
		{"convolutions", g.Library.Convolutions, convolutions},
		{"compiled", g.Library.Compiled, convolutions},
	} {
		for _, n := range l.names {
			if !slices.Contains(l.known, n) {
				slices.Sort(l.known)
				return fmt.Errorf("gpu.library.%s: no family of kernels is called %q (known: %s)", l.key, n, strings.Join(slices.Compact(l.known), ", "))
			}
		}
	}
	return nil
}
