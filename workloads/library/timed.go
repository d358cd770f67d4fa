package library

import (
	"math"

	"gpusim/configs"
	"gpusim/workloads/gemm"
)

// What a compiler finds that times its tactics. [fit] To what we simulate for twelve
// convolutions of ResNet-50 in int8 with 64 images on A100 with seven tiles each: 11 %
// off, and the tiles that it takes for them are 5 % slower than the fastest, most of it in one
// of 7x7 points, which takes 64x64 for 128x128; fitted to that loss alone it is 4.5 %.
const (
	timedGain   = 0.95  // of the arithmetic's rate
	timedLaunch = 2900  // SM cycles of a CTA's launch and prologue
	timedTrip   = 1670  // SM cycles from memory, shared by the stages that are under way
	timedOutput = 0.081 // SM cycles an output, to turn a sum into a byte and write it
	timedSource = 0.081 // the same to add a second tensor on the way
)

// timedCost is how many SM cycles a kernel takes of whose grid CTAs of an SM hide each
// other's waiting: no less than their work, and no less than the rounds of a CTA's own time.
func timedCost(g *configs.GPU, p gemm.Problem, e Entry) float64 {
	tiles := ceil(p.M, e.TileM) * ceil(p.N, e.TileN) * max(1, p.Batch)
	ctas := ceil(tiles, g.SM.Count)
	iters, outputs := float64(ceil(p.K, e.TileK)), float64(e.TileM*e.TileN)
	each := timedOutput
	if p.Steps.Source {
		each += timedSource
	}
	math1 := outputs * float64(e.TileK) / (timedGain * Rate(g, e))
	work := iters*math1 + outputs*each
	alone := timedLaunch + iters*math.Max(timedTrip/float64(e.Stages-1), math1)
	rounds := float64(ctas) / float64(e.PerSM)
	if ctas <= 2*e.PerSM { // else they begin where others have ended
		rounds = float64(ceil(ctas, e.PerSM))
	}
	return math.Max(float64(ctas)*work, rounds*alone) + outputs*each // nothing hides the last epilogue
}
