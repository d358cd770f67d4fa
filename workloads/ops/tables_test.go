package ops

import (
	"fmt"
	"math"
	"testing"
)

func TestEmbedding(t *testing.T) {
	for _, cols := range []int{1, 64, 768, 1030} {
		r := newRun(t, fmt.Sprintf("embedding:rows=9,cols=%d,vocab=5", cols))
		table := r.random("table", "fp32", -1, 1)
		tokens := r.fill("tokens", "i64", func(i int) float64 { return float64(token(i, 5)) })
		r.execute(nil)
		r.near("out", r.get("out", "fp32"), 0, func(i int) float64 { return table[int(tokens[i/cols])*cols+i%cols] })

		r = newRun(t, fmt.Sprintf("embedding:rows=9,cols=%d,vocab=5,pass=bwd,dtype=fp16", cols))
		dy := r.random("dy", "fp16", -1, 1)
		r.fill("tokens", "i64", func(i int) float64 { return float64(token(i, 5)) })
		r.execute(map[string]int64{"dtable": -1})
		want := make([]float64, 5*cols)
		for i, v := range dy {
			want[token(i/cols, 5)*cols+i%cols] += v
		}
		r.near("dtable", r.get("dtable", "fp32"), 1e-6, func(i int) float64 { return want[i] })
	}
}

func TestConcat(t *testing.T) {
	for _, c := range []struct{ size, parts int }{{12, 3}, {5000, 4}, {4097, 1}, {10001, 7}, {6, 4}} {
		r := newRun(t, fmt.Sprintf("concat:size=%d,parts=%d", c.size, c.parts))
		x := r.random("x", "fp32", -1, 1)
		r.execute(nil)
		each := ceilDiv(c.size, c.parts)
		apart := ceilDiv(each*4, 512) * 128
		r.near("out", r.get("out", "fp32"), 0, func(i int) float64 { return x[i/each*apart+i%each] })
	}
}

func TestOptimizers(t *testing.T) {
	const n = 1027
	for _, op := range []string{"sgd", "momentum", "adam"} {
		r := newRun(t, fmt.Sprintf("optimizer:op=%s,size=%d", op, n))
		w, g := r.random("w", "fp32", -1, 1), r.random("g", "fp32", -1, 1)
		var m, v []float64
		if op != "sgd" {
			v = r.random("v", "fp32", 0, 1)
		}
		if op == "adam" {
			m = r.random("m", "fp32", -1, 1)
		}
		r.execute(nil)
		r.near("w", r.get("w", "fp32"), 2e-6, func(i int) float64 {
			switch op {
			case "sgd":
				return w[i] - 0.01*g[i]
			case "momentum":
				return w[i] - 0.01*(0.9*v[i]+g[i])
			}
			return w[i] - 0.01*(0.9*m[i]+0.1*g[i])/(math.Sqrt(0.999*v[i]+0.001*g[i]*g[i])+1e-8)
		})
		if op == "adam" {
			r.near("m", r.get("m", "fp32"), 1e-6, func(i int) float64 { return 0.9*m[i] + 0.1*g[i] })
			r.near("v", r.get("v", "fp32"), 1e-6, func(i int) float64 { return 0.999*v[i] + 0.001*g[i]*g[i] })
		}
	}
}

func TestCells(t *testing.T) {
	sig := plain["sigmoid"]
	r := newRun(t, "lstmcell:batch=3,hidden=171")
	i, f, g, o, c := r.random("i", "fp32", -3, 3), r.random("f", "fp32", -3, 3), r.random("g", "fp32", -3, 3), r.random("o", "fp32", -3, 3), r.random("c", "fp32", -1, 1)
	r.execute(nil)
	state := func(n int) float64 { return sig(f[n])*c[n] + sig(i[n])*math.Tanh(g[n]) }
	r.near("c", r.get("c", "fp32"), 2e-6, state)
	r.near("h", r.get("h", "fp32"), 2e-6, func(n int) float64 { return sig(o[n]) * math.Tanh(state(n)) })

	r = newRun(t, "grucell:batch=2,hidden=64")
	in := map[string][]float64{}
	for _, name := range []string{"xr", "hr", "xz", "hz", "xn", "hn", "h"} {
		in[name] = r.random(name, "fp32", -2, 2)
	}
	r.execute(nil)
	r.near("out", r.get("out", "fp32"), 2e-6, func(n int) float64 {
		reset, z := sig(in["xr"][n]+in["hr"][n]), sig(in["xz"][n]+in["hz"][n])
		fresh := math.Tanh(in["xn"][n] + reset*in["hn"][n])
		return (1-z)*fresh + z*in["h"][n]
	})

	r = newRun(t, "rnncell:batch=2,hidden=64,dtype=fp16")
	x, h := r.random("x", "fp16", -1, 1), r.random("h", "fp16", -1, 1)
	r.execute(nil)
	r.near("out", r.get("out", "fp16"), 1e-3, func(n int) float64 { return math.Tanh(x[n] + h[n]) })
}
