package library

import (
	"slices"
	"strings"

	"gpusim/configs"
	"gpusim/workloads"
)

// leastCTAs is the CTAs for which libraries of Pascal's time take their largest
// tile, however many SMs there are: 26 do and 16 do not on M40, GTX 1080 Ti and
// P100, whose rows of 1x1 filters fix it (P100 takes twice as long as with smaller
// tiles then). [fit]
const leastCTAs = 20

// preferTile makes that kernel of implicit GEMM cost least which libraries for Maxwell
// and Pascal take, whatever their estimates of others.
func preferTile(g *configs.GPU, c *workloads.Conv, calls []ConvCall) {
	families := g.Library.Convolutions
	switch {
	case slices.Contains(families, cuDNN8) && c.DType == "fp32":
		preferMiddle(c, calls)
	case slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(f, "maxwell_scudnn") }):
		// A tile is passed over that would be empty by a quarter: of 5x5 filters over 512
		// channels 48 take P100 713 us, where 25 CTAs of 128x64 would need 1230 for their
		// multiply-adds alone.
		for i := range calls {
			if k := &calls[i]; i == len(calls)-1 || k.tiles >= leastCTAs && k.spare < k.width/4 {
				prefer(calls, i)
				return
			}
		}
	}
}

// preferMiddle is version 8: 128x64 wherever there are more than 32 filters. Of the 78 such
// rows of NeuSight's on P4 that took implicit GEMM 62 did, on P100 23 of 34. It costs what
// it costs: whether other algorithms are faster is weighed against that.
func preferMiddle(c *workloads.Conv, calls []ConvCall) {
	for i := range calls {
		if k := &calls[i]; k.width == 64 && moreThan32(c) || k.width == 32 {
			for j := range calls {
				if j != i {
					calls[j].Cost = max(calls[j].Cost, k.Cost+1)
				}
			}
			return
		}
	}
}

// prefer lets a call cost as little as the cheapest and those before it more.
func prefer(calls []ConvCall, i int) {
	for j := range calls {
		calls[i].Cost = min(calls[i].Cost, calls[j].Cost)
	}
	for j := range i {
		calls[j].Cost = max(calls[j].Cost, calls[i].Cost+1)
	}
}
