package library

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gpusim/configs"
	"gpusim/workloads/gemm"
)

// Call is what the library launches for a problem.
type Call struct {
	Name   string // the BLAS call, e.g. gemm_tn
	Kernel string // main kernel's name with layout suffix
	Config gemm.Config
	Entry  Entry
	Cost   float64 // the library's own estimate in SM cycles
}

// Force overrides the choice. Splits applies only with Kernel.
type Force struct {
	Kernel string
	Splits int
	// Consent says that the caller stores operands as kernels ask that the library does
	// not launch otherwise, as an inference compiler does.
	Consent bool
}

// Choose picks the kernel and the split-K factor with the lowest estimated cost.
func Choose(g *configs.GPU, p gemm.Problem, f Force) (Call, error) {
	calls, err := Candidates(g, p, f)
	if err != nil {
		return Call{}, err
	}
	best := calls[0]
	for _, c := range calls[1:] {
		if c.Cost < best.Cost {
			best = c
		}
	}
	return best, nil
}

// Kept is a product in the layout that callers keep its operands in for the library of a
// machine: where elements are a byte or less and kernels take them along k alone, that.
func Kept(g *configs.GPU, p gemm.Problem) gemm.Problem {
	if p.InBytes() > 1 || len(Entries(g, p)) > 0 {
		return p
	}
	along := p
	along.TransA, along.TransB = true, false
	if len(Entries(g, along)) > 0 {
		return along
	}
	return p
}

// Candidates lists all calls that the library could make, in catalogue order.
func Candidates(g *configs.GPU, p gemm.Problem, f Force) ([]Call, error) {
	if p.DType == "fp8" && p.Acc == "fp32" && slices.Contains(g.Library.Kernels, deepGEMMFamily) {
		c, err := deepGEMM(g, p)
		if err != nil || f.Kernel != "" && f.Kernel != c.Entry.Name && f.Kernel != c.Kernel {
			return nil, cmp.Or(err, fmt.Errorf("kernel %q is not what DeepGEMM compiles for this shape, which is %q", f.Kernel, c.Entry.Name))
		}
		return []Call{c}, nil
	}
	entries := Entries(g, p)
	if f.Consent {
		entries = append(entries, asked(g, p)...)
	}
	if len(entries) == 0 && len(all(g, p)) > 0 {
		hint := "sizes must be whole words, on Hopper lines at multiples of 16 bytes"
		if p.InBytes() != 2 && p.Layout() != "tn" {
			hint = "elements of other than two bytes must lie along k, ta=t,tb=n"
		}
		return nil, fmt.Errorf("no kernel of this machine's library for dtype %s takes layout %s with these sizes: %s", p.DType, p.Layout(), hint)
	}
	if len(entries) == 0 && p.Sparse {
		return nil, fmt.Errorf("the library of this machine has no kernel with 2:4 sparsity for dtype %s with %s accumulators", p.DType, p.Acc)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("the library of this machine has no GEMM kernel for dtype %s with %s accumulators", p.DType, p.Acc)
	}
	if f.Kernel != "" {
		e, err := find(all(g, p), f.Kernel)
		if err != nil {
			return nil, err
		}
		entries = []Entry{e}
	}
	var out []Call
	for _, e := range entries {
		for _, z := range splitsToTry(g, p, e, f) {
			c := Call{Name: "gemm_" + p.Layout(), Kernel: e.Name + "_" + p.Layout(), Entry: e, Config: config(g, p, e, z)}
			c.Cost = cost(g, p, e, z, c.Config.Workspace)
			out = append(out, c)
		}
	}
	return out, nil
}

// tensor says whether a kernel uses matrix instructions.
func (e *Entry) tensor() bool { return e.Family == "hmma" || e.Family == "mma" || e.Family == "wgmma" }

// maxSplits is the largest split-K factor the library considers; NeuSight's
// V100 table shows 2 to 21.
const maxSplits = 32

// leastSlice is the least k that the library leaves a slice.
func leastSlice(g *configs.GPU, e Entry) int {
	switch {
	case g.Library.Slice > 0:
		return g.Library.Slice
	case e.WarpK > 1: // the CTA's warps split k already
		return 4500
	case e.tensor():
		return 860
	}
	return 1030
}

func splitsToTry(g *configs.GPU, p gemm.Problem, e Entry, f Force) []int {
	if f.Kernel != "" && f.Splits > 0 {
		return []int{f.Splits}
	}
	zs := []int{1}
	most, tiles := maxSplits, ceil(p.M, e.TileM)*ceil(p.N, e.TileN)
	switch rule := g.Library.SplitK; {
	case rule == "never", rule != "fill" && tiles >= g.SM.Count:
		return zs
	case rule == "workspace" && !e.tensor():
		most = min(most, int(int64(g.Library.Workspace)/sums(p, 1)))
	}
	if e.Family == "wgmma" || e.Sparse || p.Batch > 1 || e.Whole {
		return zs
	}
	for z := 2; z <= most && p.K/z >= leastSlice(g, e); z++ {
		zs = append(zs, z)
	}
	return zs
}

// config turns an entry into a generator configuration.
func config(g *configs.GPU, p gemm.Problem, e Entry, z int) gemm.Config {
	c := gemm.Config{
		Name: e.Name, Family: e.Family, TileM: e.TileM, TileN: e.TileN, TileK: e.TileK,
		WarpM: e.WarpM, WarpN: e.WarpN, WarpK: e.WarpK, Stages: e.Stages, Splits: z, Blocks: e.Blocks,
	}
	if e.Swizzle {
		c.Swizzle = swizzle(ceil(p.N, e.TileN))
	}
	if e.Family == "wgmma" {
		c.Stages, c.ClusterM, c.Grid = e.Stages, e.ClusterM, g.SM.Count
		return c
	}
	lda, ldb := p.M, p.K
	if p.TransA {
		lda = p.K
	}
	if p.TransB {
		ldb = p.N
	}
	widest := 16 / p.InBytes()
	if p.DType == "int8" && !e.tensor() {
		widest = 4 // a word of DP4A
	}
	if !e.tensor() || p.InBytes() > 1 { // else as wide as sizes allow: widths would count bytes, sizes elements
		c.VecA, c.VecB, c.VecC = vector(lda, widest), vector(ldb, widest), vector(p.M, widest)
	}
	if e.Family == "mma" && p.InBytes() == 2 && min(c.VecA, c.VecB) == 1 {
		c.Stages = 2 // copies without registers move four bytes and more
	}
	if z > 1 {
		c.Workspace = sums(p, z) <= int64(g.Library.Workspace)
	}
	return c
}

// sums is the bytes of the partial sums of split-K.
func sums(p gemm.Problem, z int) int64 { return int64(z) * int64(p.M) * int64(p.N) * 4 }

// swizzle is the width of CUTLASS's strips for so many tiles.
func swizzle(tiles int) int {
	switch {
	case tiles >= 6:
		return 8
	case tiles >= 3:
		return 4
	}
	return tiles
}

// vector is the widest power-of-two access that a leading dimension allows.
func vector(ld, widest int) int {
	for v := widest; v > 1; v /= 2 {
		if ld%v == 0 {
			return v
		}
	}
	return 1
}

// The library's beliefs, in SM cycles. Fitted, like the gains of the catalogue
// and leastSlice, to the DeepBench rows of validate/data/v100_gemm_published.csv.
const (
	beliefLaunch  = 2500.0 // launch, prologue and epilogue of a CTA
	beliefLatency = 600    // an iteration of the main loop takes no less: one trip to memory
	beliefReduce  = 4000   // second kernel of split-K
	beliefSerial  = 6000   // reading and adding what the slice before has left in C
	beliefDRAM    = 800    // bytes per cycle
)

// cost estimates a call in SM cycles: an SM takes its CTAs in rounds of as
// many as it holds, a partial round like a whole one, or where they are rolling as
// long as the arithmetic of what is left; an iteration of a round takes the arithmetic
// of all of them or one trip to memory, whichever is longer; and all of it no less than
// the operands' way from DRAM. The reduction of split-K comes on top.
func cost(g *configs.GPU, p gemm.Problem, e Entry, z int, workspace bool) float64 {
	switch {
	case e.Family == "wgmma":
		return wgmmaCost(g, p, e)
	case e.timed:
		return timedCost(g, p, e)
	}
	rate, elem := Rate(g, e), float64(p.InBytes())/float64(gemm.Packed(p.DType))
	tiles := ceil(p.M, e.TileM) * ceil(p.N, e.TileN) * max(1, p.Batch)
	tileK := e.TileK * e.WarpK // of the CTA
	iters := float64(ceil(ceil(p.K, tileK), z))
	math1 := float64(e.TileM*e.TileN*tileK) / (rate * e.gain(p))
	launch := beliefLaunch
	if z > 1 && !workspace {
		launch += beliefSerial
	}
	ctas := ceil(tiles*z, g.SM.Count)
	resident := min(ctas, e.PerSM)
	rounds, side := float64(ceil(ctas, resident)), float64(resident) // CTAs side by side
	if e.rolling {
		side = float64(ctas) / rounds
	}
	trip := cmp.Or(e.Trip, beliefLatency)
	if e.tensor() {
		trip /= float64(max(1, e.Stages-1))
	}
	total := rounds * (iters*math.Max(trip, side*math1) + launch)
	bytes := elem * float64(max(1, p.Batch)) * float64(p.K) * float64(p.M+p.N)
	total = math.Max(total, bytes/beliefDRAM)
	if z > 1 && workspace {
		total += beliefReduce
	}
	return total
}

// Rate is the multiply-adds per cycle and SM of the units that a kernel uses.
func Rate(g *configs.GPU, e Entry) float64 {
	sub := float64(g.SM.SubCores)
	switch {
	case e.tensor():
		dtype, _, _ := strings.Cut(e.Type, "/")
		if e.Sparse { // zeros count
			sub *= 2
		}
		return sub * g.Tensor.Rate(dtype)
	case e.Type == "fp64":
		return sub * g.SM.Pipes.FP64.Lanes
	case e.Type == "int8":
		return sub * 4 * g.SM.Pipes.DP4A.Lanes
	}
	return g.SM.FP32Lanes()
}

func ceil(a, b int) int { return (a + b - 1) / b }
