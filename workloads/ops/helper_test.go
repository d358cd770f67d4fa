package ops

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"gpusim/workloads"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/replay"
)

// device is V100's as far as generators ask.
var device = Device{SMs: 80, Latencies: tile.Latencies{
	FP32: 4, FP64: 8, INT: 4, FP16: 6, SFU: 18, Branch: 8, RegisterBanks: 2, OperandsPerRead: 2, SharedBanks: 32, SharedBytesClk: 128,
}}

// run is a layer whose kernels are executed on real numbers.
type run struct {
	t  *testing.T
	l  *workloads.Layer
	ks []*tile.Kernel
	m  *replay.Machine
	r  *rand.Rand
}

func newRun(t *testing.T, text string) *run {
	t.Helper()
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	ks, err := Build(w.Layer, device)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	r := &run{t: t, l: w.Layer, ks: ks, r: rand.New(rand.NewPCG(1, uint64(len(text))))}
	var all []tile.Tensor
	for _, k := range ks {
		all = append(all, k.Tensors...)
	}
	r.m = replay.New(all)
	for i := range r.m.Mem {
		r.m.Mem[i] = 0xff // NaN: what nobody wrote shows
	}
	return r
}

// tensor finds one by its name; nil if no kernel has it.
func (r *run) tensor(name string) *tile.Tensor {
	for _, k := range r.ks {
		for i := range k.Tensors {
			if k.Tensors[i].Name == name {
				return &k.Tensors[i]
			}
		}
	}
	return nil
}

// fill writes a tensor and gives what it then holds.
func (r *run) fill(name, dtype string, f func(i int) float64) []float64 {
	r.t.Helper()
	x := r.tensor(name)
	if x == nil {
		r.t.Fatalf("no tensor %s", name)
	}
	b := r.m.Bytes(x)
	for i := range int(x.Bytes) / x.Elem {
		v := float32(f(i))
		switch dtype {
		case "fp16":
			binary.LittleEndian.PutUint16(b[2*i:], tile.HalfBits(float64(v)))
		case "bf16":
			binary.LittleEndian.PutUint16(b[2*i:], uint16(tile.BF16Bits(v)))
		case "u8":
			b[i] = byte(v)
		case "i32":
			binary.LittleEndian.PutUint32(b[4*i:], uint32(int32(v)))
		case "i64":
			binary.LittleEndian.PutUint64(b[8*i:], uint64(v))
		default:
			binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
		}
	}
	return r.get(name, dtype)
}

// random fills a tensor with numbers of [low, high).
func (r *run) random(name, dtype string, low, high float64) []float64 {
	r.t.Helper()
	return r.fill(name, dtype, func(int) float64 { return low + (high-low)*r.r.Float64() })
}

func (r *run) get(name, dtype string) []float64 {
	x := r.tensor(name)
	b := r.m.Bytes(x)
	out := make([]float64, int(x.Bytes)/x.Elem)
	for i := range out {
		switch dtype {
		case "u8":
			out[i] = float64(b[i])
		case "fp16", "bf16":
			out[i] = tile.Value(dtype, uint32(binary.LittleEndian.Uint16(b[2*i:])))
		case "i32":
			out[i] = float64(int32(binary.LittleEndian.Uint32(b[4*i:])))
		case "i64":
			out[i] = float64(binary.LittleEndian.Uint64(b[8*i:]))
		default:
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
		}
	}
	return out
}

// execute runs all kernels; each output byte must be written as many times as
// named, once where not.
func (r *run) execute(times map[string]int64) {
	r.t.Helper()
	for _, k := range r.ks {
		if err := r.m.Run(k); err != nil {
			r.t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, k := range r.ks {
		for _, x := range k.Tensors {
			if !x.Output || seen[x.Name] {
				continue
			}
			seen[x.Name] = true
			n, ok := times[x.Name]
			if !ok {
				n = 1
			}
			if got := r.m.Stored[x.Name]; n >= 0 && got != n*x.Bytes {
				r.t.Fatalf("%s: %s: %d bytes written, want %d", r.l, x.Name, got, n*x.Bytes)
			}
		}
	}
}

// near compares a result with what it should be, to a part of its size or of 1.
func (r *run) near(name string, got []float64, tolerance float64, want func(i int) float64) {
	r.t.Helper()
	for i, v := range got {
		w := want(i)
		if v == w || math.IsNaN(v) && math.IsNaN(w) {
			continue
		}
		if d := math.Abs(v - w); !(d <= tolerance*max(1, math.Abs(w))) {
			r.t.Fatalf("%s: %s[%d] is %v, want %v", r.l, name, i, v, w)
		}
	}
}

// epsilon is what results of a type may be off by, relative.
func epsilon(dtype string) float64 {
	return map[string]float64{"fp32": 2e-6, "fp16": 1.1e-3, "bf16": 9e-3}[dtype]
}
