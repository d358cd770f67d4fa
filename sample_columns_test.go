package gpusim

import (
	"context"
	"math"
	"testing"
)

// The parts of a grid that are made of columns have each CTA once, those of one part
// first and in order, and as many of each row but for one.
func TestColumnsAreParts(t *testing.T) {
	for _, g := range []struct{ row, rows, of int }{{49, 32, 4}, {49, 8, 2}, {196, 3, 4}, {33, 5, 4}, {16, 2, 2}} {
		n := g.row * g.rows
		ran := (n + g.of - 1) / g.of
		seen, inRow := make([]bool, n), make([]int, g.rows)
		last := -1
		for i := range n {
			at := column(i, n, g.row, g.of)
			if at < 0 || at >= n || seen[at] {
				t.Fatalf("%+v: number %d is at %d, out of the grid or again", g, i, at)
			}
			seen[at] = true
			if i == ran {
				last = -1
			}
			if at <= last {
				t.Fatalf("%+v: number %d is at %d, behind %d", g, i, at, last)
			}
			last = at
			if i < ran {
				inRow[at/g.row]++
				if x := at % g.row; x >= (g.row+g.of-1)/g.of {
					t.Errorf("%+v: number %d is in column %d", g, i, x)
				}
			}
		}
		for y, n := range inRow {
			if n < g.row/g.of || n > (g.row+g.of-1)/g.of {
				t.Errorf("%+v: %d CTAs of row %d", g, n, y)
			}
		}
	}
}

// A convolution whose CTAs of a row share pixels with those of other rows takes as long on
// the part that has the first columns: it is 5 % off detailed at most. The first CTAs
// instead would have half as many rows in flight.
func TestSampledOnColumns(t *testing.T) {
	t.Parallel()
	o := Options{Budget: 1 << 18}
	m, w, c := called(t, "volta", "conv:n=96,c=128,h=28,w=28,k=256,stride=2,r=1,s=1,dtype=fp32,epilogue=bias+relu", o,
		"gpu.sm.count=40", "gpu.sm.gpcs=3", "gpu.l2.slices=32", "gpu.dram.channels=16", "gpu.l2.size=3 MiB", "gpu.sm.scheduler=gto")
	p := o.partsOf(m.GPU, c.kernels)
	if last := p[len(p)-1]; !last.columns || last.of != 2 || len(last.begun) != 2 {
		t.Errorf("on one of %d parts, by columns: %v, of which it begins tensors %v", last.of, last.columns, last.begun)
	}
	some, err := Run(context.Background(), m, w, o)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Run(context.Background(), m, w, Options{Fidelity: Detailed})
	if err != nil {
		t.Fatal(err)
	}
	e := 100 * (some.TimeUS/all.TimeUS - 1)
	t.Logf("%.1f us, %+.2f %% sampled (%.0f %% simulated), %.0f MB of DRAM sampled, %.0f in detail", all.TimeUS, e, some.SimulatedPct, some.DRAMBytes/1e6, all.DRAMBytes/1e6)
	if bytes := 100 * (some.DRAMBytes/all.DRAMBytes - 1); math.Abs(e) > 5 || math.Abs(bytes) > 5 || some.SimulatedPct > 51 {
		t.Errorf("time %+.2f, DRAM bytes %+.2f %% by %.0f %% of it", e, bytes, some.SimulatedPct)
	}
}

// Parts that calls of ResNet-50 run on, V100: none of those whose rows of CTAs share pixels
// take the first CTAs of their grids where few rows are in flight, and kernels that know
// no rows are not cut by them.
func TestPartsOfCalls(t *testing.T) {
	for text, want := range map[string][2]int{ // parts of the longest kernel, and whether by columns
		"conv:n=128,c=1024,h=14,w=14,k=2048,stride=2,r=1,s=1,dtype=fp32,epilogue=bias+add+relu": {4, 1},
		"conv:n=128,c=512,h=7,w=7,k=2048,r=1,s=1,dtype=fp32,epilogue=bias":                      {4, 1},
		"conv:n=128,c=64,h=56,w=56,k=64,r=1,s=1,dtype=fp32,epilogue=bias+relu":                  {4, 0}, // one row
		"conv:n=128,c=2048,h=7,w=7,k=512,r=1,s=1,dtype=fp16,layout=nhwc,epilogue=bias+relu":     {2, 0}, // eight columns
	} {
		o := Options{Budget: layerBudget}
		m, _, c := called(t, "volta", text, o)
		parts := o.partsOf(m.GPU, c.kernels)
		p := parts[len(parts)-1]
		if p.of != want[0] || p.columns != (want[1] == 1) {
			t.Errorf("%s: one of %d parts, by columns: %v", text, p.of, p.columns)
		}
	}
}

// Rows of a grid are rows of tiles, unless CTAs are numbered in strips of them.
func TestRowsOfGrids(t *testing.T) {
	for _, c := range []struct {
		machine, text string
		rows          bool
	}{
		{"volta", "gemm:m=4096,n=2048,k=512,dtype=fp32", true},
		{"volta", "conv:n=32,c=256,h=14,w=14,k=512,r=1,s=1,dtype=fp32", true},
		{"turing", "gemm:m=4096,n=4096,k=512,dtype=fp16", false},
	} {
		_, _, launched := called(t, c.machine, c.text, Options{})
		if k := launched.kernels[len(launched.kernels)-1]; inRows(k) != c.rows {
			t.Errorf("%s on %s, %s of %v CTAs: rows %v", c.text, c.machine, k.Name, k.Grid, !c.rows)
		}
	}
}
