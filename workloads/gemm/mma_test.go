package gemm

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"testing"

	"gpusim/workloads/tile"
)

// mmaLatencies are voltaLatencies with the matrix instructions named.
func mmaLatencies(mmas ...tile.MMA) tile.Latencies {
	l := voltaLatencies
	l.MMA = mmas
	return l
}

func mmaOf(typ, acc string, m, n, k int) tile.MMA {
	return tile.MMA{Name: fmt.Sprintf("MMA.%d%d%d", m, n, k), Type: typ, Acc: acc, M: m, N: n, K: k, Cycles: 8, Latency: 18, Accumulate: 18}
}

// mmaTiles are CTA tiles with their warp tiles, k-tiles and stages.
var mmaTiles = []Config{
	{TileM: 256, TileN: 128, TileK: 32, WarpM: 64, WarpN: 64, Stages: 2},
	{TileM: 128, TileN: 128, TileK: 32, WarpM: 64, WarpN: 64, Stages: 2},
	{TileM: 64, TileN: 128, TileK: 32, WarpM: 32, WarpN: 64, Stages: 2},
	{TileM: 64, TileN: 64, TileK: 32, WarpM: 32, WarpN: 32, Stages: 2},
	{TileM: 128, TileN: 256, TileK: 32, WarpM: 64, WarpN: 64, Stages: 3},
	{TileM: 128, TileN: 64, TileK: 64, WarpM: 64, WarpN: 32, Stages: 4},
	{TileM: 64, TileN: 64, TileK: 64, WarpM: 32, WarpN: 32, Stages: 5},
	{TileM: 32, TileN: 32, TileK: 64, WarpM: 16, WarpN: 16, Stages: 6},
}

func TestMMAFunctional(t *testing.T) {
	for _, inst := range []tile.MMA{
		mmaOf("fp16", "fp32", 16, 8, 8), mmaOf("fp16", "fp16", 16, 8, 16), mmaOf("fp16", "fp32", 16, 8, 16),
		mmaOf("bf16", "fp32", 16, 8, 16), mmaOf("tf32", "fp32", 16, 8, 8),
	} {
		tiles := mmaTiles
		if inst.Type != "fp16" {
			tiles = tiles[3:6]
		}
		for _, c := range tiles {
			if inst.Type == "tf32" {
				c.TileK /= 2
			}
			c.Family = "mma"
			for trans := range 4 {
				p := Problem{M: c.TileM + 8, N: c.TileN + 16, K: 104, Batch: 1, TransA: trans&1 != 0, TransB: trans&2 != 0, DType: inst.Type, Acc: inst.Acc, Alpha: 1}
				t.Run(fmt.Sprintf("%s/%s/%dx%dx%d/%s", inst.Type, inst.Name, c.TileM, c.TileN, c.TileK, p.Layout()), func(t *testing.T) {
					verifyOn(t, p, c, mmaLatencies(inst))
				})
			}
		}
	}
}

// TestMMACorners: narrow vectors, scalars, batches and both forms of split-K.
func TestMMACorners(t *testing.T) {
	two := Config{Family: "mma", TileM: 64, TileN: 64, TileK: 32, WarpM: 32, WarpN: 32, Stages: 2}
	four := two
	four.Stages = 4
	for _, tc := range []struct {
		m, n, k, batch int
		alpha, beta    float64
		out            string
		c              Config
	}{
		{67, 33, 71, 1, 1, 0, "", two}, // one half at a time
		{70, 66, 74, 1, 2, -1, "", four},
		{64, 72, 40, 3, 1, 0.5, "fp32", four},
		{100, 20, 500, 1, 0.5, 2, "", Config{Splits: 3}},
		{100, 20, 500, 1, 0.5, 0, "", Config{Splits: 4, Workspace: true}},
		{8, 8, 8, 1, 1, 0, "", four}, // fewer k-tiles than stages
	} {
		if tc.c.Splits > 0 {
			s, w := tc.c.Splits, tc.c.Workspace
			tc.c = four
			tc.c.Splits, tc.c.Workspace = s, w
		}
		for trans := range 4 {
			for _, acc := range []string{"fp32", "fp16"} {
				p := fp16(tc.m, tc.n, tc.k, trans&1 != 0, trans&2 != 0, acc)
				p.Batch, p.Alpha, p.Beta, p.OutType = tc.batch, tc.alpha, tc.beta, tc.out
				verifyOn(t, p, tc.c, mmaLatencies(mmaOf("fp16", acc, 16, 8, 16)))
			}
		}
	}
}

// TestMMAPasses: with aligned operands no shared access has a bank conflict.
func TestMMAPasses(t *testing.T) {
	for _, inst := range []tile.MMA{
		mmaOf("fp16", "fp32", 16, 8, 8), mmaOf("fp16", "fp16", 16, 8, 16), mmaOf("bf16", "fp32", 16, 8, 16), mmaOf("tf32", "fp32", 16, 8, 8),
		mmaOf("fp64", "fp64", 8, 8, 4), mmaOf("fp64", "fp64", 16, 8, 4),
	} {
		tiles := mmaTiles
		if inst.Type == "fp64" {
			tiles = []Config{{TileM: 128, TileN: 128, TileK: 16, WarpM: 32, WarpN: 64, Stages: 3}, {TileM: 32, TileN: 32, TileK: 16, WarpM: 16, WarpN: 16, Stages: 5}}
		}
		for _, c := range tiles {
			if inst.Type == "tf32" {
				c.TileK /= 2
			}
			c.Family = "mma"
			for trans := range 4 {
				p := Problem{M: 512, N: 512, K: 256, Batch: 1, TransA: trans&1 != 0, TransB: trans&2 != 0, DType: inst.Type, Acc: inst.Acc, Alpha: 1}
				ks, err := Build(p, c, mmaLatencies(inst))
				if err != nil {
					t.Fatalf("%+v: %v", c, err)
				}
				k := ks[0]
				for i, a := range k.Accesses {
					if a.Space != tile.Shared {
						continue
					}
					for w, got := range a.Passes {
						free := max(1, a.Bytes*32/128)
						if a.Matrices > 0 {
							free = a.Matrices
						}
						if c.WarpM < 32 && inst.Acc == "fp16" {
							free *= 2 // sixteen halves are too short a row
						}
						if int(got) > free {
							t.Fatalf("%s %s: access %d (%d bytes, %d matrices) warp %d takes %d passes, not %d: %v", k.Name, inst.Name, i, a.Bytes, a.Matrices, w, got, free, a.Addr[w*32:w*32+32])
						}
					}
				}
			}
		}
	}
}

// TestDMMAFunctional: fp64, whose accumulators go straight to C.
func TestDMMAFunctional(t *testing.T) {
	for _, inst := range []tile.MMA{mmaOf("fp64", "fp64", 8, 8, 4), mmaOf("fp64", "fp64", 16, 8, 4), mmaOf("fp64", "fp64", 16, 8, 16)} {
		for i, c := range []Config{
			{TileM: 128, TileN: 128, TileK: 16, WarpM: 32, WarpN: 64, Stages: 3},
			{TileM: 64, TileN: 64, TileK: 16, WarpM: 32, WarpN: 32, Stages: 4},
			{TileM: 32, TileN: 32, TileK: 16, WarpM: 16, WarpN: 16, Stages: 5},
			{TileM: 32, TileN: 32, TileK: 16, WarpM: 16, WarpN: 16, Stages: 5, Splits: 3},
			{TileM: 32, TileN: 32, TileK: 16, WarpM: 16, WarpN: 16, Stages: 5, Splits: 3, Workspace: true},
		} {
			c.Family = "mma"
			if inst.K == 16 {
				if c.TileK = 32; c.TileM > 64 {
					continue // too many registers
				}
			}
			for trans := range 4 {
				p := Problem{M: c.TileM + 5 + i, N: c.TileN + 7, K: 83 * (1 + i), Batch: 1, TransA: trans&1 != 0, TransB: trans&2 != 0, DType: "fp64", Acc: "fp64", Alpha: 1.5, Beta: float64(i % 2)}
				verifyOn(t, p, c, mmaLatencies(inst))
			}
		}
	}
}

// TestIMMAFunctional: integers of 8, 4 and 1 bit, exactly.
func TestIMMAFunctional(t *testing.T) {
	for _, inst := range []tile.MMA{
		mmaOf("int8", "int32", 8, 8, 16), mmaOf("int8", "int32", 16, 8, 32),
		mmaOf("int4", "int32", 8, 8, 32), mmaOf("int4", "int32", 16, 8, 64),
		mmaOf("int1", "int32", 8, 8, 128), mmaOf("int1", "int32", 16, 8, 256),
	} {
		for _, c := range []Config{
			{TileM: 128, TileN: 64, WarpM: 64, WarpN: 32, Stages: 2}, {TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, Stages: 4},
			{TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, Stages: 3, Splits: 2}, {TileM: 64, TileN: 64, WarpM: 32, WarpN: 32, Stages: 3, Splits: 2, Workspace: true},
		} {
			bits := map[string]int{"int8": 8, "int4": 4, "int1": 1}[inst.Type]
			c.Family, c.TileK = "mma", 64*8/bits
			p := Problem{M: c.TileM + 4, N: c.TileN + 3, K: 160 * 8 / bits, Batch: 1, TransA: true, DType: inst.Type, Acc: "int32", Alpha: 2, Beta: -1}
			integers(t, p, c, inst)
		}
	}
}

// integers replays a product of integers and compares it with plain loops.
func integers(t *testing.T, p Problem, c Config, inst tile.MMA) {
	t.Helper()
	ks, err := Build(p, c, mmaLatencies(inst))
	if err != nil {
		t.Fatal(err)
	}
	ts := ks[0].Tensors
	m := newMachine(ts)
	rnd := rand.New(rand.NewSource(int64(p.K)))
	for _, x := range ts[:3] {
		at := m.Mem[x.Base-tile.DeviceBase:][:x.Bytes]
		for i := range at {
			at[i] = byte(rnd.Int())
		}
	}
	per := Packed(p.DType)
	value := func(x tile.Tensor, outer, k int) int32 { // both operands are contiguous along k
		b := m.Mem[x.Base-tile.DeviceBase+uint64(outer*p.K/per+k/per)]
		return int32(tile.Value(p.DType, uint32(b)>>(k%per*8/per)))
	}
	result := func(i, j int) int32 {
		return int32(binary.LittleEndian.Uint32(m.Mem[ts[tensorC].Base-tile.DeviceBase+uint64(4*(j*p.M+i)):]))
	}
	want := make([]int32, p.M*p.N)
	for i := range p.M {
		for j := range p.N {
			sum := int32(0)
			for k := range p.K {
				sum += value(ts[tensorA], i, k) * value(ts[tensorB], j, k)
			}
			want[j*p.M+i] = int32(p.Alpha)*sum + int32(p.Beta)*result(i, j)
		}
	}
	for _, k := range ks {
		if err := m.Run(k); err != nil {
			t.Fatal(err)
		}
	}
	for i := range want {
		if got := result(i%p.M, i/p.M); got != want[i] {
			t.Fatalf("%s %s: C(%d,%d) = %d, want %d", ks[0].Name, inst.Type, i%p.M, i/p.M, got, want[i])
		}
	}
}

// TestQMMAFunctional: fp8, whose C is of bf16.
func TestQMMAFunctional(t *testing.T) {
	for _, c := range []Config{
		{TileM: 128, TileN: 64, TileK: 64, WarpM: 64, WarpN: 32, Stages: 3}, {TileM: 64, TileN: 64, TileK: 64, WarpM: 32, WarpN: 32, Stages: 4},
		{TileM: 64, TileN: 64, TileK: 64, WarpM: 32, WarpN: 32, Stages: 3, Splits: 2, Workspace: true},
	} {
		c.Family = "mma"
		p := Problem{M: c.TileM + 8, N: c.TileN + 3, K: 208, Batch: 1, TransA: true, DType: "fp8", Acc: "fp32", Alpha: 1}
		verifyOn(t, p, c, mmaLatencies(mmaOf("fp8", "fp32", 16, 8, 32)))
	}
}
