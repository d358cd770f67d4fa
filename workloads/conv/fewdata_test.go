package conv

import (
	"math"
	"testing"

	"gpusim/workloads"
	"gpusim/workloads/tile/replay"
)

// TestFewDataReplay executes the kernel for gradients of images of few channels and
// compares with the convolution as it is defined.
func TestFewDataReplay(t *testing.T) {
	for _, s := range []string{
		"conv:n=2,c=3,h=11,w=37,k=6,r=3,s=3,pad=1", "conv:n=1,c=32,h=10,w=23,k=4,r=5,s=10,stride=2", "conv:n=1,c=1,h=19,w=70,k=5,r=5,s=20,stride=2",
		"conv:n=1,c=1,h=17,w=33,k=9,r=5,s=5,stride=2,pad=1", "conv:n=2,c=3,h=12,w=13,k=4,r=7,s=7,stride=2,pad=3",
		"conv:n=1,c=2,h=9,w=40,k=3,r=2,s=5,stride_h=4,stride_w=1,pad_w=2", "conv:n=1,c=4,h=8,w=6,k=2,r=1,s=1,stride=2",
	} {
		w, err := workloads.Parse(s + ",pass=bwd_data")
		if err != nil {
			t.Fatal(err)
		}
		k, err := FewData(w.Conv, voltaLatencies)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		m := replay.New(k.Tensors)
		_, f, y := inputs(w.Conv)
		put(m.Bytes(&k.Tensors[0]), y, 4)
		put(m.Bytes(&k.Tensors[1]), f, 4)
		if err := m.Run(k); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		for i, want := range direct(w.Conv) {
			if got := value(m.Bytes(&k.Tensors[2])[4*i:], 4); math.Abs(got-want) > 1e-4 {
				t.Fatalf("%s: element %d is %v, want %v", s, i, got, want)
			}
		}
	}
}

// TestFewDataLeaves: what the kernel does not compute, it says.
func TestFewDataLeaves(t *testing.T) {
	for _, s := range []string{
		"conv:n=1,c=3,h=9,w=9,k=4,r=3,s=3", "conv:n=1,c=3,h=9,w=9,k=4,r=3,s=3,stride=3,pass=bwd_data",
		"conv:n=1,c=1,h=64,w=64,k=8,r=24,s=24,pad=12,pass=bwd_data", // more shared memory than a CTA can have
		"conv:n=1,c=3,h=9,w=9,k=4,r=3,s=3,dilation=2,pass=bwd_data", "conv:n=1,c=3,h=9,w=9,k=3,r=3,s=3,groups=3,pass=bwd_data",
	} {
		w, err := workloads.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := FewData(w.Conv, voltaLatencies); err == nil {
			t.Errorf("%s has a kernel", s)
		}
	}
}
