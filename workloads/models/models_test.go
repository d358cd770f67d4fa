package models

import (
	"math"
	"testing"

	"gpusim/workloads/graph"
)

// Totals of published tables: parameters to the digit, multiply-adds of an
// image to the digits that are printed.
func TestTotals(t *testing.T) {
	for _, c := range []struct {
		name   string
		spec   Spec
		macs   float64 // 1e9
		digits float64 // half a unit of the last digit printed, 1e9
		params int64
	}{
		{"alexnet", Spec{}, 0.7244, 5e-5, 60965224},
		{"alexnet-one", Spec{}, 0.7142, 5e-5, 61100840},
		{"vgg16", Spec{}, 15.470, 5e-4, 138357544},
		{"googlenet", Spec{}, 1.5827, 5e-5, 6998552},
		{"googlenet-3x3", Spec{}, 1.4984, 5e-5, 6617624},
		{"resnet50", Spec{}, 4.0892, 5e-5, 25557032},
		{"resnet50-v1", Spec{}, 3.8580, 5e-5, 25557032},
		{"resnext101-32x4d", Spec{}, 0, 0, 44177704},    // torchvision's and timm's totals
		{"se-resnext101-32x4d", Spec{}, 0, 0, 48955416}, // timm's legacy_seresnext101_32x4d
		{"bert-base", Spec{Seq: 128}, 11.17, 5e-3, 109482240},
		{"bert-base", Spec{Seq: 384}, 35.33, 5e-3, 109482240},
		{"bert-base", Spec{Seq: 512}, 48.32, 5e-3, 109482240},
		{"bert-large", Spec{Seq: 128}, 39.46, 5e-3, 335141888},
		{"bert-large", Spec{Seq: 384}, 123.2, 5e-2, 335141888},
		{"bert-large", Spec{Seq: 512}, 167.5, 5e-2, 335141888},
		{"bert-base", Spec{Train: true}, 0, 0, 109514298}, // with the prediction of words alone, as transformers' BertForMaskedLM
		{"bert-large", Spec{Train: true}, 0, 0, 335174458},
		{"bert-large", Spec{Train: true, NoHead: true}, 0, 0, 335141888},
		{"gpt2", Spec{}, 106.3 + 39.5, 0.1, 124439808},
		{"gpt2-medium", Spec{}, 360.8 + 52.7, 0.1, 354823168},
		{"gpt2-large", Spec{}, 821.4 + 65.9, 0.1, 774030080},
		{"gpt2-xl", Spec{}, 1671 + 82.3, 0.6, 1557611200},
		{"opt-1.3b", Spec{}, 0, 0, 1315758080}, // facebook/opt-1.3b
	} {
		m, ok := Find(c.name)
		if !ok {
			t.Fatalf("%s: unknown", c.name)
		}
		g, err := m.Build(c.spec)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if p := g.Parameters(); p != c.params {
			t.Errorf("%s: %d parameters, want %d", c.name, p, c.params)
		}
		got := float64(g.MACs()) / 1e9
		if c.macs > 0 && math.Abs(got-c.macs) > c.digits {
			t.Errorf("%s: %.5f G MAC, want %.4f", c.name, got, c.macs)
		}
	}
}

// Every network builds, for two samples with twice the multiply-adds of one and
// the same parameters.
func TestBatchScales(t *testing.T) {
	for _, m := range List() {
		one, err := m.Build(Spec{Batch: 1})
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		two, err := m.Build(Spec{Batch: 2})
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if two.MACs() != 2*one.MACs() || two.Parameters() != one.Parameters() {
			t.Errorf("%s: %d MAC for one sample, %d for two", m.Name, one.MACs(), two.MACs())
		}
	}
}

// Dropout is where PyTorch's code has it by default: OPT has none of embeddings and of
// attention. What it leaves in memory decides which batch fits.
func TestDropout(t *testing.T) {
	for name, want := range map[string]int{"bert-large": 1 + 3*24, "gpt2-large": 1 + 3*36, "opt-1.3b": 2 * 24} {
		m, _ := Find(name)
		g, err := m.Build(Spec{Train: true, Seq: 64})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, node := range g.Nodes {
			if node.Op == graph.Dropout {
				n++
			}
		}
		if n != want {
			t.Errorf("%s: %d layers of dropout, want %d", name, n, want)
		}
	}
}

// The networks of the TPU paper have the weights and the operations per weight
// and sample of its Table 1, within rounding of the widths.
func TestTPUPaper(t *testing.T) {
	for name, want := range map[string][2]float64{ // millions of weights, uses of a weight
		"tpu-mlp0": {20, 1}, "tpu-mlp1": {5, 1}, "tpu-lstm0": {52, 1}, "tpu-lstm1": {34, 1},
		"tpu-cnn0": {8, 2888.0 / 8}, "tpu-cnn1": {100, 1750.0 / 32},
	} {
		m, _ := Find(name)
		g, err := m.Build(Spec{Batch: 1})
		if err != nil {
			t.Fatal(err)
		}
		p := float64(g.Parameters()) / 1e6
		uses := float64(g.MACs()) / 1e6 / p
		if math.Abs(p/want[0]-1) > 0.02 || math.Abs(uses/want[1]-1) > 0.02 {
			t.Errorf("%s: %.2f million weights used %.1f times, want %v", name, p, uses, want)
		}
	}
}
