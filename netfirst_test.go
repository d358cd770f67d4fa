package gpusim

import (
	"slices"
	"testing"

	"gpusim/workloads"
)

// TestPooledFirst: where a machine has matrix instructions for bytes, the first layer of
// ResNet-50 is pooled by the kernel that computes it, with all the operations of both;
// not on others, not of other types, and not where something else reads what is pooled.
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
	for name, in := range map[string][]workloads.NetLayer{"volta": layers("int8"), "ampere": layers("fp16"), "turing": shared} {
		if out := pooledFirst(machine(t, name), in); len(out) != len(in) || out[0].Work.Text != in[0].Work.Text {
			t.Errorf("%s: %d layers of %d, the first %s", name, len(out), len(in), out[0].Work.Short())
		}
	}
}
