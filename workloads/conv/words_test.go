package conv

import (
	"testing"

	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile/replay"
)

// TestWordsReplay executes the kernels on DP4A: images, filters and results in
// blocks of four channels.
func TestWordsReplay(t *testing.T) {
	lat := voltaLatencies
	lat.DP4A = 4
	for _, c := range []gemm.Config{
		{Family: "simt", TileM: 128, TileN: 32, TileK: 32, WarpM: 64, WarpN: 32, WarpK: 1, Splits: 1},
		{Family: "simt", TileM: 128, TileN: 64, TileK: 32, WarpM: 32, WarpN: 64, WarpK: 1, Splits: 1},
		{Family: "simt", TileM: 128, TileN: 128, TileK: 32, WarpM: 32, WarpN: 64, WarpK: 1, Splits: 1},
	} {
		for _, s := range []string{
			"conv:n=2,c=32,h=5,w=6,k=64,r=3,s=3,pad=1", "conv:n=1,c=12,h=9,w=8,k=36,r=3,s=2,stride=2",
			"conv:n=3,c=4,h=11,w=9,k=8,r=1,s=1", "conv:n=1,c=8,h=12,w=10,k=4,r=3,s=3,dilation=2,pad=2",
		} {
			w, err := workloads.Parse(s + ",dtype=int8,layout=nchw_vect_c")
			if err != nil {
				t.Fatal(err)
			}
			p, err := LowerWords(w.Conv)
			if err != nil {
				t.Fatal(err)
			}
			p.Lowered.Name = "words"
			ks, err := gemm.Build(p, c, lat)
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			x, f, _ := inputs(w.Conv)
			m := replay.New(ks[0].Tensors)
			at := blocked(w.Conv.C, w.Conv.H*w.Conv.W)
			for i, v := range x {
				m.Bytes(&ks[0].Tensors[0])[at(i)] = byte(int8(v))
			}
			at = blocked(w.Conv.C, w.Conv.R*w.Conv.S)
			for i, v := range f {
				m.Bytes(&ks[0].Tensors[1])[at(i)] = byte(int8(v))
			}
			for _, k := range ks {
				if err := m.Run(k); err != nil {
					t.Fatalf("%s: %v", s, err)
				}
			}
			planar := *w.Conv
			planar.Layout = workloads.LayoutNCHW
			at = blocked(w.Conv.K, w.Conv.P()*w.Conv.Q())
			for i, want := range direct(&planar) {
				want = min(max(want, -128), 127)
				if got := float64(int8(m.Bytes(&ks[0].Tensors[2])[at(i)])); got != want {
					t.Fatalf("%s: element %d is %v, want %v", s, i, got, want)
				}
			}
		}
	}
}

// blocked gives the place of an element of a tensor in NCHW order where four
// channels of a point lie together.
func blocked(channels, points int) func(int) int {
	return func(i int) int {
		n, c, p := i/points/channels, i/points%channels, i%points
		return ((n*channels/wordChannels+c/wordChannels)*points+p)*wordChannels + c%wordChannels
	}
}
