package gemm

import (
	"testing"

	"gpusim/workloads/tile"
)

// count tallies the instructions of a segment.
func count(code []tile.Inst) map[tile.Op]int {
	n := map[tile.Op]int{}
	for _, i := range code {
		n[i.Op]++
	}
	return n
}

// passes counts shared-memory wavefronts of a warp by the documented rule:
// 32 banks of 4 bytes; 16-byte accesses go a quarter warp at a time, 8-byte
// ones half a warp; within a group, lanes that touch different words of a
// bank need separate passes.
func passes(addr []int32, bytes int) int {
	group := min(32, 128/max(bytes, 4))
	total := 0
	for g := 0; g < 32; g += group {
		words := map[int32]map[int32]bool{}
		for _, a := range addr[g : g+group] {
			for b := int32(0); b < int32(max(bytes, 4)); b += 4 {
				w := (a + b) / 4
				if words[w%32] == nil {
					words[w%32] = map[int32]bool{}
				}
				words[w%32][w] = true
			}
		}
		most := 0
		for _, ws := range words {
			most = max(most, len(ws))
		}
		total += most
	}
	return total
}

func build1(t *testing.T, p Problem, c Config) *tile.Kernel {
	t.Helper()
	ks, err := Build(p, c, voltaLatencies)
	if err != nil {
		t.Fatalf("%+v %+v: %v", p, c, err)
	}
	return ks[0]
}

// TestHMMAPasses: with aligned operands no shared access has a bank conflict.
func TestHMMAPasses(t *testing.T) {
	for _, tl := range hmmaTiles {
		for trans := range 4 {
			for _, acc := range []string{"fp32", "fp16"} {
				k := build1(t, fp16(512, 512, 256, trans&1 != 0, trans&2 != 0, acc), Config{Family: "hmma", TileM: tl.m, TileN: tl.n})
				shared := 0
				for i, a := range k.Accesses {
					if a.Space != tile.Shared {
						continue
					}
					shared++
					for w := range k.Warps() {
						free := a.Bytes * 32 / 128
						if got := passes(a.Addr[w*32:w*32+32], a.Bytes); got > free {
							t.Fatalf("%s: access %d (%d bytes) warp %d takes %d passes, not %d", k.Name, i, a.Bytes, w, got, free)
						}
						if len(a.Passes) > w && int(a.Passes[w]) > free {
							t.Fatalf("%s: access %d (%d bytes) warp %d: Finish counts %d passes, not %d", k.Name, i, a.Bytes, w, a.Passes[w], free)
						}
					}
				}
				if shared == 0 {
					t.Fatalf("%s has no shared access", k.Name)
				}
			}
		}
	}
}

// TestHMMALoop asserts the instruction mix of the main loop per warp and
// k-tile, and the resources that decide occupancy.
func TestHMMALoop(t *testing.T) {
	for _, tc := range []struct {
		m, n                    int
		hmma, lds, ldg, sts     int
		threads, shared         int
		minRegs, maxRegs, perSM int // perSM: CTAs in 65536 registers and 96 KiB
	}{
		{128, 128, 128, 32, 8, 8, 128, 32768, 200, 254, 2},
		{256, 128, 128, 32, 6, 6, 256, 49152, 200, 254, 1},
		{128, 256, 128, 32, 6, 6, 256, 49152, 200, 254, 1},
		{256, 64, 128, 32, 10, 10, 128, 40960, 200, 254, 2},
		{64, 256, 128, 32, 10, 10, 128, 40960, 200, 254, 2},
		{128, 64, 64, 24, 6, 6, 128, 24576, 120, 168, 3},
		{64, 128, 64, 24, 6, 6, 128, 24576, 120, 168, 3},
		{64, 64, 32, 16, 4, 4, 128, 16384, 80, 128, 4},
	} {
		for trans := range 4 {
			for _, acc := range []string{"fp32", "fp16"} {
				k := build1(t, fp16(1024, 1024, 256, trans&1 != 0, trans&2 != 0, acc), Config{Family: "hmma", TileM: tc.m, TileN: tc.n})
				seg := k.Programs[0].Segments
				if len(seg) != 3 || !seg[1].Loop {
					t.Fatalf("%s: not prologue, loop, epilogue", k.Name)
				}
				n := count(seg[1].Code)
				other := len(seg[1].Code) - n[tile.OpHMMA] - n[tile.OpLDS] - n[tile.OpLDG] - n[tile.OpSTS] - n[tile.OpBAR]
				if n[tile.OpHMMA] != tc.hmma || n[tile.OpLDS] != tc.lds || n[tile.OpLDG] != tc.ldg || n[tile.OpSTS] != tc.sts || n[tile.OpBAR] != 1 || other != 14 {
					t.Errorf("%s: loop has %v, %d other", k.Name, n, other)
				}
				if k.Threads != tc.threads || k.Shared != tc.shared {
					t.Errorf("%s: %d threads, %d bytes shared", k.Name, k.Threads, k.Shared)
				}
				if acc == "fp32" && (k.Regs < tc.minRegs || k.Regs > tc.maxRegs) {
					t.Errorf("%s: %d registers, not %d to %d", k.Name, k.Regs, tc.minRegs, tc.maxRegs)
				}
				if acc == "fp32" {
					if got := min(65536/(k.Threads*((k.Regs+7)/8*8)), 96<<10/k.Shared); got < tc.perSM {
						t.Errorf("%s: %d CTAs per SM with %d registers, not %d", k.Name, got, k.Regs, tc.perSM)
					}
				}
				t.Logf("%s: %d regs, %d bytes shared, loop %d, static %d", k.Name, k.Regs, k.Shared, len(seg[1].Code), k.Programs[0].StaticCount())
			}
		}
	}
}

// TestHMMAOrder asserts the order of the loop: the global loads stand
// in the first k-step, the stores before the barrier, and the loads of the next
// k-tile behind it.
func TestHMMAOrder(t *testing.T) {
	for trans := range 4 {
		k := build1(t, fp16(1024, 1024, 256, trans&1 != 0, trans&2 != 0, "fp32"), Config{Family: "hmma", TileM: 128, TileN: 128})
		mma, bar := 0, -1
		for _, in := range k.Programs[0].Segments[1].Code {
			switch in.Op {
			case tile.OpHMMA:
				mma++
			case tile.OpBAR:
				bar = mma
			case tile.OpLDG:
				if mma > 16 || in.Guard != tile.GuardMore {
					t.Errorf("%s: LDG after %d HMMA, guard %d", k.Name, mma, in.Guard)
				}
			case tile.OpSTS:
				if bar >= 0 || mma < 80 || in.Guard != tile.GuardMore {
					t.Errorf("%s: STS after %d HMMA, barrier at %d, guard %d", k.Name, mma, bar, in.Guard)
				}
			case tile.OpLDS:
				if next := k.Accesses[in.Access].BufferFlip == 1; next != (bar >= 0) {
					t.Errorf("%s: LDS (next k-tile %v) after %d HMMA, barrier at %d", k.Name, next, mma, bar)
				}
			}
		}
	}
}

func TestHMMAErrors(t *testing.T) {
	ok := fp16(64, 64, 64, false, false, "fp32")
	for _, tc := range []struct {
		name string
		edit func(p *Problem, c *Config)
	}{
		{"tile", func(_ *Problem, c *Config) { c.TileM = 96 }},
		{"k-tile", func(_ *Problem, c *Config) { c.TileK = 64 }},
		{"warp", func(_ *Problem, c *Config) { c.WarpM, c.WarpN = 16, 64 }},
		{"vector", func(p *Problem, c *Config) { p.M = 63; c.VecA = 8 }},
		{"odd vector", func(_ *Problem, c *Config) { c.VecB = 3 }},
		{"type", func(p *Problem, _ *Config) { p.DType = "fp32" }},
		{"accumulator", func(p *Problem, _ *Config) { p.Acc = "int32" }},
		{"output", func(p *Problem, _ *Config) { p.OutType = "fp64" }},
		{"extent", func(p *Problem, _ *Config) { p.K = 0 }},
		{"family", func(_ *Problem, c *Config) { c.Family = "hnma" }},
	} {
		p, c := ok, Config{Family: "hmma", TileM: 64, TileN: 64}
		tc.edit(&p, &c)
		if _, err := Build(p, c, voltaLatencies); err == nil {
			t.Errorf("%s: no error", tc.name)
		}
	}
}
