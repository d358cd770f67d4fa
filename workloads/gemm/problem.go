// Package gemm generates the tile programs of matrix-multiply kernels as GPU
// libraries launch them: SIMT and Tensor Core main loops, split-K reductions,
// and matrix-vector kernels.
package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

// Problem is one matrix product with the column-major BLAS meaning,
// C = Alpha*op(A)*op(B) + Beta*C, where op(A) is M x K, op(B) K x N and C
// M x N, all with tight leading dimensions and, when Batch is above one,
// matrices that follow each other without gaps.
type Problem struct {
	M, N, K, Batch int
	TransA, TransB bool
	DType, Acc     string // canonical types of the operands and the accumulators
	OutType        string // type of C; empty: see Out
	Alpha, Beta    float64
	Steps          Steps    // of the epilogue, behind alpha and beta; see TakesSteps
	Lowered        *Lowered // the matrices are views; nil: stored as such
	Sparse         bool     // op(B) is stored without the half of its values along k that are zeros, see mma_sparse.go
}

// Config chooses a kernel of a family and its tiling. Tile sizes are in
// elements; Vec sizes are elements per global memory access.
type Config struct {
	Name                string // of the kernel, without layout; empty: after the tile
	Family              string
	TileM, TileN, TileK int
	WarpM, WarpN, WarpK int  // warp tile; for simt WarpK is the number of k slices inside the CTA, each with TileK of its own
	Stages              int  // k-tiles in shared memory at a time, of mma, wgmma and simt; 0: two
	Swizzle             int  // N tiles to a strip of the grid, see walk; 0 and 1: none
	Blocks              bool // the grid is walked in blocks of two by two tiles, see walk
	ByWord              bool // simt: fragments come from shared memory word by word, not in vectors
	Splits              int  // split-K slices; 0 and 1 mean none
	Workspace           bool // split-K through a workspace and a second kernel, else serially in the kernel
	Sums                bool // with Workspace: even a single slice leaves its sums there
	VecA, VecB, VecC    int

	// Of Hopper's kernels, which are persistent.
	ClusterM, ClusterN int  // CTAs of a cluster along m and n; 0 means 1
	Raster             int  // tiles along m in a row before the next along n; 0: all
	Grid               int  // CTAs at most; 0: one for each tile
	Scaled             bool // operands have scale factors, see wgmma
}

// Check reports what is wrong with a problem, if anything.
func (p Problem) Check() error {
	if p.M < 1 || p.N < 1 || p.K < 1 || p.Batch < 1 {
		return fmt.Errorf("gemm: m=%d n=%d k=%d batch=%d: each must be at least 1", p.M, p.N, p.K, p.Batch)
	}
	return nil
}

// Out is the element type of C.
func (p Problem) Out() string {
	switch {
	case p.OutType != "":
		return p.OutType
	case p.DType == "fp8": // what libraries write where nothing else is asked for
		return "bf16"
	case p.DType == "tf32":
		return "fp32"
	case p.DType == "int8", p.DType == "int4", p.DType == "int1": // cublasGemmEx has no other
		return "int32"
	}
	return p.DType
}

// Packed is the elements of a type that share a byte.
func Packed(dtype string) int {
	switch dtype {
	case "int4":
		return 2
	case "int1":
		return 8
	}
	return 1
}

// pack counts the elements of types of less than a byte by whole bytes, in the
// problem and in its configuration.
func (p *Problem) pack(c *Config) error {
	per := Packed(p.DType)
	if p.K%per != 0 || c.TileK%per != 0 {
		return fmt.Errorf("gemm: k=%d in k-tiles of %d are not whole bytes of %s", p.K, c.TileK, p.DType)
	}
	p.K /= per
	c.TileK /= per
	return nil
}

// InBytes and OutBytes are the sizes of an element of the operands and of C, 0
// for types that no kernel takes.
func (p Problem) InBytes() int  { n, _ := elemSize(p.DType); return n }
func (p Problem) OutBytes() int { n, _ := elemSize(p.Out()); return n }

// Layout is the BLAS transpose suffix of kernel names, such as "tn".
func (p Problem) Layout() string {
	t := func(b bool) string {
		if b {
			return "t"
		}
		return "n"
	}
	return t(p.TransA) + t(p.TransB)
}

// halves is the kind of 16-bit floats that a type is, as OpPACK has it.
func halves(dtype string) uint8 {
	if dtype == "bf16" {
		return tile.ImmBF16
	}
	return 0
}
