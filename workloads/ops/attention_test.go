package ops

import (
	"fmt"
	"math"
	"testing"

	"gpusim/workloads/tile"
)

func TestAttention(t *testing.T) {
	old := device.Latencies.MMA
	defer func() { device.Latencies.MMA = old }()
	for _, mma := range []tile.MMA{
		{Name: "HMMA.16816.F32", Type: "fp16", Acc: "fp32", M: 16, N: 8, K: 16, Cycles: 8, Latency: 24, Accumulate: 24},
		{Name: "HMMA.1688.F32", Type: "fp16", Acc: "fp32", M: 16, N: 8, K: 8, Cycles: 8, Latency: 18, Accumulate: 18},
		{Name: "HMMA.16816.F32.BF16", Type: "bf16", Acc: "fp32", M: 16, N: 8, K: 16, Cycles: 8, Latency: 24, Accumulate: 24},
	} {
		device.Latencies.MMA = []tile.MMA{mma}
		for _, s := range []string{
			"batch=1,heads=2,seq=70,dim=32", "batch=2,heads=1,seq=64,dim=64", "batch=1,heads=1,seq=130,dim=128,causal=true",
			"batch=1,heads=1,seq=5,kv=200,dim=48", "batch=1,heads=3,seq=3,kv=77,dim=16,causal=true",
		} {
			r := newRun(t, fmt.Sprintf("attention:%s,dtype=%s", s, mma.Type))
			l := r.l
			q, k, v := r.random("q", mma.Type, -2, 2), r.random("k", mma.Type, -2, 2), r.random("v", mma.Type, -1, 1)
			r.execute(nil)
			want := make([]float64, len(q))
			for h := range l.Batch * l.Heads {
				for i := range l.Seq {
					keys := l.Keys()
					if l.Causal {
						keys = i + 1 + l.Keys() - l.Seq
					}
					scores := make([]float64, keys)
					for j := range scores {
						for d := range l.Dim {
							scores[j] += q[(h*l.Seq+i)*l.Dim+d] * k[(h*l.Keys()+j)*l.Dim+d] / math.Sqrt(float64(l.Dim))
						}
					}
					for j, p := range softmaxOf(scores) {
						for d := range l.Dim {
							want[(h*l.Seq+i)*l.Dim+d] += p * v[(h*l.Keys()+j)*l.Dim+d]
						}
					}
				}
			}
			r.near("out", r.get("out", mma.Type), 2*epsilon(mma.Type), func(i int) float64 { return want[i] })
		}
	}
}
