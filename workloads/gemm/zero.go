package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

// A zero kernel has 256 threads that store 16 bytes each, zeroStores times.
const (
	zeroThreads = 256
	zeroStores  = 4
)

// ZeroKernel clears the given tensor's whole allocation, as cudaMemsetAsync
// does before a kernel that counts on zeroed memory; whole words of it.
func ZeroKernel(t tile.Tensor, l tile.Latencies) (*tile.Kernel, error) {
	words := (t.Bytes + 3) / 4
	if words < 1 || words > 1<<30 {
		return nil, fmt.Errorf("gemm: cannot clear %s: %d bytes must be at least 1, at most 4 GiB", t.Name, t.Bytes)
	}
	t.Bytes = 4 * words
	n := int(words)
	t.Elem, t.Rows, t.Cols, t.RowStride, t.ColStride, t.BatchStride = 4, n, 1, 1, words, words
	t.Views = nil
	vec := widestVector(n, 4)
	per := zeroThreads * zeroStores * vec
	k := &tile.Kernel{
		Name: fmt.Sprintf("memset_%s", t.Name), Grid: [3]int{ceilDiv(n, per), 1, 1}, Threads: zeroThreads, Regs: 16,
		TileM: per, TileN: 1, Splits: 1, Role: make([]uint8, zeroThreads/32), Tensors: []tile.Tensor{t}, DType: "fp32", Streams: true,
	}
	const value, addr = 0, 4
	code := []tile.Inst{ins(tile.OpS2R, addr, tile.RZ, tile.RZ, tile.RZ), ins(tile.OpS2R, addr+1, tile.RZ, tile.RZ, tile.RZ)}
	for i := range 6 {
		code = append(code, integer([...]tile.Op{tile.OpIMAD, tile.OpIADD, tile.OpISETP}[i%3], addr+i%2))
	}
	for r := range vec {
		code = append(code, ins(tile.OpMOV, value+r, tile.RZ, tile.RZ, tile.RZ))
	}
	for s := range zeroStores {
		a := tile.Access{Space: tile.Global, Bytes: 4 * vec, RowVar: tile.VarM, Row: make([]int32, zeroThreads), Col: make([]int32, zeroThreads), BatchFree: true}
		for i := range a.Row {
			a.Row[i] = int32((s*zeroThreads + i) * vec)
		}
		k.Accesses = append(k.Accesses, a)
		code = append(code, store(tile.OpSTG, value, int16(s)))
	}
	k.Programs = []*tile.Program{{Segments: []tile.Segment{{Code: append(code, bare(tile.OpEXIT))}}}}
	k.Place = func(index int, cta *tile.CTA) {
		*cta = tile.CTA{Index: index, Splits: 1, Tile: int32(index)}
		cta.Origin[tile.VarM], cta.Limit[tile.VarM] = int32(index*per), int32(n)
	}
	if err := tile.Finish(k, l); err != nil {
		return nil, fmt.Errorf("gemm: %s: %w", k.Name, err)
	}
	return k, nil
}
