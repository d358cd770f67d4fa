package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"gpusim/workloads"
)

// Fused batch norms take ReLU and residual sums along in both passes; products and what
// gradients are added up from stay as they are.
func TestFuseNorms(t *testing.T) {
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
	// At inference no layout is excluded: 49 passes over tensors are saved, and 16 more.
	w, err := workloads.Parse("model:resnet50,batch=8,dtype=fp32,fused=norms")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, l := range w.Net.Layers {
		if x := l.Work.Layer; x != nil && (x.Kind == workloads.KindBatchNorm || x.Kind == workloads.KindElementwise) {
			kinds[x.Kind+" "+x.Op] += l.Count
		}
	}
	if fmt.Sprint(kinds) != "map[batchnorm :4 batchnorm add+relu:16 batchnorm relu:33]" {
		t.Errorf("%v", kinds)
	}
	if s := w.Net.Short(); s != "model:resnet50,batch=8,dtype=fp32,fused=norms" {
		t.Error(s)
	}
	if _, err := workloads.Parse("model:resnet50,batch=8,dtype=fp32,phase=train,fused=true"); err == nil || !strings.Contains(err.Error(), "nhwc") {
		t.Errorf("fp32: %v", err)
	}
}
