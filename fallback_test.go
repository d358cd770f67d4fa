package gpusim_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

// everyKind is a workload of each kind of layer, in a type that it knows.
func everyKind(t *testing.T) []workloads.Workload {
	t.Helper()
	custom := filepath.Join(t.TempDir(), "prune.yaml")
	text := "name: prune\nrows: 64\ncols: 128\ndtype: fp32\ninputs: [x]\noutput: y = select(abs(x) - 0.5, x, 0)\n"
	if err := os.WriteFile(custom, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out []workloads.Workload
	for _, s := range []string{
		"gemm:64x64x64:fp32", "conv:n=1,c=16,h=14,w=14,k=16,r=3,s=3,pad=1,dtype=fp32", "elementwise:op=relu,size=4096", "elementwise:op=gelu,size=4096",
		"elementwise:op=mask,size=4096", "softmax:rows=64,cols=100", "layernorm:rows=64,cols=128", "batchnorm:n=1,c=16,h=14,w=14",
		"pool:op=max,n=1,c=16,h=14,w=14,r=2,s=2,stride=2", "lrn:n=1,c=16,h=14,w=14", "reduce:op=sum,rows=64,cols=128",
		"embedding:rows=64,cols=128,vocab=1000", "layout:n=1,c=16,h=14,w=14,from=nchw,to=nhwc", "concat:size=4096,parts=2",
		"attention:batch=1,heads=2,seq=64,dim=64", "lstmcell:batch=4,hidden=64", "grucell:batch=4,hidden=64", "rnncell:batch=4,hidden=64",
		"optimizer:op=sgd,size=4096", "convpool:c=3,h=16,w=16,k=64,r=3,s=3,pad=1,pool=2,pool_stride=2", "custom:" + custom,
	} {
		w, err := workloads.Parse(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		out = append(out, w)
	}
	seen := map[string]bool{}
	for _, w := range out {
		seen[w.Kind] = true
	}
	for _, f := range workloads.List() { // nobody forgets a new kind here
		kind, _, ok := strings.Cut(f.Form, ":")
		if ok && !strings.HasPrefix(f.Form, " ") && !seen[kind] && kind != workloads.KindNetwork && !collective(kind) {
			t.Errorf("no workload of kind %q", kind)
		}
	}
	return out
}

func collective(kind string) bool {
	switch kind {
	case workloads.AllReduce, workloads.ReduceScatter, workloads.AllGather, workloads.Broadcast, workloads.AllToAll, workloads.PointToPoint, workloads.HaloExchange:
		return true
	}
	return false
}

// Every machine answers for every kind of layer: programmable ones run all, the
// others name what they lack, and run it on a host.
func TestEveryMachineAnswersForEveryKind(t *testing.T) {
	work := everyKind(t)
	for _, name := range configs.Names() {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range work {
			near := gpusim.Nearest(m, w)
			why := gpusim.Lacks(m, near, "")
			if m.GPU != nil || m.CPU != nil {
				// Kernels of several layers need matrix instructions of a warp for their type.
				may := w.Kind == workloads.KindAttention || w.Kind == workloads.KindConvPool && m.GPU != nil && m.GPU.Tensor.Rate("int8") == 0
				if why != "" && !may {
					t.Errorf("%s lacks %s: %s", name, w.Short(), why)
				}
				continue
			}
			r, err := gpusim.Run(context.Background(), m, near, gpusim.Options{})
			switch {
			case err != nil:
				t.Errorf("%s: %s: %v", name, near.Short(), err)
			case r.Fallback == nil:
				t.Errorf("%s: %s: nothing is said about a host", name, near.Short())
			case why == "" && (r.Fallback.TimeUS != 0 || len(r.Fallback.Layers) != 0):
				t.Errorf("%s runs %s but left it to %s", name, near.Short(), r.Fallback.Host)
			case why != "" && (r.Fallback.TimeUS <= 0 || len(r.Fallback.Layers) != 1):
				t.Errorf("%s lacks %s (%s) but %+v", name, near.Short(), why, r.Fallback)
			}
		}
	}
}

// Lists of abilities use the words of the workload language.
func TestAbilitiesAreSpeltRight(t *testing.T) {
	work := everyKind(t)
	of := func(kind string) (workloads.Workload, bool) {
		for _, w := range work {
			if w.Kind == kind {
				return w, true
			}
		}
		return workloads.Workload{}, false
	}
	for _, name := range configs.Names() {
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range gpusim.Abilities(m) {
			for _, kind := range a.Kinds {
				w, ok := of(kind)
				if !ok {
					t.Errorf("%s: unknown kind %q", name, kind)
					continue
				}
				for key := range a.Most {
					if _, ok := workloads.Size(w, key); !ok {
						t.Errorf("%s: %s has no size %q", name, kind, key)
					}
				}
				for _, op := range a.Ops {
					l := workloads.Layer{Op: op}
					if _, err := l.Chain(); err != nil && kind == workloads.KindElementwise {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
		}
	}
}

// What crosses is the tensors: a layer's inputs one way and its results the other,
// at the size of the machine's elements, in no less time than the link needs.
func TestFallenLayersMoveTheirTensors(t *testing.T) {
	for _, c := range []struct {
		machine, work  string
		toHost, toBack float64
	}{
		{"nvdla-large", "softmax:rows=64,cols=1000,dtype=fp16", 64000, 64000},
		{"tpu1", "softmax:rows=64,cols=1000,dtype=fp16", 64000, 64000},
		{"tpu1", "elementwise:op=mask,size=5000", 5000, 5000},
		{"tpu1", "concat:size=4096,parts=4", 4096, 4096},
		{"nvdla-large", "reduce:op=sum,rows=100,cols=70", 7000, 100},
		{"nvdla-small", "conv:n=1,c=8,h=8,w=30000,k=8,r=3,s=3,pad=1,dtype=int8", 8 * 8 * 30000, 8 * 8 * 30000}, // no room in its buffer
		{"nvdla-full", "elementwise:op=add+gelu,size=1000,dtype=fp16", 2000, 1000},                             // its first type is int8
	} {
		r, err := runOn(t, c.machine, c.work, gpusim.Sampled)
		if err != nil {
			t.Fatalf("%s: %v", c.machine, err)
		}
		f := r.Fallback
		if f.ToHost != c.toHost || f.ToDevice != c.toBack {
			t.Errorf("%s on %s: %g bytes to the host and %g back, want %g and %g", c.work, c.machine, f.ToHost, f.ToDevice, c.toHost, c.toBack)
		}
		m, _ := configs.Load(c.machine, nil)
		if least := (f.ToHost + f.ToDevice) / m.Host.Rate() * 1e6; f.LinkUS < least {
			t.Errorf("%s on %s: %g us on the link, which needs %g", c.work, c.machine, f.LinkUS, least)
		}
		if total := f.HostUS + f.LinkUS + f.CastUS; math.Abs(total-r.TimeUS) > 1e-6*total || math.Abs(f.TimeUS-total) > 1e-9*total {
			t.Errorf("%s on %s: %g us of parts, %g in all", c.work, c.machine, total, r.TimeUS)
		}
	}
}

// A network without foreign layers leaves nothing to a host, one with
// concatenations just these, each tensor once each way.
func TestNetworksFallBack(t *testing.T) {
	for _, machine := range []string{"nvdla-large", "tpu1"} {
		start := time.Now()
		r, err := runOn(t, machine, "model:resnet50,batch=1,dtype=int8", gpusim.Sampled)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 10*time.Second { // under 1 s on an idle machine
			t.Errorf("%s: %v", machine, took)
		}
		if f := r.Fallback; f == nil || f.TimeUS != 0 || len(f.Layers) != 0 || f.ToHost != 0 || f.HandOver != 0 {
			t.Errorf("%s: ResNet-50 left to a host: %+v", machine, f)
		}
	}
	w, err := workloads.Parse("model:googlenet,batch=1,dtype=int8,fused=false")
	if err != nil {
		t.Fatal(err)
	}
	want, n := 0.0, 0
	for _, l := range w.Net.Layers {
		if l.Work.Kind == workloads.KindConcat {
			want += float64(l.Work.Layer.Size)
			n++
		}
	}
	r, err := runOn(t, "nvdla-large", w.Text, gpusim.Sampled)
	if err != nil {
		t.Fatal(err)
	}
	f := r.Fallback
	if len(f.Layers) != n || f.ToHost != want || f.ToDevice != want || f.HandOver != 2*n {
		t.Errorf("%d layers, %g bytes there, %g back, %d hand-overs; want %d, %g and %g, %d", len(f.Layers), f.ToHost, f.ToDevice, f.HandOver, n, want, want, 2*n)
	}
	sum := 0.0
	for _, l := range r.Layers {
		sum += l.TimeUS
	}
	if math.Abs(sum-r.TimeUS) > 1e-9*sum || f.TimeUS >= r.TimeUS {
		t.Errorf("layers take %g us, all %g, the host %g", sum, r.TimeUS, f.TimeUS)
	}
}

// Layers that follow each other on the host stay there, and a faster link never
// makes a network slower.
func TestNeighboursStayOnTheHost(t *testing.T) {
	file := filepath.Join(t.TempDir(), "net.csv")
	text := "layer,workload,count\n" +
		"a,\"conv:n=1,c=32,h=14,w=14,k=32,r=1,s=1,dtype=int8\",1\n" +
		"b,\"softmax:rows=196,cols=32,dtype=fp16\",1\n" +
		"c,\"elementwise:op=gelu,size=6272,dtype=fp16\",1\n" +
		"d,\"conv:n=1,c=32,h=14,w=14,k=32,r=1,s=1,dtype=int8\",1\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(sets ...string) gpusim.Result {
		m, err := configs.Load("tpu1", sets)
		if err != nil {
			t.Fatal(err)
		}
		w, err := workloads.Parse("model:" + file + ",dtype=int8")
		if err != nil {
			t.Fatal(err)
		}
		r, err := gpusim.Run(context.Background(), m, w, gpusim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := run()
	if f := r.Fallback; len(f.Layers) != 2 || f.ToHost != 6272 || f.ToDevice != 6272 || f.HandOver != 2 {
		t.Errorf("%+v", f)
	}
	slow := run("host.lanes=8")
	if slow.TimeUS < r.TimeUS || slow.Fallback.LinkUS <= r.Fallback.LinkUS {
		t.Errorf("eight lanes: %g us (%g on the link), sixteen %g (%g)", slow.TimeUS, slow.Fallback.LinkUS, r.TimeUS, r.Fallback.LinkUS)
	}
}

// The states of a recurrence cross in every step: gates to the host, which alone
// has cells, and the hidden state back.
func TestRecurrencesCross(t *testing.T) {
	r, err := runOn(t, "nvdla-large", "model:lstm,batch=8,hidden=512,steps=10,dtype=int8", gpusim.Sampled)
	if err != nil {
		t.Fatal(err)
	}
	if f := r.Fallback; f.ToHost != 10*8*4*512 || f.ToDevice != 10*8*512 || f.HandOver != 20 {
		t.Errorf("%+v", f)
	}
}
