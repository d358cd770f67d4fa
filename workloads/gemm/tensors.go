package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

// Indices of a GEMM kernel's tensors in Kernel.Tensors.
const (
	tensorA = iota
	tensorB
	tensorC
	tensorWorkspace // partial sums of split-K, when there is one
)

// elemSize is the size of a matrix element in bytes.
func elemSize(dtype string) (int, error) {
	switch dtype {
	case "fp8", "int8", "int4", "int1": // those of less than a byte are packed, see Problem.pack
		return 1, nil
	case "fp16", "bf16":
		return 2, nil
	case "fp32", "tf32", "int32":
		return 4, nil
	case "fp64":
		return 8, nil
	}
	return 0, fmt.Errorf("gemm: element type %q is not supported", dtype)
}

// allocate gives the tensors their addresses, in order.
func allocate(ts []tile.Tensor) {
	var h tile.Heap
	for i := range ts {
		h.Place(&ts[i])
	}
}

// stored describes the rows x cols matrix op(X) of a column-major X: with
// trans, X itself is cols x rows and op(X) its transpose.
func stored(name string, elem, rows, cols, batch int, trans bool) tile.Tensor {
	t := tile.Tensor{
		Name: name, Elem: elem, Rows: rows, Cols: cols,
		RowStride: 1, ColStride: int64(rows), BatchStride: int64(rows) * int64(cols),
	}
	if trans {
		t.RowStride, t.ColStride = int64(cols), 1
	}
	t.Bytes = t.BatchStride * int64(batch) * int64(elem)
	return t
}

// tensors describes op(A) as M x K, op(B) as K x N and C as M x N, and with
// splits > 0 the workspace of so many slices' sums, all placed in memory. Sums have
// 64 bits if the operands have, else 32. The workspace is the M x (N*splits) matrix whose column s*N+n holds column n of
// slice s.
func (p Problem) tensors(splits int) ([]tile.Tensor, error) {
	in, err := elemSize(p.DType)
	if err != nil {
		return nil, err
	}
	out, err := elemSize(p.Out())
	if err != nil {
		return nil, err
	}
	if p.Lowered != nil {
		ts, err := p.Lowered.tensors(p, in, out, splits)
		return p.stepTensors(ts), err
	}
	ts := []tile.Tensor{
		stored("A", in, p.M, p.K, p.Batch, p.TransA),
		stored("B", in, p.K, p.N, p.Batch, p.TransB),
		stored("C", out, p.M, p.N, p.Batch, false),
	}
	ts[tensorA].Parameter = p.Batch == 1 // networks have activations in B, and in both of a batch
	if splits > 0 {
		ts = append(ts, stored("workspace", max(in, 4), p.M, p.N*splits, p.Batch, false))
	}
	allocate(ts)
	return p.stepTensors(ts), nil
}

// kSlices divides K into slices of whole k-tiles: slices of per k-tiles each,
// the last possibly shorter. Fewer slices than asked for come back when the
// rounded-up slice length leaves some with nothing to do.
func kSlices(k, tileK, splits int) (slices, per int) {
	tiles := ceilDiv(k, tileK)
	per = ceilDiv(tiles, max(splits, 1))
	return ceilDiv(tiles, per), per
}

// slice settles a configuration's split-K: as many slices as have work, of per
// k-tiles each, and no workspace for a single one, unless its sums are to go there.
func (c *Config) slice(k, tileK int) (per int) {
	c.Splits, per = kSlices(k, tileK, c.Splits)
	if c.Splits == 1 && !c.Sums {
		c.Workspace = false
	}
	return per
}

// workspaces is the slices whose sums a workspace holds, 0 if there is none.
func (c *Config) workspaces() int {
	if c.Workspace {
		return c.Splits
	}
	return 0
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
