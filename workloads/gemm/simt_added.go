package gemm

import "gpusim/workloads/tile"

// A kernel whose sums are added to C as col2im adds them knows of a row and a column only
// their numbers: of a column which point of which image it is, of a row which tap of
// which channel, and so where in C they meet. Each element's place is computed anew.

const (
	// placeDivisions are those of a place: points by lines and images, taps by lines and
	// channels.
	placeDivisions = 4

	// divisionSteps are the integer instructions of a division behind an approximate
	// reciprocal, to the twenty that the CUDA C programming guide (11.4) says it compiles to.
	divisionSteps = 17
)

// put writes an element of C: a store, or its place and an atomic addition.
func (s *simt) put(value int, target int16) []tile.Inst {
	if s.p.Lowered == nil || !s.p.Lowered.Added {
		return []tile.Inst{store(tile.OpSTG, value, target)}
	}
	var code []tile.Inst
	r := s.regAddr + 9
	for range placeDivisions {
		reciprocal := ins(tile.OpMUFU, r, r, tile.RZ, tile.RZ)
		reciprocal.Imm = tile.MUFURcp
		code = append(code, ins(tile.OpI2F, r, r, tile.RZ, tile.RZ), reciprocal, ins(tile.OpF2I, r, r, tile.RZ, tile.RZ))
		for range divisionSteps {
			code = append(code, integer(tile.OpIMAD, r))
		}
	}
	return append(code, store(tile.OpRED, value, target))
}
