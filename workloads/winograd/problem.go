// Package winograd generates the tile programs of convolutions by Winograd's
// minimal filtering as GPU libraries launch them: filter, data and output
// transforms around a batched matrix product, and the fused kernel that
// transforms data and output on their way.
package winograd

import (
	"fmt"
	"slices"

	"gpusim/workloads/stride1"
)

// Problem is the convolution, Pass what of it is computed.
type (
	Problem = stride1.Problem
	Pass    = stride1.Pass
)

// The passes.
const (
	Forward        = stride1.Forward
	BackwardData   = stride1.BackwardData
	BackwardWeight = stride1.BackwardWeight
)

// check reports what is wrong with a problem, for an algorithm that takes
// square filters of the given sizes.
func check(p *Problem, sizes ...int) error {
	if err := p.Check(); err != nil {
		return err
	}
	if p.R != p.S || !slices.Contains(sizes, p.R) {
		return fmt.Errorf("winograd: filters of %dx%d: the transform is for squares of %v", p.R, p.S, sizes)
	}
	return nil
}

func ceilDiv(a, b int) int { return stride1.CeilDiv(a, b) }
