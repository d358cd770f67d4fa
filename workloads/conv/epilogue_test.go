package conv

import (
	"math"
	"testing"

	"gpusim/workloads"
	"gpusim/workloads/gemm"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/replay"
)

// TestEpilogueReplay executes kernels that add a bias for each channel and a
// second tensor and apply ReLU, in both layouts, with groups and edges, and
// compares with the convolution as it is defined and these steps behind it.
func TestEpilogueReplay(t *testing.T) {
	for _, s := range shapes {
		for _, steps := range []string{"bias", "bias+add+relu", "add"} {
			epilogued(t, s+",epilogue="+steps, gemm.Config{Family: "simt", TileM: 128, TileN: 32, TileK: 8, WarpM: 64, WarpN: 32, WarpK: 1, Splits: 1})
			epilogued(t, s+",layout=nhwc,dtype=fp16,epilogue="+steps, gemm.Config{Family: "hmma", TileM: 64, TileN: 64, TileK: 32, Splits: 1})
		}
	}
}

func epilogued(t *testing.T, text string, cfg gemm.Config) {
	t.Helper()
	epiloguedFor(t, text, cfg, voltaLatencies)
}

// epiloguedFor gives the program that it executed.
func epiloguedFor(t *testing.T, text string, cfg gemm.Config, lat tile.Latencies) *tile.Program {
	t.Helper()
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	c := w.Conv
	p, err := Lower(c)
	if err != nil {
		t.Fatal(err)
	}
	p.Steps, p.Lowered.Name = Steps(c), "replayed"
	ks, err := gemm.Build(p, cfg, lat)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	ts := ks[0].Tensors
	m := replay.New(ts)
	x, f, residual := inputs(c)
	if p.Lowered.GatherB {
		x, f = f, x
	}
	bias := make([]float64, c.K)
	for k := range bias {
		bias[k] = float64(k%7 - 3)
	}
	put(m.Bytes(&ts[0]), x, ts[0].Elem)
	put(m.Bytes(&ts[1]), f, ts[1].Elem)
	read := 0
	for i := range ts {
		switch ts[i].Name {
		case "bias":
			put(m.Bytes(&ts[i]), bias, ts[i].Elem)
			read++
		case "source":
			put(m.Bytes(&ts[i]), residual, ts[i].Elem)
			read++
		}
	}
	for _, k := range ks {
		if err := m.Run(k); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	has := func(step string) bool { return workloads.HasStep(c.Epilogue, step) }
	want := direct(c)
	l := lowering{c, c.C / c.Groups, c.K / c.Groups, c.P(), c.Q(), slab, 0, 1, false, false}
	out := l.image(c.K, l.p, l.q)
	for n := range c.N {
		for k := range c.K {
			for q := range l.p * l.q {
				i := int64(n)*out.n + channel(c, out, k, l.p*l.q) + int64(q/l.q)*out.h + int64(q%l.q)*out.w
				if has("bias") {
					want[i] += bias[k]
				}
				if has("add") {
					want[i] += residual[i]
				}
				if has("relu") {
					want[i] = max(0, want[i])
				}
				if v := want[i]; has("gelu") {
					want[i] = math.Round(0.5 * v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v))))
				}
			}
		}
	}
	y := &ts[2]
	for i := range want {
		if y.Elem == 1 {
			want[i] = min(max(want[i], -128), 127)
		}
		if got := value(m.Bytes(y)[i*y.Elem:], y.Elem); got != want[i] {
			t.Errorf("%s: element %d is %v, want %v (%d tensors read by the steps)", text, i, got, want[i], read)
			break
		}
	}
	return ks[0].Programs[0]
}
