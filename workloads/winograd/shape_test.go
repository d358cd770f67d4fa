package winograd

import (
	"strings"
	"testing"

	"gpusim/workloads/tile"
)

// Profile of cuDNN on an RTX 2070 Super that an article on convolutions
// prints (part 2 of "Conv2D GPU Baselines", July 2025): ten images of 224x224,
// 128 channels, 128 filters, with grids, CTAs and executed fp32 instructions.
func article() Problem {
	return Problem{N: 10, C: 128, H: 224, W: 224, K: 128, R: 3, S: 3, PadH: 1, PadW: 1, Pass: Forward, Alpha: 1}
}

// TestGridsOfProfile: all grids and CTA sizes are those of the profile.
func TestGridsOfProfile(t *testing.T) {
	cfg := simt
	cfg.TileM, cfg.TileN, cfg.WarpM, cfg.WarpN = 128, 64, 32, 64 // volta_sgemm_128x64
	nonfused, err := NonFused(article(), cfg, voltaLatencies)
	if err != nil {
		t.Fatal(err)
	}
	fused, err := Fused(article(), nil, voltaLatencies)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name    string
		grid    [3]int
		threads int
	}{
		{"winogradForwardFilter4x4", [3]int{4, 16, 1}, 256},
		{"winogradForwardData4x4", [3]int{196, 128, 1}, 256},
		{"volta_sgemm_128x64_nn", [3]int{392, 2, 36}, 128},
		{"winogradForwardOutput4x4", [3]int{196, 128, 1}, 256},
		{"generateWinogradTilesKernel", [3]int{4, 32, 1}, 128},
		{"scudnn_winograd_128x128_ldg1_ldg4_relu_tile148t_nt_v1", [3]int{40, 28, 14}, 256},
	} {
		k := append(nonfused, fused...)[i]
		if k.Name != want.name || k.Grid != want.grid || k.Threads != want.threads {
			t.Errorf("%s %v of %d threads, want %s %v of %d", k.Name, k.Grid, k.Threads, want.name, want.grid, want.threads)
		}
	}
	// 1.233e9 fp32 instructions of threads in the data transform: 192 for each of them.
	n := mix(nonfused[1].Programs[0])
	if got := n[tile.OpFFMA] + n[tile.OpFMUL] + n[tile.OpFADD]; got != 192 {
		t.Errorf("the data transform has %d fp32 instructions", got)
	}
	// 0.001e9, rounded, in the filter transform would be at most 91; ours is not as well folded.
	n = mix(nonfused[0].Programs[0])
	if got := n[tile.OpFFMA] + n[tile.OpFMUL] + n[tile.OpFADD]; got < 72 || got > 120 {
		t.Errorf("the filter transform has %d fp32 instructions", got)
	}
}

func mix(p *tile.Program) map[tile.Op]int {
	n := map[tile.Op]int{}
	for _, s := range p.Segments {
		for i := range s.Code {
			n[s.Code[i].Op]++
		}
	}
	return n
}

// TestFusedLoop asserts what an iteration of the fused kernel consists of,
// that two CTAs fit an SM, and that its shared memory has no bank conflicts.
func TestFusedLoop(t *testing.T) {
	ks, err := Fused(article(), nil, voltaLatencies)
	if err != nil {
		t.Fatal(err)
	}
	k := ks[1]
	if regs := (k.Regs + 7) / 8 * 8 * k.Threads; 2*regs > 65536 || 2*k.Shared > 96<<10 {
		t.Errorf("%d registers and %d bytes of shared memory: two CTAs do not fit", k.Regs, k.Shared)
	}
	for role, want := range []map[tile.Op]int{
		{tile.OpFFMA: 4 * 64, tile.OpFADD: 32, tile.OpLDS: 16, tile.OpLDG: 16, tile.OpSTS: 16, tile.OpBAR: 1},
		{tile.OpFFMA: 4 * 64, tile.OpFADD: 0, tile.OpLDS: 16, tile.OpLDG: 4, tile.OpSTS: 4, tile.OpBAR: 1},
	} {
		loop := k.Programs[role].Segments[1].Code
		n := mix(&tile.Program{Segments: k.Programs[role].Segments[1:2]})
		for op, c := range want {
			if n[op] != c {
				t.Errorf("role %d: %d of operation %d, want %d", role, n[op], op, c)
			}
		}
		stalled := 0
		for _, in := range loop {
			if in.Op == tile.OpFFMA && in.Bank > 0 {
				t.Errorf("role %d: register bank conflict of FFMA R%d, R%d, R%d", role, in.SrcA, in.SrcB, in.SrcC)
			}
			stalled += int(in.Stall) - 1
		}
		if stalled > 20 {
			t.Errorf("role %d: an iteration stalls %d cycles for its own results", role, stalled)
		}
	}
	for i, a := range k.Accesses {
		if a.Space != tile.Shared {
			continue
		}
		for w, got := range a.Passes {
			free := a.Bytes / 4
			if a.BufferStride > 0 && a.Bytes == 16 && got == 2 {
				continue // half a warp reads 64 bytes
			}
			if int(got) != free {
				t.Errorf("access %d of %d bytes, warp %d: %d passes", i, a.Bytes, w, got)
			}
		}
	}
}

// TestFusedDistance: half an iteration's multiply-adds lie between a load from memory and
// what reads its register in the next iteration, as in neon's kernel (nine tenths on
// average). Where it was an eighth, GTX 1080 Ti and M40, whose L2s lose filters between CTAs, took 22 to 51 %
// longer than silicon.
func TestFusedDistance(t *testing.T) {
	ks, err := Fused(article(), nil, voltaLatencies)
	if err != nil {
		t.Fatal(err)
	}
	for role, p := range ks[1].Programs {
		loop := p.Segments[1].Code
		for at, in := range loop {
			if in.Op != tile.OpLDG {
				continue
			}
			n := 0
			for i := at + 1; ; i++ {
				next := loop[i%len(loop)]
				if next.Op == tile.OpFFMA {
					n++
				}
				if next.SrcA == in.Dst || next.SrcB == in.Dst || next.SrcC == in.Dst {
					break
				}
				if i == at+len(loop) {
					t.Fatalf("role %d: nobody reads what instruction %d loads", role, at)
				}
			}
			if n < 4*64/2 {
				t.Errorf("role %d: %d multiply-adds from the load in instruction %d to its use", role, n, at)
			}
		}
	}
}

// TestArrangement: the one that needs the fewest CTAs, tile148 first.
func TestArrangement(t *testing.T) {
	for _, tc := range []struct {
		n, h int
		want string
	}{{1, 224, "tile148"}, {16, 56, "tile244"}, {16, 28, "tile228"}, {16, 14, "tile418"}, {1, 14, "tile148"}, {2, 7, "tile244"}} {
		p := Problem{N: tc.n, C: 4, H: tc.h, W: tc.h, K: 4, R: 3, S: 3, PadH: 1, PadW: 1, Pass: Forward, Alpha: 1}
		f, err := newFused(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		if f.a.name() != tc.want {
			t.Errorf("%d images of %dx%d: %s, want %s", tc.n, tc.h, tc.h, f.a.name(), tc.want)
		}
	}
}

// TestWorkspace: what LBANN#437 reports for ResNet's 3x3 filters of 64 channels.
func TestWorkspace(t *testing.T) {
	p := Problem{N: 32, C: 64, H: 56, W: 56, K: 64, R: 3, S: 3, PadH: 1, PadW: 1, Pass: Forward, Alpha: 1}
	if got, err := FusedWorkspace(p); err != nil || got != 256<<10 {
		t.Errorf("fused: %d bytes, %v", got, err)
	}
	if got, err := Workspace(p); err != nil || got != 4*36*(64*64+2*64*32*14*14) {
		t.Errorf("non-fused: %d bytes, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(p *Problem)
		want string
	}{
		"size":    {func(p *Problem) { p.C = 0 }, "at least 1"},
		"filter":  {func(p *Problem) { p.R = 7 }, "squares of"},
		"oblong":  {func(p *Problem) { p.S, p.PadW = 1, 0 }, "squares of"},
		"padding": {func(p *Problem) { p.PadW = 3 }, "less than the filter"},
		"empty":   {func(p *Problem) { p.H, p.PadH = 2, 0 }, "no output"},
		"pass":    {func(p *Problem) { p.Pass = "up" }, "must be fwd"},
		"huge":    {func(p *Problem) { p.N, p.H, p.W = 1<<20, 1<<12, 1<<12 }, "do not fit"},
	} {
		p := article()
		tc.edit(&p)
		_, err := NonFused(p, simt, voltaLatencies)
		_, err2 := Fused(p, nil, voltaLatencies)
		for _, e := range []error{err, err2} {
			if e == nil || !strings.Contains(e.Error(), tc.want) {
				t.Errorf("%s: %v", name, e)
			}
		}
	}
	p := article()
	if _, err := Fused(p, []string{"tile148", "tile999"}, voltaLatencies); err == nil {
		t.Error("an unknown arrangement was taken")
	}
	p.Pass = BackwardWeight
	if _, err := Fused(p, nil, voltaLatencies); err == nil {
		t.Error("a fused gradient of filters")
	}
	p = article()
	p.R, p.S = 5, 5
	if _, err := Fused(p, nil, voltaLatencies); err == nil {
		t.Error("a fused kernel for 5x5")
	}
	if _, err := Workspace(p); err != nil {
		t.Error(err)
	}
}
