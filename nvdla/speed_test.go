package nvdla

import (
	"context"
	"testing"
	"time"

	"gpusim/configs"
)

// resnet50 is the convolutions of ResNet-50 (He et al., CVPR 2016), stride 2 in the
// first 1 x 1 of a stage.
func resnet50() (out []Conv) {
	conv := func(c, h, k, r, stride int) int {
		p := (h + stride - 1) / stride
		out = append(out, Conv{N: 1, C: c, H: h, W: h, K: k, R: r, S: r, P: p, Q: p, StrideH: stride, StrideW: stride, DilH: 1, DilW: 1, Groups: 1, ElemBytes: 1})
		return p
	}
	conv(3, 224, 64, 7, 2)
	c, h := 64, 56
	for i, n := range []int{3, 4, 6, 3} {
		w := 64 << i
		for j := range n {
			stride := 1
			if j == 0 && i > 0 {
				stride = 2
			}
			if j == 0 {
				conv(c, h, 4*w, 1, stride)
			}
			h = conv(c, h, w, 1, stride)
			conv(w, h, w, 3, 1)
			conv(w, h, 4*w, 1, 1)
			c = 4 * w
		}
	}
	out = append(out, Conv{N: 1, C: 2048, H: 1, W: 1, K: 1000, R: 1, S: 1, P: 1, Q: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1, ElemBytes: 1})
	return out
}

// ResNet-50 at batch 1 takes less than a second, and no layer beats the MAC array
// or memory.
func TestResNet50(t *testing.T) {
	layers := resnet50()
	for _, n := range []struct {
		name string
		n    func() *configs.NVDLA
	}{{"nv_small", small}, {"nv_large", func() *configs.NVDLA { return large(20) }}} {
		m := n.n()
		start := time.Now()
		total := uint64(0)
		for i, c := range layers {
			r, err := Run(context.Background(), m, c)
			if err != nil {
				t.Fatalf("%s layer %d %+v: %v", n.name, i, c, err)
			}
			macs := c.MACs()
			if r.Mode == Winograd {
				macs /= 2.25
			}
			if ideal := macs / float64(m.AtomicC*m.AtomicK); float64(r.Cycles) < ideal {
				t.Errorf("%s layer %d: %d cycles, the MAC array needs %.0f", n.name, i, r.Cycles, ideal)
			}
			moved := float64(c.C*c.H*c.W)/float64(c.StrideH*c.StrideW) + float64(c.K*c.C*c.R*c.S) + float64(c.K*c.P*c.Q)
			if bytes := float64(r.Read + r.Written); bytes < moved {
				t.Errorf("%s layer %d: %.0f bytes moved, at least %.0f have to", n.name, i, bytes, moved)
			}
			if ideal := float64(r.Read+r.Written) * float64(m.Clock) / float64(m.Memory.Bandwidth); float64(r.Cycles) < 0.99*ideal {
				t.Errorf("%s layer %d: %d cycles, memory needs %.0f", n.name, i, r.Cycles, ideal)
			}
			total += r.Cycles
		}
		wall := time.Since(start)
		t.Logf("%s: %d cycles, %.1f images a second, simulated in %v", n.name, total, float64(m.Clock)/float64(total), wall)
		if wall > 5*time.Second {
			t.Errorf("%s: %v", n.name, wall)
		}
	}
}
