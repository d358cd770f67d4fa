package gpu_test

import (
	"fmt"
	"math/rand"
	"testing"

	"gpusim/configs"
	"gpusim/sm/gpu"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
)

// demand is what a program asks of global memory, counted lane by lane.
type demand struct {
	loadLines, loads, stores, storeLines, atomics, atomicLines, signals, waits uint64
	unique                                                                     map[uint64]bool // sectors loaded
}

func (d *demand) access(k *tile.Kernel, in *tile.Inst, c *tile.CTA, warp int, iter int32) {
	sectors, lines := map[uint64]bool{}, map[uint64]bool{}
	a := &k.Accesses[in.Access]
	for lane := range 32 {
		addr, ok := tile.LaneAddr(k, a, c, warp*32+lane, iter)
		for b := 0; ok && b < a.Bytes; b++ {
			sectors[(addr+uint64(b))/32] = true
			lines[(addr+uint64(b))/128] = true
		}
	}
	switch in.Op {
	case tile.OpLDG:
		d.loads += uint64(len(sectors))
		d.loadLines += uint64(len(lines))
		for s := range sectors {
			d.unique[s] = true
		}
	case tile.OpSTG:
		d.stores += uint64(len(sectors))
		d.storeLines += uint64(len(lines))
	case tile.OpRED:
		d.atomics += uint64(len(sectors))
		d.atomicLines += uint64(len(lines))
	}
}

// guardHolds is the meaning of guards.
func guardHolds(g tile.Guard, c *tile.CTA, iter int32) bool {
	switch g {
	case tile.GuardMore:
		return iter+1 < c.Trips
	case tile.GuardFirst:
		return c.Split == 0
	case tile.GuardNotFirst:
		return c.Split > 0
	case tile.GuardLast:
		return c.Split+1 == c.Splits
	case tile.GuardNotLast:
		return c.Split+1 < c.Splits
	}
	return true
}

func demandOf(k *tile.Kernel) demand {
	d := demand{unique: map[uint64]bool{}}
	for i := range k.CTAs() {
		var c tile.CTA
		k.Place(i, &c)
		for warp, role := range k.Role {
			for _, s := range k.Programs[role].Segments {
				trips := int32(1)
				if s.Loop {
					trips = c.Trips
				}
				for iter := range trips {
					for n := range s.Code {
						in := &s.Code[n]
						switch in.Op {
						case tile.OpLDG, tile.OpSTG, tile.OpRED:
							if guardHolds(in.Guard, &c, iter) {
								d.access(k, in, &c, warp, iter)
							}
						case tile.OpSIGSEM:
							if warp == 0 {
								d.signals++
							}
						case tile.OpWAITSEM:
							if warp == 0 && c.Split > 0 {
								d.waits++
							}
						}
					}
				}
			}
		}
	}
	return d
}

// conserved compares what a kernel asks for with what each level saw.
func conserved(t *testing.T, what string, k *tile.Kernel, r *gpu.Report, dev *gpu.GPU) demand {
	t.Helper()
	d, m := demandOf(k), &r.Memory
	for _, c := range []struct {
		name      string
		got, want uint64
	}{
		{"L1 lines looked up", r.SM.L1Accesses, d.loadLines},
		{"L1 hits and misses", r.SM.L1Hits + r.SM.L1Misses, d.loads},
		{"sectors read in L2", m.L2ReadSectors, r.SM.L1Misses + d.atomics},
		{"L2 hits and misses", m.L2Hits + m.L2Misses, m.L2ReadSectors},
		{"sectors from L2", m.ReplySectors, r.SM.L1Misses},
		{"sectors to L2", m.RequestSectors, d.stores + d.atomics},
		{"sectors written in L2", m.L2WriteSectors, d.stores + d.atomics},
		{"lines stored", m.Writes, d.storeLines},
		{"atomics", m.Atomics, d.atomicLines},
		{"signals", m.Signals, d.signals},
		{"waits", m.Waits, d.waits},
		{"requests", m.Requests, m.Reads + m.Writes + m.Atomics + m.Signals + m.Waits},
		{"L2 misses filled from DRAM", m.DRAMReadSectors, m.L2Misses},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s: %d, want %d", what, c.name, c.got, c.want)
		}
	}
	for _, s := range dev.SMs { // a store not acknowledged would be named
		if w := s.Waiting(); len(w) > 0 {
			t.Errorf("%s: after the end: %v", what, w)
		}
	}
	return d
}

func TestSectorsAreConserved(t *testing.T) {
	t.Parallel()
	for seed := range int64(25) {
		r := rand.New(rand.NewSource(500 + seed))
		g := small(t, "gpu.l2.fill_bytes=32") // a miss brings what it asked for
		k := randomKernel(t, g, r, style{})
		rep, dev := run(t, g, gpu.Options{}, seed%2 == 0, k)
		conserved(t, fmt.Sprint("seed ", seed), k, &rep[0], dev)
		if t.Failed() {
			return
		}
	}
}

func TestSectorsOfGEMMAreConserved(t *testing.T) {
	roomy := small(t, "gpu.l2.size=6 MiB", "gpu.l2.fill_bytes=32")
	for _, c := range []struct {
		name string
		g    *configs.GPU
		p    gemm.Problem
		c    gemm.Config
	}{
		{"hmma nn", roomy, gemm.Problem{M: 256, N: 256, K: 128, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma"}},
		{"hmma tn, ragged", roomy, gemm.Problem{M: 136, N: 72, K: 200, TransA: true, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma", TileM: 64, TileN: 64}},
		{"hmma, serial split-K", roomy, gemm.Problem{M: 128, N: 128, K: 256, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma", Splits: 4}},
		{"hmma, little L2", small(t, "gpu.l2.fill_bytes=32"), gemm.Problem{M: 256, N: 256, K: 128, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma"}},
		{"hmma, split-K through a workspace", roomy, gemm.Problem{M: 128, N: 128, K: 256, DType: "fp16", Acc: "fp32"}, gemm.Config{Family: "hmma", Splits: 2, Workspace: true}},
	} {
		ks := build(t, c.g, c.p, c.c)
		rep, dev := run(t, c.g, gpu.Options{}, false, ks...)
		for i := range ks {
			d := conserved(t, fmt.Sprintf("%s, kernel %d", c.name, i), ks[i], &rep[i], dev)
			// A cold L2 that holds everything reads each sector once.
			if got := rep[i].Memory.DRAMReadSectors; c.g == roomy && i == 0 && c.c.Splits == 0 && got != uint64(len(d.unique)) {
				t.Errorf("%s: %d sectors read from DRAM, want each of %d once", c.name, got, len(d.unique))
			}
		}
	}
}

// TestLoadsNobodyWaitsFor: warps may leave while their loads are under way;
// the replies then concern nobody, least of all the warps that follow.
func TestLoadsNobodyWaitsFor(t *testing.T) {
	for seed := range int64(25) {
		r := rand.New(rand.NewSource(700 + seed))
		g := small(t)
		g.SM.CTALaunchLatency, g.SM.CTAExitLatency = 1, 1
		k := randomKernel(t, g, r, style{loadsAtExit: true})
		rep, _ := run(t, g, gpu.Options{}, false, k)
		booksBalance(t, fmt.Sprint("seed ", seed), g, &rep[0])
		if d := demandOf(k); rep[0].SM.L1Hits+rep[0].SM.L1Misses != d.loads {
			t.Fatalf("seed %d: %d and %d sectors loaded, want %d", seed, rep[0].SM.L1Hits, rep[0].SM.L1Misses, d.loads)
		}
	}
}

// TestStoresInvalidate: what a warp has stored is read from L2 again.
func TestStoresInvalidate(t *testing.T) {
	g := small(t)
	s := kernel{warps: 1, ctas: 1, trips: 1, words: 1 << 10, accesses: []tile.Access{words(32, 1, 0, 1, 0), words(32, 1, 8, 0, 0)}}
	s.segments = []tile.Segment{once(
		ldg(0, 0), op(tile.OpFADD, 1, 0, 2, tile.RZ), // four sectors
		ldg(0, 0), op(tile.OpFADD, 1, 0, 2, tile.RZ), // hits
		stg(1, 1), bare(tile.OpMEMBAR), op(tile.OpNOP, tile.RZ, tile.RZ, tile.RZ, tile.RZ), // one of them
		ldg(0, 0), op(tile.OpFADD, 1, 0, 2, tile.RZ), // three hit
	)}
	rep, _ := run(t, g, gpu.Options{}, true, s.build(t, g))
	if n := &rep[0].SM; n.L1Misses != 5 || n.L1Hits != 7 {
		t.Errorf("%d misses and %d hits, want 5 and 7", n.L1Misses, n.L1Hits)
	}
}

// TestL1ReplacesTheLeastRecent of the four lines of a set.
func TestL1ReplacesTheLeastRecent(t *testing.T) {
	g := small(t)
	const apart = 16 << 20 / 4 // words; any set of any size sees the same
	s := kernel{warps: 1, ctas: 1, trips: 1, words: 8 * apart}
	var code []tile.Inst
	for i, line := range []int{0, 1, 2, 3, 0, 4, 0, 1, 0, 4} { // 1 goes for 4, 2 for 1
		s.accesses = append(s.accesses, words(32, 1, line*apart, 0, 0))
		code = append(code, ldg(0, i)) // each waits for the one before
	}
	s.segments = []tile.Segment{once(append(code, op(tile.OpFADD, 1, 0, 2, tile.RZ))...)}
	rep, _ := run(t, g, gpu.Options{}, false, s.build(t, g))
	if n := &rep[0].SM; n.L1Misses != 6 || n.L1Hits != 4 {
		t.Errorf("%d misses and %d hits, want 6 and 4", n.L1Misses, n.L1Hits)
	}
}
