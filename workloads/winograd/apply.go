package winograd

import (
	"slices"

	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

// dot computes a row of a transform from the registers src as a compiler does:
// one instruction less than there are terms, one more if none of them has a factor of one.
// The result is in a new register.
func dot(e *emit.Emitter, row []float64, src []int) int {
	dst := e.Reg()
	acc := tile.RZ
	first := slices.Index(row, 1)
	if first >= 0 {
		acc = src[first]
	}
	for j, c := range row {
		switch {
		case c == 0 || j == first:
			continue
		case acc == tile.RZ || c != 1 && c != -1:
			e.Add(e.Scaled(dst, src[j], c, acc))
		default:
			e.Add(emit.Sum(dst, acc, c < 0, src[j]))
		}
		acc = dst
	}
	if acc != dst { // a single term, as it is
		e.Add(emit.Move(dst, acc))
	}
	return dst
}

// rows computes m times a vector in registers and gives its registers back.
func rows(e *emit.Emitter, m matrix, src []int) []int {
	var out []int
	for _, row := range m {
		out = append(out, dot(e, row, src))
	}
	e.Release(src...)
	return out
}

// both applies m to the columns and then to the rows of a square of registers.
// done takes each row of the result as soon as it is there; its registers are
// free afterwards.
func both(e *emit.Emitter, m matrix, src [][]int, done func(i int, row []int)) {
	mid := make([][]int, len(m))
	for j := range src[0] {
		var col []int
		for i := range src {
			col = append(col, src[i][j])
		}
		for i, r := range rows(e, m, col) {
			mid[i] = append(mid[i], r)
		}
	}
	for i := range mid {
		row := rows(e, m, mid[i])
		done(i, row)
		e.Release(row...)
	}
}
