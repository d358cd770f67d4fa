package library

import (
	"fmt"
	"slices"
	"strings"

	"gpusim/configs"
	"gpusim/workloads/gemm"
)

// Entry is one kernel of the catalogue.
type Entry struct {
	Name    string // without layout suffix, e.g. volta_sgemm_128x64
	Family  string // generator
	Type    string // dtype/accumulator it computes: "fp32", "fp64", "fp16/fp32", "fp16/fp16"
	TileM   int
	TileN   int
	TileK   int
	WarpM   int
	WarpN   int
	WarpK   int // slices of k inside the CTA
	Threads int
	PerSM   int     // CTAs that fit an SM, as the library believes
	Gain    float64 // fraction of the math rate that the library expects of its main loop; fitted, see choose.go
	GainN   float64 // the same where A is not transposed; 0: no other
	GainB   float64 // the same for strided batches; 0: not offered for them, see Entries
}

// catalogue lists the kernels by the family names that machine files use.
// Tiles and thread counts: kernel names in public profiles and our reference
// tables. PerSM follows from registers and shared memory.
var catalogue = map[string][]Entry{
	"volta_sgemm": {
		{Name: "volta_sgemm_128x128", Family: "simt", Type: "fp32", TileM: 128, TileN: 128, TileK: 8, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 256, PerSM: 2, Gain: 0.97},
		{Name: "volta_sgemm_128x64", Family: "simt", Type: "fp32", TileM: 128, TileN: 64, TileK: 8, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 128, PerSM: 4, Gain: 0.95},
		{Name: "volta_sgemm_64x64", Family: "simt", Type: "fp32", TileM: 64, TileN: 64, TileK: 8, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 64, PerSM: 8, Gain: 0.58, GainB: 0.58},
		{Name: "volta_sgemm_128x32", Family: "simt", Type: "fp32", TileM: 128, TileN: 32, TileK: 8, WarpM: 16, WarpN: 32, WarpK: 1, Threads: 256, PerSM: 4, Gain: 0.60, GainB: 0.60},
		{Name: "volta_sgemm_32x128", Family: "simt", Type: "fp32", TileM: 32, TileN: 128, TileK: 8, WarpM: 32, WarpN: 16, WarpK: 1, Threads: 256, PerSM: 4, Gain: 0.94, GainN: 0.99, GainB: 0.60},
		{Name: "volta_sgemm_32x32_sliced1x4", Family: "simt", Type: "fp32", TileM: 32, TileN: 32, TileK: 16, WarpM: 32, WarpN: 32, WarpK: 4, Threads: 128, PerSM: 3, Gain: 0.84},
		{Name: "volta_sgemm_64x32_sliced1x4", Family: "simt", Type: "fp32", TileM: 64, TileN: 32, TileK: 16, WarpM: 32, WarpN: 32, WarpK: 4, Threads: 256, PerSM: 2, Gain: 0.80},
		{Name: "volta_sgemm_128x32_sliced1x4", Family: "simt", Type: "fp32", TileM: 128, TileN: 32, TileK: 8, WarpM: 64, WarpN: 32, WarpK: 4, Threads: 256, PerSM: 1, Gain: 0.89},
	},
	"volta_dgemm": {
		{Name: "volta_dgemm_128x64", Family: "simt", Type: "fp64", TileM: 128, TileN: 64, TileK: 8, WarpM: 32, WarpN: 32, WarpK: 1, Threads: 256, PerSM: 2, Gain: 0.95},
		{Name: "volta_dgemm_64x64", Family: "simt", Type: "fp64", TileM: 64, TileN: 64, TileK: 8, WarpM: 32, WarpN: 32, WarpK: 1, Threads: 128, PerSM: 3, Gain: 0.92},
	},
	"volta_s884gemm": hmmaEntries("volta_s884gemm", "fp16/fp32"),
	"volta_h884gemm": hmmaEntries("volta_h884gemm", "fp16/fp16"),
}

func hmmaEntries(name, typ string) []Entry {
	shapes := []Entry{
		{TileM: 256, TileN: 128, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.85, GainN: 0.93},
		{TileM: 128, TileN: 256, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.92},
		{TileM: 128, TileN: 128, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.87},
		{TileM: 256, TileN: 64, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.87},
		{TileM: 64, TileN: 256, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.78},
		{TileM: 128, TileN: 64, WarpM: 64, WarpN: 32, Threads: 128, PerSM: 3, Gain: 0.65},
		{TileM: 64, TileN: 128, WarpM: 32, WarpN: 64, Threads: 128, PerSM: 3, Gain: 0.72},
		{TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, Threads: 128, PerSM: 4, Gain: 0.70},
	}
	for i := range shapes {
		e := &shapes[i]
		e.Name = fmt.Sprintf("%s_%dx%d", name, e.TileM, e.TileN)
		e.Family, e.Type, e.TileK, e.WarpK = "hmma", typ, 32, 1
	}
	return shapes
}

// Entries lists the kernels of a machine that compute a type, in catalogue
// order. Strided batches have few kernels of their own: all 90 of NeuSight's on
// V100 are 32x128, 64x64 or 128x32, however large the matrices.
func Entries(g *configs.GPU, p gemm.Problem) []Entry {
	typ := p.DType
	if p.DType == "fp16" {
		typ = p.DType + "/" + p.Acc
	}
	var out []Entry
	for _, fam := range g.Library.Kernels {
		for _, e := range catalogue[fam] {
			if e.Type == typ {
				out = append(out, e)
			}
		}
	}
	if p.Batch > 1 && slices.ContainsFunc(out, func(e Entry) bool { return e.GainB > 0 }) {
		out = slices.DeleteFunc(out, func(e Entry) bool { return e.GainB == 0 })
	}
	return out
}

// gain is the fraction of the math rate that the library expects.
func (e *Entry) gain(p gemm.Problem) float64 {
	switch {
	case p.Batch > 1 && e.GainB > 0:
		return e.GainB
	case !p.TransA && e.GainN > 0:
		return e.GainN
	}
	return e.Gain
}

// find gives the entry with a kernel name; a layout suffix (_nn, _tn, ...) is
// allowed.
func find(entries []Entry, name string) (Entry, error) {
	base := name
	for _, s := range []string{"_nn", "_nt", "_tn", "_tt"} {
		base = strings.TrimSuffix(base, s)
	}
	var names []string
	for _, e := range entries {
		if e.Name == base {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Entry{}, fmt.Errorf("kernel %q is not in this machine's catalogue for this type (allowed: %s)", name, strings.Join(names, ", "))
}
