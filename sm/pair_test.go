package sm_test

import (
	"testing"

	"gpusim/sm"
	"gpusim/workloads/tile"
)

// TestPairs: with dual issue a multiply-add and an instruction of another pipe
// go together, so that full fp32 lanes stay busy beside them; two of one pipe do
// not, nor does one that needs the other's result.
func TestPairs(t *testing.T) {
	// In turn, so that no warp is left alone at the end.
	sets := []string{"gpu.sm.pipes.fp32={lanes: 32, latency: 6}", "gpu.sm.mio.issue_interval=1", "gpu.sm.scheduler=lrr"}
	dual := append([]string{"gpu.sm.dual_issue=true"}, sets...)
	const warps = 32
	acc := []tile.Access{sharedAccess(32*warps, 4, 1)}
	one := []tile.Access{sharedAccess(32, 4, 1)}
	fma := func(i int) tile.Inst { return op(tile.OpFFMA, 2*i, 64+2*i, 97, 131) }
	per := func(sets []string, in ...tile.Inst) float64 { // cycles of a sub-core per copy of the piece
		return perRound(t, volta(t, sets...), warps, acc, in...) * 4 / warps
	}
	mixed := []tile.Inst{fma(0), lds(40, 0), fma(1), fma(2), fma(3), fma(4), fma(5), fma(6), fma(7)}
	near(t, "8 FFMA and LDS, one at a time", per(sets, mixed...), 9, 0.01)
	near(t, "8 FFMA and LDS, in pairs", per(dual, mixed...), 8, 0.01)
	near(t, "FFMA with IADD", per(dual, fma(0), op(tile.OpIADD, 40, 66, tile.RZ, tile.RZ), fma(1), fma(2)), 3, 0.01)
	near(t, "on the same lanes", per(append([]string{"gpu.sm.int_on_fp32=true"}, dual...),
		fma(0), op(tile.OpIADD, 40, 66, tile.RZ, tile.RZ), fma(1), fma(2)), 4, 0.03)
	near(t, "FFMA with FADD", per(dual, fma(0), op(tile.OpFADD, 40, 66, 68, tile.RZ)), 2, 0.01)
	near(t, "IADD on the FFMA's result", perRound(t, volta(t, dual...), 1, one, fma(0), op(tile.OpIADD, 64, 0, tile.RZ, tile.RZ)), 6+4, 0.01)
}

// TestPairsKeepTheBooks: slots of a cycle have one reason each, though a pair
// issues two instructions in one.
func TestPairsKeepTheBooks(t *testing.T) {
	g := volta(t, "gpu.sm.dual_issue=true", "gpu.sm.pipes.fp32={lanes: 32, latency: 4}")
	core := load(t, g, loopKernel(t, g, 8, 50, nil, op(tile.OpFFMA, 0, 2, 4, 7), op(tile.OpIADD, 10, 12, tile.RZ, tile.RZ),
		op(tile.OpFFMA, 1, 2, 4, 7), op(tile.OpFFMA, 14, 2, 4, 7)), 1)
	end := finish(t, core)
	core.Close(end)
	n, sum := core.Counts(), uint64(0)
	for _, s := range n.Slots {
		sum += s
	}
	if want := uint64(g.SM.SubCores) * end; sum != want {
		t.Errorf("%d slots have a reason, want %d", sum, want)
	}
	if n.Slots[sm.Issued] >= n.WarpInsts {
		t.Errorf("%d instructions in %d slots: no pairs", n.WarpInsts, n.Slots[sm.Issued])
	}
}

// TestSharedPipe: one pipe of two lanes serves the SM, however many sub-cores
// have work for it.
func TestSharedPipe(t *testing.T) {
	g := volta(t, "gpu.sm.pipes.fp64={lanes: 2, latency: 45, shared: true}")
	dfma := op(tile.OpDFMA, 0, 2, 4, 6)
	near(t, "dependent", perRound(t, g, 1, nil, op(tile.OpDFMA, 0, 0, 2, 4)), 45, 0)
	for _, warps := range []int{8, 16} {
		per := perRound(t, g, warps, nil, dfma, op(tile.OpDFMA, 8, 2, 4, 6), op(tile.OpDFMA, 16, 2, 4, 6), op(tile.OpDFMA, 24, 2, 4, 6)) / 4
		near(t, "lanes in use", float64(warps)*32/per, 2, 0.02)
	}
}

// TestPairLanes: four schedulers with 32 fp32 lanes each, and 32 more for each
// two of them, execute six multiply-adds a cycle if they come in pairs, three
// for two neighbours and two for one alone, but one of those that need each
// other's results.
func TestPairLanes(t *testing.T) {
	g := volta(t, "gpu.sm.dual_issue=true", "gpu.sm.pipes.fp32={lanes: 32, latency: 9}", "gpu.sm.pair_lanes=32")
	var piece []tile.Inst
	for i := range 12 {
		piece = append(piece, op(tile.OpFFMA, 2*i, 64+2*i, 97, 131))
	}
	for _, c := range []struct{ warps, perCycle float64 }{{32, 6}, {4, 6}, {2, 3}, {1, 2}} {
		per := perRound(t, g, int(c.warps), nil, piece...)
		near(t, "multiply-adds a cycle", c.warps*12/per, c.perCycle, 0.01)
	}
	// Chains of two make no pairs: there is one instruction a cycle and scheduler.
	chain := []tile.Inst{op(tile.OpFFMA, 0, 64, 97, 0), op(tile.OpFFMA, 0, 66, 97, 0)}
	near(t, "in chains", 32*2/perRound(t, g, 32, nil, chain...), 16.0/9*2, 0.05)
	// The pairs of one scheduler leave the lanes of others alone.
	mixed := append(append([]tile.Inst(nil), piece...), op(tile.OpIADD, 40, 66, tile.RZ, tile.RZ))
	near(t, "beside an integer instruction", 32*13/perRound(t, g, 32, nil, mixed...), 6.5, 0.05)
}
