package gpusim

import (
	"encoding/binary"
	"math/rand"
	"strings"
	"testing"

	"gpusim/configs"
	"gpusim/workloads"
	"gpusim/workloads/stride1"
	"gpusim/workloads/stride1/stride1test"
	"gpusim/workloads/tile"
	"gpusim/workloads/tile/replay"
)

// TestTurnedReplay executes convolutions by kernels of the other layout, changes of
// layout included, and compares with their definition: NCHW images on Tensor Cores,
// and NHWC ones without, where the padding reaches as far as the filter.
func TestTurnedReplay(t *testing.T) {
	for _, pass := range []string{"fwd", "bwd_data", "bwd_weight"} {
		turned(t, "conv:n=2,c=8,h=6,w=5,k=16,r=3,s=3,pad=1,dtype=fp16", pass)
	}
	for _, pass := range []string{"bwd_data", "bwd_weight"} {
		turned(t, "conv:n=2,c=5,h=6,w=5,k=16,r=1,s=1,pad=1,dtype=fp16,layout=nhwc", pass)
		turned(t, "conv:n=1,c=40,h=3,w=5,k=9,r=2,s=2,pad=2,dtype=fp16,layout=nhwc", pass)
	}
}

func turned(t *testing.T, text, pass string) {
	t.Helper()
	_, w, c := called(t, "volta", text+",pass="+pass, Options{})
	v := w.Conv
	other := workloads.LayoutNHWC
	if v.Layout == other {
		other = workloads.LayoutNCHW
	}
	first, last := c.kernels[0], c.kernels[len(c.kernels)-1]
	if first.Name != v.Layout+"To"+other+"Kernel" || last.Name != other+"To"+v.Layout+"Kernel" {
		t.Fatalf("%s %s: kernels %s to %s", text, pass, first.Name, last.Name)
	}
	var all []tile.Tensor
	for _, k := range c.kernels {
		all = append(all, k.Tensors...)
	}
	machine := replay.New(all)
	r := rand.New(rand.NewSource(1))
	x, f, y := random(r, v.N*v.C*v.H*v.W), random(r, v.K*v.C*v.R*v.S), random(r, v.N*v.K*v.P()*v.Q())
	ix, iff, iy := image{v.N, v.C, v.H, v.W}, image{v.K, v.C, v.R, v.S}, image{v.N, v.K, v.P(), v.Q()}
	put := func(k int, in []float64, i image) {
		mem := machine.Bytes(&c.kernels[k].Tensors[0])
		for j, e := range in {
			binary.LittleEndian.PutUint16(mem[2*i.at(v.Layout, j):], tile.HalfBits(e))
		}
	}
	images, filters := 1, 0 // before the kernels of Tensor Cores filters come first
	if v.Layout == workloads.LayoutNHWC {
		images, filters = 0, 1
	}
	switch pass {
	case "fwd":
		put(images, x, ix)
		put(filters, f, iff)
	case "bwd_data":
		put(images, y, iy)
		put(filters, f, iff)
	default:
		put(0, x, ix)
		put(1, y, iy)
	}
	for _, k := range c.kernels {
		if err := machine.Run(k); err != nil {
			t.Fatalf("%s %s: %v", text, pass, err)
		}
	}
	got := machine.Bytes(&last.Tensors[1])
	stride1test.Direct(stride1.Problem{N: v.N, C: v.C, H: v.H, W: v.W, K: v.K, R: v.R, S: v.S, PadH: v.PadH, PadW: v.PadW, Pass: stride1.Pass(pass)}, x, f, y)
	out := map[string]image{"fwd": iy, "bwd_data": ix, "bwd_weight": iff}[pass]
	for i, want := range map[string][]float64{"fwd": y, "bwd_data": x, "bwd_weight": f}[pass] {
		if g := float64(tile.HalfValue(binary.LittleEndian.Uint16(got[2*out.at(v.Layout, i):]))); g != want {
			t.Errorf("%s %s: element %d is %v, want %v", text, pass, i, g, want)
			break
		}
	}
}

// at is where the j-th element of a tensor in order of NCHW lies in a layout.
func (i image) at(layout string, j int) int {
	if layout == workloads.LayoutNCHW {
		return j
	}
	points := i.h * i.w
	n, c, p := j/points/i.c, j/points%i.c, j%points
	return (n*points+p)*i.c + c
}

func random(r *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(r.Intn(5) - 2)
	}
	return v
}

// called loads a machine and gives what its library launches for a workload.
func called(t *testing.T, machine, text string, o Options, sets ...string) (*configs.Machine, workloads.Workload, call) {
	t.Helper()
	m, err := configs.Load(machine, sets)
	if err != nil {
		t.Fatal(err)
	}
	w, err := workloads.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := callOf(m, w, o)
	if err != nil {
		t.Fatal(err)
	}
	return m, w, c
}

// TestPointsStay: a filter of one tap is the same in both layouts, and only Volta's
// library moves it for that.
func TestPointsStay(t *testing.T) {
	for machine, want := range map[string]int{"volta": 3, "turing": 2} {
		_, _, c := called(t, machine, "conv:n=1,c=5,h=6,w=5,k=16,r=1,s=1,pad=1,dtype=fp16,layout=nhwc,pass=bwd_weight", Options{})
		changes := 0
		for _, k := range c.kernels {
			if strings.Contains(k.Name, "hwTo") || strings.Contains(k.Name, "hwcTo") {
				changes++
			}
		}
		if changes != want {
			t.Errorf("%s changes the layout of %d tensors, want %d", machine, changes, want)
		}
	}
}
