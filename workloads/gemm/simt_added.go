package gemm

import (
	"fmt"

	"gpusim/workloads/tile"
)

// A kernel whose sums are added to C as col2im adds them knows of a row and a column only
// their numbers: of a column which point of which image it is, of a row which tap of
// which channel, and so where in C they meet.

const (
	// placeDivisions are those of a place: points by lines and images, taps by lines and
	// channels. That each element's is computed anew is assumed.
	placeDivisions = 4

	// divisionSteps are the integer instructions of a division behind an approximate
	// reciprocal and its conversions; the CUDA C programming guide has a division compile
	// to up to twenty.
	divisionSteps = 17
)

// added says whether it does so.
func (p *Problem) added() bool { return p.Lowered != nil && p.Lowered.Added }

// checkAdded says why a kernel cannot add its sums to C, if it is to.
func (p *Problem) checkAdded(c Config) error {
	switch {
	case !p.added():
		return nil
	case c.Family != "simt":
		return fmt.Errorf("gemm: kernels of family %q do not add their sums to C", c.Family)
	case c.Splits > 1 || c.Workspace || p.Beta != 0 || p.Steps.any() || p.Lowered.Words || p.DType != "fp32" || p.Out() != "fp32":
		return fmt.Errorf("gemm: only whole sums of fp32 without beta and steps are added to C")
	}
	return nil
}

// put writes an element of C: a store, or its place and an atomic addition.
func (s *simt) put(value int, target int16) []tile.Inst {
	if !s.p.added() {
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
