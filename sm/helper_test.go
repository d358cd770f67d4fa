package sm_test

import (
	"testing"

	"gpusim/configs"
	"gpusim/sm"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// volta is a copy of the V100, changed by sets, that a test may change further.
func volta(t testing.TB, sets ...string) *configs.GPU {
	t.Helper()
	m, err := configs.Load("volta", sets)
	if err != nil {
		t.Fatal(err)
	}
	return m.GPU
}

// op is an instruction on registers; memory instructions name their access.
func op(o tile.Op, dst, a, b, c int) tile.Inst {
	return tile.Inst{Op: o, Dst: uint8(dst), SrcA: uint8(a), SrcB: uint8(b), SrcC: uint8(c)}
}

func bare(o tile.Op) tile.Inst { return op(o, tile.RZ, tile.RZ, tile.RZ, tile.RZ) }

// hmma is an HMMA group on accumulators at acc; the fragments are at 240.
func hmma(acc int, steps uint8) tile.Inst {
	in := op(tile.OpHMMA, acc, 240, 242, acc)
	in.Steps = steps
	return in
}

func lds(dst, access int) tile.Inst {
	in := op(tile.OpLDS, dst, tile.RZ, tile.RZ, tile.RZ)
	in.Access = int16(access)
	return in
}

func sts(src, access int) tile.Inst {
	in := op(tile.OpSTS, tile.RZ, src, tile.RZ, tile.RZ)
	in.Access = int16(access)
	return in
}

// sharedAccess is an access to shared memory of which lane l touches words
// from l*stride on.
func sharedAccess(threads, bytes, stride int) tile.Access {
	a := tile.Access{Space: tile.Shared, Bytes: bytes, Addr: make([]int32, threads)}
	for t := range a.Addr {
		a.Addr[t] = int32(t % 32 * stride * 4)
	}
	return a
}

// loopKernel is one CTA shape whose warps all run body in a loop of trips.
func loopKernel(t testing.TB, g *configs.GPU, warps, trips int, accesses []tile.Access, body ...tile.Inst) *tile.Kernel {
	t.Helper()
	body = append(append([]tile.Inst(nil), body...), bare(tile.OpBRA))
	k := &tile.Kernel{
		Name: "loop", Grid: [3]int{1, 1, 1}, Threads: 32 * warps, Regs: 255, Shared: 32 << 10, Splits: 1,
		Role: make([]uint8, warps), Accesses: accesses,
		Programs: []*tile.Program{{Segments: []tile.Segment{{Code: body, Loop: true}, {Code: []tile.Inst{bare(tile.OpEXIT)}}}}},
		Place: func(i int, c *tile.CTA) {
			*c = tile.CTA{Index: i, Splits: 1, Tile: int32(i), Trips: int32(trips)}
		},
	}
	if err := tile.Finish(k, library.Latencies(g)); err != nil {
		t.Fatal(err)
	}
	return k
}

// load makes an SM with CTAs of a kernel announced for cycle 0, whether or
// not they fit an SM.
func load(t testing.TB, g *configs.GPU, k *tile.Kernel, ctas int) *sm.Core {
	t.Helper()
	roomy := *g // registers are not what these tests are about
	roomy.SM.Registers = 1 << 20
	p, err := sm.Prepare(k, &roomy)
	if err != nil {
		t.Fatal(err)
	}
	c, err := sm.NewCore(g)
	if err != nil {
		t.Fatal(err)
	}
	c.Load(p, 0)
	for i := range ctas {
		c.Launch(0, i)
	}
	return c
}

// finish runs an SM until it is empty and returns the cycle after its last
// instruction.
func finish(t testing.TB, c *sm.Core) uint64 {
	t.Helper()
	end := uint64(0)
	for {
		n, ok := c.Next()
		if !ok {
			return end
		}
		end = n + 1
		if end > 50_000_000 {
			t.Fatal("the SM does not come to an end")
		}
		c.Run(end)
	}
}

// perRound measures what one more copy of a piece of code costs in a loop, in
// cycles per 1000: loop overhead, launch and cold instruction caches cancel.
func perRound(t testing.TB, g *configs.GPU, warps int, accesses []tile.Access, piece ...tile.Inst) float64 {
	t.Helper()
	const copies, trips = 8, 40
	run := func(copies, trips int) float64 {
		var body []tile.Inst
		for range copies {
			body = append(body, piece...)
		}
		return float64(finish(t, load(t, g, loopKernel(t, g, warps, trips, accesses, body...), 1)))
	}
	long := run(2*copies, 2*trips) - run(2*copies, trips)
	short := run(copies, 2*trips) - run(copies, trips)
	return (long - short) / (copies * trips)
}
