package gpu_test

import (
	"testing"

	"gpusim/sm/gpu"
	"gpusim/workloads/tile"
)

// TestAccount counts the work of a kernel by hand: 3 CTAs of 2 warps, a loop
// of 5 iterations.
func TestAccount(t *testing.T) {
	g := small(t)
	s := kernel{
		warps: 2, ctas: 3, trips: 5, words: 1 << 12,
		accesses: []tile.Access{
			words(64, 4, 0, 4, 0), words(64, 1, 0, 1, 0),
			{Space: tile.Shared, Bytes: 8, Addr: make([]int32, 64)},
		},
	}
	s.segments = []tile.Segment{
		once(op(tile.OpS2R, 0, tile.RZ, tile.RZ, tile.RZ), op(tile.OpMOV, 1, 2, tile.RZ, tile.RZ), ldg(4, 0), stg(4, 1)),
		loop(op(tile.OpFFMA, 0, 1, 2, 3), op(tile.OpDFMA, 10, 12, 14, 16), op(tile.OpFADD, 0, 1, 2, tile.RZ), hmma(32, 4), hmma(48, 2), lds(20, 2), sts(20, 2)),
	}
	k := s.build(t, g)
	w := gpu.Account(k, 4)
	const warps, loops = 6, 30
	if w.Trips != 15 || w.WarpInsts != warps*5+loops*8 || w.Slots != warps*5+loops*(6+4+2) {
		t.Errorf("%d iterations, %d instructions in %d slots", w.Trips, w.WarpInsts, w.Slots)
	}
	if w.HMMASteps != loops*6 || w.HMMAFP32 != loops || w.HMMAFP16 != loops {
		t.Errorf("%d steps, %d and %d MMAs", w.HMMASteps, w.HMMAFP32, w.HMMAFP16)
	}
	if w.Payload() != loops*4 || w.Ops[tile.OpBRA] != loops || w.Ops[tile.OpEXIT] != warps {
		t.Errorf("payload %d, %d branches, %d exits", w.Payload(), w.Ops[tile.OpBRA], w.Ops[tile.OpEXIT])
	}
	// Registers of 32 bit: S2R 0/1, MOV 1/1, LDG 2/4, STG 2+1/0; FFMA 3/1, DFMA
	// 6/2, FADD 2/1, MMA steps 6/2 each, LDS 1/2, STS 1+2/0.
	if want := uint64(warps*(1+2+3) + loops*(3+6+2+6*6+1+3)); w.RegReads != want {
		t.Errorf("%d register reads, want %d", w.RegReads, want)
	}
	if want := uint64(warps*(1+1+4) + loops*(1+2+1+6*2+2)); w.RegWrites != want {
		t.Errorf("%d register writes, want %d", w.RegWrites, want)
	}
	rep, _ := run(t, g, gpu.Options{}, true, k)
	booksBalance(t, "account", g, &rep[0])
}

// Padding is the share of a grid's multiply-adds beyond m or n, each CTA weighted by its
// iterations: 40 rows and 16 columns on tiles of 32 x 32 are one full tile of rows, a
// quarter of the next and nothing of a third, and half of the columns.
func TestPadding(t *testing.T) {
	g := small(t)
	s := kernel{warps: 1, ctas: 3, trips: 3, words: 1 << 12}
	s.segments = []tile.Segment{loop(op(tile.OpFFMA, 0, 1, 2, 3))}
	k := s.build(t, g)
	k.TileM, k.TileN = 32, 32
	k.Place = func(index int, c *tile.CTA) {
		*c = tile.CTA{Index: index, Trips: int32(1 + 2*index)}
		c.Origin[tile.VarM], c.Limit[tile.VarM], c.Limit[tile.VarN] = int32(32*index), 40, 16
	}
	if p := gpu.Account(k, 4).Padding; p != 0 {
		t.Errorf("%g of a kernel that is no product is padding", p)
	}
	k.Product = true
	if p, want := gpu.Account(k, 4).Padding, 1-(1*0.5+3*0.25*0.5)/9; p != want {
		t.Errorf("%g is padding, want %g", p, want)
	}
}
