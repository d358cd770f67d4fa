package gpu_test

import (
	"strings"
	"testing"

	"gpusim/sm/gpu"
	"gpusim/workloads/library"
	"gpusim/workloads/tile"
)

// Loads from the other SM of a cluster, loads of constants and constants as operands.
func peerKernel(t testing.TB) *tile.Kernel {
	t.Helper()
	k := kernel{warps: 3, ctas: 8, trips: 5, words: 4096, regs: 64}.build(t, hopper(t))
	k.Cluster, k.Shared, k.Consts = 2, 4096, make([]uint32, 100)
	place := k.Place
	k.Place = func(i int, c *tile.CTA) {
		place(i, c)
		c.Rank = int32(i % 2)
	}
	mine := tile.Access{Space: tile.Shared, Bytes: 4, Addr: make([]int32, k.Threads)}
	for i := range mine.Addr {
		mine.Addr[i] = int32(4 * (5 * i % 512))
	}
	peers := mine
	peers.Peer = 1
	k.Accesses = append(k.Accesses, mine, peers)
	n := len(k.Accesses)
	named := func(o tile.Op, dst, konst int) tile.Inst {
		in := op(o, dst, dst, tile.RZ, tile.RZ)
		in.Imm = uint8(tile.ImmConst + konst)
		return in
	}
	address := lds(1, n-1)
	address.SrcB = 9
	code := []tile.Inst{
		lds(0, n-2), address, lds(3, n-2), op(tile.OpFADD, 3, 3, 1, tile.RZ), op(tile.OpIADD, 9, 9, 0, tile.RZ), sts(2, n-2), op(tile.OpFADD, 2, 2, 1, tile.RZ),
		named(tile.OpFADD, 2, 3), named(tile.OpLDC, 4, 40), named(tile.OpFADD, 5, 99), op(tile.OpFADD, 2, 4, 5, tile.RZ), bare(tile.OpBAR),
	}
	k.Programs = []*tile.Program{{Segments: []tile.Segment{loop(code...), once(lds(7, n-1), bare(tile.OpEXIT))}}}
	return k
}

// Bulk steps change nothing of that, and the loads of an SM wait for the ways there and
// back.
func TestHorizonOfPeers(t *testing.T) {
	g := hopper(t, "gpu.sm.constants.l0=64 B", "gpu.sm.constants.line_bytes=32", "gpu.sm.constants.l0_miss_latency=50",
		"gpu.sm.constants.l1_miss_latency=200", "gpu.sm.constants.load_latency=20", "gpu.sm.constants.load_register_latency=25")
	k := peerKernel(t)
	if err := tile.Finish(k, library.Latencies(g)); err != nil {
		t.Fatal(err)
	}
	first, _ := run(t, g, gpu.Options{Clusters: true}, false, k)
	want := outcomes(first, true)[0]
	for _, o := range []gpu.Options{{Clusters: true, Horizon: 1}, {Clusters: true, Horizon: 17}, {Clusters: true, Reverse: true}} {
		got, _ := run(t, g, o, false, k)
		if got := outcomes(got, true)[0]; got != want {
			t.Fatalf("%+v:\n%+v, else\n%+v", o, got, want)
		}
	}
	if least := uint64(5 * (2*g.SM.ClusterLatency + g.SM.MIO.SharedLatency)); first[0].Launch.Cycles() < least {
		t.Errorf("%d cycles for five trips of at least %d", first[0].Launch.Cycles(), least)
	}
}

// Memory of another CTA needs a cluster, and takes no stores.
func TestPeersAreChecked(t *testing.T) {
	g := hopper(t)
	k := peerKernel(t)
	k.Cluster = 0
	if err := tile.Finish(k, library.Latencies(g)); err == nil || !strings.Contains(err.Error(), "1 ranks further on in clusters of 0") {
		t.Errorf("%v", err)
	}
	for _, peer := range []int{-1, 2} {
		k = peerKernel(t)
		k.Accesses[len(k.Accesses)-1].Peer = peer
		if err := tile.Finish(k, library.Latencies(g)); err == nil || !strings.Contains(err.Error(), "ranks further on") {
			t.Errorf("%v", err)
		}
	}
	k = peerKernel(t)
	k.Programs[0].Segments[0].Code[5].Access++
	if err := tile.Finish(k, library.Latencies(g)); err == nil || !strings.Contains(err.Error(), "only loads") {
		t.Errorf("%v", err)
	}
}
