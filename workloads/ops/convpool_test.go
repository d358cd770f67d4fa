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

const testAlpha = 1.0 / 2048 // most results lie within a byte's range

// TestConvPool executes convolution, bias, ReLU and pooling in one kernel, on the matrix
// instructions of Turing and of Ampere, and compares with the layers as they are defined.
func TestConvPool(t *testing.T) {
	for _, inst := range []tile.MMA{
		{Name: "IMMA.8816", Type: "int8", Acc: "int32", M: 8, N: 8, K: 16, Cycles: 4, Latency: 12, Accumulate: 8},
		{Name: "IMMA.16832", Type: "int8", Acc: "int32", M: 16, N: 8, K: 32, Cycles: 8, Latency: 24, Accumulate: 16},
	} {
		for _, shape := range []string{
			"n=2,c=3,h=40,w=68,k=64,r=7,s=7,stride=2,pad=3,pool=3,pool_stride=2,pool_pad=1", // a line of 17, windows over an edge
			"n=1,c=4,h=61,w=35,k=64,r=7,s=7,stride=2,pad=3,pool=3,pool_stride=2,pool_pad=1", // no whole vectors
			"n=1,c=3,h=33,w=36,k=64,r=3,s=5,pad=1,pool=2,pool_stride=2",
			"n=3,c=4,h=59,w=59,k=64,r=3,s=3,pool=3,pool_stride=2,pool_pad=1", // on six SMs: strips of two tiles, five of them
			"n=1,c=1,h=20,w=19,k=64,r=2,s=3,pool=3,pool_stride=3,pool_pad=2",
		} {
			w, err := workloads.Parse("convpool:" + shape)
			if err != nil {
				t.Fatal(err)
			}
			d := device
			d.SMs = 1 // strips of several tiles
			if w.Layer.N == 3 {
				d.SMs = 6
			}
			d.Latencies.MMA, d.Latencies.PackConversions = []tile.MMA{inst}, inst.M == 16
			ks, err := Build(w.Layer, d)
			if err != nil {
				t.Fatalf("%s: %v", shape, err)
			}
			ks[0].Alpha = testAlpha
			checkConvPool(t, w.Layer, ks[0])
		}
	}
}

func checkConvPool(t *testing.T, l *workloads.Layer, k *tile.Kernel) {
	t.Helper()
	m, r := replay.New(k.Tensors), rand.New(rand.NewPCG(1, 2))
	x, weights, bias := m.Bytes(&k.Tensors[firstX]), m.Bytes(&k.Tensors[firstW]), m.Bytes(&k.Tensors[firstB])
	for i := range x {
		x[i] = 0
		if i%4 < l.C {
			x[i] = byte(r.IntN(256))
		}
	}
	filters := make([][][]int8, l.K) // by line and column of taps and channel
	for i := range filters {
		filters[i] = make([][]int8, l.R)
		for j := range filters[i] {
			filters[i][j] = make([]int8, 4*firstLineTaps)
			for n := range 4 * l.S {
				filters[i][j][n] = int8(r.IntN(256) - 128)
			}
		}
		binary.LittleEndian.PutUint32(bias[4*i:], math.Float32bits(float32(r.IntN(100)-50)))
	}
	for i := range weights {
		line := i / (4 * firstLineTaps * firstFilters)
		filter, tap := convPoolWeight(i / 4 % (firstLineTaps * firstFilters))
		weights[i] = byte(filters[filter][line][4*tap+i%4])
	}
	if err := m.Run(k); err != nil {
		t.Fatal(err)
	}
	point := func(n, f, y, z int) float64 {
		sum := 0
		for r := range l.R {
			for s := range l.S {
				h, w := y*l.Stride-l.Pad+r, z*l.Stride-l.Pad+s
				for c := 0; h >= 0 && h < l.H && w >= 0 && w < l.W && c < l.C; c++ {
					sum += int(int8(x[4*((n*l.H+h)*l.W+w)+c])) * int(filters[f][r][4*s+c])
				}
			}
		}
		v := float64(float32(sum)*testAlpha + math.Float32frombits(binary.LittleEndian.Uint32(bias[4*f:])))
		return math.RoundToEven(min(max(v, 0), 127))
	}
	out, high := m.Bytes(&k.Tensors[firstOut]), 0
	if m.Stored["out"] != int64(len(out)) || len(out) != l.N*l.K*l.P()*l.Q() {
		t.Fatalf("%s: %d of %d bytes are written", l, m.Stored["out"], len(out))
	}
	for i, b := range out {
		rest, c := i/32, i%32
		q, p, block, n := rest%l.Q(), rest/l.Q()%l.P(), rest/l.Q()/l.P()%2, rest/l.Q()/l.P()/2
		want := 0.0
		for y := p*l.PoolStride - l.PoolPad; y < p*l.PoolStride-l.PoolPad+l.Pool; y++ {
			for z := q*l.PoolStride - l.PoolPad; z < q*l.PoolStride-l.PoolPad+l.Pool; z++ {
				if y >= 0 && y < l.ConvP() && z >= 0 && z < l.ConvQ() {
					want = max(want, point(n, 32*block+c, y, z))
				}
			}
		}
		if float64(int8(b)) != want {
			t.Fatalf("%s, %s: filter %d at %d, %d of image %d is %d, want %v", k.MMAs[0].Name, l, 32*block+c, p, q, n, int8(b), want)
		}
		if b > 0 && b < 127 {
			high++
		}
	}
	if high < len(out)/4 {
		t.Fatalf("%s: only %d of %d results lie between the bounds of a byte", l, high, len(out))
	}
}
