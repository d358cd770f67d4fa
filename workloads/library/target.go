// Package library models the math library of a GPU: which kernels it has and
// which of them it launches for a shape. That choice is the library's own
// belief about cost; it is separate from simulated time and may be wrong.
package library

import (
	"gpusim/configs"
	"gpusim/workloads/tile"
)

// Latencies are what kernels for this GPU are compiled against.
func Latencies(g *configs.GPU) tile.Latencies {
	p := &g.SM.Pipes
	return tile.Latencies{
		MMA:  matrices(&g.Tensor),
		FP32: p.FP32.Latency, FP64: p.FP64.Latency, INT: p.INT.Latency, FP16: p.FP16.Latency, SFU: p.SFU.Latency,
		DP4A: p.DP4A.Latency,
		HMMA: g.Tensor.Latency, HMMAAccumulate: g.Tensor.AccumulateWait,
		HMMAStep: g.Tensor.StepCycles, HMMAStepFP16: g.Tensor.StepCyclesFP16,
		Branch: g.SM.BranchLatency, DualIssue: g.SM.DualIssue, IntOnFP32: g.SM.IntOnFP32, PackConversions: g.SM.PackConversions,
		FP32Pairs:     g.SM.PairLanes > 0,
		RegisterBanks: g.SM.RegisterBanks, OperandsPerRead: g.SM.BankOperandsPerRead,
		SharedBanks: g.SM.MIO.SharedBanks, SharedBytesClk: g.SM.MIO.SharedBytesClk,
	}
}

// matrices are the matrix instructions of a single warp.
func matrices(t *configs.TensorCore) []tile.MMA {
	var out []tile.MMA
	for _, i := range t.Instructions {
		if i.M <= 16 {
			out = append(out, tile.MMA{
				Name: i.Name, Type: i.Type, Acc: i.Acc, M: i.M, N: i.N, K: i.K, Sparse: i.Sparse,
				Cycles: i.Cycles, Latency: i.Latency, Accumulate: i.Accumulate,
			})
		}
	}
	return out
}

// Of is a GPU as the library sees it that a call comes from: for layers of networks
// that an inference compiler has laid out with that compiler's kernels.
func Of(g *configs.GPU, compiled bool) *configs.GPU {
	if !compiled || len(g.Library.Compiled) == 0 {
		return g
	}
	own := *g
	own.Library.Convolutions = g.Library.Compiled
	return &own
}
