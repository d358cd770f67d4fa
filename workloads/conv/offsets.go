package conv

import (
	"fmt"
	"strings"

	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

// offsetThreads is the CTA of the kernel that fills the table of offsets.
const offsetThreads = 128

// offsetInts is its integer work for an entry: channel, row and column of a tap by
// two divisions, and their way through the image.
const offsetInts = 30

// Offsets is the kernel that fills the table of offsets by which a kernel of
// implicit GEMM addresses images: an entry for each k. Table is that kernel's
// tensor.
func Offsets(table tile.Tensor, l tile.Latencies) (*tile.Kernel, error) {
	return offsets("computeOffsetsKernel", table, l)
}

// FilterOffsets is the kernel beside it for gradients of the input, whose filters
// lie across their walk along k: an offset for each k, in a table of as many entries
// behind the first. Profiles of cuDNN 7 show one before every such kernel. That the
// kernel of the product reads it is not modelled: it does so where it reads the first.
func FilterOffsets(table tile.Tensor, l tile.Latencies) (*tile.Kernel, error) {
	table.Name, table.Base = "filter_offsets", table.Base+uint64(table.Bytes+tableAlign-1)/tableAlign*tableAlign
	return offsets("computeBOffsetsKernel", table, l)
}

// PointOffsets are the kernels before those gradients of filters that take offsets of
// points from tables (wgrad_idx in names of Turing's): one fills that of a slice, one
// where each slice begins, if there are several. The tables lie behind
// the last tensor of the product's kernel.
func PointOffsets(last tile.Tensor, points, slices int, l tile.Latencies) ([]*tile.Kernel, error) {
	table := func(name string, after tile.Tensor, entries int) tile.Tensor {
		return tile.Tensor{
			Name: name, Elem: 4, Rows: entries, Cols: 1, RowStride: 1, ColStride: 1, Bytes: 4 * int64(entries),
			Base: after.Base + uint64(after.Bytes+tableAlign-1)/tableAlign*tableAlign,
		}
	}
	of := table("point_offsets", last, (points+slices-1)/slices)
	k, err := offsets("computeWgradBOffsetsKernel", of, l)
	if err != nil || slices == 1 {
		return []*tile.Kernel{k}, err
	}
	s, err := offsets("computeWgradSplitKOffsetsKernel", table("slice_offsets", of, slices), l)
	return []*tile.Kernel{s, k}, err
}

// FillsTable says whether a kernel is one that fills a table of offsets.
func FillsTable(k *tile.Kernel) bool { return strings.HasSuffix(k.Name, "OffsetsKernel") }

// tableAlign is where tables begin.
const tableAlign = 256

func offsets(name string, table tile.Tensor, l tile.Latencies) (*tile.Kernel, error) {
	n := int(table.Bytes / int64(table.Elem))
	k := &tile.Kernel{
		Name: name, Grid: [3]int{(n + offsetThreads - 1) / offsetThreads, 1, 1},
		Threads: offsetThreads, Regs: 20, TileM: offsetThreads, TileN: 1, Splits: 1,
		Role: make([]uint8, offsetThreads/32), Tensors: []tile.Tensor{table}, DType: "fp32",
	}
	code := []tile.Inst{emit.Ins(tile.OpS2R, 0, tile.RZ, tile.RZ, tile.RZ), emit.Ins(tile.OpS2R, 1, tile.RZ, tile.RZ, tile.RZ)}
	for i := range offsetInts {
		code = append(code, emit.Ins([...]tile.Op{tile.OpIMAD, tile.OpIADD}[i%2], i%4, i%4, (i+3)%4, tile.RZ))
	}
	a := tile.Access{Space: tile.Global, Bytes: 4, RowVar: tile.VarM, Row: make([]int32, offsetThreads), Col: make([]int32, offsetThreads), BatchFree: true}
	for i := range a.Row {
		a.Row[i] = int32(i)
	}
	k.Accesses = []tile.Access{a}
	code = append(code, emit.Store(tile.OpSTG, 0, 0), emit.Bare(tile.OpEXIT))
	k.Programs = []*tile.Program{{Segments: []tile.Segment{{Code: code}}}}
	k.Place = func(index int, cta *tile.CTA) {
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index)}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(index*offsetThreads), int32(n)
	}
	if err := tile.Finish(k, l); err != nil {
		return nil, fmt.Errorf("conv: %w", err)
	}
	return k, nil
}
