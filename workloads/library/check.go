package library

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gpusim/configs"
)

// deepGEMMFamily is the one family that is compiled for each shape instead of listed.
const deepGEMMFamily = "deepgemm_fp8"

// Check says whether every family of kernels that a machine's library names is known.
func Check(g *configs.GPU) error {
	for _, n := range g.Library.Kernels {
		if catalogue[n] == nil && n != deepGEMMFamily {
			return unknown("kernels", n, slices.AppendSeq([]string{deepGEMMFamily}, maps.Keys(catalogue)))
		}
	}
	if err := checkConvolutions("convolutions", g.Library.Convolutions); err != nil {
		return err
	}
	return checkConvolutions("compiled", g.Library.Compiled)
}

func checkConvolutions(key string, names []string) error {
	for _, n := range names {
		if convCatalogue[n] == nil && imageCatalogue[n] == nil {
			return unknown(key, n, slices.AppendSeq(slices.Collect(maps.Keys(convCatalogue)), maps.Keys(imageCatalogue)))
		}
	}
	return nil
}

func unknown(key, name string, known []string) error {
	slices.Sort(known)
	return fmt.Errorf("gpu.library.%s: no family of kernels is called %q (known: %s)", key, name, strings.Join(slices.Compact(known), ", "))
}
