package gpusim

import (
	"context"
	"strings"
	"testing"
)

// An epilogue in the kernel costs what it reads and little else: less than a
// pass of its own, more than nothing. Kernels that have none are followed by
// such a pass.
func TestEpilogues(t *testing.T) {
	t.Parallel()
	m := machine(t, "volta")
	run := func(text string) Result {
		t.Helper()
		r, err := Run(context.Background(), m, mustParse(t, text), Options{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return r
	}
	for _, c := range []struct{ plain, epilogue, pass string }{
		{"gemm:512x2048x512:fp16,ta=t", ",epilogue=bias+add+relu", "elementwise:op=bias+add+relu,size=1048576,channels=512,inner=1,dtype=fp16"},
		{"conv:n=16,c=128,h=14,w=14,k=256,r=1,s=1,dtype=fp16,layout=nhwc", ",epilogue=bias+add+relu", "elementwise:op=bias+add+relu,size=802816,channels=256,inner=1,dtype=fp16"},
		{"conv:n=16,c=128,h=14,w=14,k=256,r=1,s=1,dtype=fp32", ",epilogue=bias+add+relu", "elementwise:op=bias+add+relu,size=802816,channels=256,inner=196"},
	} {
		plain, fused, pass := run(c.plain), run(c.plain+c.epilogue), run(c.pass)
		if len(fused.Layers) != len(plain.Layers) {
			t.Errorf("%s: %d kernels, without an epilogue %d", c.plain, len(fused.Layers), len(plain.Layers))
		}
		if !(fused.TimeUS > plain.TimeUS && fused.TimeUS < plain.TimeUS+pass.TimeUS) {
			t.Errorf("%s: %.2f us, with an epilogue %.2f, a pass of its own %.2f", c.plain, plain.TimeUS, fused.TimeUS, pass.TimeUS)
		}
		if fused.WarpInsts <= plain.WarpInsts {
			t.Errorf("%s: an epilogue of no instructions", c.plain)
		}
	}
	// Few rows: split-K, whose reduction has the epilogue.
	r := run("gemm:1000x1x2048:fp16,ta=t,epilogue=bias")
	if last := r.Layers[len(r.Layers)-1].Kernel; !strings.Contains(last, "splitKreduce") {
		t.Errorf("the last kernel is %s", last)
	}
	// fp16 accumulators: no kernel has one.
	r = run("gemm:1024x256x256:fp16,acc=fp16,epilogue=bias")
	if last := r.Layers[len(r.Layers)-1].Kernel; !strings.Contains(last, "elementwise") {
		t.Errorf("the last kernel is %s", last)
	}
}

// Layers that an inference compiler has laid out run its kernels: TensorRT's for Volta
// have large tiles only.
func TestCompiledLayersHaveTheCompilersKernels(t *testing.T) {
	t.Parallel()
	w := mustParse(t, "conv:n=1,c=256,h=14,w=14,k=256,r=1,s=1,dtype=fp16,layout=nhwc,epilogue=bias+relu")
	for compiled, tile := range map[bool]string{false: "64x64", true: "128x128"} {
		r, err := Run(context.Background(), machine(t, "volta"), w, Options{setting: setting{compiled: compiled}})
		if err != nil {
			t.Fatal(err)
		}
		if k := r.Layers[len(r.Layers)-1].Kernel; !strings.Contains(k, tile) {
			t.Errorf("compiled %v: %s, want a tile of %s", compiled, k, tile)
		}
	}
}
