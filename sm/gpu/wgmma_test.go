package gpu_test

import (
	"testing"

	"gpusim/configs"
	"gpusim/sm/gpu"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// handmade is a kernel of one CTA whose warp groups all run the same code on a box of
// so many lines and a matrix instruction of n columns.
func handmade(t *testing.T, g *configs.GPU, groups, lines, n int, code ...tile.Inst) *tile.Kernel {
	t.Helper()
	k := &tile.Kernel{
		Name: "handmade", Grid: [3]int{1, 1, 1}, Threads: 128 * groups, Regs: 168, Shared: 128 << 10, Splits: 1, Role: make([]uint8, 4*groups),
		Tensors:   []tile.Tensor{{Name: "read", Base: 1 << 32, Elem: 2, Rows: 256, Cols: 64, RowStride: 64, ColStride: 1, BatchStride: 1 << 14, Bytes: 1 << 15}},
		Boxes:     []tile.Box{{RowVar: tile.VarZero, ColVar: tile.VarZero, Rows: lines, Cols: 64, Swizzled: true}},
		Barriers:  []tile.MBarrier{{Name: "full", Stages: 1, Arrivals: 1, Bytes: 128 * lines}},
		GroupMMAs: []tile.GroupMMA{{N: n, K: 16, Type: "fp16", Acc: "fp32", A: tile.SharedOperand{Elem: 2}, B: tile.SharedOperand{Elem: 2}}},
		Place:     func(i int, c *tile.CTA) { *c = tile.CTA{Index: i, Splits: 1} },
		Programs:  []*tile.Program{{Segments: []tile.Segment{{Code: append(code, bare(tile.OpEXIT))}}}},
	}
	if err := tile.Finish(k, library.Latencies(g)); err != nil {
		t.Fatal(err)
	}
	return k
}

func imm(o tile.Op, access int, imm uint8) tile.Inst {
	in := memop(o, tile.RZ, tile.RZ, access)
	in.Imm = imm
	return in
}

// Matrix instructions of a warp group follow each other without a gap, at the machine
// file's cycles by n or as fast as shared memory brings 64 rows and n columns of 32
// bytes; those of two warp groups take turns.
func TestMatrixInstructionsOfWarpGroups(t *testing.T) {
	g := hopper(t)
	for _, c := range []struct{ n, groups, cycles int }{
		{256, 1, 128}, {256, 2, 256}, {128, 1, 64}, {64, 1, 32}, {32, 1, 24}, {8, 1, 18},
	} {
		time := func(count int) uint64 {
			var code []tile.Inst
			for range count {
				in := imm(tile.OpWGMMA, 0, tile.MMACommit)
				in.Dst = 0
				code = append(code, in)
			}
			return cycles(t, g, true, handmade(t, g, c.groups, 8, c.n, append(code, imm(tile.OpWGWAIT, 0, 0))...))
		}
		if d := time(100) - time(60); d != uint64(40*c.cycles) {
			t.Errorf("n = %d, %d warp groups: 40 instructions take %d cycles, want %d each", c.n, c.groups, d, c.cycles)
		}
	}
}

// A wait for a group of matrix instructions ends when these are done, and not before
// the latest when none may be left.
func TestWaitForGroups(t *testing.T) {
	g := hopper(t)
	time := func(left uint8) uint64 {
		var code []tile.Inst
		for range 3 {
			in := imm(tile.OpWGMMA, 0, tile.MMACommit)
			in.Dst = 0
			code = append(code, in)
		}
		return cycles(t, g, true, handmade(t, g, 1, 8, 256, append(code, imm(tile.OpWGWAIT, 0, left))...))
	}
	if a, b, c := time(0), time(1), time(2); a-b != 128 || b-c != 128 {
		t.Errorf("waits for all, all but one and all but two end at %d, %d and %d, want 128 apart", a, b, c)
	}
}

// A box is there when the TMA has asked for its lines, one after another, and they
// have come from L2 through the SM's port.
func TestBoxLoads(t *testing.T) {
	load := func(lines int, sets ...string) uint64 {
		g := hopper(t, append(sets, "gpu.l2.partitions=1")...)
		first := func(in tile.Inst) tile.Inst {
			in.Guard = tile.GuardLeader
			return in
		}
		return cycles(t, g, true, handmade(t, g, 1, lines, 8, first(imm(tile.OpMBTX, 0, 0)), first(imm(tile.OpTMALD, 0, 0)), imm(tile.OpMBWAIT, 0, 0)))
	}
	one := load(8)
	if d := load(8, "gpu.sm.tma.latency=150") - one; d != 50 {
		t.Errorf("50 cycles more in the TMA take %d", d)
	}
	// Eight lines apart, requests set the pace.
	if d := load(136, "gpu.sm.tma.line_interval=8") - load(8, "gpu.sm.tma.line_interval=8"); d < 128*8-24 || d > 128*8+24 {
		t.Errorf("128 lines at one in 8 cycles take %d", d)
	}
	// A line is 128 bytes and the SM's port takes 64 a cycle.
	if d := load(200) - load(72); d < 128*2 || d > 128*2+16 {
		t.Errorf("128 lines take %d cycles, at least 256", d)
	}
	if a, b := load(200), load(200, "gpu.crossbar.sm_reply_bytes_per_clk=32"); b < a+250 {
		t.Errorf("half of the port: %d cycles after %d", b, a)
	}
}

// Work names what a kernel's matrix instructions amount to.
func TestAccountOfMatrixInstructions(t *testing.T) {
	g := hopper(t)
	k := wgmmaKernel(t, g, 1)
	w := gpu.Account(k, 1)
	trips := uint64(k.Tiles) * 8 // ceil(456 / 64)
	if want := trips * 128 * 128 * 64; w.FMAs["bf16/fp32"] != want || w.Trips != trips || w.Tiles != uint64(k.Tiles) {
		t.Errorf("%d multiply-adds, want %d, in %d iterations of %d tiles", w.FMAs["bf16/fp32"], want, w.Trips, w.Tiles)
	}
	if w.Ops[tile.OpWGMMA] != trips*8*4 {
		t.Errorf("%d warp instructions, want 8 warps of 4 in each iteration", w.Ops[tile.OpWGMMA])
	}
}
