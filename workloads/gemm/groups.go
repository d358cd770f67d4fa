package gemm

import "gpusim/workloads/tile"

// Kernels that copy k-tiles to shared memory without registers have as many k-tiles
// there as they have stages, each the copies of one group.

// ahead brings all stages but the last under way; copies are those of the k-tile that
// lies so far ahead.
func ahead(stages int, copies func(iterAdd int32) []tile.Inst) []tile.Inst {
	var code []tile.Inst
	for i := range stages - 1 {
		code = append(code, copies(int32(i))...)
		code = append(code, bare(tile.OpCOMMIT))
	}
	return code
}

// settle closes the group of copies and waits for that of the next k-tile.
func settle(stages int) []tile.Inst {
	return []tile.Inst{bare(tile.OpCOMMIT), waitGroups(stages - 2)}
}

// waitGroups waits until no more than so many groups are under way.
func waitGroups(n int) tile.Inst {
	in := bare(tile.OpDEPBAR)
	in.Imm = uint8(n)
	return in
}
