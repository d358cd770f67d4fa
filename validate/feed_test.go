package validate

import (
	"math"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
)

// At inference TensorFlow's benchmarks wait for each batch: 128 fp32 images of
// 224 x 224 x 3 are 77 MB, 6.2 ms of PCIe 3 and half of that on PCIe 4.
func TestFeed(t *testing.T) {
	w, err := workloads.Parse("model:resnet50,batch=128,dtype=fp16")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model, phase, machine string
		want                  float64
	}{
		{"resnet50v1.5 (tensorflow)", "infer", "volta", 77070336 / 12.34e3},
		{"resnet50v1.5 (tensorflow+xla)", "infer", "ampere", 77070336 / 24.68e3},
		{"resnet50v1.5 (tensorflow)", "train", "volta", 0},
		{"resnet50v1.5 (pytorch)", "infer", "volta", 0},
	} {
		n := workloads.Network{Phase: c.phase}
		how, err := describe(&n, c.model, "deeplearningexamples")
		if err != nil {
			t.Fatal(err)
		}
		m, err := configs.Load(c.machine, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := how.feedUS(w.Net.Inputs, m); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s %s on %s: %g us, want %g", c.model, c.phase, c.machine, got, c.want)
		}
	}
}
