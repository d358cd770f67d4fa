package conv

import (
	"testing"

	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/replay"
)

// imageShapes have filters of one to more than a k-tile, odd padding, and sizes that
// leave edges of every tile.
var imageShapes = []string{
	"conv:n=2,c=4,h=23,w=21,k=64,r=7,s=7,pad=3,stride=2",
	"conv:n=1,c=4,h=9,w=14,k=32,r=3,s=3,pad=1",
	"conv:n=3,c=4,h=8,w=7,k=96,r=1,s=1",
	"conv:n=1,c=4,h=12,w=11,k=64,r=2,s=5,pad_w=4,stride_h=3",
	"conv:n=1,c=4,h=12,w=11,k=32,r=3,s=3,dilation=2,pad=2",
}

// TestImageReplay executes the kernels for images of four channels, of halves on
// all kinds of matrix instructions and of int8, and compares with the convolution
// as it is defined.
func TestImageReplay(t *testing.T) {
	lat := voltaLatencies
	lat.MMA = append([]tile.MMA{
		{Name: "HMMA.1688", Type: "fp16", Acc: "fp32", M: 16, N: 8, K: 8, Cycles: 8, Latency: 20, Accumulate: 12},
	}, lat.MMA...)
	for _, s := range imageShapes {
		for _, steps := range []string{"", "bias+relu"} {
			if steps != "" {
				steps = ",epilogue=" + steps
			}
			for _, c := range []gemm.Config{
				{Family: "hmma", TileM: 64, TileN: 64, TileK: 32, Splits: 1},
				{Family: "hmma", TileM: 64, TileN: 256, TileK: 32, Splits: 1},
				{Family: "mma", TileM: 64, TileN: 256, TileK: 32, WarpM: 64, WarpN: 64, Stages: 2, Splits: 1},
				{Family: "mma", TileM: 64, TileN: 128, TileK: 32, WarpM: 32, WarpN: 64, Stages: 4, Splits: 1},
			} {
				imageReplayed(t, s+",dtype=fp16,layout=nhwc"+steps, c, lat)
			}
			for _, stages := range []int{2, 3} {
				imageReplayed(t, s+",dtype=int8,layout=nchw_vect_c"+steps, gemm.Config{Family: "mma", TileM: 64, TileN: 128, TileK: 64, WarpM: 32, WarpN: 64, Stages: stages, Splits: 1}, lat)
			}
		}
	}
}

func imageReplayed(t *testing.T, text string, cfg gemm.Config, lat tile.Latencies) {
	t.Helper()
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	c := w.Conv
	p, err := LowerImage(c)
	if err != nil {
		t.Fatal(err)
	}
	p.Steps, p.Lowered.Name = Steps(c), "image"
	ks, err := gemm.Build(p, cfg, lat)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	ts := ks[0].Tensors
	m := replay.New(ts)
	x, f, _ := inputs(c)
	put(m.Bytes(&ts[1]), x, ts[1].Elem)
	row := c.R * c.S * c.C
	for k := range c.K { // filters may begin further apart than they are long
		put(m.Bytes(&ts[0])[k*len(m.Bytes(&ts[0]))/c.K:], f[k*row:(k+1)*row], ts[0].Elem)
	}
	bias := make([]float64, c.K)
	for i := range ts {
		if ts[i].Name == "bias" {
			for k := range bias {
				bias[k] = float64(k%7 - 3)
			}
			put(m.Bytes(&ts[i]), bias, ts[i].Elem)
		}
	}
	for _, k := range ks {
		if err := m.Run(k); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	side := *c
	side.Layout = workloads.LayoutNHWC
	points := c.P() * c.Q()
	for i, want := range direct(&side) {
		n, q, k := i/c.K/points, i/c.K%points, i%c.K
		want += bias[k]
		if c.Epilogue != "" {
			want = max(0, want)
		}
		at := i
		if c.Layout == workloads.LayoutVectC {
			at, want = ((n*c.K/slab+k/slab)*points+q)*slab+k%slab, min(max(want, -128), 127)
		}
		if got := value(m.Bytes(&ts[2])[at*ts[2].Elem:], ts[2].Elem); got != want {
			t.Fatalf("%s: point %d of image %d, filter %d: %v, want %v", text, q, n, k, got, want)
		}
	}
}

// TestImageLeaves: what such kernels do not compute, they say.
func TestImageLeaves(t *testing.T) {
	for _, s := range []string{
		"conv:n=1,c=3,h=9,w=9,k=64,r=3,s=3,dtype=fp16,layout=nhwc", "conv:n=1,c=4,h=9,w=9,k=64,r=3,s=3,dtype=fp16",
		"conv:n=1,c=4,h=9,w=9,k=64,r=3,s=3,dtype=fp16,layout=nhwc,pass=bwd_data", "conv:n=1,c=4,h=9,w=9,k=64,r=3,s=3,dtype=fp16,layout=nhwc,groups=2",
		"conv:n=1,c=4,h=9,w=9,k=40,r=3,s=3,dtype=int8,layout=nchw_vect_c",
	} {
		w, err := workloads.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := LowerImage(w.Conv); err == nil {
			t.Errorf("%s is lowered", s)
		}
	}
}
