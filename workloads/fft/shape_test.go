package fft

import (
	"math"
	"math/cmplx"
	"math/rand"
	"strings"
	"testing"

	"gpusim/workloads/stride1"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/emit"
)

func problem() stride1.Problem {
	return stride1.Problem{N: 16, C: 192, H: 28, W: 28, K: 32, R: 5, S: 5, PadH: 2, PadW: 2, Pass: stride1.Forward, Alpha: 1}
}

// TestFourier: what the graphs compute is the transform, both ways, for every
// length, on values that follow the nodes.
func TestFourier(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for n := 2; n <= size; n *= 2 {
		g := &graph{}
		at := map[*node]float64{}
		in := func() value {
			v := g.input()
			at[v] = rnd.NormFloat64()
			return v.value()
		}
		eval := func(v value) float64 {
			for _, n := range g.nodes {
				switch n.op {
				case opAdd:
					at[n] = at[n.a] + at[n.b]
				case opSub:
					at[n] = at[n.a] - at[n.b]
				case opMul:
					at[n] = at[n.a] * n.c
				case opFMA:
					at[n] = at[n.a]*n.c + at[n.b]
				}
			}
			if v.zero() {
				return 0
			}
			return sign(v.neg) * at[v.n]
		}
		num := func(x number) complex128 { return complex(eval(x.re), eval(x.im)) }
		dft := func(x []complex128, direction float64, k int) (sum complex128) {
			for i, v := range x {
				sum += v * cmplx.Exp(complex(0, direction*2*math.Pi*float64(i*k)/float64(n)))
			}
			return sum
		}
		var x []number
		var r []value
		for range n {
			x = append(x, number{in(), in()})
			r = append(r, in())
		}
		for _, direction := range []int{-1, 1} {
			out := g.fourier(x, direction)
			var vals []complex128
			for _, v := range x {
				vals = append(vals, num(v))
			}
			for k, v := range out {
				if got, want := num(v), dft(vals, float64(direction), k); cmplx.Abs(got-want) > 1e-12*float64(n) {
					t.Fatalf("length %d, direction %d, point %d: %v, want %v", n, direction, k, got, want)
				}
			}
		}
		var vals []complex128
		for _, v := range r {
			vals = append(vals, complex(eval(v), 0))
		}
		spec := g.realFourier(r)
		for k, v := range spec {
			if got, want := num(v), dft(vals, -1, k); cmplx.Abs(got-want) > 1e-12*float64(n) {
				t.Fatalf("real, length %d, point %d: %v, want %v", n, k, got, want)
			}
		}
		for i, v := range g.realInverse(spec, n) {
			if got, want := eval(v), float64(n)*real(vals[i]); math.Abs(got-want) > 1e-12*float64(n) {
				t.Fatalf("back, length %d, %d: %v, want %v", n, i, got, want)
			}
		}
	}
}

// TestArithmetic: a transform of 32 complex numbers costs what the radix-2 scheme does, about
// 5/2 n log2 n additions and multiplications for each two, fused; one of real numbers at
// most half of it.
func TestArithmetic(t *testing.T) {
	count := func(real bool) int {
		k := &tile.Kernel{}
		e := &emit.Emitter{K: k}
		g := &graph{}
		in := func() value {
			n := g.input()
			n.reg = e.Reg()
			return n.value()
		}
		var out []value
		if real {
			var x []value
			for range size {
				x = append(x, in())
			}
			for _, v := range g.realFourier(x) {
				out = append(out, v.re, v.im)
			}
		} else {
			var x []number
			for range size {
				x = append(x, number{in(), in()})
			}
			for _, v := range g.fourier(x, -1) {
				out = append(out, v.re, v.im)
			}
		}
		g.emit(e, out, func(int, int) {})
		if e.Regs() > 2*size+16 {
			t.Errorf("%d registers", e.Regs())
		}
		return len(e.Code)
	}
	whole, part := count(false), count(true)
	// 80 butterflies of 4 additions and up to 4 fused multiply-adds; trivial factors cost none.
	if whole < 320 || whole > 560 || part > whole/2+40 {
		t.Errorf("%d instructions, %d of real numbers", whole, part)
	}
}

// TestKernels asserts grids, resources and that shared memory serves the products
// without bank conflicts.
func TestKernels(t *testing.T) {
	ks, err := Tiling(problem(), "volta", 0, voltaLatencies)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name string
		grid [3]int
	}{
		{"fft2d_r2c_32x32", [3]int{2, 192, 1}}, {"fft2d_r2c_32x32", [3]int{4, 192, 1}},
		{"volta_gcgemm_32x32_nt", [3]int{1, 1, 544}}, {"fft2d_c2r_32x32", [3]int{2, 32, 1}},
	} {
		if k := ks[i]; k.Name != want.name || k.Grid != want.grid || k.Regs > 128 || k.Shared > 48<<10 {
			t.Errorf("%s %v, %d registers, %d bytes shared, want %s %v", k.Name, k.Grid, k.Regs, k.Shared, want.name, want.grid)
		}
	}
	for _, edge := range []int{32, 64} {
		ks, err := Tiling(problem(), "volta", edge, voltaLatencies)
		if err != nil {
			t.Fatal(err)
		}
		k := ks[2]
		for i, a := range k.Accesses {
			for w, passes := range a.Passes {
				if int(passes) > a.Bytes/4 {
					t.Errorf("%s: access %d of %d bytes, warp %d: %d passes", k.Name, i, a.Bytes, w, passes)
				}
			}
		}
		n := map[tile.Op]int{}
		conflicts := 0
		for _, in := range k.Programs[0].Segments[1].Code {
			n[in.Op]++
			if in.Op == tile.OpFFMA {
				conflicts += int(in.Bank)
				if in.Stall > 1 {
					t.Errorf("%s: FFMA R%d, R%d, R%d, R%d stalls %d cycles", k.Name, in.Dst, in.SrcA, in.SrcB, in.SrcC, in.Stall)
				}
			}
		}
		// Three real parts are in one of two banks, but most come from the reuse cache.
		if conflicts > 8*4 {
			t.Errorf("%s: %d cycles of register bank conflicts in an iteration", k.Name, conflicts)
		}
		if n[tile.OpFFMA] != 8*64 || n[tile.OpLDS] != 8*4 {
			t.Errorf("%s: %d FFMA and %d LDS per iteration", k.Name, n[tile.OpFFMA], n[tile.OpLDS])
		}
	}
}

func TestErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(p *stride1.Problem)
		want string
	}{
		"size":    {func(p *stride1.Problem) { p.K = 0 }, "at least 1"},
		"filter":  {func(p *stride1.Problem) { p.H, p.R = 40, 33 }, "at most 32x32"},
		"padding": {func(p *stride1.Problem) { p.PadH = 5 }, "less than the filter"},
		"pass":    {func(p *stride1.Problem) { p.Pass = "" }, "must be fwd"},
		"huge":    {func(p *stride1.Problem) { p.N, p.H, p.W = 1<<16, 1<<12, 1<<12 }, "do not fit"},
	} {
		p := problem()
		tc.edit(&p)
		if _, err := Tiling(p, "volta", 0, voltaLatencies); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Tiling(problem(), "volta", 16, voltaLatencies); err == nil {
		t.Error("a tile of 16 was taken")
	}
	p := problem()
	if m, n, k, batch, err := Product(p); err != nil || m != 16 || n != 32 || k != 192 || batch != 544 {
		t.Errorf("product %d x %d x %d, %d times, %v", m, n, k, batch, err)
	}
	if got, err := Workspace(p); err != nil || got != 8*544*(16*192+192*32+16*32) {
		t.Errorf("workspace %d, %v", got, err)
	}
}
