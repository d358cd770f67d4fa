package validate

import (
	"context"
	"math"
	"strings"
	"testing"

	"gpusim"
	"gpusim/configs"
	"gpusim/workloads"
)

const layerHeader = "device,op,shape,precision,time_us,source\n"

// TestLayerTable reads a table of layers: class, workload and method of each row.
func TestLayerTable(t *testing.T) {
	tab, err := load(t, layerHeader+
		"Tesla V100-PCIE-32GB,add,16x1024,fp32,40,NeuSight\n"+
		"Tesla V100-PCIE-32GB,addu,16x1024,fp32,50,NeuSight\n"+
		"Tesla V100-PCIE-32GB,ln,16x1024,fp32,60,NeuSight\n"+
		"Tesla V100-PCIE-32GB,layernorm,16x1024,fp32,60,NeuSight\n"+
		"Tesla V100-PCIE-32GB,softmax,4x16x1024,fp16,60,NeuSight\n"+
		"Tesla V100-PCIE-32GB,frobnicate,16x1024,fp32,60,NeuSight\n")
	if err != nil {
		t.Fatal(err)
	}
	run := func(_ context.Context, _ *configs.Machine, w workloads.Workload, _ gpusim.Options) (gpusim.Result, error) {
		us := w.Shape().Bytes() / 1e6 // as a stream of 1 TB/s
		return gpusim.Result{TimeUS: us, Layers: []gpusim.Layer{{TimeUS: us}}}, nil
	}
	rep, err := tab.Run(context.Background(), Options{Run: run, Machine: machines})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		class, work string
		us          float64
	}{
		{"add", "elementwise:op=add,size=16384", 32.5}, {"addu", "elementwise:op=addu,size=16384", 37.9},
		{"ln", "layernorm:rows=16,cols=1024", 58.5}, {"layernorm", "layernorm:rows=16,cols=1024", 58.5}, {"softmax", "softmax:rows=64,cols=1024,dtype=fp16", 41.4},
	}
	if len(rep.Rows) != len(want) || len(rep.Skipped) != 1 || !strings.Contains(rep.Skipped[0].Reason, `unknown op "frobnicate"`) || rep.Skipped[0].Line != 7 {
		t.Fatalf("%d rows, skipped %v", len(rep.Rows), rep.Skipped)
	}
	for i, w := range want {
		r := rep.Rows[i]
		if r.Class != w.class || r.Workload != w.work || math.Abs(r.Simulated-w.us) > 1e-9 {
			t.Errorf("got %s %s %v, want %v", r.Class, r.Workload, r.Simulated, w)
		}
	}
}

func TestLayerTableErrors(t *testing.T) {
	for row, want := range map[string]string{
		"V100,add,16x,fp32,40,s":         "shape: ",
		"V100,add,16x16,fp33,40,s":       "precision: unknown dtype",
		"V100,add,16x16,fp32,0,s":        "time_us: ",
		",add,16x16,fp32,40,s":           "device: empty",
		"V100,,16x16,fp32,40,s":          "op: empty",
		"V100,add,16x16,int8,40,s":       "dtype=int8",
		"V100,ln,99999999999x1,fp32,4,s": "out of range",
	} {
		if _, err := load(t, layerHeader+row+"\n"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ":2:") {
			t.Errorf("%s: got %v, want %q", row, err, want)
		}
	}
}
