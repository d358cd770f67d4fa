package gemm

import (
	"strings"
	"testing"

	"gpusim/workloads/tile"
)

func TestSmallNFunctional(t *testing.T) {
	for n, sh := range [][3]int{{70, 16, 100}, {33, 8, 64}, {1, 1, 1}, {130, 3, 37}, {5, 15, 129}} {
		for trans := range 4 {
			p := simtProblem([]string{"fp32", "fp16"}[n&1], sh[0], sh[1], sh[2], trans)
			p.Acc, p.Alpha, p.Beta, p.Batch = "fp32", 1.5, float64(n%2)*0.75, 1+trans&1
			c := Config{Family: "small_n"}
			if n == 0 || n == 3 {
				c.Splits, c.Workspace = 3, true
			}
			ks := verify(t, p, c)
			if want := "gemmSN_" + p.Layout(); ks[0].Name != want || (len(ks) == 2) != (ks[0].Splits > 1) {
				t.Errorf("%d kernels, the first is %s", len(ks), ks[0].Name)
			}
		}
	}
}

// TestSmallNLoop: a load of B for each multiply-add, and one of A for all of
// them.
func TestSmallNLoop(t *testing.T) {
	for trans := range 4 {
		k := build1(t, simtProblem("fp32", 512, 12, 256, trans), Config{Family: "small_n"})
		n := count(k.Programs[0].Segments[1].Code)
		cols := 12
		if trans&1 == 0 {
			cols = 16
		}
		if n[tile.OpFFMA] != cols || n[tile.OpLDG] != cols+1 || n[tile.OpLDS]+n[tile.OpSTS]+n[tile.OpBAR] != 0 {
			t.Errorf("%s: loop has %v", k.Name, n)
		}
		for i, a := range k.Accesses {
			for _, p := range a.Passes {
				if p > 2 { // lanes without a row read another's
					t.Fatalf("%s: access %d takes %d passes", k.Name, i, p)
				}
			}
		}
	}
}

func TestSmallNErrors(t *testing.T) {
	for _, tc := range []struct {
		want string
		edit func(p *Problem, c *Config)
	}{
		{"16 columns at most", func(p *Problem, _ *Config) { p.N = 17 }},
		{"workspace only", func(_ *Problem, c *Config) { c.Splits = 2 }},
		{"compute in fp32", func(p *Problem, _ *Config) { p.DType, p.Acc = "fp64", "fp64" }},
	} {
		p, c := simtProblem("fp32", 64, 16, 64, 0), Config{Family: "small_n"}
		tc.edit(&p, &c)
		if _, err := Build(p, c, voltaLatencies); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want %q", err, tc.want)
		}
	}
}
