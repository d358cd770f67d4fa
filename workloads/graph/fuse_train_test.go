package graph_test

import (
	"strings"
	"testing"

	"gpusim/workloads"
)

// Fused batch norms take ReLU and residual sums along in both passes; products and what
// gradients are added up from stay as they are.
func TestFuseTraining(t *testing.T) {
	layers := func(keys string) (norms, behind, relus, sums, products int) {
		w, err := workloads.Parse("model:resnet50,batch=8,dtype=fp16,phase=train" + keys)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range w.Net.Layers {
			switch x := l.Work.Layer; {
			case x == nil:
				products += l.Count
			case x.Kind == workloads.KindBatchNorm:
				norms += l.Count
				if x.Op != "" {
					behind += l.Count
				}
			case strings.HasSuffix(x.Op, "relu") || x.Op == "mul":
				relus += l.Count
			case x.Op == "add":
				sums += l.Count
			}
		}
		return
	}
	norms, _, relus, sums, products := layers("")
	n, behind, r, s, p := layers(",fused=true")
	// 53 batch norms, of which 33 have ReLU behind them and 16 a sum before that.
	if norms != 2*53 || relus != 2*49 || n != norms || behind != relus || r != 0 || p != products {
		t.Errorf("%d norms, %d with ReLU, %d ReLUs, %d products; before %d, %d, %d", n, behind, r, p, norms, relus, products)
	}
	if sums-s != 16 {
		t.Errorf("%d sums, %d before", s, sums)
	}
	if _, err := workloads.Parse("model:resnet50,batch=8,dtype=fp32,phase=train,fused=true"); err == nil || !strings.Contains(err.Error(), "nhwc") {
		t.Errorf("fp32: %v", err)
	}
}
