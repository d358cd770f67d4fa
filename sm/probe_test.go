package sm_test

import (
	"math"
	"testing"

	"gpusim/sm"
	"gpusim/workloads/tile"
)

// near compares a measured figure with what it should be.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance*want+1e-9 {
		t.Errorf("%s: %.3f, want %.3f within %.1f %%", what, got, want, 100*tolerance)
	}
}

// TestLatencies measures chains of dependent instructions of one warp.
func TestLatencies(t *testing.T) {
	g := volta(t)
	for _, c := range []struct {
		name string
		in   tile.Inst
		want float64
	}{
		{"FFMA", op(tile.OpFFMA, 0, 0, 2, 4), 4},
		{"FADD", op(tile.OpFADD, 0, 0, 2, tile.RZ), 4},
		{"IADD", op(tile.OpIADD, 0, 0, 2, tile.RZ), 4},
		{"IMAD", op(tile.OpIMAD, 0, 0, 2, 4), 4},
		{"HFMA2", op(tile.OpHFMA2, 0, 0, 2, 4), 6},
		{"DFMA", op(tile.OpDFMA, 0, 0, 2, 4), 8},
		{"MUFU", op(tile.OpMUFU, 0, 0, tile.RZ, tile.RZ), 18},
		{"LDS", lds(0, 0), 19},    // on the same register: each waits for the one before
		{"LDS.64", lds(0, 1), 20}, // two half-warps
		{"LDS.128", lds(0, 2), 22},
		{"LDS, 2-way conflict", lds(0, 3), 20},
		{"LDS, 8-way conflict", lds(0, 4), 26},
		{"LDS, 32-way conflict", lds(0, 5), 50},
		{"LDS, broadcast", lds(0, 6), 19},
		{"HMMA accumulating, fp32", hmma(0, 4), 9}, // first step to first step 8, and the lost cycle of every second
		{"HMMA accumulating, fp16", hmma(0, 2), 8},
	} {
		acc := []tile.Access{
			sharedAccess(32, 4, 1), sharedAccess(32, 8, 2), sharedAccess(32, 16, 4),
			sharedAccess(32, 4, 2), sharedAccess(32, 4, 8), sharedAccess(32, 4, 32), sharedAccess(32, 4, 0),
		}
		got := perRound(t, g, 1, acc, c.in)
		if c.name == "HMMA accumulating, fp32" {
			near(t, c.name, got, 8.5, 0)
			continue
		}
		near(t, c.name, got, c.want, 0)
	}
}

// TestHMMAResultLatency: an instruction that is no accumulating MMA reads the
// accumulator Latency cycles after the last step.
func TestHMMAResultLatency(t *testing.T) {
	g := volta(t)
	read := op(tile.OpFADD, 0, 0, 2, tile.RZ) // and the next MMA needs its result
	last := func(steps, every int) float64 { return float64((steps - 1) * every) }
	near(t, "fp32", perRound(t, g, 1, nil, hmma(0, 4), read), last(4, 2)+10+4, 0)
	near(t, "fp16", perRound(t, g, 1, nil, hmma(0, 2), read), last(2, 4)+10+4, 0)
}

// TestThroughput measures pipes with enough warps.
func TestThroughput(t *testing.T) {
	g := volta(t)
	const warps = 32
	spread := func(o tile.Op) (out []tile.Inst) { // independent instructions
		for i := range 8 {
			out = append(out, op(o, 2*i, 64+2*i, 96, 128))
		}
		return out
	}
	per := func(piece ...tile.Inst) float64 { // warp instructions per cycle and SM
		acc := []tile.Access{sharedAccess(32*warps, 4, 1), sharedAccess(32*warps, 16, 4), sharedAccess(32*warps, 4, 4), sharedAccess(32*warps, 4, 32)}
		return warps * float64(len(piece)) / perRound(t, g, warps, acc, piece...)
	}
	near(t, "fp32 flop/clk/SM", 2*32*per(spread(tile.OpFFMA)...), 128, 0.001)
	near(t, "fp64 flop/clk/SM", 2*32*per(spread(tile.OpDFMA)...), 64, 0.001)
	near(t, "fp16 flop/clk/SM", 4*32*per(spread(tile.OpHFMA2)...), 256, 0.001)
	near(t, "int op/clk/SM", 32*per(spread(tile.OpIADD)...), 64, 0.001)
	near(t, "MUFU/clk/SM", 32*per(op(tile.OpMUFU, 0, 2, tile.RZ, tile.RZ), op(tile.OpMUFU, 4, 2, tile.RZ, tile.RZ)), 16, 0.001)

	var ffmaInt []tile.Inst // both pipes take one every second cycle
	for i := range 8 {
		ffmaInt = append(ffmaInt, op(tile.OpFFMA, 2*i, 64, 96, 129), op(tile.OpIADD, 32+2*i, 66, tile.RZ, tile.RZ))
	}
	near(t, "FFMA with IADD beside, instructions/clk/SM", per(ffmaInt...), 4, 0.001)

	quad := []tile.Inst{lds(0, 0), lds(4, 0), lds(8, 0), lds(12, 0)}
	near(t, "LDS B/clk/SM", 128*per(quad...), 128, 0.001)
	near(t, "LDS.128 B/clk/SM", 512*per(lds(0, 1), lds(4, 1), lds(8, 1), lds(12, 1)), 128, 0.001)
	near(t, "LDS with 4-way conflicts, per clk", per(lds(0, 2), lds(4, 2), lds(8, 2), lds(12, 2)), 1.0/4, 0.001)
	near(t, "LDS with 32-way conflicts, per clk", per(lds(0, 3), lds(4, 3), lds(8, 3), lds(12, 3)), 1.0/32, 0.001)
	near(t, "STS B/clk/SM", 128*per(sts(0, 0), sts(4, 0), sts(8, 0), sts(12, 0)), 128, 0.001)
}

// TestOneSubCoreFeedsTheUnitByHalf: one sub-core sends a memory instruction
// every second cycle, so it alone reaches half the shared-memory bandwidth.
func TestOneSubCoreFeedsTheUnitByHalf(t *testing.T) {
	// Greedy, so that warps do not meet at the ends of their loops.
	g := volta(t, "gpu.sm.scheduler=gto")
	g.SM.SubCores = 1
	acc := []tile.Access{sharedAccess(32*8, 4, 1)}
	per := perRound(t, g, 8, acc, lds(0, 0), lds(4, 0), lds(8, 0), lds(12, 0))
	near(t, "B/clk", 8*4*128/per, 64, 0.001)
}

// TestRegisterBankConflicts: three operands in one of two banks that deliver
// two each cost a cycle.
func TestRegisterBankConflicts(t *testing.T) {
	g := volta(t)
	free := perRound(t, g, 32, nil, op(tile.OpFFMA, 0, 10, 21, 32), op(tile.OpFFMA, 1, 13, 23, 34))
	bad := perRound(t, g, 32, nil, op(tile.OpFFMA, 0, 10, 20, 30), op(tile.OpFFMA, 1, 12, 22, 32))
	near(t, "conflict", bad/free, 1.5, 0.002)
}

// TestTensorRate compares with what was measured on silicon: 479 FMA per
// clock and SM with fp32 accumulators and 509 with fp16.
func TestTensorRate(t *testing.T) {
	g := volta(t)
	for _, warps := range []int{4, 8, 16} {
		var s, h []tile.Inst
		for i := range 8 {
			s = append(s, hmma(8*i, 4))
			h = append(h, hmma(8*i, 2))
		}
		fp32 := float64(warps*8*1024) / perRound(t, g, warps, nil, s...)
		fp16 := float64(warps*8*1024) / perRound(t, g, warps, nil, h...)
		t.Logf("%d warps: %.1f FMA/clk/SM with fp32 accumulators, %.1f with fp16", warps, fp32, fp16)
		near(t, "fp32 accumulators", fp32, 479, 0.03)
		near(t, "fp16 accumulators", fp16, 509, 0.03)
	}
}

// TestSlotsBesideHMMA: the steps of an MMA leave every second slot to other
// warps, which do not slow it down when the scheduler prefers it.
func TestSlotsBesideHMMA(t *testing.T) {
	g := volta(t)
	g.SM.Scheduler = "oldest"
	run := func(beside int) uint64 {
		const warps = 8 // the first four are the oldest of each sub-core
		k := loopKernel(t, g, warps, 100, nil, hmma(0, 4), hmma(8, 4), hmma(16, 4), hmma(24, 4))
		other := loopKernel(t, g, warps, 100, nil, repeat(beside, op(tile.OpIADD, 100, 130, tile.RZ, tile.RZ), op(tile.OpFFMA, 101, 131, 133, 136))...)
		k.Programs = append(k.Programs, other.Programs...)
		for w := 4; w < warps; w++ {
			k.Role[w] = 1
		}
		return finish(t, load(t, g, k, 1))
	}
	alone, with, tooMany := run(0), run(6), run(12) // slots per loop: 34 cycles less 16 steps
	if with > alone*101/100 {
		t.Errorf("12 instructions beside 4 MMAs take them from %d to %d cycles", alone, with)
	}
	if tooMany < alone*12/10 {
		t.Errorf("24 instructions beside 4 MMAs take %d cycles, and without them %d", tooMany, alone)
	}
}

// TestBarrierLatency: one warp's BAR to its next instruction.
func TestBarrierLatency(t *testing.T) {
	g := volta(t)
	near(t, "BAR", perRound(t, g, 1, nil, bare(tile.OpBAR)), float64(g.SM.BarrierLatency), 0)
	near(t, "BAR of 8 warps", perRound(t, g, 8, nil, bare(tile.OpBAR)), float64(g.SM.BarrierLatency+1), 0)
}

// TestCPIStack: each slot has one reason, and in simple cases it is known.
func TestCPIStack(t *testing.T) {
	g := volta(t)
	acc := func(warps int) []tile.Access {
		return []tile.Access{sharedAccess(32*warps, 4, 1), sharedAccess(32*warps, 4, 16)}
	}
	many := func(in tile.Inst) (out []tile.Inst) {
		for i := range 64 {
			if in.Op != tile.OpMUFU {
				in.Dst = uint8(64 + 2*(i%8))
			}
			out = append(out, in)
		}
		return out
	}
	for _, c := range []struct {
		name  string
		warps int
		body  []tile.Inst
		want  map[sm.Reason]float64 // least share of slots in per cent
	}{
		{"one dependent chain", 4, repeat(64, op(tile.OpFFMA, 0, 0, 2, 4)), map[sm.Reason]float64{sm.Wait: 70, sm.Issued: 23}},
		{"many warps", 32, many(op(tile.OpFFMA, 0, 2, 4, 6)), map[sm.Reason]float64{sm.MathPipe: 44, sm.Issued: 47}},
		{"both pipes", 32, append(many(op(tile.OpFFMA, 0, 2, 4, 7)), many(op(tile.OpIADD, 0, 2, 4, 7))...), map[sm.Reason]float64{sm.Issued: 45}},
		{"SFU", 16, repeat(64, op(tile.OpMUFU, 64, 2, tile.RZ, tile.RZ), op(tile.OpMUFU, 66, 2, tile.RZ, tile.RZ)), map[sm.Reason]float64{sm.MathPipe: 70}},
		{"tensor cores", 16, []tile.Inst{hmma(0, 4), hmma(8, 4), hmma(16, 4), hmma(24, 4), hmma(32, 4), hmma(40, 4)}, map[sm.Reason]float64{sm.TensorPipe: 35, sm.Issued: 45}},
		{"LDS to use", 4, repeat(16, lds(0, 0)), map[sm.Reason]float64{sm.ShortBoard: 85}},
		{"bank conflicts", 32, repeat(16, lds(0, 1), lds(1, 1), lds(2, 1), lds(3, 1)), map[sm.Reason]float64{sm.MIOThrottle: 50}},
		{"barriers", 8, repeat(16, bare(tile.OpBAR)), map[sm.Reason]float64{sm.BarrierWait: 80}},
	} {
		core := load(t, g, loopKernel(t, g, c.warps, 50, acc(c.warps), c.body...), 1)
		end := finish(t, core)
		core.Close(end + 17)
		n := core.Counts()
		sum := uint64(0)
		for _, s := range n.Slots {
			sum += s
		}
		if want := uint64(g.SM.SubCores) * (end + 17); sum != want {
			t.Errorf("%s: %d slots have a reason, want %d", c.name, sum, want)
		}
		for r, least := range c.want {
			if share := 100 * float64(n.Slots[r]) / float64(sum); share < least {
				t.Errorf("%s: %.1f %% %s, want at least %.0f: %v", c.name, share, r, least, n.Slots)
			}
		}
	}
}

func repeat(n int, in ...tile.Inst) (out []tile.Inst) {
	for range n {
		out = append(out, in...)
	}
	return out
}
