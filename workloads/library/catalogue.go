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
	Type    string // dtype/accumulator it computes: "fp32", "fp64", "int8", "tf32", "bf16/fp32", "fp16/fp32", "fp16/fp16"
	TileM   int
	TileN   int
	TileK   int
	WarpM   int
	WarpN   int
	WarpK   int  // slices of k inside the CTA
	Stages  int  // k-tiles in shared memory at a time, of matrix instructions since Turing
	Swizzle bool // the grid is walked in strips, see swizzle
	Blocks  bool // in blocks of two by two tiles
	Threads int
	PerSM   int     // CTAs that fit an SM, as the library believes
	Gain    float64 // fraction of the math rate that the library expects of its main loop; fitted, see choose.go
	GainN   float64 // the same where A is not transposed; 0: no other
	LongK   bool    // offered alone where k is beyond longK, and nowhere else
	Aligned bool    // offered only where n is a multiple of 64, k is even and CTAs are leastAligned
	MaxN    int     // offered only where n is not larger; 0: always
	MaxM    int     // offered as well where m is not larger and n is manyColumns
	MinK    int     // offered only where k is not smaller
	Whole   bool    // never with split-K
	Only    bool    // where it is offered, nothing else is but what is for as few columns
	Trip    float64 // cycles that the library expects of an iteration at least; 0: beliefLatency
	Manual  bool    // launched when asked for by name alone
	GainB   float64 // Gain for strided batches; 0: not offered for them, see Entries

	ClusterM int  // CTAs of a cluster along m, of Hopper's kernels
	Sparse   bool // for 2:4 sparsity, and for that alone

	timed   bool // chosen as by a compiler that times its tactics, see timedCost
	rolling bool // the library expects a CTA to begin where one has ended, without waiting for the others of its round, see cost
	late    bool // offsets are looked up in the k-tile that they are for, see gemm.Lowered
	plain   bool // compiled from CUDA: counts addresses on, without tables of offsets
	adds    bool // of those: loads fragments word by word and adds its sums atomically, see gemm.Lowered
	turing  bool // a cuDNN kernel of Turing: sums of gradients of filters always go through a workspace in fp32, tables of offsets, near taps together
	yields  bool // its code yields, see tile.Kernel
	slab    int  // points of an image that a kernel for gradients of filters takes at a time; 0: all images in one
}

// catalogue lists the kernels by the family names that machine files use.
// Tiles and thread counts: kernel names in public profiles and our reference
// tables. PerSM follows from registers and shared memory.
var catalogue = map[string][]Entry{
	"volta_sgemm": simt("volta_sgemm", append(narrowForN(wholeTiles()), slicedTiles()...)),
	// The same kernels on Turing, without Volta's preference for 32x128; of
	// NeuSight's 100 strided batches on T4, 55 are 128x64 and 35 are 64x64.
	"volta_sgemm_75": inBatches(simt("volta_sgemm", append(wholeTiles(), onNarrowShared(slicedTiles())...)), map[string]float64{
		"volta_sgemm_128x64": 0.9, "volta_sgemm_64x64": 0.7, "volta_sgemm_32x128": 0.5, "volta_sgemm_128x32": 0.5}),
	"ampere_sgemm":    oneInBatches(ampereTiles(), "ampere_sgemm_128x128"),
	"ampere_sgemm_89": onAda(oneInBatches(ampereTiles(), "ampere_sgemm_128x128")),
	// On GA100 none of NeuSight's 203 single products is 128x128, on AD104 31 are.
	"ampere_sgemm_80": batchedOnly(onGA100(ampereTiles()), "ampere_sgemm_128x128"),
	"kepler_sgemm":    simt("kepler_sgemm", wholeTiles()[:3]),
	// Until CUDA 8 and later cuBLAS launched any of these on Maxwell and Pascal.
	// Its version 12 has only some left, others on GP100 than on GP102 and GP104:
	// NeuSight's rows show no others.
	"maxwell_sgemm": simt("maxwell_sgemm", wholeTiles()),
	// CUDA 8's second release. With operands both contiguous in k 4096x7000x4096 and
	// 7680x48000x2560 take on GTX 1080 Ti and TITAN Xp 0.6 and 0.36 of TITAN X (Pascal)'s
	// times, with the first release, and neighbours in n are what brings ours there: blocks
	// that are as P4's grids show them. Against it: 6144x48000x2048 takes 1.5 times as long
	// on TITAN Xp. P100 takes as long either way.
	"maxwell_sgemm_8":   inBlocks(simt("maxwell_sgemm", wholeTiles()), "maxwell_sgemm_128x128"),
	"sgemm_sm35_ldg":    narrowKepler(),
	"gemmSN":            smallN("fp32", "fp16/fp32"),
	"maxwell_sgemm_n64": alone(),
	"sgemm_32x32x32":    block32("fp32", "fp16/fp32"),
	"maxwell_sgemm_60":  batchedOnly(narrowForN(simt("maxwell_sgemm", wholeTiles()[1:])), "maxwell_sgemm_128x64"),
	"maxwell_sgemm_61": append(aligned(simt("sgemm", wholeTiles()[:1])),
		batchedOnly(narrowForN(simt("maxwell_sgemm", wholeTiles()[1:])), "maxwell_sgemm_128x64")...),
	// cuDNN 8 brings kernels of its own for the batched products of Winograd's algorithm:
	// where cuBLAS 12 has 128x64, NeuSight's 81 names on P100 and P4 are these two. Gains
	// are fitted to the algorithms that those names tell.
	"maxwell_sgemm_winograd": inBatches(simt("maxwell_sgemm", []Entry{wholeTiles()[2], wholeTiles()[4]}),
		map[string]float64{"maxwell_sgemm_64x64": 0.75, "maxwell_sgemm_32x128": 0.71}),
	"maxwell_sgemm_fp16": half(simt("maxwell_sgemm_fp16", wholeTiles())),
	"maxwell_igemm": igemm("maxwell_igemm_int8",
		Entry{TileM: 128, TileN: 32, WarpM: 64, WarpN: 32, WarpK: 2, Threads: 128, PerSM: 3, MaxN: 2}),
	"volta_igemm": igemm("volta_igemm_int8",
		Entry{TileM: 32, TileN: 32, WarpM: 32, WarpN: 32, WarpK: 4, Threads: 128, PerSM: 3, MaxN: 4}),
	"kepler_dgemm":          dgemm("kepler_dgemm"),
	"maxwell_dgemm":         dgemm("maxwell_dgemm"),
	"volta_dgemm":           dgemm("volta_dgemm"),
	"ampere_dgemm":          dgemm("ampere_dgemm"),
	"sm80_xmma_sgemm":       xmmaTiles(),
	"cutlass_80_simt_sgemm": cutlassTiles(),
	"volta_s884gemm":        hmmaEntries("volta_s884gemm", "fp16/fp32"),
	"volta_h884gemm":        hmmaEntries("volta_h884gemm", "fp16/fp16"),

	"turing_s1688gemm":       turingEntries("turing_fp16_s1688gemm_fp16", "fp16/fp32"),
	"turing_h1688gemm":       turingEntries("turing_h1688gemm", "fp16/fp16"),
	"ampere_s16816gemm":      ampereEntries("ampere_fp16_s16816gemm_fp16", "fp16/fp32"),
	"ampere_h16816gemm":      ampereEntries("ampere_h16816gemm", "fp16/fp16"),
	"ampere_bf16_s16816gemm": ampereEntries("ampere_bf16_s16816gemm_bf16", "bf16/fp32"),
	// cuBLAS 10 computes plain int8 products on DP4A; Turing's Tensor Cores ask for
	// operands in layouts of their own, and so for its caller's consent.
	"turing_imma": slices.Concat(cutlassInt("75", "i8816", "int8", 8, 2, true), cutlassInt("75", "i8832", "int4", 4, 2, false), cutlassInt("75", "b88128", "int1", 1, 2, false)),
	"ampere_imma": slices.Concat(cutlassInt("80", "i16832", "int8", 8, 3, false), cutlassInt("80", "i16864", "int4", 4, 3, false), cutlassInt("80", "b168256", "int1", 1, 3, false)),
	// fp8 with operands contiguous in k, as cublasLt has it for Ada: CUTLASS's for sm_89.
	"ada_fp8":               slices.Concat(cutlassInt("89", "s16832", "fp8", 8, 3, false), sparseEntries("s16864spgemm_e4m3", "fp8", 1)),
	"ampere_d884gemm":       tensorDGEMM(),
	"ampere_tf32_s1688gemm": ampereEntries("ampere_tf32_s1688gemm", "tf32"),
	"ampere_spgemm": slices.Concat(
		sparseEntries("s16832spgemm_f16", "fp16/fp32", 2), sparseEntries("h16832spgemm", "fp16/fp16", 2), sparseEntries("s16832spgemm_bf16", "bf16/fp32", 2),
		sparseEntries("s16816spgemm_tf32", "tf32", 4), sparseEntries("i16864spgemm_s8", "int8", 1)),
	"sm90_xmma_gemm": slices.Concat(
		wgmmaEntries("sm90_xmma_gemm_f16f16_f16f32_f32", "fp16/fp32", 2),
		wgmmaEntries("sm90_xmma_gemm_f16f16_f16f16_f16", "fp16/fp16", 2),
		wgmmaEntries("sm90_xmma_gemm_bf16bf16_bf16f32_f32", "bf16/fp32", 2),
		wgmmaEntries("sm90_xmma_gemm_f32f32_tf32f32_f32", "tf32", 4),
		wgmmaEntries("sm90_xmma_gemm_i8i32_i8i32_i32", "int8", 1)),
}

// wholeTiles are the SIMT tiles whose warps split m and n only.
func wholeTiles() []Entry {
	return []Entry{
		{TileM: 128, TileN: 128, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 256, PerSM: 2, Gain: 0.97},
		{TileM: 128, TileN: 64, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 128, PerSM: 4, Gain: 0.95},
		{TileM: 64, TileN: 64, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 64, PerSM: 8, Gain: 0.58, GainB: 0.58},
		{TileM: 128, TileN: 32, WarpM: 16, WarpN: 32, WarpK: 1, Threads: 256, PerSM: 4, Gain: 0.60, GainB: 0.60},
		{TileM: 32, TileN: 128, WarpM: 32, WarpN: 16, WarpK: 1, Threads: 256, PerSM: 4, Gain: 0.60, GainB: 0.60},
	}
}

// narrowForN is a peculiarity of cuBLAS 10 on Volta: it takes 32x128 to be
// nearly as good as 128x128, and better where A is not transposed.
func narrowForN(es []Entry) []Entry {
	for i := range es {
		if e := &es[i]; e.TileM == 32 && e.TileN == 128 {
			e.Gain, e.GainN = 0.94, 0.99
		}
	}
	return es
}

// slicedTiles are those whose warps split k too.
func slicedTiles() []Entry {
	return []Entry{
		{TileM: 32, TileN: 32, WarpM: 32, WarpN: 32, TileK: 16, WarpK: 4, Threads: 128, PerSM: 3, Gain: 0.84},
		{TileM: 64, TileN: 32, WarpM: 32, WarpN: 32, TileK: 16, WarpK: 4, Threads: 256, PerSM: 2, Gain: 0.80},
		{TileM: 128, TileN: 32, WarpM: 64, WarpN: 32, WarpK: 4, Threads: 256, PerSM: 1, Gain: 0.89},
	}
}

// onNarrowShared lowers what is expected of kernels whose warps split k: they
// live on shared memory, which on Turing delivers half as many bytes a cycle as on
// Volta. Fitted to every third of NeuSight's linear rows on T4; for the widest its
// names leave 0.65 to 0.8 open, and DeepBench's times of narrow products on T4 ask
// for it.
func onNarrowShared(es []Entry) []Entry {
	for i := range es {
		es[i].Gain = 0.5
		if es[i].TileM == 128 {
			es[i].Gain = 0.8
		}
	}
	return es
}

// simt names tiles as kernels of a family of the fp32 pipes.
func simt(family string, tiles []Entry) []Entry {
	for i := range tiles {
		e := &tiles[i]
		e.Name = fmt.Sprintf("%s_%dx%d", family, e.TileM, e.TileN)
		if e.WarpK > 1 {
			e.Name += fmt.Sprintf("_sliced1x%d", e.WarpK)
		}
		e.Family, e.Type, e.TileK = "simt", "fp32", max(8, e.TileK)
	}
	return tiles
}

// inBlocks lets one kernel walk the grid in blocks of two by two tiles.
func inBlocks(es []Entry, name string) []Entry {
	for i := range es {
		es[i].Blocks = es[i].Name == name
	}
	return es
}

// inBatches says what the library expects of kernels for strided batches.
func inBatches(es []Entry, gains map[string]float64) []Entry {
	for i := range es {
		es[i].GainB = gains[es[i].Name]
	}
	return es
}

// oneInBatches lets a family offer one kernel for strided batches.
func oneInBatches(es []Entry, name string) []Entry {
	return inBatches(es, map[string]float64{name: 1})
}

// batchedOnly keeps a kernel for strided batches, and the others from them.
func batchedOnly(es []Entry, name string) []Entry {
	for i := range es {
		if es[i].Name == name {
			es[i].Gain = 0
		}
	}
	return oneInBatches(es, name)
}

// half are kernels that take fp16 and sum in fp32.
func half(es []Entry) []Entry {
	for i := range es {
		es[i].Type = "fp16/fp32"
	}
	return es
}

func dgemm(family string) []Entry {
	tiles := simt(family, []Entry{
		{TileM: 128, TileN: 64, WarpM: 32, WarpN: 32, WarpK: 1, Threads: 256, PerSM: 2, Gain: 0.95},
		{TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, WarpK: 1, Threads: 128, PerSM: 3, Gain: 0.92},
	})
	for i := range tiles {
		tiles[i].Type = "fp64"
	}
	return tiles
}

// Entries lists the kernels of a machine that compute a type, in catalogue
// order. Strided batches have few kernels of their own: all 90 of NeuSight's on
// V100 are 32x128, 64x64 or 128x32, however large the matrices.
func Entries(g *configs.GPU, p gemm.Problem) []Entry {
	out := slices.DeleteFunc(all(g, p), func(e Entry) bool {
		return !e.takes(p) || p.Batch <= 1 && e.Gain == 0 || e.Sparse && e.sparseBytes(p) > int(g.SM.SharedMemory)
	})
	if p.Batch <= 1 {
		out = onlyOf(out)
	}
	if slices.ContainsFunc(out, func(e Entry) bool { return e.Family == "wgmma" }) { // else Ampere's
		out = slices.DeleteFunc(out, func(e Entry) bool { return e.Family == "mma" && e.Type != "fp64" })
	}
	if slices.ContainsFunc(out, func(e Entry) bool { return e.LongK }) {
		long := p.K > longK && p.Batch <= 1
		out = slices.DeleteFunc(out, func(e Entry) bool { return e.LongK != long })
	}
	if p.Batch > 1 && slices.ContainsFunc(out, func(e Entry) bool { return e.GainB > 0 }) {
		out = slices.DeleteFunc(out, func(e Entry) bool { return e.GainB == 0 })
	}
	return out
}

// tmaReads says whether lines of all matrices begin at multiples of 16 bytes, as the
// TMA wants, and whether elements of a size lie as WGMMA reads them: only those of
// two bytes along m or n too.
func tmaReads(p gemm.Problem, elem int) bool {
	lda, ldb := p.M, p.K
	if p.TransA {
		lda = p.K
	}
	if p.TransB {
		ldb = p.N
	}
	per := 16 / elem
	return lda%per == 0 && ldb%per == 0 && p.M%8 == 0 && (elem == 2 || p.TransA && !p.TransB)
}

// bits is the size of an element of a kernel for types of up to a byte.
func (e *Entry) bits() int {
	switch e.Type {
	case "int4":
		return 4
	case "int1":
		return 1
	}
	return 8
}

// takes says whether the library can launch a kernel for a product.
func (e *Entry) takes(p gemm.Problem) bool {
	switch {
	case e.Manual:
		return false
	case e.Family == "mma" && p.InBytes() == 1 && (!p.TransA || p.TransB || p.K*e.bits()%32 != 0):
		return false
	case e.Aligned && (p.N%64 != 0 || p.K%2 != 0 || ceil(p.M, e.TileM)*ceil(p.N, e.TileN) < leastAligned):
		return false
	case e.MaxN > 0 && p.N > e.MaxN && (p.M > e.MaxM || p.N < manyColumns) || p.K < e.MinK:
		return false
	case e.Family == "small_n" && p.TransB:
		return false
	case e.Family == "wgmma" && !tmaReads(p, 128/e.TileK):
		return false
	}
	return true
}

// asked lists the kernels that take a product with the caller's consent alone.
func asked(g *configs.GPU, p gemm.Problem) []Entry {
	var out []Entry
	for _, e := range all(g, p) {
		if !e.Manual || p.Batch > 1 {
			continue
		}
		if e.Manual = false; e.takes(p) {
			out = append(out, e)
		}
	}
	return out
}

// all lists the kernels of a machine that compute a type.
func all(g *configs.GPU, p gemm.Problem) []Entry {
	typ := p.DType
	if p.DType == "fp16" || p.DType == "bf16" {
		typ = p.DType + "/" + p.Acc
	}
	var out []Entry
	for _, fam := range g.Library.Kernels {
		for _, e := range catalogue[fam] {
			if e.Type == typ && e.Sparse == p.Sparse {
				out = append(out, e)
			}
		}
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
