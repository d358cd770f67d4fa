package workloads

import (
	"math"
	"testing"
)

// The network of 2012 has a billion weights however many devices hold it; blocks
// that do not come out even add a little.
func TestLocalNetwork(t *testing.T) {
	whole := net(t, "model:le2012,phase=train")
	if p := whole.Parameters; p != 8*(183*183*3*18*18+162*162*8*18*18+141*141*8*18*18) {
		t.Errorf("%d weights", p)
	}
	if whole.MACs != 100*whole.Parameters {
		t.Errorf("%d multiply-adds for 100 images of %d weights", whole.MACs, whole.Parameters)
	}
	for keys, more := range map[string]float64{",tensor=64": 0.08, ",tensor=48": 0.08, ",tensor=169": 0.15} {
		n := net(t, "model:le2012,phase=train"+keys)
		held := float64(n.Parameters) * float64(n.Parallel.Tensor) / float64(whole.Parameters)
		if held < 1 || held > 1+more {
			t.Errorf("%s: devices hold %.3f times the weights", keys, held)
		}
		if ops := float64(products(n)) / float64(products(whole)); math.Abs(ops/held-1) > 0.02 {
			t.Errorf("%s: %.3f times the operations", keys, ops)
		}
		halos := 0
		for _, l := range n.Layers {
			if c := l.Work.Collective; c != nil && c.Op == HaloExchange {
				halos += l.Count
			}
		}
		if halos != 2*6-1 { // fields and pools of three layers, there and back; the frames have no gradient
			t.Errorf("%s: %d halos", keys, halos)
		}
	}
}
