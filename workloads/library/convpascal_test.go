package library

import (
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/conv"
	"gpusim/workloads/tile"
)

// TestOldLibraries: what cuDNN 5 and 6 take, by shape and pass, and that asking for
// another algorithm gets it.
func TestOldLibraries(t *testing.T) {
	for _, c := range []struct{ machine, shape, algo, kernel string }{
		{"maxwell", "n=16,c=256,h=28,w=28,k=512,r=3,s=3,pad=1", AlgoWinograd, AlgoWinograd},
		{"pascal", "n=16,c=256,h=28,w=28,k=512,r=3,s=3,pad=1", AlgoWinogradNonFused, ""},
		{"pascal", "n=8,c=256,h=28,w=28,k=512,r=3,s=3,pad=1", AlgoWinograd, AlgoWinograd},
		{"gtx1080ti", "n=16,c=512,h=7,w=7,k=512,r=3,s=3,pad=1", AlgoWinograd, AlgoWinograd},
		{"gtx1080ti", "n=16,c=64,h=80,w=350,k=64,r=3,s=3,pad=1,pass=bwd_data", AlgoWinograd, AlgoWinograd},
		{"titan-xp", "n=8,c=128,h=28,w=28,k=128,r=3,s=3,pad=1,pass=bwd_weight", AlgoWinogradNonFused, ""},
		{"titanx-maxwell", "n=8,c=128,h=28,w=28,k=128,r=3,s=3,pad=1,pass=bwd_weight", AlgoPrecomp, ""},
		{"titanx-pascal", "n=16,c=512,h=14,w=14,k=48,r=5,s=5,pad=2", AlgoFFTTiling, ""},
		{"pascal", "n=16,c=512,h=14,w=14,k=48,r=5,s=5,pad=2,pass=bwd_data", AlgoPrecomp, ""},
		{"pascal", "n=16,c=192,h=28,w=28,k=32,r=5,s=5,pad=2,pass=bwd_data", AlgoFFTTiling, ""},
		{"pascal", "n=16,c=192,h=28,w=28,k=32,r=5,s=5,pad=2", AlgoPrecomp, ""},
		{"pascal", "n=16,c=3,h=224,w=224,k=64,r=3,s=3,pad=1", AlgoPrecomp, "maxwell_scudnn_128x64_relu_small_nn"},
		{"pascal", "n=16,c=3,h=224,w=224,k=64,r=7,s=7,pad=3,stride=2,pass=bwd_data", AlgoPrecomp, "dgrad2d_alg1_1"},
		{"maxwell", "n=8,c=32,h=79,w=341,k=32,r=5,s=10,stride=2,pass=bwd_data", AlgoPrecomp, "dgrad2d_alg1_1"},
		{"maxwell", "n=8,c=33,h=79,w=341,k=32,r=5,s=10,stride=2,pass=bwd_data", AlgoPrecomp, "maxwell_scudnn_128x32_stridedB_small_nn"},
		{"maxwell", "n=8,c=49,h=79,w=341,k=32,r=5,s=10,stride=2,pass=bwd_data", AlgoPrecomp, "maxwell_scudnn_128x64_stridedB_small_nn"},
		{"pascal", "n=16,c=512,h=14,w=14,k=48,r=5,s=5,pad=2", AlgoPrecomp, "maxwell_scudnn_128x32_relu_small_nn"},
		{"maxwell", "n=8,c=32,h=79,w=341,k=32,r=5,s=10,pass=bwd_data", AlgoPrecomp, "maxwell_scudnn_128x32_stridedB_small_nn"},
		{"pascal", "n=16,c=3,h=224,w=224,k=64,r=3,s=3,pad=1,pass=bwd_weight", AlgoPrecomp, "maxwell_scudnn_128x64_stridedB_splitK_small_nn"},
		{"maxwell", "n=16,c=512,h=28,w=28,k=256,r=1,s=1,stride=2,pass=bwd_data", AlgoPrecomp, "dgrad_engine_64x32"},
		{"maxwell", "n=16,c=512,h=28,w=28,k=256,r=1,s=1,pass=bwd_data", AlgoPrecomp, "maxwell_scudnn_128x128_stridedB_small_nn"},
	} {
		g, conv := convOn(t, c.machine, "conv:"+c.shape)
		got, err := ChooseConv(g, conv, "")
		if err != nil {
			t.Fatal(err)
		}
		if got.Algo != c.algo || c.kernel != "" && got.Kernel != c.kernel {
			t.Errorf("%s, %s: %s by %s, want %s by %s", c.machine, c.shape, got.Algo, got.Kernel, c.algo, c.kernel)
		}
		calls, err := ConvCandidates(g, conv)
		if err != nil {
			t.Fatal(err)
		}
		// What is chosen costs least, and asking for an algorithm gets its cheapest kernel.
		least := map[string]float64{}
		for _, k := range calls {
			if k.Cost < got.Cost {
				t.Errorf("%s, %s: %s is chosen at %.0f cycles, %s costs %.0f", c.machine, c.shape, got.Kernel, got.Cost, k.Kernel, k.Cost)
			}
			if old, ok := least[k.Algo]; !ok || k.Cost < old {
				least[k.Algo] = k.Cost
			}
		}
		for algo, cost := range least {
			if forced, err := ChooseConv(g, conv, algo); err != nil || forced.Algo != algo || forced.Cost != cost {
				t.Errorf("%s, %s: asked for %s: %s at %.0f cycles for %.0f, %v", c.machine, c.shape, algo, forced.Algo, forced.Cost, cost, err)
			}
		}
		// Transforms other than the one that is taken are left to those who ask.
		for _, algo := range []string{AlgoWinograd, AlgoWinogradNonFused} {
			if cost, ok := least[algo]; ok && algo != got.Algo && cost != unasked {
				t.Errorf("%s, %s: %s costs %.0f cycles beside %s", c.machine, c.shape, algo, cost, got.Algo)
			}
		}
	}
}

// TestNoNonFusedWinogradIn5: cuDNN 5 does not have it, so who asks for it is told what
// there is.
func TestNoNonFusedWinogradIn5(t *testing.T) {
	w, err := workloads.Parse("conv:n=16,c=256,h=28,w=28,k=512,r=3,s=3,pad=1")
	if err != nil {
		t.Fatal(err)
	}
	for machine, has := range map[string]bool{"maxwell": false, "titanx-maxwell": false, "pascal": true} {
		m, err := configs.Load(machine, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ChooseConv(m.GPU, w.Conv, AlgoWinogradNonFused)
		if has != (err == nil) || err != nil && !strings.Contains(err.Error(), "allowed: "+AlgoPrecomp+", "+AlgoWinograd) {
			t.Errorf("%s: %v", machine, err)
		}
	}
}

// convOn is a machine and a convolution.
func convOn(t *testing.T, machine, text string) (*configs.GPU, *workloads.Conv) {
	t.Helper()
	m, err := configs.Load(machine, nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m.GPU, w.Conv
}

// TestPascalInt8: kernels on DP4A have one tile on Pascal, however few filters or points
// there are, and a table of offsets is filled before them; Volta's have smaller ones too.
func TestPascalInt8(t *testing.T) {
	for machine, tile := range map[string]string{"gtx1080ti": "128x128", "p4": "128x128", "volta": "128x32"} {
		for _, shape := range []string{"n=1,c=192,h=28,w=28,k=32,r=5,s=5,pad=2", "n=2,c=512,h=7,w=7,k=512,r=3,s=3,pad=1", "n=1,c=512,h=7,w=7,k=512,r=1,s=1"} {
			g, c := convOn(t, machine, "conv:"+shape+",dtype=int8,layout=nchw_vect_c")
			call, err := ChooseConv(g, c, AlgoPrecomp)
			if err != nil {
				t.Fatal(err)
			}
			ks, err := call.Build(Latencies(g))
			if err != nil {
				t.Fatal(err)
			}
			if len(ks) != 2 || !conv.FillsTable(ks[0]) || !strings.Contains(ks[1].Name, "_int8x4_"+tile+"_") {
				t.Errorf("%s, %s: %d kernels, the last %s; want one with tiles of %s behind its table", machine, shape, len(ks), ks[len(ks)-1].Name, tile)
			}
		}
	}
}

// TestLacking: a library that has a type in another layout only says so.
func TestLacking(t *testing.T) {
	for text, want := range map[string]string{
		"dtype=int8":             "in layout nchw; it has one for layout=nchw_vect_c",
		"dtype=fp32,layout=nhwc": "in layout nhwc; it has one for layout=nchw",
		"dtype=bf16":             "in layout nchw",
	} {
		g, c := convOn(t, "gtx1080ti", "conv:n=1,c=64,h=7,w=7,k=64,r=1,s=1,"+text)
		if _, err := ChooseConv(g, c, ""); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestDgradEngine: its output is cleared before, and what it computes is added.
func TestDgradEngine(t *testing.T) {
	g, c := convOn(t, "maxwell", "conv:n=16,c=512,h=28,w=28,k=256,r=1,s=1,stride=2,pass=bwd_data")
	call, err := ChooseConv(g, c, "")
	if err != nil {
		t.Fatal(err)
	}
	ks, err := call.Build(Latencies(g))
	if err != nil || len(ks) != 2 || ks[0].Name != "memset_C" || ks[1].Name != "dgrad_engine_64x32" {
		t.Fatalf("%d kernels (%v)", len(ks), err)
	}
	n := map[tile.Op]int{}
	for _, s := range ks[1].Programs[0].Segments {
		for _, i := range s.Code {
			n[i.Op]++
			if i.Op == tile.OpLDS && s.Loop && ks[1].Accesses[i.Access].Bytes != 4 {
				t.Errorf("fragments come %d bytes at a time", ks[1].Accesses[i.Access].Bytes)
			}
		}
	}
	if n[tile.OpRED] != 32 || n[tile.OpSTG] != 0 {
		t.Errorf("%d additions and %d stores, want 32 and none", n[tile.OpRED], n[tile.OpSTG])
	}
}
