package library

import (
	"fmt"
	"slices"
	"strings"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/conv"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// ConvCall is what the library launches for a convolution.
type ConvCall struct {
	Name   string  // of the library's function
	Algo   string  // algorithm, as cuDNN's enumerations call it
	Kernel string  // main kernel
	Cost   float64 // the library's own estimate in SM cycles
	Fused  bool    // its kernels do the convolution's epilogue
	Build  func(tile.Latencies) ([]*tile.Kernel, error)

	tiles, spare, width int // CTAs; columns of the last tile that the product does not have, of all that it has
}

// Algorithms of convolutions.
const (
	AlgoPrecomp = "implicit_precomp_gemm" // kernels that are given offsets, as tables or as increments
)

// convNames are the functions by pass.
var convNames = map[string]string{
	workloads.PassForward: "conv_fwd", workloads.PassData: "conv_bwd_data", workloads.PassWeight: "conv_bwd_weight",
}

// ChooseConv picks the algorithm and the kernel with the lowest estimated cost.
func ChooseConv(g *configs.GPU, c *workloads.Conv, algo string) (ConvCall, error) {
	calls, err := ConvCandidates(g, c)
	if err != nil {
		return ConvCall{}, err
	}
	var best *ConvCall
	var names []string
	for i := range calls {
		k := &calls[i]
		if !slices.Contains(names, k.Algo) {
			names = append(names, k.Algo)
		}
		if (algo == "" || algo == k.Algo || algo == k.Kernel) && (best == nil || k.Cost < best.Cost) {
			best = k
		}
	}
	if best == nil {
		return ConvCall{}, fmt.Errorf("algorithm %q is not offered for this convolution (allowed: %s)", algo, strings.Join(names, ", "))
	}
	return *best, nil
}

// ConvCandidates lists all calls that the library could make.
func ConvCandidates(g *configs.GPU, c *workloads.Conv) ([]ConvCall, error) {
	out := fewDataCalls(g, c)
	for _, e := range convEntries(g, c) {
		lower := func(c *workloads.Conv) (gemm.Problem, error) { return conv.LowerSlabs(c, slabsOf(&e, c)) }
		if words(&e, c) {
			lower = conv.LowerWords
		}
		p, err := lower(conv.Pad(c, channelsOf(&e, c)))
		if err != nil {
			return nil, err
		}
		for _, z := range convSplits(g, c, p, e) {
			out = append(out, implicit(g, c, p, e, z))
		}
	}
	if c.Pass != workloads.PassWeight {
		preferTile(g, c, out)
	}
	if len(out) > 0 { // a library that has convolutions at all
		out = append(out, winogradCalls(g, c)...)
		out = append(out, fftCalls(g, c)...)
		images, err := imageCalls(g, c)
		if err != nil {
			return nil, err
		}
		out = append(out, images...)
		if f := oldLibrary(g); f != "" {
			out = oldChoice(f, c, out)
		}
	}
	if len(out) == 0 {
		return nil, lacking(g, c)
	}
	return out, nil
}

// convCatalogue lists kernels of implicit GEMM by family. Tiles are of names in
// public profiles, points x filters.
var convCatalogue = map[string][]Entry{
	cuDNN5:           scudnn("maxwell_scudnn"),
	cuDNN6:           scudnn("maxwell_scudnn"),
	cuDNN8:           scudnn("maxwell_scudnn"),
	"maxwell_scudnn": scudnn("maxwell_scudnn"),
	"volta_scudnn":   voltaScudnn(),
	"ampere_scudnn":  scudnn("ampere_scudnn"),

	"maxwell_icudnn": icudnn("maxwell_int8x4_icudnn_int8x4")[:1],
	"volta_icudnn":   icudnn("volta_int8x4_icudnn_int8x4"),

	"volta_s884cudnn":   hmmaEntries("volta_s884cudnn_fp16", "fp16/fp32"),
	"trt_volta_s884":    large(hmmaEntries("volta_s884cudnn_fp16", "fp16/fp32")),
	"turing_s1688cudnn": turingEntries("turing_fp16_s1688cudnn_fp16", "fp16/fp32"),
	"turing_i8816cudnn": turingIntEntries(),
	"ampere_cudnn": slices.Concat(
		ampereEntries("ampere_fp16_s16816cudnn_fp16", "fp16/fp32"), ampereEntries("ampere_bf16_s16816cudnn_bf16", "bf16/fp32"),
		ampereEntries("ampere_tf32_s1688cudnn", "tf32"), mmaKernels("int8", "ampere_int8_i16832cudnn_int8_%dx%d_ldg16_relu_%dx%d", intTiles())),
}

// large are the entries whose tiles hold at least as many outputs as largeTile:
// of TensorRT's for Volta, logs name 128x128, 256x64 and 256x128 alone. That smaller
// ones are missing explains why ResNet-50 takes but half as long again for eight images as for
// one, and longer than in int8, whose kernels have tiles of 128x32.
func large(es []Entry) []Entry {
	return slices.DeleteFunc(es, func(e Entry) bool { return e.TileM*e.TileN < largeTile })
}

// intTiles are the tiles of Ampere's kernels for int8, of 64 bytes along k: tile sizes
// in names of TensorRT's kernels, points x filters, are these and smaller ones.
func intTiles() []Entry {
	es := append(cutlassInt("", "", "int8", 8, 3, false),
		Entry{TileM: 64, TileN: 128, WarpM: 32, WarpN: 64, Threads: 128, Stages: 3},
		Entry{TileM: 64, TileN: 256, WarpM: 64, WarpN: 64, Threads: 128, Stages: 3})
	for i, fit := range []int{1, 1, 2, 3, 5, 3, 2} { // by A100's registers
		es[i].TileK, es[i].PerSM, es[i].timed = 64, fit, true
	}
	return es
}

// turingIntEntries are Turing's kernels for int8, named by points x filters. A step
// of k is one block of 32 channels: rows of DeepBench on T4 that have too few tiles to
// fill it take some 600 cycles for each such block and tap, a load's way from L2.
func turingIntEntries() []Entry {
	es := []Entry{
		{TileM: 128, TileN: 256, WarpM: 64, WarpN: 64, Threads: 256, PerSM: 1, Gain: 0.95},
		{TileM: 128, TileN: 128, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.90},
		{TileM: 64, TileN: 256, WarpM: 64, WarpN: 64, Threads: 128, PerSM: 2, Gain: 0.85},
	}
	for i := range es {
		e := &es[i]
		e.Name = fmt.Sprintf("turing_int8_i8816cudnn_int8_%dx%d_ldg16", e.TileN, e.TileM)
		e.Family, e.Type, e.WarpK, e.TileK, e.Stages, e.Swizzle = "mma", "int8", 1, 32, 2, true
	}
	return es
}

// scudnn are the fp32 kernels: eight by eight outputs a thread.
func scudnn(family string) []Entry {
	es := []Entry{
		{TileM: 128, TileN: 128, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 256, PerSM: 2, Gain: 0.90},
		{TileM: 128, TileN: 64, WarpM: 32, WarpN: 64, WarpK: 1, Threads: 128, PerSM: 3, Gain: 0.88},
		{TileM: 128, TileN: 32, WarpM: 64, WarpN: 32, WarpK: 1, Threads: 64, PerSM: 6, Gain: 0.80},
	}
	for i := range es {
		e := &es[i]
		e.Name, e.Family, e.Type, e.TileK = fmt.Sprintf("%s_%dx%d", family, e.TileM, e.TileN), "simt", "fp32", 8
	}
	return es
}

// icudnn are the kernels for int8 in blocks of four channels on DP4A, by names in
// public profiles; what the library expects of them is taken from scudnn. Pascal's
// libraries of 2017 and 2018 have the largest alone: DeepBench's rows on GTX 1080 Ti take
// 0.63 us for 32 channels of a tap, which is 128x128 tiles' issue time, from 2 tiles to
// 16 and from 32 filters to 2048, but for those of 48 filters, half as long. Profiles of
// a later release on P40 name 128x64 too.
func icudnn(family string) []Entry {
	es := scudnn(family)
	for i := range es {
		es[i].Type, es[i].TileK = "int8", 32
	}
	return es
}

// words says whether a kernel of the plain pipes takes a convolution in blocks of
// four channels.
func words(e *Entry, c *workloads.Conv) bool {
	return e.Type == "int8" && !e.tensor() && c.Layout == workloads.LayoutVectC
}

// fewChannels is what a library takes for an image rather than for features: it
// comes in blocks of four channels (TensorRT's format chw4, in which the submissions
// to MLPerf give images to Turing and Xavier) and not of 32.
const fewChannels = 4

// typeOf is a convolution's type as entries call it.
func typeOf(c *workloads.Conv) string {
	if c.DType == "fp16" || c.DType == "bf16" {
		return c.DType + "/" + c.Acc
	}
	return c.DType
}

// convEntries lists the kernels that take a convolution's type and layout.
func convEntries(g *configs.GPU, c *workloads.Conv) []Entry {
	typ := typeOf(c)
	var out []Entry
	blocks := slices.ContainsFunc(g.Library.Convolutions, func(f string) bool {
		return slices.ContainsFunc(convCatalogue[f], func(e Entry) bool { return e.Type == "int8" && e.tensor() })
	})
	for _, f := range g.Library.Convolutions {
		es := convCatalogue[f]
		if slices.Contains(scudnnFamilies, f) {
			if own := plainOf(f, c); own != nil {
				es = own
			}
			if c.DType == "fp16" && c.Layout == workloads.LayoutNCHW && halvesOfPlain(g, c) {
				es = halves(es)
			}
		}
		for _, e := range es {
			if e.Type != typ || words(&e, c) && blocks && c.C > fewChannels {
				continue
			}
			if words(&e, c) || (e.Type != "int8" || e.tensor()) && e.tensor() == (c.Layout != workloads.LayoutNCHW) && (e.TileM*e.TileN >= largeTile || !largeOnly(c)) && (!e.tensor() || gradientTile(&e, c)) {
				out = append(out, e.forPass(c.Pass))
			}
		}
	}
	return out
}

// largeTile is the outputs of the smallest kernel of matrix instructions for other
// than plain forward passes.
const largeTile = 128 * 128

// largeOnly says whether a convolution on Tensor Cores has no kernels with smaller
// tiles: of DeepBench's forward passes on V100 those with strides, and all gradients of the input, take
// the time of large tiles however few there are.
func largeOnly(c *workloads.Conv) bool {
	return c.Layout != workloads.LayoutNCHW && (c.Pass == workloads.PassData || c.Pass == workloads.PassForward && c.StrideH*c.StrideW > 1)
}

// gradientTile says whether there is a kernel of matrix instructions of this tile for
// gradients: V100's of filters of no more than 64 channels or filters take what
// tiles of 64 do, all others what larger ones do. On Turing there is the 128x128 of
// public profiles alone: T4's rows of so few channels take 1.6 to 2.1 times as long as
// smaller tiles would, six of 256 and 512 filters a third longer than larger ones, and
// gradients of the input fit it best too. [fit]
func gradientTile(e *Entry, c *workloads.Conv) bool {
	const side = 128
	switch {
	case c.Pass == workloads.PassForward:
		return true
	case e.turing:
		return e.TileM == side && e.TileN == side
	case c.Pass == workloads.PassData:
		return true
	}
	return (e.TileM >= side || c.C/c.Groups <= side/2) && (e.TileN >= side || c.K/c.Groups <= side/2)
}

// maxConvSplits bounds the slices of the gradient of filters, whose k is all
// points of all images.
const maxConvSplits = 128

// convSplits are the slices of k that the library considers: only gradients of
// filters have kernels for several, by the names in public profiles.
func convSplits(g *configs.GPU, c *workloads.Conv, p gemm.Problem, e Entry) []int {
	zs := []int{1}
	if c.Pass != workloads.PassWeight || p.Batch > 1 {
		return zs
	}
	tiles := ceil(p.M, e.TileM) * ceil(p.N, e.TileN)
	least := leastConvSlice
	if e.slab > 1 {
		least = leastEngineSlice
		if oldLibrary(g) != "" {
			least = leastOldSlice
		}
	}
	for z := 2; z <= maxConvSplits && p.K/z >= least && tiles*(z-1) < g.SM.Count*e.PerSM; z++ {
		zs = append(zs, z)
	}
	return zs
}

// leastConvSlice is the least k that a slice is left.
const leastConvSlice = 128

// beliefSlice is what Turing's library expects a slice of a gradient of filters to
// cost, in SM cycles. [fit] DeepBench's 1x1 filters on T4: for 400 to 25,000 points
// they take what 1, 1, 2, 2, 3, 4 and 5 slices do, be there 2 tiles or 16, so the
// number goes with the root of the points.
const beliefSlice = 24000

// implicit is a call of implicit GEMM.
func implicit(g *configs.GPU, c *workloads.Conv, p gemm.Problem, e Entry, z int) ConvCall {
	cfg := gemm.Config{
		Name: e.Name, Family: e.Family, TileM: e.TileM, TileN: e.TileN, TileK: e.TileK,
		WarpM: e.WarpM, WarpN: e.WarpN, WarpK: e.WarpK, Stages: e.Stages, Splits: z, Workspace: z > 1, ByWord: e.adds,
	}
	if e.turing && c.Pass == workloads.PassWeight && p.Batch == 1 {
		cfg.Workspace, cfg.Sums = true, true
	}
	w := *p.Lowered
	p.Lowered, w.Added = &w, e.adds
	call := ConvCall{Name: convNames[c.Pass], Algo: AlgoPrecomp}
	if c.Epilogue != "" && gemm.TakesSteps(p, cfg) {
		p.Steps, call.Fused = conv.Steps(c), true
	}
	// Kernels for the forward pass and the gradient of the input read offsets from
	// a table that a kernel before them fills; the others count on.
	if c.Pass != workloads.PassWeight && e.Family != "direct" && !e.plain && !w.Apart {
		w.Table, w.Late = 4*int64(p.K), e.late
	}
	w.Name = e.Name + suffix(c, z)
	if e.Family == "direct" || e.plain || w.Apart {
		w.Name = e.Name
	}
	call.Kernel = w.Name
	call.Cost = cost(g, p, e, z, cfg.Workspace) + beliefCall
	switch {
	case e.turing && cfg.Sums:
		call.Cost += float64(z) * beliefSlice
		if z == 1 { // its sums are reduced too
			call.Cost += beliefReduce
		}
	case cfg.Workspace && e.tensor(): // sums are written and read
		call.Cost += 8 * float64(z) * float64(p.M) * float64(p.N) / beliefDRAM
	}
	call.tiles = ceil(p.M, e.TileM) * ceil(p.N, e.TileN) * max(1, p.Batch)
	call.width, call.spare = e.TileN, ceil(p.N, e.TileN)*e.TileN-p.N
	call.Build = func(l tile.Latencies) ([]*tile.Kernel, error) {
		ks, err := gemm.Build(p, cfg, l)
		if err != nil {
			return nil, err
		}
		main := ks[0]
		main.Yields = e.yields
		if c.Pass == workloads.PassWeight {
			// Profiles show a memset or a scaling of the output, 1.3 to 1.8 us,
			// before kernels of gradients.
			zero, err := gemm.ZeroKernel(main.Tensors[2], l)
			if err != nil || !cfg.Sums {
				return append([]*tile.Kernel{zero}, ks...), err
			}
			index, err := conv.PointOffsets(main.Tensors[len(main.Tensors)-1], p.K, z, l)
			return append(append(index, zero), ks...), err
		}
		if ks, err = gemm.Cleared(ks, p, l); err != nil || w.Table == 0 {
			return ks, err
		}
		o, err := conv.Offsets(gemm.Table(main), l)
		if err != nil {
			return nil, err
		}
		if c.Pass != workloads.PassData {
			return append([]*tile.Kernel{o}, ks...), nil
		}
		b, err := conv.FilterOffsets(gemm.Table(main), l)
		return append([]*tile.Kernel{o, b}, ks...), err
	}
	return call
}

// suffix is what kernel names say beside the tile.
func suffix(c *workloads.Conv, z int) string {
	split := ""
	if z > 1 {
		split = "_splitK"
	}
	switch c.Pass {
	case workloads.PassForward:
		if c.Layout == workloads.LayoutNHWC {
			return "_relu_exp_small_nhwc_tn"
		}
		return "_relu_small_nn"
	case workloads.PassData:
		if c.Layout == workloads.LayoutNHWC {
			return "_dgrad_nhwc_nn"
		}
		return "_stridedB_small_nn"
	}
	if c.Layout == workloads.LayoutNHWC {
		return "_wgrad" + split + "_nhwc_nt"
	}
	return "_stridedB" + split + "_small_nn"
}
