package gemm

import (
	"fmt"
	"math/rand"
	"testing"

	"gpusim/workloads/tile"
)

// simtTiles are the tiles of the library's catalogue.
var simtTiles = []struct {
	name         string
	dtype        string
	m, n         int
	warpM, warpN int
	slices       int
	depth        int // k of a slice per iteration
	threads      int
	perSM        int
}{
	{"volta_sgemm_128x128", "fp32", 128, 128, 32, 64, 1, 8, 256, 2},
	{"volta_sgemm_128x64", "fp32", 128, 64, 32, 64, 1, 8, 128, 4},
	{"volta_sgemm_64x64", "fp32", 64, 64, 32, 64, 1, 8, 64, 8},
	{"volta_sgemm_128x32", "fp32", 128, 32, 16, 32, 1, 8, 256, 4},
	{"volta_sgemm_32x128", "fp32", 32, 128, 32, 16, 1, 8, 256, 4},
	{"volta_sgemm_32x32_sliced1x4", "fp32", 32, 32, 32, 32, 4, 16, 128, 3},
	{"volta_sgemm_64x32_sliced1x4", "fp32", 64, 32, 32, 32, 4, 16, 256, 2},
	{"volta_sgemm_128x32_sliced1x4", "fp32", 128, 32, 64, 32, 4, 8, 256, 1},
	{"volta_dgemm_128x64", "fp64", 128, 64, 32, 32, 1, 8, 256, 2},
	{"volta_dgemm_64x64", "fp64", 64, 64, 32, 32, 1, 8, 128, 3},
}

func simtConfig(i int) Config {
	tl := simtTiles[i]
	return Config{Family: "simt", TileM: tl.m, TileN: tl.n, TileK: tl.depth, WarpM: tl.warpM, WarpN: tl.warpN, WarpK: tl.slices}
}

func simtProblem(dtype string, m, n, k, trans int) Problem {
	return Problem{M: m, N: n, K: k, Batch: 1, TransA: trans&1 != 0, TransB: trans&2 != 0, DType: dtype, Acc: dtype, Alpha: 1}
}

func TestSIMTFunctional(t *testing.T) {
	for i, tl := range simtTiles {
		for trans := range 4 {
			p := simtProblem(tl.dtype, tl.m+5, tl.n+3, 3*tl.depth*tl.slices-5, trans)
			t.Run(tl.name+"_"+p.Layout(), func(t *testing.T) {
				k := verify(t, p, simtConfig(i))[0]
				if want := tl.name + "_" + p.Layout(); k.Name != want {
					t.Errorf("kernel is named %s, not %s", k.Name, want)
				}
			})
		}
	}
}

// TestSIMTShapes covers degenerate and prime extents, batches and scalars.
func TestSIMTShapes(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	shapes := [][3]int{{1, 40, 64}, {40, 1, 33}, {1, 1, 1}, {17, 31, 1}, {37, 41, 43}, {64, 64, 31}, {130, 66, 34}, {127, 129, 65}, {131, 37, 97}, {3, 5, 7}}
	for n, sh := range shapes {
		for trans := range 4 {
			i := (4*n + 3*trans) % len(simtTiles)
			p := simtProblem(simtTiles[i].dtype, sh[0], sh[1], sh[2], trans)
			if trans&1 == n&1 {
				p.Alpha, p.Beta = -0.5, 1.25
			}
			if rnd.Intn(3) == 0 {
				p.Batch, p.Acc = 3, ""
			}
			c := simtConfig(i)
			c.VecA, c.VecB, c.VecC = 1+rnd.Intn(8), 1, 4 // no matter
			if ks := verify(t, p, c); len(ks) != 1 {
				t.Fatalf("%d kernels without split-K", len(ks))
			}
		}
	}
}

// TestSIMTOtherTiles covers tiles that are not in the catalogue.
func TestSIMTOtherTiles(t *testing.T) {
	for _, tc := range []struct {
		dtype                            string
		m, n, warpM, warpN, slices, regs int
	}{
		{"fp32", 64, 64, 32, 64, 2, 128},
		{"fp32", 32, 32, 16, 32, 4, 64},
		{"fp32", 64, 32, 32, 16, 2, 64},
		{"fp32", 64, 64, 16, 64, 1, 96},
		{"fp32", 128, 64, 128, 16, 1, 168},
		{"fp64", 32, 64, 16, 32, 2, 96},
		{"fp64", 32, 32, 16, 16, 4, 64},
	} {
		c := Config{Family: "simt", TileM: tc.m, TileN: tc.n, WarpM: tc.warpM, WarpN: tc.warpN, WarpK: tc.slices}
		for trans := range 4 {
			p := simtProblem(tc.dtype, tc.m+1, tc.n-1, 45, trans)
			p.Beta = float64(trans & 1)
			if k := verify(t, p, c)[0]; k.Regs > tc.regs {
				t.Errorf("%s: %d registers, more than %d", k.Name, k.Regs, tc.regs)
			}
		}
	}
}

func TestSIMTSplitK(t *testing.T) {
	for _, ws := range []bool{true, false} {
		for i, tl := range simtTiles {
			for j, beta := range []float64{0, 0.75} {
				// 10 k-tiles in slices of 3 make 4 slices.
				p := simtProblem(tl.dtype, tl.m/2+9, tl.n/2+7, 10*tl.depth*tl.slices-3, i+j)
				p.Alpha, p.Beta, p.Batch = 1.5, beta, 1+i%2
				c := simtConfig(i)
				c.Splits, c.Workspace = 4, ws
				ks := verify(t, p, c)
				want := 1
				if ws {
					want = 2
				}
				if len(ks) != want || ks[0].Splits != 4 {
					t.Errorf("%s workspace=%v: %d kernels, %d splits", tl.name, ws, len(ks), ks[0].Splits)
				}
			}
		}
	}
	// Two k-tiles in five slices: three would be empty and are dropped.
	c := simtConfig(2)
	c.Splits, c.Workspace = 5, true
	if ks := verify(t, simtProblem("fp32", 30, 30, 13, 0), c); ks[0].Splits != 2 {
		t.Errorf("%d slices of 2 k-tiles", ks[0].Splits)
	}
}

func TestSIMTErrors(t *testing.T) {
	for name, edit := range map[string]func(p *Problem, c *Config){
		"no tile":     func(_ *Problem, c *Config) { c.TileM = 0 },
		"tile":        func(_ *Problem, c *Config) { c.TileM = 96 + 16 },
		"huge tile":   func(_ *Problem, c *Config) { c.TileM, c.TileN = 1024, 512 },
		"shared":      func(_ *Problem, c *Config) { c.TileM, c.TileN, c.WarpM, c.WarpK = 256, 128, 64, 4 },
		"k-tile":      func(_ *Problem, c *Config) { c.TileK = 24 },
		"no warp":     func(_ *Problem, c *Config) { c.WarpM, c.WarpN = 0, 0 },
		"odd warp":    func(_ *Problem, c *Config) { c.TileM, c.WarpM = 96, 48 },
		"large warp":  func(_ *Problem, c *Config) { c.WarpM, c.WarpN = 128, 64 },
		"slices":      func(_ *Problem, c *Config) { c.WarpK = 3 },
		"neg. slices": func(_ *Problem, c *Config) { c.WarpK = -1 },
		"small warp":  func(_ *Problem, c *Config) { c.WarpM, c.WarpN = 16, 16 },
		"type":        func(p *Problem, _ *Config) { p.DType, p.Acc = "bf16", "fp32" },
		"accumulator": func(p *Problem, _ *Config) { p.Acc = "fp64" },
		"output":      func(p *Problem, _ *Config) { p.OutType = "fp16" },
		"extent":      func(p *Problem, _ *Config) { p.K = 0 },
	} {
		p, c := simtProblem("fp32", 64, 64, 64, 0), simtConfig(2)
		edit(&p, &c)
		if _, err := Build(p, c, voltaLatencies); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestSIMTPasses: no shared access has a bank conflict, but for the stores of
// deep kernels' transposed operands, where two lanes share each bank.
func TestSIMTPasses(t *testing.T) {
	for i, tl := range simtTiles {
		for trans := range 4 {
			k := build1(t, simtProblem(tl.dtype, 512, 512, 256, trans), simtConfig(i))
			for n, a := range k.Accesses {
				if a.Space != tile.Shared {
					continue
				}
				for w := range k.Warps() {
					free := max(a.Bytes, 4) * 32 / 128
					if a.Bytes == 4 && tl.depth > simtTileK {
						free = 2
					}
					if got := passes(a.Addr[w*32:w*32+32], a.Bytes); got > free {
						t.Fatalf("%s: access %d (%d bytes) warp %d takes %d passes, not %d", k.Name, n, a.Bytes, w, got, free)
					}
					if int(a.Passes[w]) > free {
						t.Fatalf("%s: access %d (%d bytes) warp %d: Finish counts %d passes, not %d", k.Name, n, a.Bytes, w, a.Passes[w], free)
					}
				}
			}
		}
	}
}

// TestSIMTLoop asserts the instruction mix of the main loop per warp and
// CTA k-tile, and the resources that decide occupancy.
func TestSIMTLoop(t *testing.T) {
	mix := []struct{ fma, lds, ldg, regs, shared int }{ // shared: of nn
		{512, 32, 8, 118, 16640},
		{512, 32, 12, 122, 12544},
		{512, 32, 16, 126, 8448},
		{128, 16, 5, 51, 10496},
		{128, 16, 5, 51, 10496},
		{512, 48, 32, 90, 32768},
		{512, 48, 24, 82, 49152},
		{512, 32, 20, 130, 41984},
		{256, 48, 6, 126, 24832},
		{256, 48, 8, 126, 16640},
	}
	for i, tl := range simtTiles {
		for trans := range 4 {
			k := build1(t, simtProblem(tl.dtype, 1024, 1024, 256, trans), simtConfig(i))
			want := mix[i]
			loop := k.Programs[0].Segments[1].Code
			fma := tile.OpFFMA
			if tl.dtype == "fp64" {
				fma = tile.OpDFMA
			}
			n := count(loop)
			other := len(loop) - n[fma] - n[tile.OpLDS] - n[tile.OpLDG] - n[tile.OpSTS] - n[tile.OpBAR]
			if n[fma] != want.fma || n[tile.OpLDS] != want.lds || n[tile.OpLDG] != want.ldg || n[tile.OpSTS] != want.ldg || n[tile.OpBAR] != 1 || other != 11 {
				t.Errorf("%s: loop has %v, %d other", k.Name, n, other)
			}
			if k.Threads != tl.threads || (trans == 0 && k.Shared != want.shared) || k.TileK != tl.depth*tl.slices {
				t.Errorf("%s: %d threads, %d bytes shared, k-tile of %d", k.Name, k.Threads, k.Shared, k.TileK)
			}
			if k.Regs != want.regs {
				t.Errorf("%s: %d registers, not %d", k.Name, k.Regs, want.regs)
			}
			if got := min(65536/(k.Threads*((k.Regs+7)/8*8)), 96<<10/k.Shared); got < tl.perSM {
				t.Errorf("%s: %d CTAs per SM, not %d", k.Name, got, tl.perSM)
			}
			t.Logf("%s: %d regs, %d bytes shared, loop %d, static %d, %v", k.Name, k.Regs, k.Shared, len(loop), k.Programs[0].StaticCount(), staticMix(k))
		}
	}
}

func staticMix(k *tile.Kernel) string {
	n := map[tile.Op]int{}
	for _, s := range k.Programs[0].Segments {
		for op, c := range count(s.Code) {
			n[op] += c
		}
	}
	return fmt.Sprintf("FMA %d LDS %d STS %d LDG %d STG %d BAR %d", n[tile.OpFFMA]+n[tile.OpDFMA], n[tile.OpLDS], n[tile.OpSTS], n[tile.OpLDG], n[tile.OpSTG], n[tile.OpBAR])
}

// TestSIMTOrder asserts the schedule of the loop: no register bank conflicts
// in fp32, nothing but one other instruction between multiply-adds, fragments
// loaded well before their use, and the order that the double buffer needs.
// Deep kernels have one set of fragments: they load it between two k-steps, all
// at once, and use it right after.
func TestSIMTOrder(t *testing.T) {
	for i, tl := range simtTiles {
		for trans := range 4 {
			k := build1(t, simtProblem(tl.dtype, 1024, 1024, 256, trans), simtConfig(i))
			loop := k.Programs[0].Segments[1].Code
			per := 0 // multiply-adds per k-step
			for _, in := range loop {
				if in.Op == tile.OpFFMA || in.Op == tile.OpDFMA {
					per++
				}
			}
			per /= tl.depth
			deep := tl.depth > simtTileK
			fma, bar, beside := 0, -1, 0
			loaded := map[uint8]int{} // register: multiply-adds before its load
			for at, in := range append(loop[:len(loop):len(loop)], loop...) {
				again := at >= len(loop)
				if at == len(loop) {
					bar = -1
				}
				if in.Op == tile.OpFFMA || in.Op == tile.OpDFMA {
					if in.Op == tile.OpFFMA && in.Bank != 0 {
						t.Fatalf("%s: bank conflict of FFMA R%d, R%d, R%d", k.Name, in.SrcA, in.SrcB, in.SrcC)
					}
					for _, r := range [2]uint8{in.SrcA, in.SrcB} {
						if ago, ok := loaded[r]; ok && !deep && fma-ago < min(25, per/2) {
							t.Errorf("%s: R%d used %d multiply-adds after its load", k.Name, r, fma-ago)
						}
						delete(loaded, r)
					}
					if in.Stall != 1 {
						t.Errorf("%s: multiply-add %d stalls for %d cycles", k.Name, fma, in.Stall)
					}
					fma, beside = fma+1, 0
					continue
				}
				if !deep || in.Op != tile.OpLDS {
					beside++
				}
				if beside > 1 && in.Op != tile.OpBRA && at != len(loop) {
					t.Errorf("%s: two other instructions before multiply-add %d", k.Name, fma)
				}
				pos := fma % (tl.depth * per)
				switch in.Op {
				case tile.OpBAR:
					bar = pos
				case tile.OpLDG:
					if pos > (tl.depth-2)*per || in.Guard != tile.GuardMore {
						t.Errorf("%s: LDG after %d multiply-adds, guard %d", k.Name, pos, in.Guard)
					}
				case tile.OpSTS:
					if bar >= 0 || in.Guard != tile.GuardMore || k.Accesses[in.Access].BufferFlip != 1 {
						t.Errorf("%s: STS after %d multiply-adds, barrier at %d, guard %d", k.Name, pos, bar, in.Guard)
					}
				case tile.OpLDS:
					if next := k.Accesses[in.Access].BufferFlip == 1; next != (bar >= 0) {
						t.Errorf("%s: LDS (next k-tile %v) after %d multiply-adds, barrier at %d", k.Name, next, pos, bar)
					}
					if !again {
						for r := range 16 / 4 {
							loaded[in.Dst+uint8(r)] = fma
						}
					}
				}
			}
		}
	}
}
