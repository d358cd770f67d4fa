package gemm

import (
	"encoding/binary"
	"math/rand"
	"strings"
	"testing"

	"gpusim/workloads/tile"
)

// int8Tiles are those of the library's catalogue and some more.
var int8Tiles = []struct{ m, n, warpM, warpN, slices, threads, perSM int }{
	{128, 128, 32, 64, 1, 256, 2},
	{128, 64, 32, 64, 1, 128, 4},
	{64, 64, 32, 64, 1, 64, 7},
	{128, 32, 64, 32, 1, 64, 7},
	{32, 128, 32, 64, 1, 64, 7},
	{64, 32, 32, 32, 2, 128, 5},
}

func int8Config(i int) Config {
	t := int8Tiles[i]
	return Config{Family: "simt", TileM: t.m, TileN: t.n, WarpM: t.warpM, WarpN: t.warpN, WarpK: t.slices}
}

func int8Problem(m, n, k, trans int) Problem {
	return Problem{M: m, N: n, K: k, Batch: 1, TransA: trans&1 != 0, TransB: trans&2 != 0, DType: "int8", Acc: "int32", Alpha: 1}
}

// verifyInt runs the kernels of p on random bytes and compares C, bit for bit,
// with sums in plain integers.
func verifyInt(t *testing.T, p Problem, c Config) []*tile.Kernel {
	t.Helper()
	ks, err := Build(p, c, voltaLatencies)
	if err != nil {
		t.Fatalf("%+v %+v: %v", p, c, err)
	}
	ts := ks[0].Tensors
	m := newMachine(ts)
	rnd := rand.New(rand.NewSource(int64(p.M*7919 + p.N*104729 + p.K)))
	for _, x := range ts[:3] {
		at := m.Mem[x.Base-tile.DeviceBase:][:x.Bytes]
		rnd.Read(at)
		if x.Elem == 4 { // leave room for the sums
			for i := 0; i < len(at); i += 4 {
				binary.LittleEndian.PutUint32(at[i:], uint32(rnd.Int31n(2000)-1000))
			}
		}
	}
	at := func(x *tile.Tensor, batch, row, col int) int32 {
		off := int64(batch)*x.BatchStride + int64(row)*x.RowStride + int64(col)*x.ColStride
		b := m.Mem[x.Base-tile.DeviceBase+uint64(off*int64(x.Elem)):]
		if x.Elem == 1 {
			return int32(int8(b[0]))
		}
		return int32(binary.LittleEndian.Uint32(b))
	}
	var want []int32
	each := func(do func(b, i, j int)) {
		for b := range p.Batch {
			for j := range p.N {
				for i := range p.M {
					do(b, i, j)
				}
			}
		}
	}
	each(func(b, i, j int) {
		sum := int32(0)
		for k := range p.K {
			sum += at(&ts[tensorA], b, i, k) * at(&ts[tensorB], b, k, j)
		}
		sum = int32(p.Alpha)*sum + int32(p.Beta)*at(&ts[tensorC], b, i, j)
		if p.Out() == "int8" {
			sum = min(127, max(-128, sum))
		}
		want = append(want, sum)
	})
	for _, k := range ks {
		if err := m.Run(k); err != nil {
			t.Fatalf("%+v %+v: %v", p, c, err)
		}
	}
	n := 0
	each(func(b, i, j int) {
		if got := at(&ts[tensorC], b, i, j); got != want[n] {
			t.Fatalf("%s: batch %d C(%d,%d) = %d, want %d\n%+v\n%+v", ks[0].Name, b, i, j, got, want[n], p, c)
		}
		n++
	})
	return ks
}

func TestInt8Functional(t *testing.T) {
	for i, tl := range int8Tiles {
		for trans := range 4 {
			p := int8Problem(tl.m+8, tl.n+4, 72*tl.slices, trans)
			k := verifyInt(t, p, int8Config(i))[0]
			if !strings.HasSuffix(k.Name, "_ldg4_"+p.Layout()) || !strings.HasPrefix(k.Name, "volta_igemm_int8_") {
				t.Errorf("kernel is named %s", k.Name)
			}
		}
	}
}

// TestInt8Shapes covers extents that no k-tile and no square of bytes divides,
// batches, scalars, both types of C and both ways to split K.
func TestInt8Shapes(t *testing.T) {
	for n, sh := range [][4]int{{4, 1, 4, 0}, {36, 700, 36, 0}, {132, 5, 1532, 0}, {64, 3, 4, 1}, {36, 36, 30, 2}, {33, 7, 28, 1}, {128, 128, 124, 3}, {61, 60, 96, 3}} {
		for i := range int8Tiles {
			p := int8Problem(sh[0], sh[1], sh[2], sh[3])
			c := int8Config((i + n) % len(int8Tiles))
			p.Alpha, p.Beta = []float64{1, -2, 3}[i%3], []float64{0, 1, -3}[n%3]
			p.Batch = 1 + i%2
			c.Splits, c.Workspace = 1+i%3, n%2 == 0
			if i == 0 || c.Splits > 1 && c.Workspace {
				p.OutType = "int8"
			}
			verifyInt(t, p, c)
		}
	}
}

// TestInt8Errors: what the library refuses is refused here with the reason.
func TestInt8Errors(t *testing.T) {
	for _, tc := range []struct {
		want string
		edit func(p *Problem, c *Config, l *tile.Latencies)
	}{
		{"no DP4A", func(_ *Problem, _ *Config, l *tile.Latencies) { l.DP4A = 0 }},
		{"multiples of 4, not 62 of A", func(p *Problem, _ *Config, _ *tile.Latencies) { p.M = 62 }},
		{"and 62 of B", func(p *Problem, _ *Config, _ *tile.Latencies) { p.K = 62 }},
		{"do not fit into C", func(p *Problem, c *Config, _ *tile.Latencies) { p.OutType, c.Splits = "int8", 2 }},
		{"k-tile of 32 or 64", func(_ *Problem, c *Config, _ *tile.Latencies) { c.TileK = 8 }},
		{"write int32", func(p *Problem, _ *Config, _ *tile.Latencies) { p.OutType = "fp32" }},
		{"accumulate in int32", func(p *Problem, _ *Config, _ *tile.Latencies) { p.Acc = "fp32" }},
		{"do not divide among", func(_ *Problem, c *Config, _ *tile.Latencies) { c.TileM, c.WarpM, c.WarpN = 32, 32, 16 }},
	} {
		p, c, l := int8Problem(64, 128, 64, 0), int8Config(1), voltaLatencies
		tc.edit(&p, &c, &l)
		if _, err := Build(p, c, l); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want %q", err, tc.want)
		}
	}
}

// TestInt8Loop asserts what a k-tile of 32 takes: as many dot products as an
// fp32 kernel has multiply-adds for 8, the same loads, one 16-byte store for
// four 4-byte ones where bytes are transposed, and eight permutations for it;
// no conflicts in register and shared-memory banks.
func TestInt8Loop(t *testing.T) {
	for i, tl := range int8Tiles {
		for trans := range 4 {
			p := int8Problem(1024, 1024, 1024, trans)
			k := build1(t, p, int8Config(i))
			f := build1(t, simtProblem("fp32", 1024, 1024, 256, trans), int8Config(i))
			loop, n, ref := k.Programs[0].Segments[1].Code, count(k.Programs[0].Segments[1].Code), count(f.Programs[0].Segments[1].Code)
			squares := 0
			if !p.TransA {
				squares += tl.m * 8 * tl.slices / 4 / tl.threads
			}
			if p.TransB {
				squares += tl.n * 8 * tl.slices / 4 / tl.threads
			}
			if n[tile.OpDP4A] != ref[tile.OpFFMA] || n[tile.OpLDG] != ref[tile.OpLDG] || n[tile.OpLDS] != ref[tile.OpLDS] ||
				n[tile.OpSTS] != ref[tile.OpSTS]-3*squares || n[tile.OpPRMT] != 8*squares || k.TileK != 32*tl.slices {
				t.Errorf("%s: loop has %v, an fp32 one %v; k-tile of %d", k.Name, n, ref, k.TileK)
			}
			for _, in := range loop {
				if in.Op == tile.OpDP4A && in.Bank != 0 {
					t.Fatalf("%s: bank conflict of DP4A R%d, R%d, R%d", k.Name, in.SrcA, in.SrcB, in.SrcC)
				}
			}
			for n, a := range k.Accesses {
				for w, got := range a.Passes {
					if free := max(a.Bytes, 4) * 32 / 128; int(got) > free {
						t.Fatalf("%s: access %d (%d bytes) warp %d takes %d passes, not %d", k.Name, n, a.Bytes, w, got, free)
					}
				}
			}
			if got := min(65536/(k.Threads*((k.Regs+7)/8*8)), 96<<10/k.Shared); got < tl.perSM {
				t.Errorf("%s: %d registers, %d bytes shared: %d CTAs per SM, not %d", k.Name, k.Regs, k.Shared, got, tl.perSM)
			}
		}
	}
}

// TestHalfFunctional: kernels that widen halves and sum in fp32.
func TestHalfFunctional(t *testing.T) {
	for i, tl := range simtTiles {
		if tl.dtype != "fp32" {
			continue
		}
		for trans := range 4 {
			p := simtProblem("fp16", tl.m+5, tl.n+3, 3*tl.depth*tl.slices-5, trans)
			p.Acc, p.Alpha, p.Beta = "fp32", 1.5, float64(trans&1)*0.75
			p.OutType = []string{"", "fp32"}[trans>>1]
			c := simtConfig(i)
			c.Splits, c.Workspace = 1+i%3, trans&1 != 0
			k := verify(t, p, c)[0]
			if !strings.HasPrefix(k.Name, "volta_sgemm_fp16_") {
				t.Errorf("kernel is named %s", k.Name)
			}
			n := count(k.Programs[0].Segments[1].Code)
			if n[tile.OpUNPACK] != n[tile.OpLDG] || n[tile.OpLDG] != n[tile.OpSTS] {
				t.Errorf("%s: %v: an element each is loaded, widened and stored", k.Name, n)
			}
		}
	}
}
