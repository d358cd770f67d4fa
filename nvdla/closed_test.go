package nvdla

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"gpusim/configs"
)

// On every size the closed form lies within a factor of two of the pipeline: 0.63 to
// 1.64 over ten thousand convolutions.
func TestClosedBesideThePipeline(t *testing.T) {
	low, high := 1.0, 1.0
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"nvdla-small", "nvdla-small-256-full", "nvdla-large", "nvdla-32", "nvdla-64", "nvdla-128", "nvdla-256", "nvdla-512", "nvdla-1024", "xavier-dla"}).Draw(t, "machine")
		m, err := configs.Load(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, _, _ := drawConv(t)
		c.C, c.K = c.C*rapid.IntRange(1, 12).Draw(t, "channels"), c.K*rapid.IntRange(1, 12).Draw(t, "kernels")
		r, err := Run(context.Background(), m.NVDLA, c)
		var lack *LackError
		if errors.As(err, &lack) {
			t.Skip("does not fit")
		}
		if err != nil {
			t.Fatal(err)
		}
		closed, err := Closed(m.NVDLA, c)
		if err != nil {
			t.Fatal(err)
		}
		q := float64(closed.Cycles) / float64(r.Cycles)
		low, high = min(low, q), max(high, q)
		if q < 0.5 || q > 2 {
			t.Fatalf("%s: %+v: %+v, the pipeline %+v", name, c, closed, r)
		}
	})
	t.Logf("between %.2f and %.2f of the pipeline's time", low, high)
}
