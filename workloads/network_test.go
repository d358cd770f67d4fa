package workloads

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gpusim/workloads/models"
)

func TestNetworkText(t *testing.T) {
	for _, c := range []struct{ in, text, short string }{
		{"model:resnet50", "model:resnet50,batch=1,dtype=fp32,phase=infer,fused=true", "model:resnet50,batch=1,dtype=fp32"},
		{"model:ResNet-50,batch=8,dtype=half,fused=false", "model:resnet50,batch=8,dtype=fp16,phase=infer,fused=false", "model:resnet50,batch=8,dtype=fp16,fused=false"},
		{"model:resnet50,phase=train,layout=nhwc", "model:resnet50,batch=1,dtype=fp32,phase=train,fused=false,layout=nhwc", "model:resnet50,batch=1,dtype=fp32,phase=train,layout=nhwc"},
		{"model:bert_large,batch=2", "model:bert-large,batch=2,dtype=fp32,phase=infer,fused=true,seq=512", "model:bert-large,batch=2,dtype=fp32,seq=512"},
		{"model:lstm,batch=2,hidden=64,steps=3,input=32,phase=train,optimizer=sgd", "model:lstm,batch=2,dtype=fp32,phase=train,fused=false,hidden=64,steps=3,input=32,optimizer=sgd", ""},
	} {
		w, err := Parse(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if w.Text != c.text || c.short != "" && w.Short() != c.short || w.Kind != KindNetwork {
			t.Errorf("%s: got %q and %q, want %q and %q", c.in, w.Text, w.Short(), c.text, c.short)
		}
		for _, s := range []string{w.Text, w.Short()} {
			if again, err := Parse(s); err != nil || again.Text != w.Text {
				t.Errorf("%s does not round-trip: %v %v", s, again, err)
			}
		}
	}
}

func TestNetworkErrors(t *testing.T) {
	for in, want := range map[string]string{
		"model:":                                  "no network is named",
		"model:resnet5":                           `unknown network (did you mean "resnet50"?)`,
		"model:zzzzzzzz":                          "unknown network (allowed: alexnet",
		"model:resnet50,seq=5":                    "seq=5 means nothing to it",
		"model:resnet50,batch=0":                  "batch=0 is out of range",
		"model:resnet50,phase=dream":              "phase=dream (allowed: infer, train)",
		"model:resnet50,phase=train,fused=true":   "fused=true in training is for layout=nhwc",
		"model:resnet50,phase=train,dtype=int8":   "int8 is for inference",
		"model:resnet50,dtype=fp64":               "networks are not computed in fp64",
		"model:resnet50,optimizer=adam":           "optimizer=adam is for phase=train",
		"model:resnet50,fused=maybe":              "fused=maybe (allowed: true, false, norms)",
		"model:resnet50,bacth=2":                  `unknown key "bacth" (did you mean "batch"?)`,
		"model:resnet50,skip_unknown=true":        "skip_unknown is for files",
		"model:none.onnx":                         "none.onnx: cannot be read: no such file",
		"model:none.onnx,seq=8":                   "seq is not for files",
		"model:resnet50,batch=1048576,dtype=fp32": "more than 2^31 elements",
	} {
		_, err := Parse(in)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", in, err, want)
		}
	}
}

// All layers of all networks are workloads, in all types and both phases, and
// the products of a pass have the network's operations: those of the forward
// pass once for inference, fused or not.
func TestNetworksLower(t *testing.T) {
	for _, m := range models.List() {
		for _, keys := range []string{
			",dtype=fp32", ",dtype=fp16", ",dtype=tf32", ",dtype=int8", ",dtype=int4",
			",dtype=fp32,fused=false", ",dtype=fp16,fused=false", ",dtype=fp32,phase=train", ",dtype=fp16,phase=train",
		} {
			w, err := Parse("model:" + m.Name + ",batch=2" + keys)
			if err != nil {
				t.Errorf("%s%s: %v", m.Name, keys, err)
				continue
			}
			n := w.Net
			macs := int64(0)
			for _, l := range n.Layers {
				switch s := l.Work; {
				case s.GEMM != nil, s.Conv != nil:
					macs += int64(l.Count) * s.Shape().Ops() / 2
				case s.Kind == KindAttention:
					a := s.Layer
					macs += int64(l.Count) * 2 * int64(a.Batch) * int64(a.Heads) * int64(a.Seq) * int64(a.Keys()) * int64(a.Dim)
				}
			}
			if n.Phase == PhaseInfer && macs != n.MACs {
				t.Errorf("%s%s: layers have %d multiply-adds, the network %d", m.Name, keys, macs, n.MACs)
			}
			if n.Phase == PhaseTrain && (macs <= 2*n.MACs || macs > 3*n.MACs) {
				t.Errorf("%s%s: a training step has %d multiply-adds, a forward pass %d", m.Name, keys, macs, n.MACs)
			}
		}
	}
}

// A training step has three times the forward pass less the first layer's
// gradient of its input.
func TestTrainingMACs(t *testing.T) {
	for name, first := range map[string]int64{"alexnet": 105415200, "vgg16": 86704128, "resnet50": 118013952} {
		w, err := Parse("model:" + name + ",phase=train")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := w.Net.Ops()/2, 3*w.Net.MACs-first; got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

func TestNetworkFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	conv := "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
	for name, c := range map[string]struct{ text, want string }{
		"conv.csv":   {conv + "Conv1, 227, 227, 11, 11, 3, 96, 4,\n", "conv:n=1,c=3,h=227,w=227,k=96,r=11,s=11,stride=4,dtype=fp32"},
		"over.csv":   {conv + "Conv1, 8, 8, 3, 3, 2, 4, 2,\n", "conv:n=1,c=2,h=9,w=9,k=4,r=3,s=3,stride=2,dtype=fp32"},
		"gemm.csv":   {"Layer, M, N, K,\nfc, 16, 32, 64,\n", "gemm:32x16x64:fp32"},
		"layers.csv": {"layer,workload,count\na,gemm:1x2x3:fp16,4\n", "gemm:1x2x3:fp16"},
		"short.csv":  {conv + "Conv1, 227, 227, 11,\n", `!short.csv:2: layer "Conv1": 3 values where 7 are expected (IFMAP height,`},
		"zero.csv":   {conv + "\nConv1, 227, 0, 11, 11, 3, 96, 4,\n", `!zero.csv:3: layer "Conv1": IFMAP width="0" is not a whole number of 1 or more`},
		"small.csv":  {conv + "Conv1, 8, 8, 11, 11, 3, 96, 4,\n", `!small.csv:2: node "Conv1" (conv): the output is empty`},
		"none.csv":   {conv, "!none.csv:1: no layers"},
		"bad.csv":    {"layer,workload,count\na,gemm:1x2,4\n", "!bad.csv:2: workload"},
		"times.csv":  {"layer,workload,count\na,gemm:1x2x3,0\n", `!times.csv:2: count="0"`},
	} {
		ws, err := Expand(write(name, c.text))
		if want, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", name, err, want)
			}
			continue
		}
		if err != nil || len(ws) != 1 || len(ws[0].Net.Layers) != 1 || ws[0].Net.Layers[0].Work.Short() != c.want {
			t.Errorf("%s: got %v (%v), want %s", name, ws, err, c.want)
		}
	}
}

// What is written is read back: the same layers, the same multiply-adds.
func TestExportReadsBack(t *testing.T) {
	w, err := Parse("model:googlenet,batch=2,dtype=fp16")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	layers := filepath.Join(dir, "layers.csv")
	if err := os.WriteFile(layers, w.Net.LayersCSV(), 0o600); err != nil {
		t.Fatal(err)
	}
	back, err := Expand(layers)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := back[0].Net.Naive(); ok {
		t.Error("a table of layers has a naive mapping")
	}
	if n := back[0].Net; n.DType != "fp16" || len(n.Layers) != len(w.Net.Layers) || n.Ops() != w.Net.Ops() || n.Bytes() != w.Net.Bytes() {
		t.Errorf("%d layers of %d operations, want %d of %d", len(n.Layers), n.Ops(), len(w.Net.Layers), w.Net.Ops())
	}
	if naive, ok := w.Net.Naive(); !ok || len(naive.Net.Layers) <= len(w.Net.Layers) {
		t.Errorf("the naive mapping has %d layers, the fused one %d", len(naive.Net.Layers), len(w.Net.Layers))
	}
	for _, name := range []string{"googlenet", "resnext101-32x4d", "bert-base"} {
		w, err := Parse("model:" + name + ",fused=false")
		if err != nil {
			t.Fatal(err)
		}
		topology := filepath.Join(dir, name+".csv")
		if err := os.WriteFile(topology, w.Net.TopologyCSV(), 0o600); err != nil {
			t.Fatal(err)
		}
		back, err = Expand(topology)
		if err != nil {
			t.Fatal(err)
		}
		// SCALE-Sim rounds outputs of strided layers up where frameworks round down.
		if got, want := back[0].Net.MACs, w.Net.MACs; got < want || float64(got) > 1.02*float64(want) {
			t.Errorf("%s: %d multiply-adds come back, want %d", name, got, want)
		}
	}
}

func FuzzNetwork(f *testing.F) {
	for _, s := range []string{"resnet50,batch=2", "bert-base,seq=8,dtype=fp16", "lstm,hidden=3,steps=2,input=5,phase=train", "x.onnx,batch=1", ",", "gpt2,fused=false,layout=nhwc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, ".onnx") || strings.Contains(s, ".csv") {
			return // would read files
		}
		w, err := Parse("model:" + s)
		if err != nil {
			return
		}
		if again, err := Parse(w.Text); err != nil || again.Text != w.Text {
			t.Errorf("%q does not round-trip: %v", w.Text, err)
		}
	})
}

// A network knows whether its type was asked for, also layer by layer; layers of a table
// have types of their own.
func TestUntyped(t *testing.T) {
	dir := t.TempDir()
	topology, layers := filepath.Join(dir, "topology.csv"), filepath.Join(dir, "layers.csv")
	for path, text := range map[string]string{topology: "Layer, M, N, K,\nfc, 1, 2, 3,\n", layers: "layer,workload,count\nfc,gemm:1x2x3,1\n"} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for arg, want := range map[string]bool{
		topology: true, "model:" + topology: true, "model:" + topology + ",dtype=fp32": false, layers: false,
		"model:alexnet": true, "model:alexnet,dtype=fp32": false,
	} {
		ws, err := Expand(arg)
		if err != nil {
			t.Fatal(err)
		}
		n := ws[0].Net
		if n.Untyped != want {
			t.Errorf("%s: untyped %v", arg, n.Untyped)
		}
		if naive, ok := n.Naive(); ok && naive.Net.Untyped != want {
			t.Errorf("%s layer by layer: untyped %v", arg, !want)
		}
	}
}
