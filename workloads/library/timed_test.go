package library

import (
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
)

// TestTimedTiles: of int8 on Ampere a compiler takes tiles no wider than the filters,
// small ones where little is summed up and results are the work, whose CTAs hide each
// other's epilogues, and large ones where much is.
func TestTimedTiles(t *testing.T) {
	m, err := configs.Load("ampere", nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, tiles := range map[string][]string{
		// Where the grid does not fill the GPU nothing hides the epilogue of a large tile.
		"n=1,c=256,h=14,w=14,k=256,r=3,s=3,pad=1":        {"64x64"},
		"n=8,c=512,h=7,w=7,k=2048,r=1,s=1,epilogue=add":  {"64x64"},
		"n=64,c=64,h=56,w=56,k=64,r=3,s=3,pad=1":         {"64x128", "64x256"},
		"n=64,c=64,h=56,w=56,k=256,r=1,s=1,epilogue=add": {"64x64", "128x64"},
		"n=64,c=256,h=14,w=14,k=256,r=3,s=3,pad=1":       {"256x128", "128x256", "128x128"},
	} {
		w, err := workloads.Parse("conv:" + text + ",dtype=int8,layout=nchw_vect_c")
		if err != nil {
			t.Fatal(err)
		}
		call, err := ChooseConv(m.GPU, w.Conv, "")
		if err != nil {
			t.Fatal(err)
		}
		ok := false
		for _, tile := range tiles {
			ok = ok || strings.Contains(call.Kernel, "int8_"+tile+"_")
		}
		if !ok {
			t.Errorf("%s: %s, want a tile of %s", text, call.Kernel, strings.Join(tiles, " or "))
		}
	}
}
