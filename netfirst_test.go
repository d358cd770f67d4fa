package gpusim

import (
	"slices"
	"testing"

	"gpusim/workloads"
)

// TestApartWhole: a GPU without the kernel runs a table's convpool as its two layers, in
// closed form too.
func TestApartWhole(t *testing.T) {
	w, err := workloads.Parse("convpool:n=2,c=3,h=64,w=64,k=64,r=7,s=7,stride=2,pad=3,pool=3,pool_stride=2,pool_pad=1")
	if err != nil {
		t.Fatal(err)
	}
	for name, kinds := range map[string][]string{"pascal": {workloads.KindConv, workloads.KindPool}, "turing": {workloads.KindConvPool}} {
		out, err := apartWhole(machine(t, name), []workloads.NetLayer{{Name: "first", Work: w, Count: 1}})
		if err != nil || len(out) != len(kinds) {
			t.Fatalf("%s: %v: %v", name, out, err)
		}
		ops := int64(0)
		for i, l := range out {
			ops += l.Work.Shape().Ops()
			if l.Work.Kind != kinds[i] || Lacks(machine(t, name), l.Work, "") != "" {
				t.Errorf("%s: part %d is %s", name, i, l.Work.Short())
			}
		}
		if ops != w.Shape().Ops() {
			t.Errorf("%s: parts of %d operations, the whole of %d", name, ops, w.Shape().Ops())
		}
	}
}

// TestPooledFirst: where a machine has matrix instructions for bytes, the first layer of
// ResNet-50 is pooled by the kernel that computes it, with all the operations of both;
// not on others, not of other types, not where something else reads what is pooled, and
// not where one of them runs more often.
func TestPooledFirst(t *testing.T) {
	layers := func(dtype string) []workloads.NetLayer {
		w, err := workloads.Parse("model:resnet50,batch=2,dtype=" + dtype)
		if err != nil {
			t.Fatal(err)
		}
		return w.Net.Layers
	}
	ops := func(ls []workloads.NetLayer) (n int64) {
		for _, l := range ls {
			n += l.Work.Shape().Ops() * int64(l.Count)
		}
		return n
	}
	for _, name := range []string{"turing", "ampere", "hopper"} {
		in := layers("int8")
		out := pooledFirst(machine(t, name), in)
		if len(out) != len(in)-1 || out[0].Name != "conv1|pool1" || out[0].Work.Kind != workloads.KindConvPool || out[1].Name != in[2].Name || ops(out) != ops(in) {
			t.Errorf("%s: %d layers of %d, the first %s: %s, %d operations of %d", name, len(out), len(in), out[0].Name, out[0].Work.Short(), ops(out), ops(in))
		}
	}
	shared := slices.Clone(layers("int8"))
	shared[5].Reads = append(slices.Clone(shared[5].Reads), shared[1].Reads...)
	often := slices.Clone(layers("int8"))
	often[0].Count = 3
	for name, in := range map[string][]workloads.NetLayer{"volta": layers("int8"), "ampere": layers("fp16"), "turing": shared, "hopper": often} {
		if out := pooledFirst(machine(t, name), in); len(out) != len(in) || out[0].Work.Text != in[0].Work.Text {
			t.Errorf("%s: %d layers of %d, the first %s", name, len(out), len(in), out[0].Work.Short())
		}
	}
}
